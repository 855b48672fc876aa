/* Codes of an authenticator app, RFC 6238 as Clerk has it: SHA-1, 6 digits, a step of 30 s. */
#include <openssl/hmac.h>
#include <stdio.h>

#include "digest/digest.h"

#define STEP_MS    INT64_C(30000)
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

bool digest_totp(struct text secret, int64_t now_ms, char code[DIGEST_TOTP_MAX])
{
    uint8_t key[SECRET_MAX];
    size_t len = base32_decode(secret, key, sizeof(key));
    uint32_t number = len > 0 ? code_at(key, len, (uint64_t)(now_ms / STEP_MS)) : UINT32_MAX;
    secret_wipe(key, sizeof(key));
    if (number == UINT32_MAX)
        return false;
    snprintf(code, DIGEST_TOTP_MAX, "%06u", number % 1000000);
    return true;
}
