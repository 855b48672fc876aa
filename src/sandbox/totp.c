/*
 * TOTP and backup codes, and POST /users/{id}/verify_totp. TOTP is RFC 6238 as Clerk has it: SHA-1, 6 digits, 30 s, the step before
 * and after accepted too. A backup code, plain or as a bcrypt digest, is used up when it fits.
 */
#include "sandbox/totp.h"

#include <openssl/hmac.h>

#include "digest/digest.h"
#include "sandbox/body.h"
#include "sandbox/routes.h"

#define STEP_S     30
#define SECRET_MAX 128

/* Decodes base32 (RFC 4648, either case, padding optional); returns the length, 0 if it is none. */
static size_t base32_decode(struct text t, uint8_t *to, size_t room)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;
    for (size_t i = 0; i < t.len && t.at[i] != '='; i++) {
        char c = t.at[i];
        int value = c >= '2' && c <= '7' ? c - '2' + 26 : (c | 0x20) - 'a';
        if (value < 0 || value > 31 || (value < 26 && (c | 0x20) < 'a'))
            return 0;
        bits = bits << 5 | (uint32_t)value;
        have += 5;
        if (have < 8)
            continue;
        have -= 8;
        if (len == room)
            return 0;
        to[len++] = (uint8_t)(bits >> have);
    }
    return len;
}

static uint32_t code_at(const uint8_t *secret, size_t len, uint64_t step)
{
    uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = sizeof(mac);
    for (int i = 7; i >= 0; i--, step >>= 8)
        counter[i] = (uint8_t)step;
    if (!HMAC(EVP_sha1(), secret, (int)len, counter, sizeof(counter), mac, &mac_len))
        return UINT32_MAX;
    const uint8_t *at = mac + (mac[19] & 15);
    uint32_t number =
        (uint32_t)(at[0] & 127) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return number % 1000000;
}

bool totp_fits(struct text secret, struct text code, int64_t now_ms)
{
    uint8_t key[SECRET_MAX];
    uint32_t number = 0;
    size_t len = base32_decode(secret, key, sizeof(key));
    bool fits = false;
    if (len == 0 || code.len != 6)
        return false;
    for (size_t i = 0; i < code.len; i++) {
        if (code.at[i] < '0' || code.at[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(code.at[i] - '0');
    }
    for (int64_t step = -1; step <= 1; step++)
        fits |= code_at(key, len, (uint64_t)(now_ms / 1000 / STEP_S + step)) == number;
    secret_wipe(key, sizeof(key));
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
