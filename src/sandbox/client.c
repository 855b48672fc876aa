#include "sandbox/client.h"

#include "sandbox/call.h"
#include "sandbox/session.h"
#include "sandbox/signin.h"
#include "sandbox/signup.h"

#define SECRET_LEN 32
/* How long the secret before the last rotation still holds. */
#define GRACE_MS 30000

#define COLUMN_TEXT(name)   {offsetof(struct client, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct client, name), true},
ROW_TABLE(client_table, client, "clients", CLIENT_COLUMNS, COLUMN_TEXT, COLUMN_NUMBER, "");
#undef COLUMN_TEXT
#undef COLUMN_NUMBER
#define COLUMN_TEXT(name)   {offsetof(struct dev_browser, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct dev_browser, name), true},
ROW_TABLE(dev_browser_table, dev_browser, "dev_browsers", DEV_BROWSER_COLUMNS, COLUMN_TEXT,
          COLUMN_NUMBER, "");

static struct text new_secret(struct call *call)
{
    char secret[SECRET_LEN + 1];
    random_base62(secret, SECRET_LEN);
    return arena_copy(call->arena, text_of(secret));
}

bool client_new(struct call *call, struct client *client)
{
    *client = (struct client){.id = call_new_id(call, "client_"),
                              .secret = new_secret(call),
                              .rotated_at = call->now_ms,
                              .created_at = call->now_ms,
                              .updated_at = call->now_ms};
    return (client->id.at && client->secret.at) ||
           call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

static bool holds(struct text secret, struct text given)
{
    return secret.len > 0 && secret.len == given.len && secret_same(secret.at, given.at, given.len);
}

bool client_of_cookie(struct call *call, struct text value, struct client *client, bool *found)
{
    size_t dot = text_find(value, '.', 0);
    struct text secret = text_part(value, dot + 1, value.len);
    struct err err;
    *found = false;
    enum store_answer got = row_get(call->desk->store, &client_table, text_part(value, 0, dot),
                                    call->arena, client, &err);
    if (got == STORE_NONE)
        return true;
    if (got != STORE_OK)
        return call_broken(call, &err);
    *found = holds(client->secret, secret) ||
             (call->now_ms - client->rotated_at < GRACE_MS && holds(client->previous, secret));
    return true;
}

bool client_rotate(struct call *call, struct client *client)
{
    client->previous = client->secret;
    client->secret = new_secret(call);
    client->rotated_at = call->now_ms;
    return client->secret.at || call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

bool client_put(struct call *call, const struct client *client)
{
    struct err err;
    return call_check(call, row_put(call->desk->store, &client_table, client, &err), &err);
}

/* The last active session if it is live, else the first; absent without one. */
static struct text last_active(const struct client *client, const struct session *sessions,
                               size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_same(sessions[i].id, client->session))
            return client->session;
    return count > 0 ? sessions[0].id : (struct text){NULL, 0};
}

bool client_write(struct call *call, const struct client *client, struct json_out *out)
{
    struct session *sessions;
    size_t count;
    if (!session_list_live(call, client->id, &sessions, &count))
        return false;
    json_open(out, '{');
    json_field_text(out, "object", TEXT("client"));
    json_field_text(out, "id", client->id);
    json_key(out, TEXT("sessions"));
    json_open(out, '[');
    for (size_t i = 0; i < count; i++)
        if (!session_write_front(call, &sessions[i], out))
            return false;
    json_close(out, ']');
    json_key(out, TEXT("sign_in"));
    if (!signin_write_open(call, client->sign_in, out))
        return false;
    json_key(out, TEXT("sign_up"));
    if (!signup_write_open(call, client->sign_up, out))
        return false;
    json_field_text(out, "last_active_session_id", last_active(client, sessions, count));
    json_field_text(out, "last_authentication_strategy", client->strategy);
    json_field_raw(out, "cookie_expires_at", TEXT("null"));
    json_field_bool(out, "captcha_bypass", false);
    json_field_int(out, "created_at", client->created_at);
    json_field_int(out, "updated_at", client->updated_at);
    json_close(out, '}');
    return true;
}
