#include "sandbox/ticket.h"

#include <stdio.h>

#include "sandbox/body.h"
#include "sandbox/call.h"
#include "sandbox/routes.h"
#include "sandbox/token.h"

/* Seconds: how long sign-in tokens and actor tokens live unless told otherwise, and at most. */
#define SIGN_IN_LIFE_S 2592000
#define ACTOR_LIFE_S   3600
#define LIFE_MAX_S     315360000
/* How long an impersonated session lasts. */
#define ACTOR_SESSION_S 1800

#define COLUMN_TEXT(name)   {offsetof(struct ticket, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct ticket, name), true},
ROW_TABLE(ticket_table, ticket, "tickets", TICKET_COLUMNS, COLUMN_TEXT, COLUMN_NUMBER, "");

struct kind {
    const char *object, *prefix;
    enum clerk_code used, revoked, unusable, unrevokable;
};

static const struct kind sign_in = {"sign_in_token",
                                    "sit_",
                                    CLERK_sign_in_token_already_used_code,
                                    CLERK_sign_in_token_revoked_code,
                                    CLERK_sign_in_token_cannot_be_used_code,
                                    CLERK_sign_in_token_cannot_be_revoked_code};
static const struct kind actor = {"actor_token",
                                  "act_",
                                  CLERK_actor_token_already_used_code,
                                  CLERK_actor_token_revoked_code,
                                  CLERK_actor_token_cannot_be_used_code,
                                  CLERK_actor_token_cannot_be_revoked_code};

static const struct kind *kind_of(struct text id)
{
    return text_starts(id, text_of(actor.prefix)) ? &actor : &sign_in;
}

/*
 * Header and payload of a ticket's JWT: `eid` is the user, if it is somebody's, `sid` what it stands for, `st` the
 * kind of that; no `sub`, so it is no session.
 */
static void encode(struct call *call, const struct ticket *ticket, const char *kind,
                   struct buf *token)
{
    char issuer[INSTANCE_HOST_MAX + 16];
    const struct key *key = keys_current(&call->desk->instance->keys);
    struct buf claims;
    snprintf(issuer, sizeof(issuer), "https://%s", call->desk->instance->frontend_host);
    buf_init(&claims, 4096);
    struct json_out to = json_out(&claims);
    json_open(&to, '{');
    if (ticket->user_id.at)
        json_field_text(&to, "eid", ticket->user_id);
    json_field_int(&to, "exp", ticket->expire_at / 1000);
    json_field_int(&to, "iat", ticket->created_at / 1000);
    json_field_text(&to, "iss", text_of(issuer));
    json_field_text(&to, "sid", ticket->id);
    json_field_text(&to, "st", text_of(kind));
    json_close(&to, '}');
    token_encode(key->kid, call->now_ms, TOKEN_CLASS_TICKET, buf_text(&claims), token);
    buf_release(&claims);
}

struct text ticket_sign(struct call *call, const char *kind, struct text id, int64_t expire_at)
{
    const struct ticket ticket = {.id = id, .expire_at = expire_at, .created_at = call->now_ms};
    struct text copy = {NULL, 0};
    struct buf token;
    buf_init(&token, 8192);
    encode(call, &ticket, kind, &token);
    size_t len = token.len;
    buf_byte(&token, '.');
    char *room = buf_room(&token, KEYS_SIGNATURE_LEN);
    if (room && keys_sign(keys_current(&call->desk->instance->keys)->signer,
                          text_part(buf_text(&token), 0, len), room)) {
        buf_grow(&token, KEYS_SIGNATURE_LEN);
        copy = arena_copy(call->arena, buf_text(&token));
    }
    buf_release(&token);
    if (!copy.at)
        call_fail(call, CLERK_internal_clerk_error, NULL, "The ticket could not be signed.");
    return copy;
}

struct text ticket_url(struct call *call, struct text token)
{
    struct text url = arena_printf(call->arena, "https://%s/v1/tickets/accept?ticket=%.*s",
                                   call->desk->instance->frontend_host, TEXT_ARG(token));
    if (!url.at)
        call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    return url;
}

/* Puts the token as a string behind `before`; it is signed behind the commit. */
static void put_token(struct call *call, const struct ticket *ticket, struct text before,
                      struct json_out *out)
{
    struct buf token;
    buf_init(&token, 8192);
    encode(call, ticket, kind_of(ticket->id)->object, &token);
    json_put_raw(out, TEXT("\""));
    buf_add(out->to, before);
    call_sign(call, buf_text(&token));
    buf_byte(out->to, '"');
    buf_release(&token);
}

static void answer(struct call *call, const struct ticket *ticket, bool with_token)
{
    const struct kind *kind = kind_of(ticket->id);
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "object", text_of(kind->object));
    json_field_text(&out, "id", ticket->id);
    json_field_text(&out, "status", ticket->status);
    json_field_text(&out, "user_id", ticket->user_id);
    if (ticket->actor.at)
        json_field_raw(&out, "actor", ticket->actor);
    if (with_token) {
        json_key(&out, TEXT("token"));
        put_token(call, ticket, TEXT(""), &out);
        json_key(&out, TEXT("url"));
        put_token(call, ticket, ticket_url(call, TEXT("")), &out);
    }
    json_field_int(&out, "created_at", ticket->created_at);
    json_field_int(&out, "updated_at", ticket->updated_at);
    json_close(&out, '}');
}

struct form {
    struct text user_id, org_id, actor;
    int64_t expires_s, session_s;
};

static bool check_life(struct call *call, const char *name, int64_t *seconds, int64_t usual)
{
    if (*seconds == USER_UNSET)
        *seconds = usual;
    return (*seconds >= 1 && *seconds <= LIFE_MAX_S) ||
           call_fail(call, CLERK_form_param_value_invalid, name,
                     "`%s` must be from 1 to %d seconds.", name, LIFE_MAX_S);
}

static void create(struct call *call, const struct kind *kind, const struct form *form)
{
    struct account account;
    struct err err;
    struct ticket ticket = {.id = call_new_id(call, kind->prefix),
                            .user_id = form->user_id,
                            .status = TEXT("pending"),
                            .actor = form->actor,
                            .organization = form->org_id,
                            .session_life_ms = form->session_s * 1000,
                            .expire_at = call->now_ms + form->expires_s * 1000,
                            .created_at = call->now_ms,
                            .updated_at = call->now_ms};
    if (call_account(call, form->user_id, &account) &&
        call_check(call, row_put(call->desk->store, &ticket_table, &ticket, &err), &err))
        answer(call, &ticket, true);
}

void sign_in_tokens_create(struct call *call)
{
    static const struct body_field fields[] = {
        {"user_id", BODY_TEXT, offsetof(struct form, user_id), .needed = true},
        {"org_id", BODY_TEXT, .offset = offsetof(struct form, org_id)},
        {"expires_in_seconds", BODY_NUMBER, .offset = offsetof(struct form, expires_s)},
    };
    struct form form = {.expires_s = USER_UNSET};
    uint64_t given;
    if (keys_ready(call, sign_in_tokens_create) &&
        body_read(call, fields, ARRAY_COUNT(fields), &form, &given) &&
        check_life(call, "expires_in_seconds", &form.expires_s, SIGN_IN_LIFE_S))
        create(call, &sign_in, &form);
}

/* An actor says who impersonates: {"sub":"user_…"}. */
static bool check_actor(struct call *call, struct text json)
{
    struct json_value root;
    struct err err;
    if (json_parse(call->desk->json, json, &root, &err) == 0 &&
        json_text(json_get(root, TEXT("sub"))).len > 0)
        return true;
    return call_fail(call, CLERK_form_param_value_invalid, "actor",
                     "`actor` must be an object with the id of who acts as `sub`.");
}

void actor_tokens_create(struct call *call)
{
    static const struct body_field fields[] = {
        {"user_id", BODY_TEXT, offsetof(struct form, user_id), .needed = true},
        {"actor", BODY_OBJECT, offsetof(struct form, actor), .needed = true},
        {"expires_in_seconds", BODY_NUMBER, .offset = offsetof(struct form, expires_s)},
        {"session_max_duration_in_seconds", BODY_NUMBER,
         .offset = offsetof(struct form, session_s)},
    };
    struct form form = {.expires_s = USER_UNSET, .session_s = USER_UNSET};
    uint64_t given;
    if (keys_ready(call, actor_tokens_create) &&
        body_read(call, fields, ARRAY_COUNT(fields), &form, &given) &&
        check_actor(call, form.actor) &&
        check_life(call, "expires_in_seconds", &form.expires_s, ACTOR_LIFE_S) &&
        check_life(call, "session_max_duration_in_seconds", &form.session_s, ACTOR_SESSION_S))
        create(call, &actor, &form);
}

static void revoke(struct call *call, const struct kind *kind)
{
    struct ticket ticket;
    struct err err;
    enum store_answer got =
        row_get(call->desk->store, &ticket_table, call->ids[0], call->arena, &ticket, &err);
    if (got == STORE_NONE || (got == STORE_OK && kind_of(ticket.id) != kind)) {
        call_not_found(call, kind->object, call->ids[0]);
        return;
    }
    if (!call_check(call, got, &err))
        return;
    if (!text_same(ticket.status, TEXT("pending"))) {
        call_fail(call, kind->unrevokable, NULL, "The token is %.*s.", TEXT_ARG(ticket.status));
        return;
    }
    ticket.status = TEXT("revoked");
    ticket.updated_at = call->now_ms;
    if (call_check(call, row_put(call->desk->store, &ticket_table, &ticket, &err), &err))
        answer(call, &ticket, false);
}

void sign_in_tokens_revoke(struct call *call)
{
    revoke(call, &sign_in);
}

void actor_tokens_revoke(struct call *call)
{
    revoke(call, &actor);
}

bool ticket_open(struct call *call, struct text token, struct text *kind, struct text *id)
{
    struct json_value claims;
    struct err err;
    struct text payload =
        keys_verify(&call->desk->instance->keys, token, call->arena, TEXT(TOKEN_CLASS_TICKET));
    if (!payload.at || json_parse(call->desk->json, payload, &claims, &err) != 0)
        return call_fail(call, CLERK_ticket_invalid_code, "ticket", "The ticket is not valid.");
    *kind = arena_copy(call->arena, json_text(json_get(claims, TEXT("st"))));
    *id = arena_copy(call->arena, json_text(json_get(claims, TEXT("sid"))));
    return (kind->at && id->at) ||
           call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

bool ticket_read(struct call *call, struct text token, struct ticket *ticket)
{
    struct text name, id;
    struct err err;
    if (!ticket_open(call, token, &name, &id))
        return false;
    enum store_answer got =
        row_get(call->desk->store, &ticket_table, id, call->arena, ticket, &err);
    if (got == STORE_NONE)
        return call_fail(call, CLERK_ticket_invalid_code, "ticket", "The ticket is not valid.");
    if (!call_check(call, got, &err))
        return false;
    const struct kind *kind = kind_of(ticket->id);
    if (text_same(ticket->status, TEXT("accepted")))
        return call_fail(call, kind->used, NULL, "The token has been used already.");
    if (text_same(ticket->status, TEXT("revoked")))
        return call_fail(call, kind->revoked, NULL, "The token has been revoked.");
    if (ticket->expire_at <= call->now_ms)
        return call_fail(call, CLERK_ticket_expired_code, "ticket", "The ticket has expired.");
    return true;
}

bool ticket_accept(struct call *call, struct ticket *ticket)
{
    struct err err;
    ticket->status = TEXT("accepted");
    ticket->updated_at = call->now_ms;
    return call_check(call, row_put(call->desk->store, &ticket_table, ticket, &err), &err);
}
