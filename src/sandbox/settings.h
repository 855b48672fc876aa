/*
 * sandbox/settings: how the instance is set up: which attributes users have, password rules, restrictions,
 * lockout, organizations … Kept with the instance as one JSON object, read into memory once, so that
 * handlers just look: call->desk->instance->settings.org_enabled.
 *
 *     settings_open(&settings, store, &err);            // what is stored over the defaults; also to read anew
 *     struct settings draft = settings;                  // a draft borrows the texts
 *     draft.allowlist = true;
 *     settings_put(&settings, store, &draft, &err);      // part of the transaction
 *     settings_close(&settings);
 *
 * The two tables below are all there is: members of the struct, keys of the JSON and names in
 * PATCH /v1/sandbox/settings are made from them. Which of Clerk's objects shows and takes which of them is
 * told in settings_views.c.
 */
#ifndef USHER_SANDBOX_SETTINGS_H
#define USHER_SANDBOX_SETTINGS_H

#include "clerk/clerk.h"
#include "sandbox/store.h"

/*
 * The attributes of users: ATTRIBUTE(name, enabled, required, used for first factor, for second factor,
 * verified at sign-up). As settings they are "email_address.enabled" and so on.
 */
#define SETTINGS_ATTRIBUTES(ATTRIBUTE)                                                             \
    ATTRIBUTE(email_address, true, false, true, false, true)                                       \
    ATTRIBUTE(phone_number, true, false, true, true, true)                                         \
    ATTRIBUTE(username, true, false, true, false, false)                                           \
    ATTRIBUTE(web3_wallet, false, false, false, false, false)                                      \
    ATTRIBUTE(first_name, true, false, false, false, false)                                        \
    ATTRIBUTE(last_name, true, false, false, false, false)                                         \
    ATTRIBUTE(password, true, true, false, false, false)                                           \
    ATTRIBUTE(authenticator_app, true, false, false, true, false)                                  \
    ATTRIBUTE(ticket, true, false, false, false, false)                                            \
    ATTRIBUTE(backup_code, true, false, false, true, false)                                        \
    ATTRIBUTE(passkey, false, false, false, false, false)

/* Everything else: SETTING(name, kind, default as JSON). Minutes and counts are whole and not negative. */
#define SETTINGS(SETTING)                                                                          \
    /* the instance */                                                                             \
    SETTING(test_mode, FLAG, true)                                                                 \
    SETTING(hibp, FLAG, false)                                                                     \
    SETTING(application_name, TEXT, "Usher sandbox")                                               \
    SETTING(support_email, TEXT, null)                                                             \
    SETTING(from_email_address, TEXT, "noreply")                                                   \
    SETTING(clerk_js_version, TEXT, null)                                                          \
    SETTING(development_origin, TEXT, null)                                                        \
    SETTING(allowed_origins, TEXTS, null)                                                          \
    SETTING(cookieless_dev, FLAG, false)                                                           \
    SETTING(url_based_session_syncing, FLAG, true)                                                 \
    SETTING(enhanced_email_deliverability, FLAG, false)                                            \
    SETTING(preferred_sign_in_strategy, TEXT, "password")                                          \
    /* where the application's pages are; null: the caller's default */                            \
    SETTING(proxy_url, TEXT, null)                                                                 \
    SETTING(home_url, TEXT, null)                                                                  \
    SETTING(sign_in_url, TEXT, null)                                                               \
    SETTING(sign_up_url, TEXT, null)                                                               \
    SETTING(user_profile_url, TEXT, null)                                                          \
    SETTING(waitlist_url, TEXT, null)                                                              \
    SETTING(after_sign_in_url, TEXT, null)                                                         \
    SETTING(after_sign_up_url, TEXT, null)                                                         \
    SETTING(after_sign_out_url, TEXT, null)                                                        \
    SETTING(organization_profile_url, TEXT, null)                                                  \
    SETTING(create_organization_url, TEXT, null)                                                   \
    /* sessions */                                                                                 \
    SETTING(single_session_mode, FLAG, true)                                                       \
    SETTING(session_lifetime_minutes, NUMBER, 10080)                                               \
    SETTING(session_inactivity_minutes, NUMBER, 0)                                                 \
    /* sign-in and sign-up */                                                                      \
    SETTING(sign_up_mode, TEXT, "public")                                                          \
    SETTING(progressive_sign_up, FLAG, true)                                                       \
    SETTING(second_factor_required, FLAG, false)                                                   \
    SETTING(legal_consent_required, FLAG, false)                                                   \
    SETTING(delete_self_enabled, FLAG, true)                                                       \
    SETTING(create_organization_enabled, FLAG, true)                                               \
    SETTING(client_trust, FLAG, false)                                                             \
    SETTING(enumeration_protection, FLAG, false)                                                   \
    SETTING(lockout_enabled, FLAG, true)                                                           \
    SETTING(lockout_max_attempts, NUMBER, 10)                                                      \
    SETTING(lockout_minutes, NUMBER, 60) /* 0: for ever */                                         \
    /* usernames and passwords; lengths are in characters */                                       \
    SETTING(username_min_length, NUMBER, 4)                                                        \
    SETTING(username_max_length, NUMBER, 64)                                                       \
    SETTING(password_min_length, NUMBER, 8)                                                        \
    SETTING(password_max_length, NUMBER, 72)                                                       \
    SETTING(password_require_special_char, FLAG, false)                                            \
    SETTING(password_require_numbers, FLAG, false)                                                 \
    SETTING(password_require_uppercase, FLAG, false)                                               \
    SETTING(password_require_lowercase, FLAG, false)                                               \
    /* restrictions on who may sign up */                                                          \
    SETTING(allowlist, FLAG, false)                                                                \
    SETTING(blocklist, FLAG, false)                                                                \
    SETTING(allowlist_blocklist_disabled_on_sign_in, FLAG, false)                                  \
    SETTING(block_email_subaddresses, FLAG, false)                                                 \
    SETTING(block_disposable_email_domains, FLAG, false)                                           \
    SETTING(blocked_country_codes, TEXTS, [])                                                      \
    /* protection against bots: switches that are kept and shown */                                \
    SETTING(protect_rules_enabled, FLAG, false)                                                    \
    SETTING(protect_specter_enabled, FLAG, false)                                                  \
    SETTING(protect_checks_bypassed, FLAG, false)                                                  \
    /* OAuth applications: kept and shown */                                                       \
    SETTING(dynamic_oauth_client_registration, FLAG, false)                                        \
    SETTING(oauth_default_scopes, TEXTS, null)                                                     \
    SETTING(oauth_jwt_access_tokens, FLAG, false)                                                  \
    SETTING(client_id_metadata_documents_advertised, FLAG, false)                                  \
    SETTING(client_id_metadata_documents_only_allow_pre_registered_clients, FLAG, false)           \
    SETTING(client_id_metadata_documents_block_implicitly_allowed_clients, FLAG, false)            \
    /* organizations; a maximum of 0 memberships is none */                                        \
    SETTING(org_enabled, FLAG, true)                                                               \
    SETTING(org_max_allowed_memberships, NUMBER, 0)                                                \
    SETTING(org_max_allowed_roles, NUMBER, 10)                                                     \
    SETTING(org_max_role_sets_allowed, NUMBER, 10)                                                 \
    SETTING(org_max_allowed_domains, NUMBER, 10)                                                   \
    SETTING(org_max_allowed_permissions, NUMBER, 50)                                               \
    SETTING(org_creator_role, TEXT, "org:admin")                                                   \
    SETTING(org_admin_delete_enabled, FLAG, true)                                                  \
    SETTING(org_domains_enabled, FLAG, true)                                                       \
    SETTING(org_slug_disabled, FLAG, false)                                                        \
    SETTING(org_domains_enrollment_modes, TEXTS, ["manual_invitation"])                            \
    SETTING(org_domains_default_role, TEXT, "org:member")                                          \
    SETTING(org_force_selection, FLAG, false)

enum settings_attribute_name {
#define ATTRIBUTE(name, ...) SETTINGS_##name,
    SETTINGS_ATTRIBUTES(ATTRIBUTE)
#undef ATTRIBUTE
        SETTINGS_ATTRIBUTE_COUNT
};

struct settings_attribute {
    bool enabled, required, used_for_first_factor, used_for_second_factor, verify_at_sign_up;
};

enum setting {
#define ATTRIBUTE(name, ...)                                                                       \
    SETTING_##name##_enabled, SETTING_##name##_required, SETTING_##name##_used_for_first_factor,   \
        SETTING_##name##_used_for_second_factor, SETTING_##name##_verify_at_sign_up,
    SETTINGS_ATTRIBUTES(ATTRIBUTE)
#undef ATTRIBUTE
#define SETTING(name, kind, preset) SETTING_##name,
        SETTINGS(SETTING)
#undef SETTING
            SETTING_COUNT
};

enum setting_kind { SETTING_FLAG, SETTING_NUMBER, SETTING_TEXT, SETTING_TEXTS };

/* Absent texts and lists (at NULL) are null. */
struct settings {
    struct settings_attribute attributes[SETTINGS_ATTRIBUTE_COUNT];
#define SETTING_TYPE_FLAG           bool
#define SETTING_TYPE_NUMBER         int64_t
#define SETTING_TYPE_TEXT           struct text
#define SETTING_TYPE_TEXTS          struct user_texts
#define SETTING(name, kind, preset) SETTING_TYPE_##kind name;
    SETTINGS(SETTING)
#undef SETTING
    bool
        production; /* the instance's kind, told before settings_open: test_mode is then off at first */
    struct arena arena; /* private: of the texts */
};

/* One row at run time. */
struct setting_info {
    const char *name; /* "allowlist", "email_address.enabled" */
    enum setting_kind kind;
    size_t offset; /* of the member in struct settings */
};
extern const struct setting_info setting_infos[SETTING_COUNT];

/* The name of an attribute, as Clerk writes it. */
const char *settings_attribute_text(enum settings_attribute_name name);

/*
 * Reads the stored settings over the defaults. A zeroed or an open struct: what it had before goes, also its
 * texts. Returns 0, or -1 with what it had untouched (ERR_MEMORY, ERR_UNUSABLE: what is stored cannot be
 * read, or as the store).
 */
int settings_open(struct settings *settings, struct store *store, struct err *err);
void settings_close(struct settings *settings);

/* Writes the draft into the store and then reads it. The draft's texts need not outlive the call. */
int settings_put(struct settings *settings, struct store *store, const struct settings *draft,
                 struct err *err);

/* When a lock that begins now ends (ACCOUNT_LOCKED_FOREVER with lockout_minutes of 0). */
int64_t settings_lock_end(const struct settings *settings, int64_t now_ms);

/* Appends a setting's value as JSON. */
void settings_write(const struct settings *settings, enum setting setting, struct json_out *out);

#endif
