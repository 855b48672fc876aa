/*
 * POST /sessions/{id}/refresh: an application's server has an expired session token and the cookie `__refresh` that a
 * handshake has set, and gets a fresh token without sending the browser away. Whatever is wrong is a 401, upon which
 * SDKs fall back on a handshake.
 */
#include "sandbox/body.h"
#include "sandbox/front.h"
#include "sandbox/handshake.h"
#include "sandbox/routes.h"
#include "sandbox/token.h"

/* A token that has expired longer ago than this is not refreshed. */
#define REFRESH_MAX_S 86400

struct refresh {
    struct text expired_token, refresh_token, request_origin, format, address, headers;
};

static bool refuse(struct call *call, enum clerk_code code)
{
    return call_fail(call, code, NULL, "The session token cannot be refreshed.");
}

/* The claims of the expired token, which must be of this session and not too old. */
static bool check_expired(struct call *call, const struct refresh *form)
{
    struct json_value claims;
    struct err err;
    struct text payload = keys_verify(&call->desk->instance->keys, form->expired_token, call->arena,
                                      TEXT(TOKEN_CLASS_SESSION));
    if (!payload.at || json_parse(call->desk->json, payload, &claims, &err) != 0)
        return refuse(call, CLERK_expired_session_token_invalid);
    if (!text_same(json_text(json_get(claims, TEXT("sid"))), call->ids[0]))
        return refuse(call, CLERK_refresh_sid_mismatch);
    if (json_int(json_get(claims, TEXT("exp"))) + REFRESH_MAX_S < call->now_ms / 1000)
        return refuse(call, CLERK_session_refresh_expired_session_token_too_old);
    struct text azp = json_text(json_get(claims, TEXT("azp")));
    return !azp.at || text_same(azp, form->request_origin) ||
           refuse(call, CLERK_refresh_request_origin_azp_mismatch);
}

static bool read_form(struct call *call, struct refresh *form)
{
    static const struct body_field fields[] = {
        {"expired_token", BODY_SECRET, offsetof(struct refresh, expired_token), .needed = true},
        {"refresh_token", BODY_SECRET, offsetof(struct refresh, refresh_token), .needed = true},
        {"request_origin", BODY_TEXT, offsetof(struct refresh, request_origin), .needed = true},
        {"request_headers", BODY_OBJECT, .offset = offsetof(struct refresh, headers)},
        {"format", BODY_TEXT, .offset = offsetof(struct refresh, format),
         .choices = "token|cookie"},
        {"request_originating_ip", BODY_TEXT, .offset = offsetof(struct refresh, address)},
    };
    uint64_t given;
    *form = (struct refresh){.format = {NULL, 0}};
    return body_read(call, fields, ARRAY_COUNT(fields), form, &given);
}

/* The live session of the path, whose refresh token it is, with its user. */
static bool find(struct call *call, struct text token, struct session *session,
                 struct account *account)
{
    struct store *store = call->desk->store;
    struct err err;
    enum store_answer got =
        row_get(store, &session_table, call->ids[0], call->arena, session, &err);
    if (got == STORE_NONE)
        return refuse(call, CLERK_session_refresh_session_not_found);
    if (!call_check(call, got, &err) || !session_get(call, call->ids[0], session))
        return false;
    if (!text_same(session->status, TEXT("active")))
        return refuse(call, CLERK_session_refresh_inactive_session);
    if (!session->refresh.at || token.len != session->refresh.len ||
        !secret_same(token.at, session->refresh.at, token.len))
        return refuse(call, CLERK_refresh_token_not_found);
    got = account_get_seq(store, session->account, call->now_ms, call->arena, account, &err);
    if (got == STORE_NONE)
        return refuse(call, CLERK_session_refresh_user_not_found);
    return call_check(call, got, &err);
}

/* Tokens are the browser's: for the origin that it asked. */
static bool set_origin(struct call *call, struct text origin)
{
    struct front *front = call_alloc(call, sizeof(*front));
    if (!front)
        return false;
    *front = (struct front){.origin = origin};
    call->front = front;
    return true;
}

static void answer(struct call *call, const struct session *session, const struct account *account,
                   bool cookies)
{
    if (!cookies) {
        token_answer(call, &(struct token_opts){.session = session, .account = account});
        return;
    }
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "object", TEXT("cookies"));
    json_key(&out, TEXT("cookies"));
    json_open(&out, '[');
    if (!handshake_put_session(call, session, account, &out))
        return;
    json_close(&out, ']');
    json_close(&out, '}');
}

void sessions_refresh(struct call *call)
{
    struct refresh form;
    struct session session;
    struct account account;
    if (!keys_ready(call, sessions_refresh) || !read_form(call, &form) ||
        !check_expired(call, &form) || !find(call, form.refresh_token, &session, &account) ||
        !set_origin(call, form.request_origin))
        return;
    answer(call, &session, &account, text_same(form.format, TEXT("cookie")));
    call->front = NULL;
}
