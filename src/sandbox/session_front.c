/* Sessions of the browser: touch, tokens, end and remove, signing out; the client itself; dev browsers. */
#include "sandbox/active.h"
#include "sandbox/call.h"
#include "sandbox/enrollment.h"
#include "sandbox/front.h"
#include "sandbox/jwt_template.h"
#include "sandbox/meter.h"
#include "sandbox/routes.h"
#include "sandbox/token.h"

/* The session of the path with its user. */
static bool get(struct call *call, struct session *session, struct account *account)
{
    return session_get_live(call, call->ids[0], session, account);
}

static void answer(struct call *call, const struct session *session)
{
    struct json_out out = front_open(call);
    if (session_write_front(call, session, &out))
        front_close(call, &out);
}

void sessions_front_get(struct call *call)
{
    struct session session;
    struct account account;
    if (get(call, &session, &account))
        answer(call, &session);
}

/* Whoever was active is noted; a new day makes the user active of that day. */
static bool note_activity(struct call *call, struct session *session, struct account *account)
{
    struct err err;
    session->active_at = call->now_ms;
    session->abandon_at = call->now_ms + SESSION_ABANDON_MS;
    account->clerk.last_active_at = call->now_ms;
    return session_put(call, session) && meter_active(call, account) &&
           meter_active_in(call, session) &&
           call_check(call, account_put(call->desk->store, account, call->arena, &err), &err);
}

/* A form without active_organization_id leaves the session where it is. */
static bool choose_organization(struct call *call, struct session *session)
{
    struct text wanted = form_get(&call->form, TEXT("active_organization_id"));
    return !wanted.at || active_set(call, session, wanted);
}

void sessions_touch(struct call *call)
{
    struct client *client = &call->front->client;
    struct session session;
    struct account account;
    if (!get(call, &session, &account) || !choose_organization(call, &session) ||
        !note_activity(call, &session, &account) || !enrollment_offer(call, &account))
        return;
    if (!text_same(client->session, session.id)) {
        client->session = session.id;
        if (!client_put(call, client))
            return;
    }
    answer(call, &session);
}

/* Each tab may ask for a token of the organization that it shows; the session stays where it is. */
static bool token_organization(struct call *call, struct session *session)
{
    struct text wanted = form_get(&call->form, TEXT("organization_id"));
    return !wanted.at || active_set(call, session, wanted);
}

void sessions_token(struct call *call)
{
    struct session session;
    struct account account;
    if (get(call, &session, &account) && token_organization(call, &session) &&
        meter_active(call, &account) && meter_active_in(call, &session))
        token_answer(call, &(struct token_opts){.session = &session, .account = &account});
}

void sessions_template_token(struct call *call)
{
    struct session session;
    struct account account;
    struct jwt_template template;
    if (get(call, &session, &account) && jwt_template_find(call, call->ids[1], &template))
        token_answer(call, &(struct token_opts){
                               .session = &session, .account = &account, .template = &template});
}

static void end(struct call *call, const char *status)
{
    struct session session;
    struct account account;
    struct session *left;
    size_t count;
    if (!get(call, &session, &account) || !session_end(call, &session, status) ||
        !session_list_live(call, session.client, &left, &count))
        return;
    call->front->client.session = count > 0 ? left[0].id : (struct text){NULL, 0};
    if (front_put_client(call))
        answer(call, &session);
}

void sessions_end(struct call *call)
{
    end(call, "ended");
}

void sessions_remove(struct call *call)
{
    end(call, "removed");
}

static bool end_all(struct call *call, const char *status)
{
    struct session *sessions;
    size_t count;
    if (!session_list_live(call, call->front->client.id, &sessions, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!session_end(call, &sessions[i], status))
            return false;
    return true;
}

static bool check_client(struct call *call)
{
    return call->front->client.id.at ||
           call_fail(call, CLERK_signed_out, NULL, "You are signed out.");
}

/* {"response":the client,"client":null}. */
static void answer_client(struct call *call)
{
    struct json_out out = front_open(call);
    if (!call->front->client.id.at)
        json_put_null(&out);
    else if (!client_write(call, &call->front->client, &out))
        return;
    json_field_raw(&out, "client", TEXT("null"));
    json_close(&out, '}');
}

/* Signing out: the client stays, with its cookie. */
void sessions_remove_all(struct call *call)
{
    struct client *client = &call->front->client;
    if (!check_client(call) || !end_all(call, "removed"))
        return;
    client->session = client->sign_in = client->sign_up = (struct text){NULL, 0};
    if (front_put_client(call))
        answer_client(call);
}

void clients_get_current(struct call *call)
{
    answer_client(call);
}

void clients_create_current(struct call *call)
{
    if (front_client(call))
        answer_client(call);
}

/* Ends the sessions and forgets the client; the next request makes a new one. */
void clients_delete_current(struct call *call)
{
    struct front *front = call->front;
    struct err err;
    if (!check_client(call) || !end_all(call, "ended") ||
        !call_check(call, row_delete(call->desk->store, &client_table, front->client.id, &err),
                    &err))
        return;
    front->client = (struct client){.id = {NULL, 0}};
    front->stale = true;
    answer_client(call);
}

void dev_browsers_create(struct call *call)
{
    struct dev_browser browser = {.id = call_new_id(call, "dvb_"), .created_at = call->now_ms};
    struct err err;
    if (call->desk->instance->kind != CLERK_DEVELOPMENT) {
        call_fail(call, CLERK_request_invalid_for_instance, NULL,
                  "Only development instances have development browsers.");
        return;
    }
    if (!call_check(call, row_put(call->desk->store, &dev_browser_table, &browser, &err), &err))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "id", browser.id);
    json_field_text(&out, "object", TEXT("dev_browser"));
    json_close(&out, '}');
}

void front_jwks(struct call *call)
{
    keys_write(&call->desk->instance->keys, call_answer(call, 200));
}

void front_health(struct call *call)
{
    buf_add(call_answer(call, 200), TEXT("{\"status\":\"healthy\"}"));
}

/* Says what the instance sees of a proxy, before it is switched on. */
void front_proxy_health(struct call *call)
{
    struct text forwarded = server_header(call->request, "X-Forwarded-For");
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "status", TEXT("healthy"));
    json_field_text(&out, "x_forwarded_for", forwarded.at ? forwarded : TEXT(""));
    json_close(&out, '}');
}
