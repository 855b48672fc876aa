/*
 * The settings as Clerk's Backend API shows and takes them: one table a resource, rows in the order of the
 * OpenAPI file. A null leaves a flag or number as it is and takes a text or list away.
 */
#include <string.h>

#include "sandbox/role.h"
#include "sandbox/routes.h"

enum { SHOWN = 1, TAKEN = 2, BOTH = SHOWN | TAKEN };

struct view_row {
    const char *name;
    enum setting setting;
    int ways;
    const char *choices; /* as in struct body_field, as is max */
    int64_t max;
};

struct view {
    const char *object;
    const struct view_row *rows;
    size_t count;
    /* Whether a draft may be kept; NULL: any. Returns false after refusing. */
    bool (*check)(struct call *call, struct settings *draft);
};

#define SAME(setting, way)                                                                         \
    {                                                                                              \
#setting, SETTING_##setting, .ways = (way)                                                 \
    }

/* clang-format off */
static const struct view_row instance_rows[] = {
    SAME(test_mode, TAKEN),
    SAME(hibp, TAKEN),
    {"support_email", SETTING_support_email, TAKEN, .max = 254},
    {"clerk_js_version", SETTING_clerk_js_version, TAKEN, .max = 64},
    {"development_origin", SETTING_development_origin, TAKEN, .max = 1024},
    {"allowed_origins", SETTING_allowed_origins, BOTH, .max = 100},
    SAME(cookieless_dev, TAKEN),
    SAME(url_based_session_syncing, TAKEN),
    {"preferred_sign_in_strategy_when_password_required", SETTING_preferred_sign_in_strategy, TAKEN,
     .choices = "password|otp|"},
};

static const struct view_row restriction_rows[] = {
    SAME(allowlist, BOTH),
    SAME(blocklist, BOTH),
    SAME(allowlist_blocklist_disabled_on_sign_in, BOTH),
    SAME(block_email_subaddresses, BOTH),
    SAME(block_disposable_email_domains, BOTH),
};

static const struct view_row protect_rows[] = {
    {"rules_enabled", SETTING_protect_rules_enabled, .ways = BOTH},
    {"specter_enabled", SETTING_protect_specter_enabled, .ways = BOTH},
    {"checks_bypassed", SETTING_protect_checks_bypassed, .ways = SHOWN},
};

static const struct view_row communication_rows[] = {
    {"blocked_country_codes", SETTING_blocked_country_codes, BOTH, .max = 250},
};

static const struct view_row oauth_rows[] = {
    SAME(dynamic_oauth_client_registration, BOTH),
    {"default_scopes", SETTING_oauth_default_scopes, BOTH, .max = 100},
    SAME(oauth_jwt_access_tokens, BOTH),
    SAME(client_id_metadata_documents_advertised, BOTH),
    SAME(client_id_metadata_documents_only_allow_pre_registered_clients, BOTH),
    SAME(client_id_metadata_documents_block_implicitly_allowed_clients, BOTH),
};

static const struct view_row organization_rows[] = {
    {"enabled", SETTING_org_enabled, .ways = BOTH},
    {"max_allowed_memberships", SETTING_org_max_allowed_memberships, .ways = BOTH},
    {"max_allowed_roles", SETTING_org_max_allowed_roles, .ways = SHOWN},
    {"max_role_sets_allowed", SETTING_org_max_role_sets_allowed, .ways = SHOWN},
    {"max_allowed_domains", SETTING_org_max_allowed_domains, .ways = SHOWN},
    {"max_allowed_permissions", SETTING_org_max_allowed_permissions, .ways = SHOWN},
    {"creator_role", SETTING_org_creator_role, .ways = SHOWN},
    {"admin_delete_enabled", SETTING_org_admin_delete_enabled, .ways = BOTH},
    {"domains_enabled", SETTING_org_domains_enabled, .ways = BOTH},
    {"slug_disabled", SETTING_org_slug_disabled, .ways = BOTH},
    {"domains_enrollment_modes", SETTING_org_domains_enrollment_modes, BOTH,
     .choices = "manual_invitation|automatic_invitation|automatic_suggestion", .max = 3},
    {"domains_default_role", SETTING_org_domains_default_role, .ways = SHOWN},
    {"creator_role_id", SETTING_org_creator_role, .ways = TAKEN},
    {"domains_default_role_id", SETTING_org_domains_default_role, .ways = TAKEN},
};

static const struct view_row auth_rows[] = {
    {"restricted_to_allowlist", SETTING_allowlist, .ways = BOTH},
    {"from_email_address", SETTING_from_email_address, BOTH, .max = 64},
    {"progressive_sign_up", SETTING_progressive_sign_up, .ways = BOTH},
    {"enhanced_email_deliverability", SETTING_enhanced_email_deliverability, .ways = SHOWN},
    {"test_mode", SETTING_test_mode, .ways = TAKEN},
};
/* clang-format on */

static bool check_origins(struct call *call, struct settings *draft)
{
    for (size_t i = 0; i < draft->allowed_origins.count; i++)
        if (!memmem(draft->allowed_origins.at[i].at, draft->allowed_origins.at[i].len, "://", 3))
            return call_fail(call, CLERK_form_invalid_origin, "allowed_origins",
                             "An origin is a scheme and a host: https://app.example.com.");
    return true;
}

static bool check_countries(struct call *call, struct settings *draft)
{
    for (size_t i = 0; i < draft->blocked_country_codes.count; i++) {
        struct text code = draft->blocked_country_codes.at[i];
        if (code.len != 2 || code.at[0] < 'A' || code.at[0] > 'Z' || code.at[1] < 'A' ||
            code.at[1] > 'Z')
            return call_fail(call, CLERK_form_param_format_invalid, "blocked_country_codes",
                             "A country code is two capital letters (ISO 3166-1 alpha-2).");
    }
    return true;
}

/* A role is given by its id and kept by its key; not given, or null, it stays. */
static bool read_role(struct call *call, const char *name, struct text now, struct text *key,
                      struct role *role)
{
    struct json_value given = json_get(call->body, text_of(name));
    struct text id = json_text(given);
    struct err err;
    *key = now;
    *role = (struct role){.key = now};
    if (json_type(given) != JSON_STRING)
        return true;
    enum store_answer answer = text_starts(id, text_of(role_resource.prefix))
                                   ? role_get(call, id, role, &err)
                                   : STORE_NONE;
    if (answer == STORE_NONE)
        return call_not_found(call, role_resource.what, id);
    *key = role->key;
    return call_check(call, answer, &err);
}

static bool check_roles(struct call *call, struct settings *draft)
{
    const struct settings *now = &call->desk->instance->settings;
    struct role creator, member;
    if (!read_role(call, "creator_role_id", now->org_creator_role, &draft->org_creator_role,
                   &creator) ||
        !read_role(call, "domains_default_role_id", now->org_domains_default_role,
                   &draft->org_domains_default_role, &member))
        return false;
    return !creator.id.at || role_has(&creator, TEXT(ROLE_ELEVATED)) ||
           call_fail(call, CLERK_organization_missing_creator_role_permissions, "creator_role_id",
                     "Whoever creates an organization needs %s.", ROLE_ELEVATED);
}

static const struct view instance_view = {"instance", instance_rows, ARRAY_COUNT(instance_rows),
                                          check_origins};
static const struct view restrictions_view = {"instance_restrictions", restriction_rows,
                                              ARRAY_COUNT(restriction_rows), NULL};
static const struct view protect_view = {"instance_protect", protect_rows,
                                         ARRAY_COUNT(protect_rows), NULL};
static const struct view communication_view = {"instance_communication", communication_rows,
                                               ARRAY_COUNT(communication_rows), check_countries};
static const struct view oauth_view = {"oauth_application_settings", oauth_rows,
                                       ARRAY_COUNT(oauth_rows), NULL};
static const struct view organization_view = {"organization_settings", organization_rows,
                                              ARRAY_COUNT(organization_rows), check_roles};
static const struct view auth_view = {"instance_settings", auth_rows, ARRAY_COUNT(auth_rows), NULL};

static void put_rows(struct call *call, const struct view *view, struct json_out *out)
{
    for (size_t i = 0; i < view->count; i++) {
        if (!(view->rows[i].ways & SHOWN))
            continue;
        json_key(out, text_of(view->rows[i].name));
        settings_write(&call->desk->instance->settings, view->rows[i].setting, out);
    }
}

static void show(struct call *call, const struct view *view, struct text id)
{
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("object"));
    json_put_text(&out, text_of(view->object));
    if (id.at) {
        json_key(&out, TEXT("id"));
        json_put_text(&out, id);
    }
    put_rows(call, view, &out);
    json_close(&out, '}');
}

static bool keep(struct call *call, const struct settings *draft)
{
    struct instance *instance = call->desk->instance;
    struct err err;
    return settings_put(&instance->settings, call->desk->store, draft, &err) == 0 ||
           call_broken(call, &err);
}

static bool take_value(struct call *call, const struct view_row *row, struct json_value value,
                       struct settings *draft)
{
    static const enum body_kind kinds[] = {[SETTING_FLAG] = BODY_BOOL,
                                           [SETTING_NUMBER] = BODY_NUMBER,
                                           [SETTING_TEXT] = BODY_TEXT,
                                           [SETTING_TEXTS] = BODY_TEXTS};
    const struct setting_info *info = &setting_infos[row->setting];
    void *member = (char *)draft + info->offset;
    struct body_field field = {row->name, kinds[info->kind], info->offset, .choices = row->choices,
                               .max = row->max};
    if (json_type(value) != JSON_NULL)
        return body_read_value(call, &field, value, draft);
    if (info->kind == SETTING_TEXT)
        *(struct text *)member = (struct text){NULL, 0};
    else if (info->kind == SETTING_TEXTS)
        *(struct user_texts *)member = (struct user_texts){NULL, 0};
    return true;
}

/* Reads the body into the settings. Returns false after refusing, with nothing changed. */
static bool take(struct call *call, const struct view *view)
{
    struct settings draft = call->desk->instance->settings;
    for (struct json_walk walk = json_walk(call->body); json_next(&walk);) {
        const struct view_row *row = NULL;
        for (size_t i = 0; i < view->count && !row; i++)
            if (view->rows[i].ways & TAKEN && text_same(text_of(view->rows[i].name), walk.key))
                row = &view->rows[i];
        if (!row)
            return body_unknown(call, walk.key);
        if (!take_value(call, row, walk.value, &draft))
            return false;
    }
    return (!view->check || view->check(call, &draft)) && keep(call, &draft);
}

static void take_and_show(struct call *call, const struct view *view)
{
    if (take(call, view))
        show(call, view, (struct text){NULL, 0});
}

void instance_get(struct call *call)
{
    const struct instance *instance = call->desk->instance;
    struct json_out out = json_out(call_answer(call, 200));
    bool production = instance->kind == CLERK_PRODUCTION;
    json_open(&out, '{');
    json_key(&out, TEXT("object"));
    json_put_text(&out, TEXT("instance"));
    json_key(&out, TEXT("id"));
    json_put_text(&out, text_of(instance->id));
    json_key(&out, TEXT("environment_type"));
    json_put_text(&out, production ? TEXT("production") : TEXT("development"));
    put_rows(call, &instance_view, &out);
    json_key(&out, TEXT("workspace_id"));
    json_put_null(&out);
    json_close(&out, '}');
}

void instance_update(struct call *call)
{
    if (take(call, &instance_view))
        call_answer(call, 204);
}

void instance_restrictions(struct call *call)
{
    take_and_show(call, &restrictions_view);
}

void instance_protect_get(struct call *call)
{
    show(call, &protect_view, (struct text){NULL, 0});
}

void instance_protect(struct call *call)
{
    take_and_show(call, &protect_view);
}

void instance_communication_get(struct call *call)
{
    show(call, &communication_view, (struct text){NULL, 0});
}

void instance_communication(struct call *call)
{
    /* Here null is the same as leaving it out. */
    if (json_type(json_get(call->body, TEXT("blocked_country_codes"))) == JSON_NULL)
        instance_communication_get(call);
    else
        take_and_show(call, &communication_view);
}

void instance_oauth_get(struct call *call)
{
    show(call, &oauth_view, (struct text){NULL, 0});
}

void instance_oauth(struct call *call)
{
    take_and_show(call, &oauth_view);
}

void instance_organizations_get(struct call *call)
{
    show(call, &organization_view, (struct text){NULL, 0});
}

void instance_organizations(struct call *call)
{
    take_and_show(call, &organization_view);
}

void instance_auth(struct call *call)
{
    if (take(call, &auth_view))
        show(call, &auth_view, text_of(call->desk->instance->id));
}

/* Both ways to change the domain: PUT /beta_features/domain and POST /instance/change_domain. */
void instance_change_domain(struct call *call)
{
    struct form {
        struct text home_url;
        bool is_secondary;
    } form = {0};
    static const struct body_field fields[] = {
        {"home_url", BODY_TEXT, offsetof(struct form, home_url), .needed = true, .min = 1,
         .max = 1024},
        {"is_secondary", BODY_BOOL, .offset = offsetof(struct form, is_secondary)},
    };
    struct settings draft = call->desk->instance->settings;
    uint64_t given;
    if (call->desk->instance->kind != CLERK_PRODUCTION) {
        call_fail(call, CLERK_request_invalid_for_environment, NULL,
                  "Only a production instance has a domain of its own.");
        return;
    }
    if (!body_read(call, fields, ARRAY_COUNT(fields), &form, &given))
        return;
    draft.home_url = form.home_url;
    if (keep(call, &draft))
        call_answer(call, 202);
}

/* The sandbox's own: every setting by its name, also those that Clerk's Dashboard alone changes. */
void inspect_settings(struct call *call)
{
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        json_key(&out, text_of(setting_infos[i].name));
        settings_write(&call->desk->instance->settings, (enum setting)i, &out);
    }
    json_close(&out, '}');
}

void inspect_change_settings(struct call *call)
{
    struct settings draft = call->desk->instance->settings;
    for (struct json_walk walk = json_walk(call->body); json_next(&walk);) {
        size_t at = 0;
        while (at < SETTING_COUNT && !text_same(text_of(setting_infos[at].name), walk.key))
            at++;
        if (at == SETTING_COUNT) {
            body_unknown(call, walk.key);
            return;
        }
        struct view_row row = {setting_infos[at].name, (enum setting)at, .ways = TAKEN};
        if (!take_value(call, &row, walk.value, &draft))
            return;
    }
    if (keep(call, &draft))
        inspect_settings(call);
}
