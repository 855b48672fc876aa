/*
 * .NET, FusionAuth, Symfony and Cognito.
 *
 *   ASP.NET Identity    base64 of: 00, salt (16), key (32): PBKDF2-SHA1, 1000 iterations (v2); or
 *                       01, PRF (4; 0 SHA-1, 1 SHA-256, 2 SHA-512), iterations (4), salt length (4),
 *                       salt, key, numbers big-endian (v3)
 *   ASP.NET Membership  {"Password", "PasswordSalt", "PasswordFormat"}; format 1: HMAC-SHA256 over
 *                       UTF-16LE, keyed with the salt repeated to 64 bytes (.NET 4's default)
 *   FusionAuth          {"encryptionScheme", "factor", "salt", "password"}
 *   Symfony legacy      {"password", "salt", "algorithm", "iterations", "encode_as_base64"}
 *   Cognito             {"UserPoolId", "ClientId", "Username"}: exports no hashes at all
 */
#include "digest/native.h"

static uint32_t big_endian(struct text bytes, size_t at)
{
    const uint8_t *b = (const uint8_t *)bytes.at + at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static enum native_take identity_v3(struct native *n, struct text bytes)
{
    static const enum native_prf prfs[] = {NATIVE_SHA1, NATIVE_SHA256, NATIVE_SHA512};
    if (bytes.len < 13 + 16 + 16)
        return NATIVE_NOT_MINE;
    uint32_t prf = big_endian(bytes, 1), salt = big_endian(bytes, 9);
    if (prf >= ARRAY_COUNT(prfs) || salt < 8 || salt > bytes.len - 13 - 16)
        return NATIVE_NOT_MINE;
    return native_pbkdf2(n, prfs[prf], big_endian(bytes, 5), text_part(bytes, 13, salt),
                         text_part(bytes, 13 + salt, bytes.len), NULL);
}

enum native_take form_identity(struct native *n, struct text t)
{
    struct text bytes = t.len % 4 ? (struct text){0} : native_unbase64(n, t);
    if (!bytes.len)
        return NATIVE_NOT_MINE;
    if (bytes.at[0] == 1)
        return identity_v3(n, bytes);
    if (bytes.at[0] != 0 || bytes.len != 49)
        return NATIVE_NOT_MINE;
    return native_pbkdf2(n, NATIVE_SHA1, 1000, text_part(bytes, 1, 16), text_part(bytes, 17, 32),
                         NULL);
}

/* How the provider fills the key of its HMAC: the salt again and again. */
static enum native_take membership_hmac(struct native *n, struct text salt, struct text hash)
{
    char key[64];
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = salt.at[i % salt.len];
    return native_give(n, "hmac_sha256_utf16_b64",
                       arena_printf(n->arena, "hmac_sha256_utf16_b64$%.*s$%.*s",
                                    TEXT_ARG(native_base64(n, hash)),
                                    TEXT_ARG(native_base64(n, (struct text){key, sizeof(key)}))),
                       "Clerk hardly documents hmac_sha256_utf16_b64: try one account first");
}

static enum native_take membership_hashed(struct native *n, struct json_value object)
{
    struct text kind = native_string(n, object, "HashAlgorithmType");
    struct text hash = native_unbase64(n, native_string(n, object, "Password"));
    struct text salt = native_unbase64(n, native_string(n, object, "PasswordSalt"));
    if (!hash.len || !salt.len)
        return native_bad(n, "Password and PasswordSalt must be base64");
    if (hash.len == 20)
        return native_refuse(n, "SHA-1 of salt and UTF-16 password" WAY_OUT);
    if (hash.len != 32 || (kind.at && !text_same_nocase(kind, TEXT("HMACSHA256"))))
        return native_refuse(n, "not the HMAC-SHA256 that Clerk takes" WAY_OUT);
    return membership_hmac(n, salt, hash);
}

enum native_take object_membership(struct native *n, struct json_value object)
{
    struct json_value format = json_get(object, TEXT("PasswordFormat"));
    if (json_type(format) != JSON_INT)
        return n->detecting ? NATIVE_NOT_MINE : native_bad(n, "PasswordFormat is missing");
    switch (json_int(format)) {
    case 0:
        return native_refuse(n, "a password in clear text, which is not repeated here; send it as "
                                "`password`, or hash it with bcrypt first");
    case 1:
        return membership_hashed(n, object);
    case 2:
        return native_refuse(n,
                             "encrypted with the application's machine key: decrypt it there and "
                             "send it as `password`, or" WAY_OUT);
    default:
        return native_bad(n, "PasswordFormat is none of 0, 1, 2");
    }
}

/* FusionAuth keeps a bcrypt hash in three pieces. */
static enum native_take fusionauth_bcrypt(struct native *n, uint64_t factor, struct text salt,
                                          struct text hash)
{
    return native_give(n, "bcrypt",
                       arena_printf(n->arena, "$2a$%02llu$%.*s%.*s", (unsigned long long)factor,
                                    TEXT_ARG(salt), TEXT_ARG(hash)),
                       NULL);
}

enum native_take object_fusionauth(struct native *n, struct json_value object)
{
    static const struct {
        const char *scheme;
        enum native_prf prf;
    } schemes[] = {
        {"salted-pbkdf2-hmac-sha256", NATIVE_SHA256},
        {"salted-pbkdf2-hmac-sha256-512", NATIVE_SHA256},
        {"salted-pbkdf2-hmac-sha512-512", NATIVE_SHA512},
    };
    struct text scheme = native_string(n, object, "encryptionScheme");
    struct text salt = native_string(n, object, "salt"),
                hash = native_string(n, object, "password");
    struct json_value factor = json_get(object, TEXT("factor"));
    if (!scheme.at)
        return n->detecting ? NATIVE_NOT_MINE : native_bad(n, "encryptionScheme is missing");
    if (!hash.len)
        return native_none(n, "no password stored");
    if (!salt.at || json_type(factor) != JSON_INT || json_int(factor) < 1)
        return native_bad(n, "salt or factor is missing");
    if (text_same(scheme, TEXT("bcrypt")))
        return fusionauth_bcrypt(n, json_uint(factor), salt, hash);
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
        if (text_same(scheme, text_of(schemes[i].scheme)))
            return native_pbkdf2(n, schemes[i].prf, json_uint(factor), native_unbase64(n, salt),
                                 native_unbase64(n, hash), NULL);
    return native_refuse(n, "an encryption scheme of FusionAuth for which Clerk has no hasher "
                            "(salted and iterated hashes)" WAY_OUT);
}

/* The encoder's documented defaults are sha512, 5000, base64; detection wants them spelled out. */
enum native_take object_symfony(struct native *n, struct json_value object)
{
    struct text hash = native_string(n, object, "password"),
                salt = native_string(n, object, "salt");
    struct text algorithm = native_string(n, object, "algorithm");
    struct json_value iterations = json_get(object, TEXT("iterations"));
    struct json_value base64 = json_get(object, TEXT("encode_as_base64"));
    bool hex = json_type(base64) == JSON_BOOL && !json_true(base64);
    if (!hash.at || (n->detecting && (!algorithm.at || json_type(iterations) != JSON_INT)))
        return NATIVE_NOT_MINE;
    if (!hash.len || hash.at[0] == '$')
        return native_forms(n, hash);
    if (algorithm.at && !text_same_nocase(algorithm, TEXT("sha512")))
        return native_refuse(n, "a message digest other than SHA-512" WAY_OUT);
    struct text bytes = hex ? native_unhex(n, hash) : native_unbase64(n, hash);
    if (!bytes.at)
        return native_bad(n, hex ? "the hash is not hex" : "the hash is not base64");
    uint64_t count = json_type(iterations) == JSON_ABSENT ? 5000 : json_uint(iterations);
    return native_give(n, "sha512_symfony",
                       arena_printf(n->arena, "sha512_symfony$%llu$%.*s$%.*s",
                                    (unsigned long long)count, TEXT_ARG(salt),
                                    TEXT_ARG(native_base64(n, bytes))),
                       NULL);
}

#define COGNITO_NOTE                                                                               \
    "Cognito gives no hashes away; Clerk signs in to Cognito when the user first signs in, so "    \
    "the "                                                                                         \
    "pool and a client that allows USER_PASSWORD_AUTH must stay until then"

enum native_take object_cognito(struct native *n, struct json_value object)
{
    struct text pool = native_string(n, object, "UserPoolId");
    struct text client = native_string(n, object, "ClientId");
    struct text user = native_string(n, object, "Username");
    if (!pool.at && n->detecting)
        return NATIVE_NOT_MINE;
    if (!pool.len || !client.len || !user.len)
        return native_bad(n, "UserPoolId, ClientId and Username are needed");
    return native_give(n, "awscognito",
                       arena_printf(n->arena, "awscognito#%.*s#%.*s#%.*s", TEXT_ARG(pool),
                                    TEXT_ARG(client), TEXT_ARG(user)),
                       COGNITO_NOTE);
}

enum native_take form_cognito(struct native *n, struct text t)
{
    if (!text_starts(t, TEXT("awscognito#")))
        return NATIVE_NOT_MINE;
    return native_give(n, "awscognito", t, COGNITO_NOTE);
}
