/*
 * PBKDF2 (RFC 8018) in five spellings, fields between $:
 *
 *     pbkdf2_sha1           pbkdf2_sha1$iterations$salt$hash[$length]   salt hex, or text if it is
 * not; hash hex pbkdf2_sha256         pbkdf2_sha256$iterations$salt$hash          both base64
 *     pbkdf2_sha256_django  pbkdf2_sha256$iterations$salt$hash          salt text, hash base64
 *     pbkdf2_sha512         pbkdf2_sha512$iterations$salt$hash          salt text, hash hex
 *     pbkdf2_sha512_hex     pbkdf2_sha512_hex$iterations$salt$hash      both hex
 *
 * The length of pbkdf2_sha1 is that of the hash in bytes, 32 if it is left out. A longer hash is
 * made of blocks of the hash function's size, each of which costs all the iterations.
 */
#include "digest/answer.h"
#include "digest/crypto.h"
#include "digest/shape.h"

#define KEY_MIN        16 /* bytes: shorter hashes would match by chance */
#define KEY_MAX        1023
#define ITERATIONS_MAX 10000000 /* and the same for iterations times blocks */
#define LENGTH_DEFAULT 32

enum coding { TEXT_SALT, HEX_CODING, HEX_OR_TEXT, BASE64_CODING };

/* What sets one spelling apart. */
struct form {
    struct text prefix;
    enum crypto_hash hash;
    enum coding salt_coding, hash_coding;
    size_t hash_len; /* bytes; 0: from KEY_MIN to KEY_MAX */
    uint64_t iterations_max;
};

static const struct form forms[] = {
    {{"pbkdf2_sha1", 11}, CRYPTO_SHA1, HEX_OR_TEXT, HEX_CODING, 0, ITERATIONS_MAX},
    {{"pbkdf2_sha256", 13}, CRYPTO_SHA256, BASE64_CODING, BASE64_CODING, 32, 2000000},
    {{"pbkdf2_sha256", 13}, CRYPTO_SHA256, TEXT_SALT, BASE64_CODING, 32, 2000000},
    {{"pbkdf2_sha512", 13}, CRYPTO_SHA512, TEXT_SALT, HEX_CODING, 0, 419999},
    {{"pbkdf2_sha512_hex", 17}, CRYPTO_SHA512, HEX_CODING, HEX_CODING, 0, ITERATIONS_MAX},
};
enum { SHA1, SHA256, SHA256_DJANGO, SHA512, SHA512_HEX };

/* Whether t is 1 or more bytes in that coding; *bytes gets how many. */
static bool has_coding(enum coding coding, struct text t, size_t *bytes)
{
    *bytes = t.len;
    if (t.len == 0)
        return false;
    if (coding == BASE64_CODING)
        return shape_base64(t, bytes);
    if (coding == HEX_CODING)
        return shape_hex(t, bytes);
    return (coding == HEX_OR_TEXT && shape_hex(t, bytes)) || shape_literal(t);
}

static const char *parse_hash(struct digest *digest, const struct form *form)
{
    size_t bytes, block = crypto_hash_size(form->hash);
    if (!has_coding(form->hash_coding, digest->hash, &bytes))
        return form->hash_coding == HEX_CODING ? "the hash is not hex" : "the hash is not base64";
    if (form->hash_len > 0 && bytes != form->hash_len)
        return "the hash is not 32 bytes";
    if (bytes < KEY_MIN || bytes > KEY_MAX)
        return "the hash is below 16 or above 1023 bytes";
    if (digest->cost * ((bytes + block - 1) / block) > ITERATIONS_MAX)
        return "iterations too high for so long a hash";
    digest->cost2 = bytes;
    return NULL;
}

static const char *parse_fields(struct digest *digest, const struct form *form,
                                const struct text fields[4])
{
    size_t bytes;
    if (!text_same(fields[0], form->prefix))
        return "does not start with the name of its algorithm";
    if (!text_u64(fields[1], form->iterations_max, &digest->cost) || digest->cost == 0)
        return "iterations are not a number that Clerk takes";
    if (!has_coding(form->salt_coding, fields[2], &bytes) || bytes > SHAPE_FIELD_MAX)
        return "the salt is empty, over 1023 bytes or not in its encoding";
    digest->salt = fields[2];
    digest->hash = fields[3];
    return parse_hash(digest, form);
}

static const char *parse(struct digest *digest, const struct form *form)
{
    struct text fields[4];
    if (!shape_fields(digest->text, '$', fields, 4))
        return "not four fields: name$iterations$salt$hash";
    return parse_fields(digest, form, fields);
}

static const char *parse_sha1(struct digest *digest)
{
    struct text fields[5] = {{0}};
    uint64_t length = LENGTH_DEFAULT;
    bool with_length = shape_fields(digest->text, '$', fields, 5);
    if (!with_length && !shape_fields(digest->text, '$', fields, 4))
        return "not four or five fields: pbkdf2_sha1$iterations$salt$hash[$length]";
    if (with_length && !text_u64(fields[4], KEY_MAX, &length))
        return "the length is not a number up to 1023";
    const char *wrong = parse_fields(digest, &forms[SHA1], fields);
    if (!wrong && digest->cost2 != length)
        return "the hash has not the length given (32 bytes if none is)";
    return wrong;
}

static const char *parse_sha256(struct digest *digest)
{
    return parse(digest, &forms[SHA256]);
}

static const char *parse_sha256_django(struct digest *digest)
{
    return parse(digest, &forms[SHA256_DJANGO]);
}

static const char *parse_sha512(struct digest *digest)
{
    return parse(digest, &forms[SHA512]);
}

static const char *parse_sha512_hex(struct digest *digest)
{
    return parse(digest, &forms[SHA512_HEX]);
}

/* Decodes a field that has_coding has passed; a text stays where it is. */
static struct text decode(enum coding coding, struct text t, uint8_t *room, size_t size)
{
    size_t len = 0;
    if (coding == BASE64_CODING && base64_decode(BASE64, t, room, size, &len))
        return (struct text){(char *)room, len};
    if ((coding == HEX_CODING || coding == HEX_OR_TEXT) && hex_decode(t, room, size, &len))
        return (struct text){(char *)room, len};
    return t;
}

static enum digest_answer verify(const struct digest *digest, struct text password, struct err *err,
                                 const struct form *form)
{
    uint8_t salt[BASE64_ROOM(DIGEST_MAX)], stored[BASE64_ROOM(DIGEST_MAX)], computed[KEY_MAX];
    struct text hash = decode(form->hash_coding, digest->hash, stored, sizeof(stored));
    struct crypto_pbkdf2 in = {
        .hash = form->hash,
        .password = password,
        .salt = decode(form->salt_coding, digest->salt, salt, sizeof(salt)),
        .iterations = digest->cost,
    };
    if (!crypto_pbkdf2(&in, computed, hash.len))
        return answer_no_memory(err);
    return answer_compare(computed, hash.at, hash.len);
}

static enum digest_answer verify_sha1(const struct digest *digest, struct text password,
                                      struct err *err)
{
    return verify(digest, password, err, &forms[SHA1]);
}

static enum digest_answer verify_sha256(const struct digest *digest, struct text password,
                                        struct err *err)
{
    return verify(digest, password, err, &forms[SHA256]);
}

static enum digest_answer verify_sha256_django(const struct digest *digest, struct text password,
                                               struct err *err)
{
    return verify(digest, password, err, &forms[SHA256_DJANGO]);
}

static enum digest_answer verify_sha512(const struct digest *digest, struct text password,
                                        struct err *err)
{
    return verify(digest, password, err, &forms[SHA512]);
}

static enum digest_answer verify_sha512_hex(const struct digest *digest, struct text password,
                                            struct err *err)
{
    return verify(digest, password, err, &forms[SHA512_HEX]);
}

const struct digest_ops digest_ops_pbkdf2_sha1 = {
    .hasher = "pbkdf2_sha1",
    .cost_names = {"iterations", "length"},
    .parse = parse_sha1,
    .verify = verify_sha1,
};

const struct digest_ops digest_ops_pbkdf2_sha256 = {
    .hasher = "pbkdf2_sha256",
    .cost_names = {"iterations"},
    .parse = parse_sha256,
    .verify = verify_sha256,
};

const struct digest_ops digest_ops_pbkdf2_sha256_django = {
    .hasher = "pbkdf2_sha256_django",
    .cost_names = {"iterations"},
    .parse = parse_sha256_django,
    .verify = verify_sha256_django,
};

const struct digest_ops digest_ops_pbkdf2_sha512 = {
    .hasher = "pbkdf2_sha512",
    .cost_names = {"iterations", "length"},
    .parse = parse_sha512,
    .verify = verify_sha512,
};

const struct digest_ops digest_ops_pbkdf2_sha512_hex = {
    .hasher = "pbkdf2_sha512_hex",
    .cost_names = {"iterations", "length"},
    .parse = parse_sha512_hex,
    .verify = verify_sha512_hex,
};
