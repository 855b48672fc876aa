/*
 * phpass, the portable hash of Openwall's PHP framework (WordPress before 6.8, phpBB 3, Drupal 6):
 *
 *     $P$ R SSSSSSSS CCCCCCCCCCCCCCCCCCCCCC
 *
 * R is one letter of ./0-9A-Za-z, the binary logarithm of the rounds; S the salt, used as text; C
 * the checksum, 16 bytes written six bits at a time from the low end. The checksum is MD5(salt,
 * password), then 2^R times MD5(checksum, password). md5_phpass puts in the lower-case hex of
 * MD5(password) instead of the password: sites that wrapped their old plain MD5 hashes.
 */
#include "digest/answer.h"
#include "digest/crypto.h"
#include "digest/shape.h"

#include <string.h>

#define MD5_SIZE      16
#define LOG_MIN       7
#define LOG_MAX       30
#define ROUNDS_VERIFY (1 << 24) /* some three seconds */
#define CHECKSUM_LEN  22

static const char letters[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static const char *parse(struct digest *digest)
{
    struct text t = digest->text;
    if (!text_starts(t, TEXT("$P$")))
        return "does not start with $P$";
    if (t.len != 12 + CHECKSUM_LEN)
        return "not 34 characters";
    if (!shape_crypt64(text_part(t, 3, t.len)))
        return "a character outside ./0-9A-Za-z";
    ptrdiff_t log = strchr(letters, t.at[3]) - letters;
    if (log < LOG_MIN || log > LOG_MAX)
        return "rounds below 2^7 or above 2^30";
    digest->cost = UINT64_C(1) << log;
    /* 22 letters hold 132 bits, so the last carries two. */
    if (strchr("./01", t.at[t.len - 1]) == NULL)
        return "stray bits at the end of the checksum";
    digest->salt = text_part(t, 4, 8);
    digest->hash = text_part(t, 12, CHECKSUM_LEN);
    return NULL;
}

static void encode(const uint8_t hash[MD5_SIZE], char to[CHECKSUM_LEN])
{
    uint32_t bits = 0;
    unsigned have = 0, at = 0;
    for (unsigned i = 0; i < MD5_SIZE; i++) {
        bits |= (uint32_t)hash[i] << have;
        for (have += 8; have >= 6; have -= 6, bits >>= 6)
            to[at++] = letters[bits & 63];
    }
    to[at] = letters[bits & 63];
}

/* Leaves the checksum in `block`, which holds room for it and behind that the password. */
static bool stretch(const struct digest *digest, struct text password, uint8_t *block)
{
    struct text whole = {(char *)block, MD5_SIZE + password.len}, none = {NULL, 0};
    if (password.len > 0)
        memcpy(block + MD5_SIZE, password.at, password.len);
    bool done = crypto_hash(CRYPTO_MD5, digest->salt, password, block);
    for (uint64_t i = digest->cost; done && i > 0; i--)
        done = crypto_hash(CRYPTO_MD5, whole, none, block);
    return done;
}

static enum digest_answer verify(const struct digest *digest, struct text password, struct err *err)
{
    uint8_t block[MD5_SIZE + DIGEST_PASSWORD_MAX];
    char checksum[CHECKSUM_LEN];
    if (digest->cost > ROUNDS_VERIFY)
        return answer_too_costly(err);
    bool done = stretch(digest, password, block);
    if (done)
        encode(block, checksum);
    secret_wipe(block, MD5_SIZE + password.len);
    return done ? answer_compare((uint8_t *)checksum, digest->hash.at, CHECKSUM_LEN)
                : answer_no_memory(err);
}

static enum digest_answer verify_md5(const struct digest *digest, struct text password,
                                     struct err *err)
{
    uint8_t hash[MD5_SIZE];
    char hex[2 * MD5_SIZE];
    if (!crypto_hash(CRYPTO_MD5, password, (struct text){NULL, 0}, hash))
        return answer_no_memory(err);
    crypto_hex(hash, sizeof(hash), hex);
    enum digest_answer answer = verify(digest, (struct text){hex, sizeof(hex)}, err);
    secret_wipe(hash, sizeof(hash));
    secret_wipe(hex, sizeof(hex));
    return answer;
}

const struct digest_ops digest_ops_phpass = {
    .hasher = "phpass",
    .cost_names = {"rounds"},
    .parse = parse,
    .verify = verify,
};

const struct digest_ops digest_ops_md5_phpass = {
    .hasher = "md5_phpass",
    .cost_names = {"rounds"},
    .parse = parse,
    .verify = verify_md5,
};
