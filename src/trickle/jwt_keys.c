/*
 * JWK sets: {"keys":[{"kty":"RSA","kid":…,"use":"sig","alg":…,"n":…,"e":…}, {"kty":"EC","crv":"P-256","x":…,
 * "y":…}, {"kty":"OKP","crv":"Ed25519","x":…}]}, numbers in base64url (RFC 7517, 7518 section 6, 8037).
 */
#include "trickle/jwt_keys.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#define SET_MAX      ((size_t)256 * 1024)
#define NUMBER_MAX   1024 /* bytes: RSA of 8192 bits */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

/* A base64url member of a key, decoded. */
struct number {
    uint8_t at[NUMBER_MAX];
    size_t len;
};

static bool read_number(struct json_value key, const char *name, struct number *number)
{
    struct text t = json_text(json_get(key, text_of(name)));
    return t.len > 0 &&
           base64_decode(BASE64_URL_BARE, t, number->at, sizeof(number->at), &number->len);
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    if (context && params && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *read_rsa(struct json_value key)
{
    struct number n, e;
    EVP_PKEY *made = NULL;
    if (!read_number(key, "n", &n) || !read_number(key, "e", &e) || e.len > 8)
        return NULL;
    BIGNUM *modulus = BN_bin2bn(n.at, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn(e.at, (int)e.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    bool good = modulus && exponent && build && BN_num_bits(modulus) >= RSA_BITS_MIN &&
                BN_num_bits(modulus) <= RSA_BITS_MAX && BN_is_odd(modulus) && BN_is_odd(exponent) &&
                !BN_is_one(exponent) &&
                OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
                OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1;
    OSSL_PARAM *params = good ? OSSL_PARAM_BLD_to_param(build) : NULL;
    made = params ? make_key("RSA", params) : NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return made;
}

/* A point that is not on the curve makes no key. */
static EVP_PKEY *read_ec(struct json_value key, unsigned *bits)
{
    struct text curve = json_text(json_get(key, TEXT("crv")));
    struct number x, y;
    uint8_t point[1 + 2 * 48] = {4}; /* uncompressed (SEC 1, 2.3.3) */
    *bits = text_same(curve, TEXT("P-256")) ? 256 : text_same(curve, TEXT("P-384")) ? 384 : 0;
    size_t size = *bits / 8;
    if (size == 0 || !read_number(key, "x", &x) || !read_number(key, "y", &y) || x.len != size ||
        y.len != size)
        return NULL;
    memcpy(point + 1, x.at, size);
    memcpy(point + 1 + size, y.at, size);
    char *group = size == 32 ? "P-256" : "P-384";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size),
        OSSL_PARAM_construct_end()};
    return make_key("EC", params);
}

static EVP_PKEY *read_okp(struct json_value key)
{
    struct number x;
    if (!text_same(json_text(json_get(key, TEXT("crv"))), TEXT("Ed25519")) ||
        !read_number(key, "x", &x) || x.len != 32)
        return NULL;
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.at, x.len);
}

/* A key may say what it is for: "use", or "key_ops"; without either it is for all. */
static bool is_for_signatures(struct json_value key)
{
    struct text use = json_text(json_get(key, TEXT("use")));
    struct json_walk ops = json_walk(json_get(key, TEXT("key_ops")));
    bool verify = json_type(json_get(key, TEXT("key_ops"))) != JSON_ARRAY;
    while (json_next(&ops))
        verify |= text_same(json_text(ops.value), TEXT("verify"));
    return verify && (!use.at || text_same(use, TEXT("sig")));
}

static bool read_key(struct json_value value, struct jwt_key *key)
{
    struct text type = json_text(json_get(value, TEXT("kty")));
    *key = (struct jwt_key){0};
    if (!is_for_signatures(value))
        return false;
    if (text_same(type, TEXT("RSA"))) {
        key->kind = JWT_RSA;
        key->public = read_rsa(value);
    } else if (text_same(type, TEXT("EC"))) {
        key->kind = JWT_EC;
        key->public = read_ec(value, &key->bits);
    } else if (text_same(type, TEXT("OKP"))) {
        key->kind = JWT_OKP;
        key->public = read_okp(value);
    }
    return key->public != NULL;
}

static int add_key(struct jwt_keys *keys, struct json_value value, struct err *err)
{
    struct jwt_key *key = &keys->keys[keys->count];
    struct text id = json_text(json_get(value, TEXT("kid")));
    struct text alg = json_text(json_get(value, TEXT("alg")));
    if (keys->count == JWT_KEYS_MAX || !read_key(value, key))
        return 0;
    keys->count++;
    if (id.at)
        key->id = arena_copy(&keys->arena, id);
    if (alg.at)
        key->alg = arena_copy(&keys->arena, alg);
    return (id.at && !key->id.at) || (alg.at && !key->alg.at) ? err_memory(err) : 0;
}

static int add_keys(struct jwt_keys *keys, struct json_value root, struct err *err)
{
    struct json_value list = json_get(root, TEXT("keys"));
    struct json_walk walk = json_walk(list);
    if (json_type(list) != JSON_ARRAY)
        return err_set(err, ERR_INPUT, "the key set has no array \"keys\"");
    while (json_next(&walk))
        if (add_key(keys, walk.value, err) != 0)
            return -1;
    return 0;
}

static int new_keys(struct jwt_keys **keys, struct err *err)
{
    *keys = calloc(1, sizeof(**keys));
    if (!*keys)
        return err_memory(err);
    arena_init(&(*keys)->arena, SET_MAX);
    return 0;
}

int jwt_keys_secret(struct jwt_keys **keys, struct text secret, struct err *err)
{
    if (secret.len < JWT_SECRET_MIN)
        return err_set(err, ERR_USAGE, "a secret of less than %d bytes can be guessed",
                       JWT_SECRET_MIN);
    if (new_keys(keys, err) != 0)
        return -1;
    struct jwt_key *key = &(*keys)->keys[(*keys)->count++];
    *key = (struct jwt_key){.kind = JWT_OCT, .secret = arena_copy(&(*keys)->arena, secret)};
    if (key->secret.at)
        return 0;
    jwt_keys_free(*keys);
    return err_memory(err);
}

int jwt_keys_read(struct jwt_keys **keys, struct text jwks, struct err *err)
{
    struct json *json = NULL;
    struct json_value root;
    if (new_keys(keys, err) != 0)
        return -1;
    int result = -1;
    if (json_new(&json, SET_MAX, err) == 0 && json_parse(json, jwks, &root, err) == 0)
        result = add_keys(*keys, root, err);
    json_free(json);
    if (result != 0)
        jwt_keys_free(*keys);
    return result;
}

void jwt_keys_free(struct jwt_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->count; i++)
        EVP_PKEY_free(keys->keys[i].public);
    arena_release(&keys->arena);
    free(keys);
}

size_t jwt_keys_count(const struct jwt_keys *keys)
{
    return keys->count;
}
