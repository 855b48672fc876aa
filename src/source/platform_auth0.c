/*
 * Auth0: the bulk export job, the Management API's users, and the password hashes that Auth0's support
 * hands out (one object a line with passwordHash), or the custom_password_hash of its import format.
 * A name that is not also given in its parts has no place, since Auth0 puts addresses into it too.
 * user_metadata can be edited by the user, app_metadata cannot.
 */
#include "source/draft.h"

static const struct platform_row rows[] = {
    {"user_id", USER_FIELD_external_id, AS_TEXT},
    {"email", USER_FIELD_email_address, AS_IDENTIFIER},
    {"email_verified", USER_FIELD_email_address, AS_VERIFIED},
    {"username", USER_FIELD_username, AS_TEXT},
    {"phone_number", USER_FIELD_phone_number, AS_IDENTIFIER},
    {"phone_verified", USER_FIELD_phone_number, AS_VERIFIED},
    {"given_name", USER_FIELD_first_name, AS_TEXT},
    {"family_name", USER_FIELD_last_name, AS_TEXT},
    {"name", USER_FIELD_first_name, AS_SPARE_NAME},
    {"user_metadata", USER_FIELD_unsafe_metadata, AS_OBJECT},
    {"app_metadata", USER_FIELD_private_metadata, AS_OBJECT},
    {"created_at", USER_FIELD_created_at, AS_TIME},
    {"blocked", USER_FIELD_banned, AS_FLAG_IF_TRUE},
    {"passwordHash", USER_FIELD_password_digest, AS_NATIVE_DIGEST},
    {"password_hash", USER_FIELD_password_digest, AS_NATIVE_DIGEST},
    {"custom_password_hash", USER_FIELD_password_digest, AS_KEYED_DIGEST},
};

static const char *const marks[] = {
    "user_id", "identities|email_verified|logins_count|app_metadata|user_metadata|passwordHash",
    NULL};

const struct platform platform_auth0 = {
    .name = "auth0",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .marks = marks,
};
