/*
 * hmac_sha256_utf16_b64$HASH$KEY, both base64: HMAC-SHA256 of the password in UTF-16LE without a
 * byte order mark, as .NET membership providers make it. Their exports hold a short salt that is
 * repeated to 64 bytes to become the key; here the key is given whole.
 */
#include "digest/answer.h"
#include "digest/crypto.h"
#include "digest/shape.h"

#define HASH_SIZE 32

static const char *parse(struct digest *digest)
{
    struct text fields[3];
    size_t bytes;
    if (!shape_fields(digest->text, '$', fields, 3))
        return "not three fields: hmac_sha256_utf16_b64$hash$key";
    if (!text_same(fields[0], TEXT("hmac_sha256_utf16_b64")))
        return "does not start with hmac_sha256_utf16_b64$";
    if (!shape_base64(fields[1], &bytes) || bytes != HASH_SIZE)
        return "the hash is not 32 bytes of base64";
    if (!shape_base64(fields[2], &bytes) || bytes == 0 || bytes > SHAPE_FIELD_MAX)
        return "the key is not base64 of 1 to 1023 bytes";
    digest->hash = fields[1];
    digest->salt = fields[2];
    return NULL;
}

/* Reads one code point of well-formed UTF-8 and moves *at behind it. */
static uint32_t code_point(const uint8_t **at)
{
    const uint8_t *p = *at;
    int more = p[0] < 0x80 ? 0 : p[0] < 0xE0 ? 1 : p[0] < 0xF0 ? 2 : 3;
    uint32_t code = more == 0 ? p[0] : p[0] & (0x3Fu >> more);
    for (int i = 1; i <= more; i++)
        code = code << 6 | (p[i] & 0x3F);
    *at += more + 1;
    return code;
}

static size_t put_unit(uint8_t *to, uint32_t unit)
{
    to[0] = (uint8_t)unit;
    to[1] = (uint8_t)(unit >> 8);
    return 2;
}

/* UTF-8 to UTF-16LE; at most two bytes come out for each byte in. */
static size_t to_utf16(struct text t, uint8_t *to)
{
    const uint8_t *at = (const uint8_t *)t.at, *end = at + t.len;
    size_t len = 0;
    while (at < end) {
        uint32_t code = code_point(&at);
        if (code < 0x10000) {
            len += put_unit(to + len, code);
            continue;
        }
        code -= 0x10000;
        len += put_unit(to + len, 0xD800 | code >> 10);
        len += put_unit(to + len, 0xDC00 | (code & 0x3FF));
    }
    return len;
}

static enum digest_answer verify(const struct digest *digest, struct text password, struct err *err)
{
    uint8_t stored[BASE64_ROOM(48)], key[BASE64_ROOM(DIGEST_MAX)];
    uint8_t wide[2 * DIGEST_PASSWORD_MAX], computed[HASH_SIZE];
    size_t stored_len = 0, key_len = 0;
    /* A .NET string cannot have held it. */
    if (!text_is_utf8(password))
        return DIGEST_NO_MATCH;
    base64_decode(BASE64, digest->hash, stored, sizeof(stored), &stored_len);
    base64_decode(BASE64, digest->salt, key, sizeof(key), &key_len);
    struct text input = {(char *)wide, to_utf16(password, wide)};
    bool done = crypto_hmac_sha256((struct text){(char *)key, key_len}, input, computed);
    secret_wipe(wide, input.len);
    secret_wipe(key, key_len);
    return done ? answer_compare(computed, stored, HASH_SIZE) : answer_no_memory(err);
}

const struct digest_ops digest_ops_hmac_sha256_utf16_b64 = {
    .hasher = "hmac_sha256_utf16_b64",
    .parse = parse,
    .verify = verify,
};
