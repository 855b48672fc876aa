/*
 * Auth0: {"passwordHash": bcrypt} in the export that support makes, and custom_password_hash, the form
 * in which a user was once imported:
 *
 *   {"custom_password_hash": {"algorithm": …, "hash": {"value": …, "encoding": "hex|base64|utf8"},
 *     "salt": {"value": …, "encoding": …, "position": "prefix|suffix"}, "password": {"encoding": …},
 *     "keylen", "cost", "blockSize", "parallelization"}}
 */
#include "digest/native.h"

/* {"value", "encoding"} to bytes; `usual` is the encoding when none is named. */
static struct text value_of(struct native *n, struct json_value object, const char *usual)
{
    struct text value = native_string(n, object, "value");
    struct text encoding = native_string(n, object, "encoding");
    if (!encoding.at)
        encoding = text_of(usual);
    if (text_same_nocase(encoding, TEXT("hex")))
        return native_unhex(n, value);
    if (text_same_nocase(encoding, TEXT("base64")))
        return native_unbase64(n, value);
    return value;
}

static enum native_take string_hash(struct native *n, struct json_value custom)
{
    enum native_take take = native_forms(n, value_of(n, json_get(custom, TEXT("hash")), "utf8"));
    return take == NATIVE_NOT_MINE ? native_bad(n, "hash.value is not of its algorithm") : take;
}

static enum native_take plain_hash(struct native *n, struct json_value custom)
{
    struct json_value salt = json_get(custom, TEXT("salt"));
    struct text hash = value_of(n, json_get(custom, TEXT("hash")), "hex");
    struct text position = native_string(n, salt, "position");
    struct text encoding = native_string(n, json_get(custom, TEXT("password")), "encoding");
    if (encoding.at && !text_same_nocase(encoding, TEXT("utf8")) &&
        !text_same_nocase(encoding, TEXT("ascii")))
        return native_refuse(n, "the password is not hashed as UTF-8" WAY_OUT);
    if (json_type(salt) == JSON_ABSENT)
        return native_salted(n, TEXT(""), hash, NULL);
    if (text_same(position, TEXT("suffix")))
        return native_refuse(n, "the salt comes after the password, where Clerk's is taken to come "
                                "first" WAY_OUT);
    struct text bytes = value_of(n, salt, "utf8");
    return bytes.at ? native_salted(n, bytes, hash, NULL) : native_bad(n, "the salt is damaged");
}

static enum native_take scrypt_hash(struct native *n, struct json_value custom)
{
    struct native_scrypt scrypt = {
        .n = json_uint(json_get(custom, TEXT("cost"))),
        .r = json_uint(json_get(custom, TEXT("blockSize"))),
        .p = json_uint(json_get(custom, TEXT("parallelization"))),
        .salt = value_of(n, json_get(custom, TEXT("salt")), "utf8"),
        .key = value_of(n, json_get(custom, TEXT("hash")), "hex"),
    };
    return native_scrypt(n, &scrypt, NULL);
}

static enum native_take custom_hash(struct native *n, struct json_value custom)
{
    static const struct {
        const char *algorithm;
        native_object *convert;
        const char *refusal;
    } algorithms[] = {
        {"bcrypt", string_hash, NULL},
        {"argon2", string_hash, NULL},
        {"pbkdf2", string_hash, NULL},
        {"ldap", string_hash, NULL},
        {"md5", plain_hash, NULL},
        {"sha256", plain_hash, NULL},
        {"scrypt", scrypt_hash, NULL},
        {"md4", NULL, "MD4" WAY_OUT},
        {"sha1", NULL, "SHA-1" WAY_OUT},
        {"sha512", NULL, "SHA-512" WAY_OUT},
        {"hmac", NULL, "HMAC over UTF-8, where Clerk's is over UTF-16" WAY_OUT},
    };
    struct text algorithm = native_string(n, custom, "algorithm");
    for (size_t i = 0; i < ARRAY_COUNT(algorithms); i++)
        if (text_same_nocase(algorithm, text_of(algorithms[i].algorithm)))
            return algorithms[i].convert ? algorithms[i].convert(n, custom)
                                         : native_refuse(n, algorithms[i].refusal);
    return native_bad(n, "no algorithm that custom_password_hash knows");
}

enum native_take object_auth0(struct native *n, struct json_value object)
{
    struct json_value custom = json_get(object, TEXT("custom_password_hash"));
    if (json_type(custom) == JSON_OBJECT)
        return custom_hash(n, custom);
    if (n->detecting && json_type(json_get(object, TEXT("hash_config"))) != JSON_ABSENT)
        return NATIVE_NOT_MINE;
    struct text hash = native_string(n, object, "passwordHash");
    if (!hash.at && n->detecting)
        return NATIVE_NOT_MINE;
    return native_forms(n, hash);
}
