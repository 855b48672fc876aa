/* Ban, lock, second factors, memberships: what changes or tells a user's state. */
#include <string.h>

#include "sandbox/body.h"
#include "sandbox/event.h"
#include "sandbox/routes.h"
#include "sandbox/session.h"

/* How many users a bulk ban names at most. */
#define BULK_MAX 50

/* Whoever is banned is signed out everywhere, at once. */
static bool put_banned(struct call *call, struct text id, bool banned)
{
    struct account account;
    if (!call_account(call, id, &account) ||
        (banned && !session_end_user(call, &account, "revoked", (struct text){NULL, 0})))
        return false;
    account.clerk.user.banned = banned ? USER_FLAG_TRUE : USER_FLAG_FALSE;
    return call_put_account(call, &account);
}

static void set_banned(struct call *call, bool banned)
{
    put_banned(call, call->ids[0], banned);
}

void users_ban(struct call *call)
{
    set_banned(call, true);
}

void users_unban(struct call *call)
{
    set_banned(call, false);
}

static bool ban_each(struct call *call, const struct user_texts *ids, bool banned)
{
    struct buf all;
    bool ok = call_mark(call);
    buf_init(&all, call->request->out.max);
    buf_byte(&all, '[');
    for (size_t i = 0; ok && i < ids->count; i++) {
        ok = put_banned(call, ids->at[i], banned);
        if (i > 0)
            buf_byte(&all, ',');
        buf_add(&all, buf_text(&call->request->out));
    }
    buf_byte(&all, ']');
    if (ok)
        buf_add(call_answer(call, 200), buf_text(&all));
    buf_release(&all);
    return ok;
}

static void set_banned_all(struct call *call, bool banned)
{
    static const struct body_field fields[] = {{"user_ids", BODY_TEXTS, .needed = true}};
    struct user_texts ids = {0};
    uint64_t given;
    if (!body_read(call, fields, ARRAY_COUNT(fields), &ids, &given))
        return;
    if (ids.count == 0)
        call_fail(call, CLERK_form_param_value_invalid, "user_ids", "`user_ids` is empty.");
    else if (ids.count > BULK_MAX)
        call_fail(call, CLERK_form_param_array_size_exceeded, "user_ids",
                  "`user_ids` takes %d ids at most.", BULK_MAX);
    else
        ban_each(call, &ids, banned);
}

void users_ban_all(struct call *call)
{
    set_banned_all(call, true);
}

void users_unban_all(struct call *call)
{
    set_banned_all(call, false);
}

/* A lock keeps out who signs in; sessions go on. Either way the attempts count from anew. */
static void set_locked(struct call *call, int64_t until)
{
    struct account account;
    if (!call_account(call, call->ids[0], &account))
        return;
    account.locked_until = until;
    account.failed_attempts = 0;
    call_put_account(call, &account);
}

void users_lock(struct call *call)
{
    set_locked(call, settings_lock_end(&call->desk->instance->settings, call->now_ms));
}

void users_unlock(struct call *call)
{
    set_locked(call, USER_UNSET);
}

static bool drop_phone_factors(struct call *call, struct account *account)
{
    struct err err;
    for (size_t i = 0; i < account->identifier_count; i++) {
        struct account_identifier *identifier = &account->identifiers[i];
        if (!identifier->clerk.second_factor)
            continue;
        identifier->clerk.second_factor = identifier->clerk.default_second_factor = false;
        if (!call_check(call, account_identifier_put(call->desk->store, identifier, &err), &err))
            return false;
    }
    return true;
}

/* Takes factors away and answers with the user's id. */
static void drop_factors(struct call *call, bool totp, bool codes, bool phones)
{
    struct account account;
    struct err err;
    if (!call_account(call, call->ids[0], &account))
        return;
    bool had = account.clerk.totp_enabled;
    if (totp)
        account.clerk.user.totp_secret = (struct text){NULL, 0};
    if (codes)
        account.clerk.user.backup_codes.count = 0;
    if (totp && had)
        account.clerk.mfa_disabled_at = call->now_ms;
    account.clerk.updated_at = call->now_ms;
    if (phones && (!call_mark(call) || !drop_phone_factors(call, &account)))
        return;
    if (!call_check(call, account_put(call->desk->store, &account, call->arena, &err), &err))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("user_id"));
    json_put_text(&out, account.clerk.id);
    json_close(&out, '}');
    event_put_user_of(call, EVENT_user_updated, account.clerk.id);
}

void users_delete_mfa(struct call *call)
{
    drop_factors(call, true, true, true);
}

void users_delete_totp(struct call *call)
{
    drop_factors(call, true, false, false);
}

void users_delete_backup_codes(struct call *call)
{
    drop_factors(call, false, true, false);
}

static void set_compromised(struct call *call, int64_t at, bool end_sessions)
{
    struct account account;
    if (!call_account(call, call->ids[0], &account))
        return;
    if (!account.clerk.password_enabled) {
        call_fail(call, CLERK_no_password_set, NULL, "The user has no password.");
        return;
    }
    account.password_compromised_at = at;
    if (!end_sessions ||
        (call_mark(call) && session_end_user(call, &account, "revoked", (struct text){NULL, 0})))
        call_put_account(call, &account);
}

void users_set_compromised(struct call *call)
{
    static const struct body_field fields[] = {{"revoke_all_sessions", BODY_BOOL, .offset = 0}};
    bool revoke = false;
    uint64_t given;
    if (body_read(call, fields, ARRAY_COUNT(fields), &revoke, &given))
        set_compromised(call, call->now_ms, revoke);
}

void users_unset_compromised(struct call *call)
{
    set_compromised(call, USER_UNSET, false);
}
