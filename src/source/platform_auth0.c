/*
 * Auth0: the bulk export job, the Management API's users, and the password hashes that Auth0's support
 * hands out (one object a line with passwordHash), or the custom_password_hash of its import format.
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
    {"name", USER_FIELD_first_name, AS_FINISH},
    {"user_metadata", USER_FIELD_unsafe_metadata, AS_OBJECT},
    {"app_metadata", USER_FIELD_private_metadata, AS_OBJECT},
    {"created_at", USER_FIELD_created_at, AS_TIME},
    {"blocked", USER_FIELD_banned, AS_FLAG_IF_TRUE},
    {"passwordHash", USER_FIELD_password_digest, AS_NATIVE_DIGEST},
    {"password_hash", USER_FIELD_password_digest, AS_NATIVE_DIGEST},
    {"custom_password_hash", USER_FIELD_password_digest, AS_FINISH},
};

/* A name that is not also given in its parts has no place: Auth0 puts addresses into it too. */
static int finish(struct draft *draft)
{
    struct json_value custom = json_get(draft->record, TEXT("custom_password_hash"));
    if (!draft->user->first_name.at && !draft->user->last_name.at &&
        json_text(json_get(draft->record, TEXT("name"))).len > 0)
        paths_lose(draft->paths, TEXT("name"));
    if (draft->native.at || draft_is_absent(custom))
        return 0;
    buf_reset(draft->scratch);
    buf_add(draft->scratch, TEXT("{\"custom_password_hash\":"));
    if (json_type(custom) == JSON_STRING)
        buf_add(draft->scratch, json_text(custom));
    else
        json_write(custom, draft->scratch);
    buf_byte(draft->scratch, '}');
    draft->native = arena_copy(draft->arena, buf_text(draft->scratch));
    return buf_ok(draft->scratch) && draft->native.at ? 0 : draft_no_memory(draft);
}

static const char *const marks[] = {"user_id", "identities", NULL};

const struct platform platform_auth0 = {
    .name = "auth0",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .marks = marks,
    .finish = finish,
};
