/*
 * scrypt (RFC 7914) in two forms.
 *
 * Werkzeug: scrypt:N:r:p$salt$hex, a salt used as text and 64 bytes of hash.
 *
 * Firebase: hash$salt$signer key$salt separator$rounds$memory cost, the first four base64. scrypt
 * with N = 2^memory cost, r = rounds, p = 1 over the password and salt followed by separator gives
 * 32 bytes; with these as the key, the project's signer key is encrypted by AES-256 in counter mode
 * from zero: the hash. It is therefore as long as the signer key.
 */
#include "digest/answer.h"
#include "digest/crypto.h"
#include "digest/shape.h"

#include <string.h>

#define MEMORY_MAX    (UINT64_C(1) << 30) /* bytes: 128 * N * r */
#define WORK_MAX      (UINT64_C(1) << 24) /* N * r * p: some ten seconds */
#define FACTOR_MAX    1024                /* r, p */
#define LOG_N_MAX     24
#define WERKZEUG_SIZE 64
#define FIREBASE_MIN  16 /* bytes of signer key */

/* NULL, or what is wrong with the three. */
static const char *check_costs(uint64_t n, uint64_t r, uint64_t p)
{
    if (n < 2 || (n & (n - 1)) != 0)
        return "N is not a power of two above 1";
    if (r == 0 || p == 0 || r > FACTOR_MAX || p > FACTOR_MAX)
        return "r and p are not from 1 to 1024";
    if (r < 4 && n >= UINT64_C(1) << (16 * r))
        return "N is too high for this r";
    if (n > MEMORY_MAX / (128 * r))
        return "more than 1 GiB of memory";
    return n * r * p > WORK_MAX ? "N times r times p above 2^24" : NULL;
}

static const char *parse_method(struct digest *digest, struct text method)
{
    struct text parts[4];
    if (!shape_fields(method, ':', parts, 4) || !text_same(parts[0], TEXT("scrypt")))
        return "does not start with scrypt:N:r:p";
    if (!text_u64(parts[1], UINT64_C(1) << LOG_N_MAX, &digest->cost) ||
        !text_u64(parts[2], FACTOR_MAX, &digest->cost2) ||
        !text_u64(parts[3], FACTOR_MAX, &digest->cost3))
        return "N, r or p is not a number within bounds";
    return check_costs(digest->cost, digest->cost2, digest->cost3);
}

static const char *parse_werkzeug(struct digest *digest)
{
    struct text fields[3];
    size_t bytes;
    if (!shape_fields(digest->text, '$', fields, 3))
        return "not three fields: scrypt:N:r:p$salt$hash";
    const char *wrong = parse_method(digest, fields[0]);
    if (wrong)
        return wrong;
    if (!shape_literal(fields[1]))
        return "the salt is empty, over 1023 bytes or not UTF-8";
    if (!shape_hex(fields[2], &bytes) || bytes != WERKZEUG_SIZE)
        return "the hash is not 64 bytes of hex";
    digest->salt = fields[1];
    digest->hash = fields[2];
    return NULL;
}

static enum digest_answer verify_werkzeug(const struct digest *digest, struct text password,
                                          struct err *err)
{
    uint8_t stored[WERKZEUG_SIZE], computed[WERKZEUG_SIZE];
    size_t len = 0;
    struct crypto_scrypt in = {
        .password = password,
        .salt = digest->salt,
        .n = digest->cost,
        .r = digest->cost2,
        .p = digest->cost3,
    };
    hex_decode(digest->hash, stored, sizeof(stored), &len);
    if (!crypto_scrypt(&in, computed, sizeof(computed)))
        return answer_no_memory(err);
    return answer_compare(computed, stored, len);
}

static const char *parse_firebase_costs(struct digest *digest, struct text rounds,
                                        struct text memory)
{
    if (!text_u64(rounds, FACTOR_MAX, &digest->cost))
        return "rounds are not a number from 1 to 1024";
    if (!text_u64(memory, LOG_N_MAX, &digest->cost2) || digest->cost2 == 0)
        return "the memory cost is not a number from 1 to 24";
    return check_costs(UINT64_C(1) << digest->cost2, digest->cost, 1);
}

static const char *parse_firebase(struct digest *digest)
{
    struct text fields[6];
    size_t hash_len, salt_len, key_len, separator_len;
    if (!shape_fields(digest->text, '$', fields, 6))
        return "not six fields: hash$salt$signer key$salt separator$rounds$memory cost";
    if (!shape_base64(fields[0], &hash_len) || !shape_base64(fields[1], &salt_len) ||
        !shape_base64(fields[2], &key_len) || !shape_base64(fields[3], &separator_len))
        return "hash, salt, signer key or salt separator is not base64";
    if (salt_len == 0)
        return "the salt is empty";
    if (key_len < FIREBASE_MIN)
        return "the signer key is below 16 bytes";
    if (hash_len != key_len)
        return "hash and signer key differ in length";
    digest->hash = fields[0];
    digest->salt = fields[1];
    digest->extra[0] = fields[2];
    digest->extra[1] = fields[3];
    return parse_firebase_costs(digest, fields[4], fields[5]);
}

/* The salt with the project's separator behind it. Returns their length. */
static size_t whole_salt(const struct digest *digest, uint8_t *to, size_t room)
{
    size_t len = 0, more = 0;
    base64_decode(BASE64, digest->salt, to, room, &len);
    base64_decode(BASE64, digest->extra[1], to + len, room - len, &more);
    return len + more;
}

static bool derive_firebase(const struct digest *digest, struct text password, uint8_t key[32])
{
    uint8_t salt[BASE64_ROOM(DIGEST_MAX)];
    size_t len = whole_salt(digest, salt, sizeof(salt));
    struct crypto_scrypt in = {
        .password = password,
        .salt = {(char *)salt, len},
        .n = UINT64_C(1) << digest->cost2,
        .r = digest->cost,
        .p = 1,
    };
    return crypto_scrypt(&in, key, 32);
}

static enum digest_answer verify_firebase(const struct digest *digest, struct text password,
                                          struct err *err)
{
    uint8_t stored[BASE64_ROOM(DIGEST_MAX)], signer[BASE64_ROOM(DIGEST_MAX)];
    uint8_t computed[BASE64_ROOM(DIGEST_MAX)], key[32];
    size_t len = 0, signer_len = 0;
    if (!derive_firebase(digest, password, key))
        return answer_no_memory(err);
    base64_decode(BASE64, digest->hash, stored, sizeof(stored), &len);
    base64_decode(BASE64, digest->extra[0], signer, sizeof(signer), &signer_len);
    bool done = crypto_aes256_ctr(key, (struct text){(char *)signer, signer_len}, computed);
    secret_wipe(key, sizeof(key));
    secret_wipe(signer, signer_len);
    return done ? answer_compare(computed, stored, len) : answer_no_memory(err);
}

const struct digest_ops digest_ops_scrypt_firebase = {
    .hasher = "scrypt_firebase",
    .cost_names = {"rounds", "memory"},
    .parse = parse_firebase,
    .verify = verify_firebase,
};

const struct digest_ops digest_ops_scrypt_werkzeug = {
    .hasher = "scrypt_werkzeug",
    .cost_names = {"N", "r", "p"},
    .parse = parse_werkzeug,
    .verify = verify_werkzeug,
};
