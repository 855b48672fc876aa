/*
 * Symfony's MessageDigest encoder: sha512_symfony$ITERATIONS$SALT$BASE64. The first input is
 * "password{salt}", or the bare password if the salt is empty; every further round hashes the raw
 * hash so far followed by that input.
 */
#include "digest/answer.h"
#include "digest/crypto.h"
#include "digest/shape.h"

#include <string.h>

#define SHA512_SIZE    64
#define ITERATIONS_MAX 10000000

static const char *parse(struct digest *digest)
{
    struct text fields[4];
    size_t bytes;
    if (!shape_fields(digest->text, '$', fields, 4))
        return "not four fields: sha512_symfony$iterations$salt$hash";
    if (!text_same(fields[0], TEXT("sha512_symfony")))
        return "does not start with sha512_symfony$";
    if (!text_u64(fields[1], ITERATIONS_MAX, &digest->cost) || digest->cost == 0)
        return "iterations are not a number from 1 to 10000000";
    if (fields[2].len > 0 && !shape_literal(fields[2]))
        return "the salt is over 1023 bytes or not UTF-8";
    if (text_find(fields[2], '{', 0) < fields[2].len ||
        text_find(fields[2], '}', 0) < fields[2].len)
        return "a brace in the salt, which Symfony never has";
    if (!shape_base64(fields[3], &bytes) || bytes != SHA512_SIZE)
        return "the hash is not 64 bytes of base64";
    digest->salt = fields[2];
    digest->hash = fields[3];
    return NULL;
}

/* Writes "password{salt}" behind the room for a hash. Returns the length of both. */
static size_t salted(const struct digest *digest, struct text password, char *to)
{
    size_t at = SHA512_SIZE;
    if (password.len > 0)
        memcpy(to + at, password.at, password.len);
    at += password.len;
    if (digest->salt.len == 0)
        return at;
    to[at++] = '{';
    memcpy(to + at, digest->salt.at, digest->salt.len);
    at += digest->salt.len;
    to[at++] = '}';
    return at;
}

static enum digest_answer verify(const struct digest *digest, struct text password, struct err *err)
{
    char input[SHA512_SIZE + DIGEST_PASSWORD_MAX + SHAPE_FIELD_MAX + 2];
    uint8_t stored[BASE64_ROOM(SHA512_SIZE * 2)];
    size_t len = salted(digest, password, input), stored_len = 0;
    struct text whole = {input, len}, none = {NULL, 0};
    uint8_t *hash = (uint8_t *)input;
    base64_decode(BASE64, digest->hash, stored, sizeof(stored), &stored_len);
    bool done = crypto_hash(CRYPTO_SHA512, text_part(whole, SHA512_SIZE, len), none, hash);
    for (uint64_t i = 1; done && i < digest->cost; i++)
        done = crypto_hash(CRYPTO_SHA512, whole, none, hash);
    enum digest_answer answer =
        done ? answer_compare(hash, stored, SHA512_SIZE) : answer_no_memory(err);
    secret_wipe(input, len);
    return answer;
}

const struct digest_ops digest_ops_sha512_symfony = {
    .hasher = "sha512_symfony",
    .insecure = true,
    .cost_names = {"iterations"},
    .parse = parse,
    .verify = verify,
};
