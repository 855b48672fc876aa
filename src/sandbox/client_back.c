/* The Backend API's clients: list, get, and verify a session token to its client. */
#include "sandbox/body.h"
#include "sandbox/call.h"
#include "sandbox/client.h"
#include "sandbox/page.h"
#include "sandbox/routes.h"
#include "sandbox/session.h"
#include "sandbox/token.h"

static bool write(struct call *call, const struct client *client, struct json_out *out)
{
    struct session *sessions;
    size_t count;
    if (!session_list_live(call, client->id, &sessions, &count))
        return false;
    json_open(out, '{');
    json_field_text(out, "object", TEXT("client"));
    json_field_text(out, "id", client->id);
    json_key(out, TEXT("session_ids"));
    json_open(out, '[');
    for (size_t i = 0; i < count; i++)
        json_put_text(out, sessions[i].id);
    json_close(out, ']');
    json_key(out, TEXT("sessions"));
    json_open(out, '[');
    for (size_t i = 0; i < count; i++)
        session_write_back(call, &sessions[i], out);
    json_close(out, ']');
    json_field_text(out, "sign_in_id", client->sign_in);
    json_field_text(out, "sign_up_id", client->sign_up);
    json_field_text(out, "last_active_session_id",
                    count > 0 ? client->session : (struct text){NULL, 0});
    json_field_text(out, "last_authentication_strategy", client->strategy);
    json_field_int(out, "created_at", client->created_at);
    json_field_int(out, "updated_at", client->updated_at);
    json_close(out, '}');
    return true;
}

static void answer(struct call *call, struct text id)
{
    struct client client;
    struct err err;
    enum store_answer got =
        row_get(call->desk->store, &client_table, id, call->arena, &client, &err);
    if (got == STORE_NONE) {
        call_not_found(call, "client", id);
    } else if (call_check(call, got, &err)) {
        struct json_out out = json_out(call_answer(call, 200));
        write(call, &client, &out);
    }
}

void clients_get(struct call *call)
{
    answer(call, call->ids[0]);
}

void clients_list(struct call *call)
{
    static const char statement[] =
        ROW_SELECT("clients", CLIENT_COLUMNS) " ORDER BY created_at DESC, id";
    struct page page;
    struct err err;
    void *rows = NULL;
    size_t count = 0;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query || row_list(&client_table, query, call->arena, &rows, &count, &err) != 0) {
        call_broken(call, &err);
        return;
    }
    const struct client *clients = rows;
    if (!page_open(call, count, &page))
        return;
    for (size_t i = page.from; i < page.to; i++)
        if (!write(call, &clients[i], &page.out))
            return;
    page_close(&page);
}

/* The token of a session tells whose client it is. */
void clients_verify(struct call *call)
{
    static const struct body_field fields[] = {{"token", BODY_SECRET, .needed = true}};
    struct text token = {NULL, 0};
    struct json_value claims;
    struct session session;
    struct err err;
    uint64_t given;
    if (!keys_ready(call, clients_verify) ||
        !body_read(call, fields, ARRAY_COUNT(fields), &token, &given))
        return;
    struct text payload =
        keys_verify(&call->desk->instance->keys, token, call->arena, TEXT(TOKEN_CLASS_SESSION));
    if (!payload.at || json_parse(call->desk->json, payload, &claims, &err) != 0 ||
        json_int(json_get(claims, TEXT("exp"))) <= call->now_ms / 1000) {
        call_fail(call, CLERK_authentication_invalid, NULL, "The token is not valid.");
        return;
    }
    struct text id = arena_copy(call->arena, json_text(json_get(claims, TEXT("sid"))));
    if (session_get(call, id, &session))
        answer(call, session.client);
}
