/*
 * Passwords. At the first right password a user on one of the insecure hashers, or on Cognito, moves to
 * bcrypt: the pool thread that verified hashes it anew, and the store's thread writes it, unless
 * the password has been changed meanwhile. A wrong password changes nothing here.
 */
#include "sandbox/password.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/body.h"
#include "sandbox/routes.h"

#define BCRYPT_COST 10

struct work {
    struct text password;       /* a copy */
    struct text hasher, digest; /* to verify; copies */
    enum digest_answer answer;
    bool hopeless;                  /* no answer but "no" is right */
    bool moves;                     /* a right password is to be hashed anew */
    char hashed[CRYPT_OUTPUT_SIZE]; /* "" when not, or failed */
    struct err err;
};

/* Hashes with bcrypt into work->hashed, which stays "" if that fails. */
static void hash(struct work *work)
{
    struct crypt_data *data = calloc(1, sizeof(*data));
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], password[DIGEST_PASSWORD_MAX + 1];
    work->hashed[0] = 0;
    if (data && work->password.len < sizeof(password) && !text_has_nul(work->password) &&
        crypt_gensalt_rn("$2b$", BCRYPT_COST, NULL, 0, setting, sizeof(setting))) {
        memcpy(password, work->password.at, work->password.len);
        password[work->password.len] = 0;
        const char *made = crypt_r(password, setting, data);
        if (made && made[0] == '$')
            memcpy(work->hashed, made, strnlen(made, sizeof(work->hashed) - 1) + 1);
        secret_wipe(password, sizeof(password));
    }
    if (data)
        secret_wipe(data, sizeof(*data));
    free(data);
}

static void hash_work(struct call *call)
{
    hash(call->state);
}

static struct work *new_work(struct call *call, struct text password)
{
    struct work *work = call_alloc(call, sizeof(*work));
    if (!work)
        return NULL;
    memset(work, 0, sizeof(*work));
    work->password = arena_copy(call->arena, password);
    if (work->password.at)
        return work;
    call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    return NULL;
}

void password_hash_later(struct call *call, struct text password, void (*then)(struct call *call))
{
    call->state = new_work(call, password);
    if (call->state)
        call_later(call, hash_work, then);
}

struct text password_hashed(struct call *call)
{
    struct work *work = call->state;
    return work->hashed[0] ? text_of(work->hashed) : (struct text){NULL, 0};
}

static void verify_work(struct call *call)
{
    struct work *work = call->state;
    struct digest digest;
    const struct digest_ops *ops = digest_ops_find(work->hasher);
    if (!ops || digest_parse(&digest, ops, work->digest) != NULL) {
        err_set(&work->err, ERR_UNUSABLE, "a stored digest does not parse");
        work->answer = DIGEST_CANNOT_TELL;
        return;
    }
    work->answer = digest_verify(&digest, work->password, &work->err);
    work->moves = work->answer == DIGEST_MATCH && (ops->insecure || ops->remote);
    if (work->moves)
        hash(work);
}

/* For whom there is no such user: what costs as much time as somebody's. */
static const char nobody[] = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

void password_verify_later(struct call *call, const struct account *account, struct text password,
                           void (*then)(struct call *call))
{
    bool fits = password.len <= DIGEST_PASSWORD_MAX;
    struct work *work = new_work(call, fits ? password : TEXT(""));
    if (!work)
        return;
    work->hopeless = !account || !fits;
    work->hasher = work->hopeless ? TEXT("bcrypt") : account->clerk.user.password_hasher;
    work->digest = work->hopeless ? TEXT(nobody) : account->clerk.user.password_digest;
    call->state = work;
    call_later(call, verify_work, then);
}

enum digest_answer password_verdict(struct call *call)
{
    const struct work *work = call->state;
    switch (work->hopeless ? DIGEST_NO_MATCH : work->answer) {
    case DIGEST_MATCH:
        call->desk->stats.passwords_right++;
        return DIGEST_MATCH;
    case DIGEST_NO_MATCH:
        call->desk->stats.passwords_wrong++;
        return DIGEST_NO_MATCH;
    case DIGEST_CANNOT_TELL:
        break;
    }
    call_fail(call, CLERK_internal_clerk_error, NULL, "The password could not be checked: %s.",
              work->err.message);
    return DIGEST_CANNOT_TELL;
}

bool password_move(struct call *call, struct account *account)
{
    const struct work *work = call->state;
    struct user *user = &account->clerk.user;
    if (!work->moves || !work->hashed[0] || !text_same(user->password_digest, work->digest))
        return false;
    user->password_hasher = TEXT("bcrypt");
    user->password_digest = text_of(work->hashed);
    call->desk->stats.passwords_moved++;
    return true;
}

static void verified(struct call *call)
{
    struct account account;
    struct err err;
    switch (password_verdict(call)) {
    case DIGEST_MATCH:
        if (!call_account(call, call->ids[0], &account) ||
            (password_move(call, &account) &&
             !call_check(call, account_put(call->desk->store, &account, call->arena, &err), &err)))
            return;
        buf_add(call_answer(call, 200), TEXT("{\"verified\":true}"));
        return;
    case DIGEST_NO_MATCH:
        call_fail(call, CLERK_incorrect_password, "password", "The password is not correct.");
        return;
    case DIGEST_CANNOT_TELL:
        return;
    }
}

void users_verify_password(struct call *call)
{
    static const struct body_field fields[] = {{"password", BODY_SECRET, .needed = true}};
    struct text password = {NULL, 0};
    struct account account;
    uint64_t given;
    if (!call_account(call, call->ids[0], &account) ||
        !body_read(call, fields, ARRAY_COUNT(fields), &password, &given))
        return;
    if (!account.clerk.user.password_digest.at)
        call_fail(call, CLERK_no_password_set, NULL, "The user has no password.");
    else
        password_verify_later(call, &account, password, verified);
}

void users_remove_password(struct call *call)
{
    static const struct body_field fields[] = {{"sign_out_of_other_sessions", .kind = BODY_FLAG}};
    enum user_flag sign_out = USER_FLAG_UNSET;
    struct account account;
    uint64_t given;
    if (!call_account(call, call->ids[0], &account) ||
        !body_read(call, fields, ARRAY_COUNT(fields), &sign_out, &given))
        return;
    struct user *user = &account.clerk.user;
    if (!user->password_digest.at) {
        call_answer_account(call, &account);
        return;
    }
    user->password_hasher = user->password_digest = (struct text){NULL, 0};
    call_put_account(call, &account);
}
