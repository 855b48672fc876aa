/*
 * GET /environment: how the instance is set up, as clerk-js wants to know it before it shows anything. Most of
 * it is constant; the rest is the instance's settings.
 */
#include "sandbox/call.h"
#include "sandbox/front.h"
#include "sandbox/routes.h"

static const char theme[] =
    "{\"buttons\":{\"font_color\":\"#ffffff\",\"font_family\":\"inherit\",\"font_weight\":\"600\"},"
    "\"general\":{\"color\":\"#6c47ff\",\"padding\":\"1em\",\"box_shadow\":\"none\","
    "\"font_color\":\"#151515\",\"font_family\":\"inherit\",\"border_radius\":\"0.5em\","
    "\"background_color\":\"#ffffff\",\"label_font_weight\":\"600\"},"
    "\"accounts\":{\"background_color\":\"#ffffff\"}}";

static const char native_settings[] =
    "{\"object\":\"native_settings\",\"api_enabled\":false,"
    "\"trusted_device_sign_in_enabled\":false,"
    "\"trusted_device_enrollment_prompt_after_sign_in_enabled\":false,"
    "\"trusted_device_enrollment_prompt_after_sign_up_enabled\":false}";

/* What follows from nothing that can be set here. */
static const char rest[] =
    ",\"fraud_settings\":{\"object\":\"fraud_settings\","
    "\"native\":{\"device_attestation_mode\":\"disabled\"}},"
    "\"commerce_settings\":{\"billing\":{\"stripe_publishable_key\":null,"
    "\"organization\":{\"enabled\":false,\"has_paid_plans\":false},"
    "\"user\":{\"enabled\":false,\"has_paid_plans\":false}}},"
    "\"api_keys_settings\":{\"enabled\":false,\"user_api_keys_enabled\":false,\"orgs_api_keys_"
    "enabled\":false},"
    "\"protect_config\":{},"
    "\"maintenance_mode\":false,\"client_debug_mode\":false,\"partitioned_cookies\":false}";

static struct text or_else(struct text given, const char *usual)
{
    return given.at ? given : text_of(usual);
}

static const char *demand(const struct settings_attribute *attribute)
{
    if (!attribute->enabled)
        return "off";
    return attribute->required ? "required" : "on";
}

static void put_identifiers(struct json_out *out, const struct settings *settings, bool nested)
{
    static const enum settings_attribute_name all[] = {SETTINGS_email_address,
                                                       SETTINGS_phone_number, SETTINGS_username};
    json_open(out, '[');
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        if (!settings->attributes[all[i]].used_for_first_factor)
            continue;
        if (nested)
            json_open(out, '[');
        json_put_text(out, text_of(settings_attribute_text(all[i])));
        if (nested)
            json_close(out, ']');
    }
    json_close(out, ']');
}

static void put_auth_config(struct json_out *out, const struct settings *settings)
{
    static const enum settings_attribute_name shown[] = {
        SETTINGS_first_name,   SETTINGS_last_name, SETTINGS_email_address,
        SETTINGS_phone_number, SETTINGS_username,  SETTINGS_password};
    json_key(out, TEXT("auth_config"));
    json_open(out, '{');
    json_field_text(out, "object", TEXT("auth_config"));
    json_field_text(out, "id", TEXT("aconf_sandbox"));
    for (size_t i = 0; i < ARRAY_COUNT(shown); i++)
        json_field_text(out, settings_attribute_text(shown[i]),
                        text_of(demand(&settings->attributes[shown[i]])));
    json_key(out, TEXT("identification_requirements"));
    put_identifiers(out, settings, true);
    json_key(out, TEXT("identification_strategies"));
    put_identifiers(out, settings, false);
    json_field_raw(out, "first_factors",
                   TEXT("[\"password\",\"email_code\",\"phone_code\",\"ticket\","
                        "\"reset_password_email_code\",\"reset_password_phone_code\"]"));
    json_field_raw(out, "second_factors", TEXT("[\"totp\",\"phone_code\",\"backup_code\"]"));
    json_field_raw(out, "email_address_verification_strategies", TEXT("[\"email_code\"]"));
    json_field_bool(out, "single_session_mode", settings->single_session_mode);
    json_field_bool(out, "enhanced_email_deliverability", settings->enhanced_email_deliverability);
    json_field_bool(out, "test_mode", settings->test_mode);
    json_field_bool(out, "cookieless_dev", settings->cookieless_dev);
    json_field_bool(out, "url_based_session_syncing", settings->url_based_session_syncing);
    json_field_raw(out, "claimed_at", TEXT("null"));
    json_field_bool(out, "reverification", false);
    json_field_raw(out, "native_settings", TEXT(native_settings));
    json_close(out, '}');
}

static void put_pages(struct json_out *out, const struct settings *settings)
{
    struct text in = or_else(settings->after_sign_in_url, "/");
    struct text left = or_else(settings->after_sign_out_url, "/");
    json_field_text(out, "home_url", or_else(settings->home_url, "/"));
    json_field_text(out, "sign_in_url", or_else(settings->sign_in_url, "/sign-in"));
    json_field_text(out, "sign_up_url", or_else(settings->sign_up_url, "/sign-up"));
    json_field_text(out, "user_profile_url", or_else(settings->user_profile_url, "/user"));
    json_field_text(out, "waitlist_url", or_else(settings->waitlist_url, "/waitlist"));
    json_field_text(out, "oauth_consent_url", TEXT(""));
    json_field_text(out, "after_sign_in_url", in);
    json_field_text(out, "after_sign_up_url", or_else(settings->after_sign_up_url, "/"));
    json_field_text(out, "after_sign_out_one_url", left);
    json_field_text(out, "after_sign_out_all_url", left);
    json_field_text(out, "after_switch_session_url", in);
    json_field_text(out, "after_join_waitlist_url", TEXT("/"));
    json_field_text(out, "organization_profile_url",
                    or_else(settings->organization_profile_url, "/organization"));
    json_field_text(out, "create_organization_url",
                    or_else(settings->create_organization_url, "/create-organization"));
    json_field_text(out, "after_leave_organization_url", TEXT("/"));
    json_field_text(out, "after_create_organization_url", TEXT("/"));
    json_field_text(out, "logo_link_url", TEXT("/"));
}

static void put_nulls(struct json_out *out, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_field_raw(out, names[i], TEXT("null"));
}

static void put_display_config(struct json_out *out, const struct instance *instance)
{
    static const char *const nulls[] = {"google_one_tap_client_id",
                                        "help_url",
                                        "privacy_policy_url",
                                        "terms_url",
                                        "logo_url",
                                        "favicon_url",
                                        "logo_image",
                                        "favicon_image",
                                        "captcha_public_key",
                                        "captcha_widget_type",
                                        "captcha_public_key_invisible",
                                        "captcha_provider"};
    const struct settings *settings = &instance->settings;
    bool production = instance->kind == CLERK_PRODUCTION;
    json_key(out, TEXT("display_config"));
    json_open(out, '{');
    json_field_text(out, "object", TEXT("display_config"));
    json_field_text(out, "id", TEXT("dconf_sandbox"));
    json_field_text(out, "instance_environment_type",
                    production ? TEXT("production") : TEXT("development"));
    json_field_text(out, "application_name", or_else(settings->application_name, ""));
    json_field_raw(out, "theme", TEXT(theme));
    json_field_text(out, "preferred_sign_in_strategy", settings->preferred_sign_in_strategy);
    json_field_text(out, "logo_image_url", TEXT(""));
    json_field_text(out, "favicon_image_url", TEXT(""));
    put_pages(out, settings);
    json_field_text(out, "support_email", or_else(settings->support_email, ""));
    json_field_bool(out, "branded", false);
    json_field_bool(out, "experimental_force_oauth_first", false);
    json_field_text(out, "clerk_js_version", or_else(settings->clerk_js_version, "6"));
    json_field_bool(out, "show_devmode_warning", !production);
    put_nulls(out, nulls, ARRAY_COUNT(nulls));
    json_field_raw(out, "captcha_oauth_bypass", TEXT("[]"));
    json_field_bool(out, "captcha_heartbeat", false);
    json_close(out, '}');
}

/* The ways to prove an attribute: as a first factor, a second one, at sign-up. */
static const struct {
    enum settings_attribute_name name;
    const char *first, *second, *verifications;
} ways[] = {
    {SETTINGS_email_address, "[\"email_code\"]", "[]", "[\"email_code\"]"},
    {SETTINGS_phone_number, "[\"phone_code\"]", "[\"phone_code\"]", "[\"phone_code\"]"},
    {SETTINGS_authenticator_app, "[]", "[\"totp\"]", "[\"totp\"]"},
    {SETTINGS_backup_code, "[]", "[\"backup_code\"]", "[\"backup_code\"]"},
};

static void put_ways(struct json_out *out, enum settings_attribute_name name,
                     const struct settings_attribute *attribute)
{
    const char *first = "[]", *second = "[]", *verifications = "[]";
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        if (ways[i].name != name || !attribute->enabled)
            continue;
        first = attribute->used_for_first_factor ? ways[i].first : first;
        second = attribute->used_for_second_factor ? ways[i].second : second;
        verifications = ways[i].verifications;
    }
    json_field_raw(out, "first_factors", text_of(first));
    json_field_raw(out, "second_factors", text_of(second));
    json_field_raw(out, "verifications", text_of(verifications));
}

static void put_attributes(struct json_out *out, const struct settings *settings)
{
    json_key(out, TEXT("attributes"));
    json_open(out, '{');
    for (int i = 0; i < SETTINGS_ATTRIBUTE_COUNT; i++) {
        const struct settings_attribute *attribute = &settings->attributes[i];
        json_key(out, text_of(settings_attribute_text((enum settings_attribute_name)i)));
        json_open(out, '{');
        json_field_bool(out, "enabled", attribute->enabled);
        json_field_bool(out, "required", attribute->required);
        json_field_bool(out, "used_for_first_factor", attribute->used_for_first_factor);
        json_field_bool(out, "used_for_second_factor", attribute->used_for_second_factor);
        put_ways(out, (enum settings_attribute_name)i, attribute);
        json_field_bool(out, "verify_at_sign_up", attribute->verify_at_sign_up);
        json_field_bool(out, "immutable", false);
        json_close(out, '}');
    }
    json_close(out, '}');
}

static void put_switch(struct json_out *out, const char *name, bool enabled)
{
    json_key(out, text_of(name));
    json_open(out, '{');
    json_field_bool(out, "enabled", enabled);
    json_close(out, '}');
}

static void put_sign_in_and_up(struct json_out *out, const struct settings *settings)
{
    json_key(out, TEXT("sign_in"));
    json_open(out, '{');
    json_key(out, TEXT("second_factor"));
    json_open(out, '{');
    json_field_bool(out, "required", settings->second_factor_required);
    json_close(out, '}');
    json_close(out, '}');
    json_key(out, TEXT("sign_up"));
    json_open(out, '{');
    json_field_bool(out, "captcha_enabled", false);
    json_field_text(out, "captcha_widget_type", TEXT("smart"));
    json_field_bool(out, "custom_action_required", false);
    json_field_bool(out, "progressive", settings->progressive_sign_up);
    json_field_text(out, "mode", settings->sign_up_mode);
    json_field_bool(out, "legal_consent_enabled", settings->legal_consent_required);
    json_close(out, '}');
}

static void put_restrictions(struct json_out *out, const struct settings *settings)
{
    json_key(out, TEXT("restrictions"));
    json_open(out, '{');
    put_switch(out, "allowlist", settings->allowlist);
    put_switch(out, "blocklist", settings->blocklist);
    put_switch(out, "allowlist_blocklist_disabled_on_sign_in",
               settings->allowlist_blocklist_disabled_on_sign_in);
    put_switch(out, "block_email_subaddresses", settings->block_email_subaddresses);
    put_switch(out, "block_disposable_email_domains", settings->block_disposable_email_domains);
    json_close(out, '}');
}

static void put_attack_protection(struct json_out *out, const struct settings *settings)
{
    json_key(out, TEXT("attack_protection"));
    json_open(out, '{');
    json_key(out, TEXT("user_lockout"));
    json_open(out, '{');
    json_field_bool(out, "enabled", settings->lockout_enabled);
    json_field_int(out, "max_attempts", settings->lockout_max_attempts);
    json_field_int(out, "duration_in_minutes", settings->lockout_minutes);
    json_close(out, '}');
    put_switch(out, "pii", true);
    json_field_raw(out, "email_link", TEXT("{\"require_same_client\":false}"));
    put_switch(out, "enumeration_protection", settings->enumeration_protection);
    json_close(out, '}');
}

static void put_passwords(struct json_out *out, const struct settings *settings)
{
    json_key(out, TEXT("password_settings"));
    json_open(out, '{');
    json_field_bool(out, "disable_password_reverification", true);
    json_field_bool(out, "disable_hibp", !settings->hibp);
    json_field_int(out, "min_length", settings->password_min_length);
    json_field_int(out, "max_length", settings->password_max_length);
    json_field_bool(out, "require_special_char", settings->password_require_special_char);
    json_field_bool(out, "require_numbers", settings->password_require_numbers);
    json_field_bool(out, "require_uppercase", settings->password_require_uppercase);
    json_field_bool(out, "require_lowercase", settings->password_require_lowercase);
    json_field_bool(out, "show_zxcvbn", false);
    json_field_int(out, "min_zxcvbn_strength", 0);
    json_field_bool(out, "enforce_hibp_on_sign_in", false);
    json_field_text(out, "allowed_special_characters", TEXT("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"));
    json_close(out, '}');
}

static void put_user_settings(struct json_out *out, const struct settings *settings)
{
    json_key(out, TEXT("user_settings"));
    json_open(out, '{');
    put_attributes(out, settings);
    json_field_raw(out, "social", TEXT("{}"));
    put_switch(out, "saml", false);
    json_field_raw(out, "enterprise_sso", TEXT("{\"enabled\":false,\"self_serve_sso\":false}"));
    put_sign_in_and_up(out, settings);
    put_restrictions(out, settings);
    json_key(out, TEXT("username_settings"));
    json_open(out, '{');
    json_field_int(out, "min_length", settings->username_min_length);
    json_field_int(out, "max_length", settings->username_max_length);
    json_field_bool(out, "allow_extended_special_characters", false);
    json_field_bool(out, "allow_numeric_usernames", false);
    json_close(out, '}');
    json_key(out, TEXT("actions"));
    json_open(out, '{');
    json_field_bool(out, "delete_self", settings->delete_self_enabled);
    json_field_bool(out, "create_organization", settings->create_organization_enabled);
    json_field_raw(out, "create_organizations_limit", TEXT("null"));
    json_close(out, '}');
    put_attack_protection(out, settings);
    json_field_raw(out, "passkey_settings",
                   TEXT("{\"allow_autofill\":false,\"show_sign_in_button\":false,"
                        "\"satisfies_second_factor\":false}"));
    put_passwords(out, settings);
    json_close(out, '}');
}

static void put_organization_settings(struct json_out *out, const struct settings *settings)
{
    json_key(out, TEXT("organization_settings"));
    json_open(out, '{');
    json_field_bool(out, "enabled", settings->org_enabled);
    json_field_int(out, "max_allowed_memberships", settings->org_max_allowed_memberships);
    json_field_bool(out, "force_organization_selection", settings->org_force_selection);
    json_key(out, TEXT("actions"));
    json_open(out, '{');
    json_field_bool(out, "admin_delete", settings->org_admin_delete_enabled);
    json_close(out, '}');
    json_key(out, TEXT("domains"));
    json_open(out, '{');
    json_field_bool(out, "enabled", settings->org_domains_enabled);
    json_key(out, TEXT("enrollment_modes"));
    settings_write(settings, SETTING_org_domains_enrollment_modes, out);
    json_field_text(out, "default_role", settings->org_domains_default_role);
    json_close(out, '}');
    json_key(out, TEXT("slug"));
    json_open(out, '{');
    json_field_bool(out, "disabled", settings->org_slug_disabled);
    json_close(out, '}');
    json_field_text(out, "creator_role", settings->org_creator_role);
    json_close(out, '}');
}

void environment_get(struct call *call)
{
    const struct instance *instance = call->desk->instance;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "object", TEXT("environment"));
    json_field_text(&out, "id", TEXT("env_sandbox"));
    put_auth_config(&out, &instance->settings);
    put_display_config(&out, instance);
    put_user_settings(&out, &instance->settings);
    put_organization_settings(&out, &instance->settings);
    buf_add(out.to, TEXT(rest));
}
