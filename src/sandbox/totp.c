/*
 * TOTP and backup codes, and POST /users/{id}/verify_totp. The code of the step before
 * and after is accepted, too. A backup code, plain or as a bcrypt digest, is used up when it fits.
 */
#include "sandbox/totp.h"

#include <string.h>

#include "digest/digest.h"
#include "sandbox/body.h"
#include "sandbox/routes.h"

#define STEP_MS 30000

bool totp_fits(struct text secret, struct text code, int64_t now_ms)
{
    char expected[DIGEST_TOTP_MAX];
    bool fits = false;
    for (int step = -1; step <= 1; step++)
        fits |= digest_totp(secret, now_ms + step * STEP_MS, expected) &&
                code.len == strlen(expected) && secret_same(expected, code.at, code.len);
    return fits;
}

struct work {
    struct text code;
    struct user_texts codes; /* as they were */
    size_t fits;             /* which one; count for none */
};

static bool is_backup_code(struct text stored, struct text code)
{
    struct digest digest;
    struct err err;
    if (text_starts(stored, TEXT("$2")) &&
        !digest_parse(&digest, digest_ops_find(TEXT("bcrypt")), stored))
        return digest_verify(&digest, code, &err) == DIGEST_MATCH;
    return stored.len == code.len && secret_same(stored.at, code.at, code.len);
}

static void find_backup_code(struct call *call)
{
    struct work *work = call->state;
    work->fits = 0;
    while (work->fits < work->codes.count &&
           !is_backup_code(work->codes.at[work->fits], work->code))
        work->fits++;
}

void totp_find_backup_code(struct call *call, const struct account *account, struct text code,
                           void (*then)(struct call *call))
{
    struct work *work = call_alloc(call, sizeof(*work));
    if (!work)
        return;
    *work = (struct work){.code = arena_copy(call->arena, code),
                          .codes = account->clerk.user.backup_codes};
    call->state = work;
    call_later(call, find_backup_code, then);
}

bool totp_use_backup_code(struct call *call, struct account *account)
{
    const struct work *work = call->state;
    struct user_texts *codes = &account->clerk.user.backup_codes;
    if (work->fits >= work->codes.count || work->fits >= codes->count ||
        !text_same(codes->at[work->fits], work->codes.at[work->fits]))
        return false;
    codes->at[work->fits] = codes->at[--codes->count];
    account->clerk.backup_code_enabled = codes->count > 0;
    return true;
}

static void answer(struct call *call, const char *type)
{
    buf_printf(call_answer(call, 200), "{\"verified\":true,\"code_type\":\"%s\"}", type);
}

static void backup_code_found(struct call *call)
{
    struct account account;
    struct err err;
    if (!call_account(call, call->ids[0], &account))
        return;
    if (!totp_use_backup_code(call, &account))
        call_fail(call, CLERK_totp_incorrect_code, "code", "The code is not correct.");
    else if (call_check(call, account_put(call->desk->store, &account, call->arena, &err), &err))
        answer(call, "backup_code");
}

void users_verify_totp(struct call *call)
{
    static const struct body_field fields[] = {{"code", BODY_SECRET, .needed = true}};
    struct account account;
    struct text code = {NULL, 0};
    uint64_t given;
    if (!call_account(call, call->ids[0], &account) ||
        !body_read(call, fields, ARRAY_COUNT(fields), &code, &given))
        return;
    const struct clerk_user *clerk = &account.clerk;
    if (!clerk->totp_enabled && !clerk->backup_code_enabled)
        call_fail(call, CLERK_totp_disabled, NULL, "The user has no TOTP and no backup codes.");
    else if (clerk->totp_enabled && totp_fits(clerk->user.totp_secret, code, call->now_ms))
        answer(call, "totp");
    else
        totp_find_backup_code(call, &account, code, backup_code_found);
}
