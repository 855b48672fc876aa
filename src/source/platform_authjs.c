/*
 * Auth.js (NextAuth): the users table of its database adapters. Adapters differ in the case of the
 * column names, and in whether emailVerified is a moment, null or a boolean. Auth.js stores no
 * passwords.
 */
#include "source/draft.h"

static const struct platform_row rows[] = {
    {"id", USER_FIELD_external_id, AS_TEXT},
    {"email", USER_FIELD_email_address, AS_IDENTIFIER},
    {"email_verified", USER_FIELD_email_address, AS_VERIFIED},
    {"emailVerified", USER_FIELD_email_address, AS_VERIFIED},
    {"name", USER_FIELD_first_name, AS_FULL_NAME},
    {"created_at", USER_FIELD_created_at, AS_TIME},
    {"createdAt", USER_FIELD_created_at, AS_TIME},
};

static const char *const marks[] = {"id", "email", "name|emailVerified|email_verified", NULL};

const struct platform platform_authjs = {
    .name = "authjs",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .marks = marks,
};
