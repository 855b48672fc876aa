/*
 * bcrypt (Provos and Mazières 1999) as crypt(3) writes it:
 *
 *     $2b$ CC $ SSSSSSSSSSSSSSSSSSSSSS HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH
 *
 * CC is the cost, the binary logarithm of the rounds; S the salt, 16 bytes in 22 letters; H the
 * hash, 23 bytes in 31 letters, of an alphabet of its own. $2a$, $2b$ and $2y$ name the same
 * function for text.
 *
 *  - bcrypt: the password itself.
 *  - bcrypt_peppered: a $ and a pepper follow; the pepper is appended to the password (Devise).
 *  - bcrypt_sha256_django: bcrypt_sha256$ stands in front; the lower-case hex SHA-256 of the
 * password goes in.
 *
 * bcrypt reads 72 bytes and not more, so that longer passwords match on these and a pepper behind
 * them has no effect. A NUL is a byte like any other to bcrypt as Clerk runs it, but ends the
 * password for crypt(3): a password with a NUL in these 72 bytes therefore never matches here,
 * since what crypt() compares would be only its beginning.
 */
#include "digest/answer.h"
#include "digest/crypto.h"
#include "digest/shape.h"

#include <crypt.h>
#include <stdio.h>
#include <string.h>

#define STRING_LEN  60
#define SALT_AT     7
#define SALT_LEN    22
#define COST_MIN    4
#define COST_MAX    31
#define COST_CLERK  15
#define COST_VERIFY 18 /* some fifteen seconds */
#define READS       72

/* The letters whose lowest four, or two, bits are zero: what salt and hash must end in. */
static const char salt_ends[] = ".Oeu", hash_ends[] = ".CGKOSWaeimquy26";

static bool has_prefix(struct text t)
{
    return t.len >= 4 && t.at[0] == '$' && t.at[1] == '2' && strchr("aby", t.at[2]) != NULL &&
           t.at[3] == '$';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Parses a bcrypt string and nothing else. */
static const char *parse_string(struct digest *digest, struct text t)
{
    if (!has_prefix(t))
        return "does not have $2a$, $2b$ or $2y$ where the bcrypt string starts";
    if (t.len != STRING_LEN)
        return "the bcrypt string is not 60 characters";
    if (!is_digit(t.at[4]) || !is_digit(t.at[5]) || t.at[6] != '$')
        return "the cost is not two digits";
    digest->cost = (uint64_t)((t.at[4] - '0') * 10 + (t.at[5] - '0'));
    if (digest->cost < COST_MIN)
        return "cost below 4";
    if (digest->cost > COST_MAX)
        return "cost above 31";
    digest->prefix = text_part(t, 0, SALT_AT);
    digest->salt = text_part(t, SALT_AT, SALT_LEN);
    digest->hash = text_part(t, SALT_AT + SALT_LEN, STRING_LEN);
    if (!shape_crypt64(digest->salt) || !shape_crypt64(digest->hash))
        return "a character outside ./0-9A-Za-z";
    if (!strchr(salt_ends, t.at[SALT_AT + SALT_LEN - 1]) ||
        !strchr(hash_ends, t.at[STRING_LEN - 1]))
        return "stray bits at the end of salt or hash";
    return NULL;
}

static const char *parse(struct digest *digest)
{
    return parse_string(digest, digest->text);
}

static const char *parse_peppered(struct digest *digest)
{
    struct text whole = digest->text;
    const char *wrong = parse_string(digest, text_part(whole, 0, STRING_LEN));
    if (wrong)
        return wrong;
    if (whole.len < STRING_LEN + 2 || whole.at[STRING_LEN] != '$')
        return "no $ and pepper behind the bcrypt string";
    digest->extra[0] = text_part(whole, STRING_LEN + 1, whole.len);
    return shape_literal(digest->extra[0]) ? NULL : "the pepper is over 1023 bytes or not UTF-8";
}

static const char *parse_django(struct digest *digest)
{
    struct text prefix = TEXT("bcrypt_sha256$");
    if (!text_starts(digest->text, prefix))
        return "does not start with bcrypt_sha256$";
    return parse_string(digest, text_part(digest->text, prefix.len, digest->text.len));
}

/* bcrypt of a NUL-terminated key. */
static enum digest_answer compute(const struct digest *digest, const char *key, struct err *err)
{
    struct crypt_data data;
    char setting[STRING_LEN + 1];
    /* libxcrypt gives $2a$ a twist for some passwords that no UTF-8 text can be; $2b$ has none. */
    snprintf(setting, sizeof(setting), "$2b$%02u$%.*s%.*s", (unsigned)digest->cost,
             TEXT_ARG(digest->salt), TEXT_ARG(digest->hash));
    data.initialized = 0;
    char *made = crypt_rn(key, setting, &data, (int)sizeof(data));
    enum digest_answer answer =
        made ? answer_compare((uint8_t *)made, setting, STRING_LEN) : answer_no_memory(err);
    secret_wipe(&data, sizeof(data));
    return answer;
}

/* The first 72 bytes of password and pepper; crypt() refuses long ones as a whole. */
static enum digest_answer verify_parts(const struct digest *digest, struct text password,
                                       struct text pepper, struct err *err)
{
    char key[READS + 1] = {0};
    struct text head = text_part(password, 0, READS), tail = text_part(pepper, 0, READS - head.len);
    if (digest->cost > COST_VERIFY)
        return answer_too_costly(err);
    if (text_has_nul(head))
        return DIGEST_NO_MATCH;
    memcpy(key, head.len ? head.at : "", head.len);
    memcpy(key + head.len, tail.len ? tail.at : "", tail.len);
    enum digest_answer answer = compute(digest, key, err);
    secret_wipe(key, sizeof(key));
    return answer;
}

/* The pepper is absent in a plain bcrypt digest. */
static enum digest_answer verify(const struct digest *digest, struct text password, struct err *err)
{
    return verify_parts(digest, password, digest->extra[0], err);
}

static enum digest_answer verify_django(const struct digest *digest, struct text password,
                                        struct err *err)
{
    uint8_t hash[32];
    char hex[64];
    if (!crypto_hash(CRYPTO_SHA256, password, (struct text){NULL, 0}, hash))
        return answer_no_memory(err);
    crypto_hex(hash, sizeof(hash), hex);
    enum digest_answer answer = verify(digest, (struct text){hex, sizeof(hex)}, err);
    secret_wipe(hash, sizeof(hash));
    secret_wipe(hex, sizeof(hex));
    return answer;
}

const struct digest_ops digest_ops_bcrypt = {
    .hasher = "bcrypt",
    .cost_names = {"cost"},
    .clerk_cost_max = COST_CLERK,
    .parse = parse,
    .verify = verify,
};

const struct digest_ops digest_ops_bcrypt_peppered = {
    .hasher = "bcrypt_peppered",
    .cost_names = {"cost"},
    .clerk_cost_max = COST_CLERK,
    .parse = parse_peppered,
    .verify = verify,
};

const struct digest_ops digest_ops_bcrypt_sha256_django = {
    .hasher = "bcrypt_sha256_django",
    .cost_names = {"cost"},
    .clerk_cost_max = COST_CLERK,
    .parse = parse_django,
    .verify = verify_django,
};
