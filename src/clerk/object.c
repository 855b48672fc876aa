/*
 * The objects are written with literal keys and commas, not piece by piece through json_out: a user has
 * some forty fields, and the sandbox writes ten thousand users a second.
 */
#include "clerk/object.h"

#include <string.h>

/* A decimal number; printf is slow where a user has a dozen of them. */
static void put_int(struct buf *to, int64_t number)
{
    char digits[24], *at = digits + sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--at = '-';
    buf_add(to, (struct text){at, (size_t)(digits + sizeof(digits) - at)});
}

/* `,"key":` comes as one literal in front of each value. */
static void put_text(struct buf *to, struct text key, struct text value)
{
    struct json_out out = json_out(to);
    buf_add(to, key);
    json_put_text_or_null(&out, value);
}

static void put_time(struct buf *to, struct text key, int64_t value)
{
    buf_add(to, key);
    if (value == USER_UNSET)
        buf_add(to, TEXT("null"));
    else
        put_int(to, value);
}

static void put_bool(struct buf *to, struct text key, bool value)
{
    buf_add(to, key);
    buf_add(to, value ? TEXT("true") : TEXT("false"));
}

static void put_object(struct buf *to, struct text key, struct text json)
{
    buf_add(to, key);
    buf_add(to, json.at ? json : TEXT("{}"));
}

static void put_verification(struct buf *to, enum clerk_status status)
{
    buf_add(to, TEXT(",\"verification\":"));
    if (status == CLERK_VERIFIED)
        buf_add(to, TEXT("{\"object\":\"verification_admin\",\"status\":\"verified\","
                         "\"strategy\":\"admin\",\"attempts\":null,\"expire_at\":null}"));
    else
        buf_add(to, TEXT("null"));
}

static void put_times(struct buf *to, const struct clerk_identifier *identifier)
{
    put_time(to, TEXT(",\"created_at\":"), identifier->created_at);
    put_time(to, TEXT(",\"updated_at\":"), identifier->updated_at);
    buf_byte(to, '}');
}

void clerk_write_email(const struct clerk_identifier *email, struct buf *to)
{
    put_text(to, TEXT("{\"id\":"), email->id);
    put_text(to, TEXT(",\"object\":\"email_address\",\"email_address\":"), email->value);
    put_bool(to, TEXT(",\"reserved\":"), email->status == CLERK_RESERVED);
    put_verification(to, email->status);
    buf_add(to, TEXT(",\"linked_to\":[],\"matches_sso_connection\":false"));
    put_times(to, email);
}

void clerk_write_phone(const struct clerk_identifier *phone, struct buf *to)
{
    put_text(to, TEXT("{\"id\":"), phone->id);
    put_text(to, TEXT(",\"object\":\"phone_number\",\"phone_number\":"), phone->value);
    put_bool(to, TEXT(",\"reserved_for_second_factor\":"), phone->second_factor);
    put_bool(to, TEXT(",\"default_second_factor\":"), phone->default_second_factor);
    put_bool(to, TEXT(",\"reserved\":"), phone->status == CLERK_RESERVED);
    put_verification(to, phone->status);
    buf_add(to, TEXT(",\"linked_to\":[],\"backup_codes\":null"));
    put_times(to, phone);
}

static void put_identifiers(const struct clerk_user *user, struct buf *to)
{
    buf_add(to, TEXT(",\"email_addresses\":["));
    for (size_t i = 0; i < user->email_count; i++) {
        if (i > 0)
            buf_byte(to, ',');
        clerk_write_email(&user->emails[i], to);
    }
    buf_add(to, TEXT("],\"phone_numbers\":["));
    for (size_t i = 0; i < user->phone_count; i++) {
        if (i > 0)
            buf_byte(to, ',');
        clerk_write_phone(&user->phones[i], to);
    }
    buf_add(to, TEXT("],\"web3_wallets\":[],\"passkeys\":[],\"external_accounts\":[],"
                     "\"saml_accounts\":[],\"enterprise_accounts\":[]"));
}

static void put_image(const struct clerk_user *user, struct buf *to)
{
    struct text url = user->image_url.at ? user->image_url : TEXT("");
    put_text(to, TEXT(",\"profile_image_url\":"), url);
    put_text(to, TEXT(",\"image_url\":"), url);
    buf_add(to, url.len > 0 ? TEXT(",\"has_image\":true") : TEXT(",\"has_image\":false"));
}

static void put_names(const struct clerk_user *user, struct buf *to)
{
    put_text(to, TEXT(",\"object\":\"user\",\"username\":"), user->user.username);
    put_text(to, TEXT(",\"first_name\":"), user->user.first_name);
    put_text(to, TEXT(",\"last_name\":"), user->user.last_name);
    put_image(user, to);
    put_text(to, TEXT(",\"primary_email_address_id\":"), user->primary_email_id);
    put_text(to, TEXT(",\"primary_phone_number_id\":"), user->primary_phone_id);
    buf_add(to, TEXT(",\"primary_web3_wallet_id\":null"));
}

static bool has_phone_factor(const struct clerk_user *user)
{
    for (size_t i = 0; i < user->phone_count; i++)
        if (user->phones[i].second_factor)
            return true;
    return false;
}

bool clerk_has_second_factor(const struct clerk_user *user)
{
    return user->totp_enabled || has_phone_factor(user);
}

static void put_credentials(const struct clerk_user *user, struct buf *to)
{
    put_bool(to, TEXT(",\"password_enabled\":"), user->password_enabled);
    put_bool(to, TEXT(",\"two_factor_enabled\":"), clerk_has_second_factor(user));
    put_bool(to, TEXT(",\"totp_enabled\":"), user->totp_enabled);
    put_bool(to, TEXT(",\"backup_code_enabled\":"), user->backup_code_enabled);
    put_time(to, TEXT(",\"mfa_enabled_at\":"), user->mfa_enabled_at);
    put_time(to, TEXT(",\"mfa_disabled_at\":"), user->mfa_disabled_at);
    put_time(to, TEXT(",\"password_last_updated_at\":"), user->password_updated_at);
}

static void put_state(const struct clerk_user *user, struct buf *to)
{
    put_time(to, TEXT(",\"last_sign_in_at\":"), user->last_sign_in_at);
    put_bool(to, TEXT(",\"banned\":"), user->user.banned == USER_FLAG_TRUE);
    put_bool(to, TEXT(",\"locked\":"), user->user.locked == USER_FLAG_TRUE);
    buf_add(to, TEXT(",\"deprovisioned\":false"));
    put_time(to, TEXT(",\"lockout_expires_in_seconds\":"), user->lockout_expires_in_s);
    put_time(to, TEXT(",\"verification_attempts_remaining\":"), user->attempts_remaining);
    put_time(to, TEXT(",\"created_at\":"), user->user.created_at);
    put_time(to, TEXT(",\"updated_at\":"), user->updated_at);
    put_bool(to, TEXT(",\"delete_self_enabled\":"),
             user->user.delete_self_enabled != USER_FLAG_FALSE);
    put_bool(to, TEXT(",\"create_organization_enabled\":"),
             user->user.create_organization_enabled != USER_FLAG_FALSE);
    put_time(to, TEXT(",\"last_active_at\":"), user->last_active_at);
    put_time(to, TEXT(",\"legal_accepted_at\":"), user->user.legal_accepted_at);
}

void clerk_write_user(const struct clerk_user *user, struct buf *to)
{
    put_text(to, TEXT("{\"id\":"), user->id);
    put_names(user, to);
    put_credentials(user, to);
    put_identifiers(user, to);
    put_object(to, TEXT(",\"public_metadata\":"), user->user.public_metadata);
    put_object(to, TEXT(",\"private_metadata\":"), user->user.private_metadata);
    put_object(to, TEXT(",\"unsafe_metadata\":"), user->user.unsafe_metadata);
    put_text(to, TEXT(",\"external_id\":"), user->user.external_id);
    put_state(user, to);
    put_text(to, TEXT(",\"locale\":"), user->user.locale);
    put_time(to, TEXT(",\"create_organizations_limit\":"), user->user.create_organizations_limit);
    put_bool(to, TEXT(",\"bypass_client_trust\":"),
             user->user.bypass_client_trust == USER_FLAG_TRUE);
    buf_byte(to, '}');
}

/* As the user himself sees it: without private metadata. */
void clerk_write_client_user(const struct clerk_user *user, struct text memberships, struct buf *to)
{
    put_text(to, TEXT("{\"id\":"), user->id);
    put_names(user, to);
    put_credentials(user, to);
    put_identifiers(user, to);
    put_object(to, TEXT(",\"organization_memberships\":"), memberships);
    put_object(to, TEXT(",\"public_metadata\":"), user->user.public_metadata);
    put_object(to, TEXT(",\"unsafe_metadata\":"), user->user.unsafe_metadata);
    put_text(to, TEXT(",\"external_id\":"), user->user.external_id);
    put_state(user, to);
    if (user->user.create_organizations_limit != USER_UNSET)
        put_time(to, TEXT(",\"create_organizations_limit\":"),
                 user->user.create_organizations_limit);
    buf_byte(to, '}');
}

struct text clerk_identifier_of(const struct clerk_user *user)
{
    for (size_t i = 0; i < user->email_count; i++)
        if (text_same(user->emails[i].id, user->primary_email_id))
            return user->emails[i].value;
    for (size_t i = 0; i < user->phone_count; i++)
        if (text_same(user->phones[i].id, user->primary_phone_id))
            return user->phones[i].value;
    return user->user.username;
}

void clerk_write_public_user(const struct clerk_user *user, struct buf *to)
{
    struct text identifier = clerk_identifier_of(user);
    put_text(to, TEXT("{\"first_name\":"), user->user.first_name);
    put_text(to, TEXT(",\"last_name\":"), user->user.last_name);
    put_image(user, to);
    put_text(to, TEXT(",\"identifier\":"), identifier.at ? identifier : TEXT(""));
    put_text(to, TEXT(",\"user_id\":"), user->id);
    buf_byte(to, '}');
}

void clerk_write_count(int64_t count, struct buf *to)
{
    put_time(to, TEXT("{\"object\":\"total_count\",\"total_count\":"), count);
    buf_byte(to, '}');
}

void clerk_write_deleted(const char *object, struct text id, struct text external_id,
                         struct buf *to)
{
    put_text(to, TEXT("{\"object\":"), text_of(object));
    put_text(to, TEXT(",\"id\":"), id);
    if (external_id.at)
        put_text(to, TEXT(",\"external_id\":"), external_id);
    buf_add(to, TEXT(",\"deleted\":true}"));
}
