/*
 * Plain hashes: HEX, the hash of the password, and SALT$HEX, the hash of the salt followed by the
 * password. Clerk does not document the order of the latter; salt first is what Django and most
 * others do. Hex in either case.
 */
#include "digest/answer.h"
#include "digest/crypto.h"
#include "digest/shape.h"

static const char *parse_hash(struct digest *digest, struct text hash, enum crypto_hash kind)
{
    size_t bytes;
    if (hash.len != 2 * crypto_hash_size(kind))
        return "the hash has not the length of its algorithm";
    if (!shape_hex(hash, &bytes))
        return "the hash is not hex";
    digest->hash = hash;
    return NULL;
}

static const char *parse_salted(struct digest *digest, enum crypto_hash kind)
{
    struct text fields[2];
    if (!shape_fields(digest->text, '$', fields, 2))
        return "not two fields: salt$hash";
    if (!shape_literal(fields[0]))
        return "the salt is empty, over 1023 bytes or not UTF-8";
    digest->salt = fields[0];
    return parse_hash(digest, fields[1], kind);
}

/* An unsalted digest has the absent salt, which adds nothing to the hash. */
static enum digest_answer verify(const struct digest *digest, struct text password, struct err *err,
                                 enum crypto_hash kind)
{
    uint8_t stored[CRYPTO_HASH_MAX], computed[CRYPTO_HASH_MAX];
    size_t len = shape_unhex(digest->hash, stored);
    if (!crypto_hash(kind, digest->salt, password, computed))
        return answer_no_memory(err);
    return answer_compare(computed, stored, len);
}

static const char *parse_md5(struct digest *digest)
{
    return parse_hash(digest, digest->text, CRYPTO_MD5);
}

static const char *parse_sha256(struct digest *digest)
{
    return parse_hash(digest, digest->text, CRYPTO_SHA256);
}

static const char *parse_md5_salted(struct digest *digest)
{
    return parse_salted(digest, CRYPTO_MD5);
}

static const char *parse_sha256_salted(struct digest *digest)
{
    return parse_salted(digest, CRYPTO_SHA256);
}

static enum digest_answer verify_md5(const struct digest *digest, struct text password,
                                     struct err *err)
{
    return verify(digest, password, err, CRYPTO_MD5);
}

static enum digest_answer verify_sha256(const struct digest *digest, struct text password,
                                        struct err *err)
{
    return verify(digest, password, err, CRYPTO_SHA256);
}

const struct digest_ops digest_ops_md5 = {
    .hasher = "md5",
    .insecure = true,
    .parse = parse_md5,
    .verify = verify_md5,
};

const struct digest_ops digest_ops_md5_salted = {
    .hasher = "md5_salted",
    .insecure = true,
    .parse = parse_md5_salted,
    .verify = verify_md5,
};

const struct digest_ops digest_ops_sha256 = {
    .hasher = "sha256",
    .insecure = true,
    .parse = parse_sha256,
    .verify = verify_sha256,
};

const struct digest_ops digest_ops_sha256_salted = {
    .hasher = "sha256_salted",
    .insecure = true,
    .parse = parse_sha256_salted,
    .verify = verify_sha256,
};
