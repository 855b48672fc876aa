#include "sandbox/signin.h"

#include "sandbox/call.h"
#include "sandbox/enrollment.h"
#include "sandbox/front.h"
#include "sandbox/verification.h"

#define COLUMN_TEXT(name)   {offsetof(struct signin, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct signin, name), true},
ROW_TABLE(signin_table, signin, "sign_ins", SIGNIN_COLUMNS, COLUMN_TEXT, COLUMN_NUMBER, "");

struct text signin_first_id(struct call *call, const struct signin *signin)
{
    return arena_printf(call->arena, "%.*s:1", TEXT_ARG(signin->id));
}

struct text signin_second_id(struct call *call, const struct signin *signin)
{
    return arena_printf(call->arena, "%.*s:2", TEXT_ARG(signin->id));
}

static bool put(struct call *call, const struct signin *signin)
{
    struct err err;
    return call_check(call, row_put(call->desk->store, &signin_table, signin, &err), &err);
}

bool signin_put(struct call *call, const struct signin *signin)
{
    struct client *client = &call->front->client;
    if (!put(call, signin))
        return false;
    if (text_same(client->sign_in, signin->id))
        return true;
    client->sign_in = signin->id;
    return client_put(call, client);
}

bool signin_get(struct call *call, struct signin *signin, struct account *account, bool *known)
{
    struct err err;
    enum store_answer got =
        row_get(call->desk->store, &signin_table, call->ids[0], call->arena, signin, &err);
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    if (got == STORE_NONE || !text_same(signin->client, call->front->client.id))
        return call_not_found(call, "sign-in attempt", call->ids[0]);
    *known = false;
    if (signin->account == ROW_NULL)
        return true;
    got = account_get_seq(call->desk->store, signin->account, call->now_ms, call->arena, account,
                          &err);
    if (got == STORE_NONE)
        return call_fail(call, CLERK_sign_in_identification_or_user_deleted, NULL,
                         "The user of this attempt is gone.");
    *known = true;
    return call_check(call, got, &err);
}

bool signin_check_state(struct call *call, const struct account *account)
{
    if (account->clerk.user.banned == USER_FLAG_TRUE)
        return call_fail(call, CLERK_user_banned, NULL, "The user is banned.");
    if (account->clerk.user.locked == USER_FLAG_TRUE &&
        account->clerk.lockout_expires_in_s == USER_UNSET)
        return call_fail(call, CLERK_user_locked, NULL,
                         "The account is locked. Ask whoever runs this application.");
    if (account->clerk.user.locked == USER_FLAG_TRUE)
        return call_fail(call, CLERK_user_locked, NULL,
                         "The account is locked after too many failed attempts. Try again in "
                         "%lld seconds.",
                         (long long)account->clerk.lockout_expires_in_s);
    return true;
}

void signin_count_failure(struct call *call, struct account *account)
{
    const struct settings *settings = &call->desk->instance->settings;
    struct err err;
    bool locks;
    if (!settings->lockout_enabled || call->status >= 500)
        return;
    locks = ++account->failed_attempts >= settings->lockout_max_attempts;
    if (locks) {
        account->failed_attempts = 0;
        account->locked_until = settings_lock_end(settings, call->now_ms);
    }
    if (!call_check(call, account_put(call->desk->store, account, call->arena, &err), &err) ||
        !locks)
        return;
    account_tell_lock(call->desk->store, account, call->now_ms);
    signin_check_state(call, account);
}

/* Whether the user has signed in on this client before. */
static bool is_known_device(struct call *call, const struct account *account, bool *known)
{
    static const char statement[] =
        "SELECT count(*) FROM sessions WHERE client = ?1 AND user_id = ?2";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_text(query, 1, call->front->client.id);
    sql_bind_text(query, 2, account->clerk.id);
    int got = sql_step(query, &err);
    *known = got > 0 && sql_int(query, 0) > 0;
    sql_reset(query);
    return got >= 0 || call_broken(call, &err);
}

/* A password on a new device is not enough where the instance wants devices to be trusted. */
static bool needs_trust(struct call *call, const struct account *account, struct text strategy,
                        bool *needed)
{
    const struct clerk_user *user = &account->clerk;
    bool known;
    *needed = false;
    if (!call->desk->instance->settings.client_trust || !text_same(strategy, TEXT("password")) ||
        user->user.bypass_client_trust == USER_FLAG_TRUE ||
        user->email_count + user->phone_count == 0)
        return true;
    if (!is_known_device(call, account, &known))
        return false;
    *needed = !known;
    return true;
}

/* The identifier that was typed is the user's for good from now on. */
static bool claim_identifier(struct call *call, const struct signin *signin,
                             struct account *account)
{
    struct err err;
    for (size_t i = 0; i < account->identifier_count; i++) {
        struct account_identifier *one = &account->identifiers[i];
        if (one->clerk.status != CLERK_RESERVED ||
            !text_same_nocase(one->clerk.value, signin->identifier))
            continue;
        one->clerk.status = CLERK_VERIFIED;
        one->clerk.updated_at = call->now_ms;
        return call_check(call, account_identifier_put(call->desk->store, one, &err), &err);
    }
    return true;
}

static bool start_session(struct call *call, struct signin *signin, const struct account *account)
{
    struct client *client = &call->front->client;
    struct session session;
    struct session_opts opts = {.client = client->id,
                                .account = account,
                                .actor = signin->actor,
                                .life_ms = signin->session_life_ms,
                                .first = signin->first_at != ROW_NULL,
                                .second = signin->second_at != ROW_NULL};
    if (!session_start(call, &opts, &session))
        return false;
    signin->session = session.id;
    client->session = session.id;
    client->sign_in = (struct text){NULL, 0};
    return true;
}

static void complete(struct call *call, struct signin *signin, struct account *account,
                     struct text strategy)
{
    struct client *client = &call->front->client;
    struct err err;
    account->clerk.last_sign_in_at = account->clerk.last_active_at = call->now_ms;
    account->failed_attempts = 0;
    signin->status = TEXT("complete");
    client->strategy = strategy;
    if (call_check(call, account_put(call->desk->store, account, call->arena, &err), &err) &&
        claim_identifier(call, signin, account) && enrollment_offer(call, account) &&
        start_session(call, signin, account) && put(call, signin) && client_rotate(call, client) &&
        front_put_client(call))
        signin_answer(call, signin, account);
}

static bool has_second_factor(const struct account *account)
{
    return clerk_has_second_factor(&account->clerk);
}

static void wait_for(struct call *call, struct signin *signin, struct account *account,
                     const char *status)
{
    struct err err;
    signin->status = text_of(status);
    if (call_check(call, account_put(call->desk->store, account, call->arena, &err), &err) &&
        signin_put(call, signin))
        signin_answer(call, signin, account);
}

void signin_advance(struct call *call, struct signin *signin, struct account *account,
                    struct text strategy, bool first)
{
    bool ticket = text_same(strategy, TEXT("ticket")), trust = false;
    *(first ? &signin->first_at : &signin->second_at) = call->now_ms;
    if (first && !needs_trust(call, account, strategy, &trust))
        return;
    if (first && text_starts(strategy, TEXT("reset_password")))
        wait_for(call, signin, account, "needs_new_password");
    else if (first && !ticket && has_second_factor(account))
        wait_for(call, signin, account, "needs_second_factor");
    else if (trust)
        wait_for(call, signin, account, "needs_client_trust");
    else
        complete(call, signin, account, strategy);
}
