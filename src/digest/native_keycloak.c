/*
 * Keycloak's credentials, as a realm export or the database holds them:
 *
 *   {"type": "password", "secretData": "{\"value\": base64, \"salt\": base64}",
 *    "credentialData": "{\"hashIterations\": n, \"algorithm\": "pbkdf2-sha256",
 *                        \"additionalParameters\": {"memory": ["7168"], …}}"}
 *
 * Both inner objects may also come unquoted, or everything flat with "hashedSaltedValue" (releases
 * before 8), or the credential inside {"credentials": […]}.
 */
#include "digest/native.h"

struct credential {
    struct text value, salt, algorithm, type, version, memory, lanes;
    uint64_t iterations;
};

/* Parameters are arrays of one string. */
static struct text parameter(struct native *n, struct json_value data, const char *name)
{
    struct json_value all = json_get(data, TEXT("additionalParameters"));
    struct json_value given = json_get(all, text_of(name));
    if (json_type(given) != JSON_ARRAY)
        return native_string(n, all, name);
    struct text first = json_text(json_path(given, TEXT("0")));
    return first.at && !text_has_nul(first) ? arena_copy(n->arena, first) : (struct text){0};
}

static void read_secret(struct native *n, struct json_value data, struct credential *c)
{
    c->value = native_string(n, data, "value");
    if (!c->value.at)
        c->value = native_string(n, data, "hashedSaltedValue");
    c->salt = native_unbase64(n, native_string(n, data, "salt"));
}

static void read_data(struct native *n, struct json_value data, struct credential *c)
{
    c->algorithm = native_string(n, data, "algorithm");
    c->iterations = json_uint(json_get(data, TEXT("hashIterations")));
    c->type = parameter(n, data, "type");
    c->version = parameter(n, data, "version");
    c->memory = parameter(n, data, "memory");
    c->lanes = parameter(n, data, "parallelism");
}

static bool read_credential(struct native *n, struct json_value object, struct credential *c)
{
    struct text secret = native_string(n, object, "secretData");
    struct text data = native_string(n, object, "credentialData");
    struct json_value root = json_get(object, TEXT("secretData"));
    *c = (struct credential){0};
    if (secret.at && data.at) {
        if (!native_parse(n, secret, &root))
            return false;
        read_secret(n, root, c);
        if (!native_parse(n, data, &root))
            return false;
        read_data(n, root, c);
        return true;
    }
    bool nested = json_type(root) == JSON_OBJECT;
    read_secret(n, nested ? root : object, c);
    read_data(n, nested ? json_get(object, TEXT("credentialData")) : object, c);
    return true;
}

static enum native_take give_argon2(struct native *n, const struct credential *c)
{
    uint64_t memory, lanes;
    bool id = text_same(c->type, TEXT("id"));
    struct text hash = native_unbase64(n, c->value);
    if (!id && !text_same(c->type, TEXT("i")))
        return native_refuse(n, "argon2d, where Clerk takes argon2i and argon2id" WAY_OUT);
    if (c->version.at && !text_same(c->version, TEXT("1.3")))
        return native_refuse(n, "argon2 before version 1.3" WAY_OUT);
    if (!text_u64(c->memory, UINT32_MAX, &memory) || !text_u64(c->lanes, UINT32_MAX, &lanes) ||
        !c->salt.at || !hash.at)
        return native_bad(n, "memory, parallelism, salt or value is damaged");
    return native_give(n, id ? "argon2id" : "argon2i",
                       arena_printf(n->arena, "$argon2%s$v=19$m=%llu,t=%llu,p=%llu$%.*s$%.*s",
                                    id ? "id" : "i", (unsigned long long)memory,
                                    (unsigned long long)c->iterations, (unsigned long long)lanes,
                                    TEXT_ARG(native_base64_bare(n, c->salt)),
                                    TEXT_ARG(native_base64_bare(n, hash))),
                       NULL);
}

static enum native_take give(struct native *n, const struct credential *c)
{
    static const struct {
        const char *algorithm;
        enum native_prf prf;
    } algorithms[] = {
        {"pbkdf2", NATIVE_SHA1},
        {"pbkdf2-sha256", NATIVE_SHA256},
        {"pbkdf2-sha512", NATIVE_SHA512},
    };
    if (!c->value.at || !c->algorithm.at)
        return native_bad(n, "value or algorithm is missing");
    if (text_same(c->algorithm, TEXT("argon2")))
        return give_argon2(n, c);
    for (size_t i = 0; i < ARRAY_COUNT(algorithms); i++)
        if (text_same(c->algorithm, text_of(algorithms[i].algorithm)))
            return native_pbkdf2(n, algorithms[i].prf, c->iterations, c->salt,
                                 native_unbase64(n, c->value), NULL);
    enum native_take take = native_forms(n, c->value);
    return take != NATIVE_NOT_MINE
               ? take
               : native_refuse(n, "a hash algorithm that came with a plug-in" WAY_OUT);
}

/* The first password among a user's credentials. */
static struct json_value password_of(struct json_value credentials)
{
    struct json_walk walk = json_walk(credentials);
    while (json_next(&walk))
        if (text_same(json_text(json_get(walk.value, TEXT("type"))), TEXT("password")))
            return walk.value;
    return (struct json_value){0};
}

enum native_take object_keycloak(struct native *n, struct json_value object)
{
    struct credential credential;
    struct json_value all = json_get(object, TEXT("credentials"));
    if (json_type(all) == JSON_ARRAY) {
        object = password_of(all);
        if (json_type(object) == JSON_ABSENT)
            return native_none(n, "no credential of type password");
    }
    if (json_type(json_get(object, TEXT("secretData"))) == JSON_ABSENT &&
        json_type(json_get(object, TEXT("hashedSaltedValue"))) == JSON_ABSENT)
        return n->detecting ? NATIVE_NOT_MINE : native_bad(n, "secretData is missing");
    if (!read_credential(n, object, &credential))
        return NATIVE_BAD;
    return give(n, &credential);
}
