/* What a picture is, its first bytes say: a browser shows it as that, and must not take it for a page. */
#include "sandbox/image.h"

#include <string.h>

#include "sandbox/front.h"
#include "sandbox/me.h"
#include "sandbox/routes.h"
#include "sandbox/store_private.h"

const char image_schema[] =
    "CREATE TABLE IF NOT EXISTS images (owner TEXT PRIMARY KEY, number BIGINT NOT NULL,"
    " type BIGINT NOT NULL, data BLOB NOT NULL);";

/* Stored: a row's place never changes. */
static const struct {
    const char *name;
    struct text start;
    struct text further; /* at byte 8 */
} types[] = {
    {"image/jpeg", {"\xff\xd8\xff", 3}, {NULL, 0}},
    {"image/png", {"\x89PNG\r\n\x1a\n", 8}, {NULL, 0}},
    {"image/gif", {"GIF87a", 6}, {NULL, 0}},
    {"image/gif", {"GIF89a", 6}, {NULL, 0}},
    {"image/webp", {"RIFF", 4}, {"WEBP", 4}},
};

static size_t type_of(struct text data)
{
    size_t i = 0;
    while (i < ARRAY_COUNT(types) && !(text_starts(data, types[i].start) &&
                                       text_starts(text_part(data, 8, data.len), types[i].further)))
        i++;
    return i;
}

bool image_is_path(struct text path)
{
    return text_ends(path, TEXT("/logo")) || text_ends(path, TEXT("/profile_image"));
}

/* ---- storing ---- */

static bool put(struct call *call, struct text owner, int64_t number, size_t type, struct text data)
{
    static const char statement[] =
        "INSERT INTO images (owner, number, type, data) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (owner) DO UPDATE SET number = excluded.number, type = excluded.type,"
        " data = excluded.data";
    struct err err;
    struct sql_query *query = store_writes(call->desk->store, statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_text(query, 1, owner);
    sql_bind_int(query, 2, number);
    sql_bind_int(query, 3, (int64_t)type);
    sql_bind_blob(query, 4, data);
    return sql_run(query, &err) == 0 || call_broken(call, &err);
}

int image_delete(struct store *store, struct text owner, struct err *err)
{
    static const char statement[] = "DELETE FROM images WHERE owner = ?1";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, owner);
    return sql_run(query, err);
}

int image_url(const struct store *store, struct text owner, int64_t number, struct arena *arena,
              struct text *url, struct err *err)
{
    *url = (struct text){NULL, 0};
    if (number == USER_UNSET)
        return 0;
    *url = arena_printf(arena, "%s/v1/sandbox/images/%.*s/%lld", store->address, TEXT_ARG(owner),
                        (long long)number);
    return url->at ? 0 : err_memory(err);
}

/* ---- taking ---- */

/* Cropped pictures come from the browser as base64, maybe as a data: URL. */
static bool decode(struct call *call, struct text t, struct text *data)
{
    size_t comma = text_starts(t, TEXT("data:")) ? text_find(t, ',', 0) + 1 : 0, len;
    t = text_trim(text_part(t, comma, t.len));
    uint8_t *room = call_alloc(call, t.len + 1);
    if (!room)
        return false;
    if (!base64_decode(BASE64, t, room, t.len, &len))
        return call_fail(call, CLERK_request_body_invalid, NULL, "The body is not base64.");
    *data = (struct text){(const char *)room, len};
    return true;
}

static bool read_body(struct call *call, struct text *data)
{
    struct text type = server_header(call->request, "Content-Type");
    struct form_part part;
    if (call->front && form_is_type(type, TEXT("application/octet-stream")))
        return decode(call, call->request->body, data);
    if (!form_part(type, call->request->body, TEXT("file"), &part))
        return call_fail(call, CLERK_form_param_missing, "file",
                         "`file` is missing: send a form of the type multipart/form-data.");
    *data = part.content;
    return true;
}

bool image_take(struct call *call, struct text owner, int64_t *number)
{
    struct text data;
    if (!read_body(call, &data))
        return false;
    size_t type = type_of(data);
    if (data.len > IMAGE_MAX)
        return call_fail(call, CLERK_image_too_large, NULL, "A picture may have %zu bytes at most.",
                         IMAGE_MAX);
    if (type == ARRAY_COUNT(types))
        return call_fail(call, CLERK_unsupported_content_type, NULL,
                         "A picture must be image/jpeg, image/png, image/gif or image/webp.");
    /* Two in one millisecond have different numbers, too. */
    *number = *number == USER_UNSET || *number < call->now_ms ? call->now_ms : *number + 1;
    return put(call, owner, *number, type, data);
}

bool image_drop(struct call *call, struct text owner, int64_t *number)
{
    struct err err;
    if (*number == USER_UNSET)
        return call_fail(call, CLERK_image_not_found, NULL, "There is no picture.");
    *number = USER_UNSET;
    return image_delete(call->desk->store, owner, &err) == 0 || call_broken(call, &err);
}

/* ---- endpoints ---- */

void images_get(struct call *call)
{
    static const char statement[] =
        "SELECT type, data FROM images WHERE owner = ?1 AND number = ?2";
    struct err err;
    uint64_t number;
    if (!text_u64(call->ids[1], INT64_MAX, &number)) {
        call_not_found(call, "picture", call->ids[1]);
        return;
    }
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query) {
        call_broken(call, &err);
        return;
    }
    sql_bind_text(query, 1, call->ids[0]);
    sql_bind_int(query, 2, (int64_t)number);
    int got = sql_step(query, &err);
    size_t type = got > 0 ? (size_t)sql_int(query, 0) : ARRAY_COUNT(types);
    if (type < ARRAY_COUNT(types)) {
        buf_add(call_answer(call, 200), sql_text(query, 1));
        call->content_type = types[type].name;
        call_header(call, "X-Content-Type-Options", TEXT("nosniff"));
        call_header(call, "Access-Control-Allow-Origin",
                    TEXT("*")); /* <UserProfile/> reads its pixels */
        call_header(call, "Cache-Control", TEXT("public, max-age=31536000, immutable"));
    }
    sql_reset(query);
    if (got < 0)
        call_broken(call, &err);
    else if (type == ARRAY_COUNT(types))
        call_not_found(call, "picture", call->ids[1]);
}

void users_set_image(struct call *call)
{
    struct account account;
    if (call_account(call, call->ids[0], &account) &&
        image_take(call, account.clerk.id, &account.image))
        call_put_account(call, &account);
}

void users_delete_image(struct call *call)
{
    struct account account;
    if (call_account(call, call->ids[0], &account) &&
        image_drop(call, account.clerk.id, &account.image))
        call_put_account(call, &account);
}

/* ---- the Frontend API ---- */

/* The number names the picture as well. */
static struct text image_id(struct call *call, int64_t number)
{
    return arena_printf(call->arena, "img_%lld", (long long)number);
}

void me_set_image(struct call *call)
{
    struct account *account = me_account(call);
    struct text type = server_header(call->request, "Content-Type");
    struct form_part part;
    if (!image_take(call, account->clerk.id, &account->image) || !me_put(call))
        return;
    struct text name =
        form_part(type, call->request->body, TEXT("file"), &part) ? part.filename : TEXT("");
    struct json_out out = front_open(call);
    json_open(&out, '{');
    json_field_text(&out, "object", TEXT("image"));
    json_field_text(&out, "id", image_id(call, account->image));
    json_field_text(&out, "name", name.at ? name : TEXT(""));
    json_field_text(&out, "public_url", account->clerk.image_url);
    json_close(&out, '}');
    front_close(call, &out);
}

void me_delete_image(struct call *call)
{
    struct account *account = me_account(call);
    struct text id = image_id(call, account->image);
    if (image_drop(call, account->clerk.id, &account->image) && me_put(call))
        me_answer_deleted(call, "image", id);
}
