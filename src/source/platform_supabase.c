/*
 * Supabase: the table auth.users, exported from the SQL editor (CSV or JSON, where objects may have
 * become strings) or with the admin API. Phone numbers are stored without their +. Users can edit
 * raw_user_meta_data, not raw_app_meta_data, in which Supabase keeps the providers.
 */
#include "source/draft.h"

static const struct platform_row rows[] = {
    {"id", USER_FIELD_external_id, AS_TEXT},
    {"deleted_at", USER_FIELD_external_id, AS_DELETED},
    {"email", USER_FIELD_email_address, AS_IDENTIFIER},
    {"email_confirmed_at", USER_FIELD_email_address, AS_VERIFIED},
    {"phone", USER_FIELD_phone_number, AS_PHONE_DIGITS},
    {"phone_confirmed_at", USER_FIELD_phone_number, AS_VERIFIED},
    {"confirmed_at", USER_FIELD_email_address, AS_FINISH},
    {"username", USER_FIELD_username, AS_TEXT},
    {"encrypted_password", USER_FIELD_password_digest, AS_NATIVE_DIGEST},
    {"raw_user_meta_data", USER_FIELD_unsafe_metadata, AS_OBJECT},
    {"user_metadata", USER_FIELD_unsafe_metadata, AS_OBJECT},
    {"raw_app_meta_data", USER_FIELD_private_metadata, AS_FINISH},
    {"app_metadata", USER_FIELD_private_metadata, AS_FINISH},
    {"created_at", USER_FIELD_created_at, AS_TIME},
    {"banned_until", USER_FIELD_banned, AS_BANNED_UNTIL},
    {"first_name", USER_FIELD_first_name, AS_TEXT},
    {"last_name", USER_FIELD_last_name, AS_TEXT},
};

/* Where a user's own metadata may have the name, if the table does not. */
static const struct platform_row name_rows[] = {
    {"first_name", USER_FIELD_first_name, AS_TEXT},
    {"last_name", USER_FIELD_last_name, AS_TEXT},
    {"display_name", USER_FIELD_first_name, AS_FULL_NAME},
    {"full_name", USER_FIELD_first_name, AS_FULL_NAME},
    {"name", USER_FIELD_first_name, AS_FULL_NAME},
};

/* The object under one of two names, also where it is the text of one. */
static struct json_value object_of(struct draft *draft, struct text name, struct text other)
{
    struct json_value value = json_get(draft->record, name);
    struct err ignored;
    if (draft_is_absent(value))
        value = json_get(draft->record, other);
    if (json_type(value) == JSON_STRING &&
        json_parse(draft->json, json_text(value), &value, &ignored) != 0)
        value = (struct json_value){0};
    return value;
}

/* The user's metadata is his own business: what is no string there is no name, and no mistake. */
static int take_names(struct draft *draft)
{
    struct json_value meta = object_of(draft, TEXT("raw_user_meta_data"), TEXT("user_metadata"));
    for (size_t i = 0; i < ARRAY_COUNT(name_rows); i++) {
        if (i >= 2 && (draft->user->first_name.at || draft->user->last_name.at))
            return 0;
        struct json_value value = json_get(meta, text_of(name_rows[i].path));
        if (json_type(value) == JSON_STRING && draft_apply(draft, &name_rows[i], value) != 0)
            return -1;
    }
    return 0;
}

/* What the application itself has put beside the providers goes on, they do not. */
static int take_app_metadata(struct draft *draft)
{
    struct json_walk walk =
        json_walk(object_of(draft, TEXT("raw_app_meta_data"), TEXT("app_metadata")));
    struct json_out out = json_out(draft->scratch);
    bool any = false;
    buf_reset(draft->scratch);
    json_open(&out, '{');
    while (json_next(&walk)) {
        if (text_same(walk.key, TEXT("provider")) || text_same(walk.key, TEXT("providers")))
            continue;
        any = true;
        json_key(&out, walk.key);
        json_write(walk.value, draft->scratch);
        out.comma = true;
    }
    json_close(&out, '}');
    if (!any)
        return 0;
    draft->user->private_metadata = arena_copy(draft->arena, buf_text(draft->scratch));
    return buf_ok(draft->scratch) && draft->user->private_metadata.at ? 0 : draft_no_memory(draft);
}

static int finish(struct draft *draft)
{
    if (!draft->user->first_name.at && !draft->user->last_name.at && take_names(draft) != 0)
        return -1;
    return take_app_metadata(draft);
}

static const char *const marks[] = {
    "id", "encrypted_password|raw_user_meta_data|raw_app_meta_data|email_confirmed_at", NULL};

const struct platform platform_supabase = {
    .name = "supabase",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .marks = marks,
    .finish = finish,
};
