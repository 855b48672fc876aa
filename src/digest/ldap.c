/*
 * LDAP's salted SHA-1, as OpenLDAP stores it in userPassword: {SSHA} and the base64 of
 * SHA-1(password, salt) followed by the salt, which may be of any length. Scheme names are
 * case-insensitive (RFC 2307).
 */
#include "digest/answer.h"
#include "digest/crypto.h"
#include "digest/shape.h"

#define SHA1_SIZE 20

static const char *parse(struct digest *digest)
{
    struct text scheme = TEXT("{SSHA}");
    size_t bytes;
    digest->prefix = text_part(digest->text, 0, scheme.len);
    digest->hash = text_part(digest->text, scheme.len, digest->text.len);
    if (!text_same_nocase(digest->prefix, scheme))
        return "does not start with {SSHA}";
    if (!shape_base64(digest->hash, &bytes))
        return "not base64 behind {SSHA}";
    if (bytes < SHA1_SIZE)
        return "shorter than a SHA-1";
    return NULL;
}

static enum digest_answer verify(const struct digest *digest, struct text password, struct err *err)
{
    uint8_t stored[BASE64_ROOM(DIGEST_MAX)], computed[SHA1_SIZE];
    size_t len = 0;
    base64_decode(BASE64, digest->hash, stored, sizeof(stored), &len);
    struct text salt = {(char *)stored + SHA1_SIZE, len - SHA1_SIZE};
    if (!crypto_hash(CRYPTO_SHA1, password, salt, computed))
        return answer_no_memory(err);
    return answer_compare(computed, stored, SHA1_SIZE);
}

const struct digest_ops digest_ops_ldap_ssha = {
    .hasher = "ldap_ssha",
    .parse = parse,
    .verify = verify,
};
