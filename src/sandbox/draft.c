#include "sandbox/draft.h"

#include <string.h>

#include "digest/digest.h"
#include "sandbox/body.h"

#define EXTERNAL_ID_MAX 1024
#define NAME_MAX        1024

#define ROW(name, kind, member)                                                                    \
    {                                                                                              \
        name, BODY_##kind, .offset = offsetof(struct draft, member)                                \
    }
#define USER_ROW(name, kind) ROW(#name, kind, user.name),

static const struct body_field create_fields[] = {
    USER_FIELDS(USER_ROW) ROW("email_address_identification_status", TEXTS, email_status),
    ROW("phone_number_identification_status", TEXTS, phone_status),
    ROW("web3_wallet", TEXTS, web3_wallet),
    ROW("password", SECRET, password),
    ROW("skip_password_checks", FLAG, skip_password_checks),
    ROW("skip_password_requirement", FLAG, skip_password_requirement),
    ROW("skip_legal_checks", FLAG, skip_legal_checks),
    ROW("skip_user_requirement", FLAG, skip_user_requirement),
};
_Static_assert(ARRAY_COUNT(create_fields) <= BODY_FIELDS_MAX, "one bit a field");

static const struct body_field update_fields[] = {
    ROW("external_id", TEXT, user.external_id),
    ROW("first_name", TEXT, user.first_name),
    ROW("last_name", TEXT, user.last_name),
    ROW("locale", TEXT, user.locale),
    ROW("primary_email_address_id", TEXT, primary_email_id),
    ROW("notify_primary_email_address_changed", FLAG, notify),
    ROW("primary_phone_number_id", TEXT, primary_phone_id),
    ROW("primary_web3_wallet_id", TEXT, primary_web3_id),
    ROW("username", TEXT, user.username),
    ROW("profile_image_id", TEXT, image_id),
    ROW("password", SECRET, password),
    ROW("password_digest", SECRET, user.password_digest),
    ROW("password_hasher", TEXT, user.password_hasher),
    ROW("skip_password_checks", FLAG, skip_password_checks),
    ROW("sign_out_of_other_sessions", FLAG, sign_out),
    ROW("totp_secret", SECRET, user.totp_secret),
    ROW("backup_codes", SECRETS, user.backup_codes),
    ROW("delete_self_enabled", FLAG, user.delete_self_enabled),
    ROW("create_organization_enabled", FLAG, user.create_organization_enabled),
    ROW("legal_accepted_at", TIME, user.legal_accepted_at),
    ROW("skip_legal_checks", FLAG, skip_legal_checks),
    ROW("create_organizations_limit", NUMBER, user.create_organizations_limit),
    ROW("created_at", TIME, user.created_at),
    ROW("bypass_client_trust", FLAG, user.bypass_client_trust),
};
_Static_assert(ARRAY_COUNT(update_fields) <= BODY_FIELDS_MAX, "one bit a field");

bool draft_gave(const struct draft *draft, const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(update_fields); i++)
        if (strcmp(update_fields[i].name, name) == 0)
            return draft->given >> i & 1;
    return false;
}

bool draft_check_email(struct call *call, struct text email)
{
    const char *problem = user_email_problem(email);
    return !problem || call_fail(call, CLERK_form_param_format_invalid, "email_address",
                                 "An email address is not valid: %s.", problem);
}

bool draft_check_phone(struct call *call, struct text phone)
{
    const char *problem = user_phone_problem(phone);
    return !problem || call_fail(call, CLERK_form_param_format_invalid, "phone_number",
                                 "A phone number is not valid in E.164: %s.", problem);
}

bool draft_check_name(struct call *call, const char *param, struct text name)
{
    const char *problem = name.len > 0 ? user_name_problem(name) : NULL;
    if (name.len > NAME_MAX)
        return call_fail(call, CLERK_form_param_max_length_exceeded, param,
                         "`%s` may have %d bytes at most.", param, NAME_MAX);
    return !problem || call_fail(call, CLERK_form_param_value_invalid, param,
                                 "`%s` is not valid: %s.", param, problem);
}

/* Each status belongs to the identifier at its place: "verified" or "reserved". */
static bool apply_status(struct call *call, const char *param, const struct user_texts *status,
                         struct user_identifiers *identifiers)
{
    if (status->count == 0)
        return true;
    if (status->count != identifiers->count)
        return call_fail(call, CLERK_form_param_array_length_mismatch, param,
                         "`%s` must have one item for each identifier.", param);
    for (size_t i = 0; i < status->count; i++) {
        identifiers->at[i].verified = text_same(status->at[i], TEXT("verified"));
        if (!identifiers->at[i].verified && !text_same(status->at[i], TEXT("reserved")))
            return call_fail(call, CLERK_form_param_value_invalid, param,
                             "An item of `%s` must be verified or reserved.", param);
    }
    return true;
}

static bool check_identifiers(struct call *call, const char *param,
                              const struct user_identifiers *identifiers,
                              bool (*check)(struct call *call, struct text value))
{
    for (size_t i = 0; i < identifiers->count; i++) {
        if (!check(call, identifiers->at[i].value))
            return false;
        for (size_t k = 0; k < i; k++)
            if (text_same_nocase(identifiers->at[i].value, identifiers->at[k].value))
                return call_fail(call, CLERK_form_param_duplicate, param,
                                 "`%s` has the same value twice.", param);
    }
    return true;
}

static bool check_plain_password(struct call *call, const struct draft *draft)
{
    if (draft->user.password_digest.at)
        return call_fail(call, CLERK_form_conditional_param_disallowed, "password_digest",
                         "Send `password` or `password_digest`, not both.");
    return draft_check_password(call, draft->password, "password",
                                draft->skip_password_checks != USER_FLAG_TRUE);
}

static bool check_digest(struct call *call, const struct user *user)
{
    struct digest digest;
    if (!user->password_hasher.at)
        return call_fail(call, CLERK_form_conditional_param_missing, "password_hasher",
                         "`password_digest` needs `password_hasher`.");
    if (!user->password_digest.at)
        return call_fail(call, CLERK_form_conditional_param_missing, "password_digest",
                         "`password_hasher` needs `password_digest`.");
    const struct digest_ops *ops = digest_ops_find(user->password_hasher);
    if (!ops)
        return call_fail(call, CLERK_form_param_value_invalid, "password_hasher",
                         "There is no such password hasher.");
    const char *problem = digest_parse(&digest, ops, user->password_digest);
    if (!problem)
        problem = digest_clerk_problem(&digest);
    return !problem ||
           call_fail(call, CLERK_form_password_digest_invalid_code, "password_digest",
                     "The digest does not have the form of %s: %s.", ops->hasher, problem);
}

static bool check_password(struct call *call, const struct draft *draft)
{
    if (draft->password.at)
        return check_plain_password(call, draft);
    if (draft->user.password_digest.at || draft->user.password_hasher.at)
        return check_digest(call, &draft->user);
    return true;
}

static bool check_factors(struct call *call, const struct user *user)
{
    const char *problem = user->totp_secret.at ? user_totp_problem(user->totp_secret) : NULL;
    if (problem)
        return call_fail(call, CLERK_invalid_totp_secret_code, "totp_secret",
                         "The TOTP secret is not valid: %s.", problem);
    for (size_t i = 0; i < user->backup_codes.count; i++)
        if (user->backup_codes.at[i].len == 0)
            return call_fail(call, CLERK_form_param_value_invalid, "backup_codes",
                             "A backup code is empty.");
    return true;
}

/* "" is how a form says null. */
static void blank_to_null(struct text *t)
{
    if (t->len == 0)
        *t = (struct text){NULL, 0};
}

static bool check_common(struct call *call, struct draft *draft)
{
    struct user *user = &draft->user;
    blank_to_null(&user->external_id);
    blank_to_null(&user->username);
    blank_to_null(&user->first_name);
    blank_to_null(&user->last_name);
    blank_to_null(&user->locale);
    if (user->external_id.len > EXTERNAL_ID_MAX)
        return call_fail(call, CLERK_form_param_max_length_exceeded, "external_id",
                         "`external_id` may have %d bytes at most.", EXTERNAL_ID_MAX);
    return draft_check_name(call, "first_name", user->first_name) &&
           draft_check_name(call, "last_name", user->last_name) &&
           draft_check_username(call, user->username) && check_password(call, draft) &&
           check_factors(call, user);
}

/* What every user needs: a way to be named, and what the instance's settings require. */
static bool check_needs(struct call *call, const struct draft *draft)
{
    if (!user_has_identifier(&draft->user))
        return call_fail_missing(call, "[\"email_address\"]");
    return draft_check_required(call, draft) && draft_check_legal(call, draft);
}

bool draft_read_create(struct call *call, struct draft *draft)
{
    memset(draft, 0, sizeof(*draft));
    user_init(&draft->user);
    if (!body_read(call, create_fields, ARRAY_COUNT(create_fields), draft, &draft->given))
        return false;
    if (draft->web3_wallet.count > 0)
        return call_fail(call, CLERK_feature_not_enabled, "web3_wallet",
                         "Web3 wallets are not enabled on this instance.");
    return draft_check_attributes(call) &&
           apply_status(call, "email_address_identification_status", &draft->email_status,
                        &draft->user.email_address) &&
           apply_status(call, "phone_number_identification_status", &draft->phone_status,
                        &draft->user.phone_number) &&
           check_identifiers(call, "email_address", &draft->user.email_address,
                             draft_check_email) &&
           check_identifiers(call, "phone_number", &draft->user.phone_number, draft_check_phone) &&
           check_common(call, draft) && check_needs(call, draft);
}

bool draft_read_update(struct call *call, struct draft *draft)
{
    memset(draft, 0, sizeof(*draft));
    user_init(&draft->user);
    if (!body_read(call, update_fields, ARRAY_COUNT(update_fields), draft, &draft->given))
        return false;
    if (draft->primary_web3_id.len > 0 || draft->image_id.len > 0)
        return call_fail(call, CLERK_form_resource_not_found,
                         draft->image_id.len > 0 ? "profile_image_id" : "primary_web3_wallet_id",
                         "There is no such image or wallet.");
    return draft_check_attributes(call) && check_common(call, draft);
}
