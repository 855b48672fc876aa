/*
 * A token is BASE64URL(header).BASE64URL(claims).BASE64URL(signature), no padding (RFC 7515, 3.1). What is
 * signed is the text before the second dot as it stands. Header and claims are only looked at as JSON:
 *
 *     {"alg":"RS256","kid":"2024-1"}   {"sub":"17","exp":1785000000,"iat":…,"nbf":…,"iss":…,"aud":… or […]}
 *
 * A header with "crit" asks for what is not known here, and is refused (4.1.11).
 */
#include "trickle/jwt_keys.h"

#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "trickle/mac.h"

#define SIGNATURE_MAX 1024
/* Keys that are tried for a token without a kid. */
#define TRIED_MAX 8
/* Times beyond this (year 9999) are no times. */
#define SECONDS_MAX 253402300799.0

static const struct {
    const char *name;
    enum jwt_kind kind;
    unsigned bits;
    size_t length; /* of a signature; 0: as the key's */
} algs[JWT_ALG_COUNT] = {
#define ALG(name, kind, bits, length) {#name, kind, bits, length},
    JWT_ALGS(ALG)
#undef ALG
};

/* A token cut into its parts. */
struct parts {
    struct text header, claims, signature; /* encoded */
    struct text is_signed;                 /* the first two and their dot */
};

int jwt_policy_algs(struct jwt_policy *policy, struct text names, struct err *err)
{
    struct text name;
    policy->algs = 0;
    while (text_field(&names, ',', &name)) {
        size_t i = 0;
        name = text_trim(name);
        while (i < JWT_ALG_COUNT && !text_same(name, text_of(algs[i].name)))
            i++;
        if (i == JWT_ALG_COUNT)
            return err_set(err, ERR_USAGE,
                           "there is no algorithm \"%.*s\"; there are HS256, HS384, HS512, RS256, "
                           "RS384, RS512, PS256, ES256, ES384, EdDSA",
                           TEXT_ARG(text_part(name, 0, 32)));
        policy->algs |= UINT32_C(1) << i;
    }
    return policy->algs ? 0 : err_set(err, ERR_USAGE, "no algorithm is named");
}

static bool cut(struct text token, struct parts *parts)
{
    struct text rest = token;
    if (token.len == 0 || token.len > JWT_TOKEN_MAX || !text_field(&rest, '.', &parts->header) ||
        !text_field(&rest, '.', &parts->claims) || !text_field(&rest, '.', &parts->signature))
        return false;
    parts->is_signed = text_part(token, 0, parts->header.len + 1 + parts->claims.len);
    return !rest.at && parts->header.len > 0 && parts->claims.len > 0 && parts->signature.len > 0;
}

/* Decodes a part and parses it as an object. */
static bool read_object(struct jwt *jwt, struct text part, struct json_value *root)
{
    struct err ignored;
    size_t len = 0;
    buf_reset(&jwt->part);
    char *to = buf_room(&jwt->part, BASE64_ROOM(part.len));
    if (!to || !base64_decode(BASE64_URL_BARE, part, (uint8_t *)to, BASE64_ROOM(part.len), &len))
        return false;
    buf_grow(&jwt->part, len);
    return json_parse(jwt->json, buf_text(&jwt->part), root, &ignored) == 0 &&
           json_type(*root) == JSON_OBJECT;
}

/* --- signatures --- */

static bool verify_mac(const struct jwt_key *key, enum jwt_alg alg, struct text message,
                       const uint8_t *signature, size_t len)
{
    uint8_t mac[MAC_MAX];
    size_t made = mac_sha2(algs[alg].bits, key->secret, message, mac);
    return made == len && secret_same(mac, signature, len);
}

static const EVP_MD *hash_of(enum jwt_alg alg)
{
    switch (algs[alg].bits) {
    case 256:
        return EVP_sha256();
    case 384:
        return EVP_sha384();
    case 512:
        return EVP_sha512();
    default:
        return NULL; /* EdDSA hashes by itself */
    }
}

static bool verify_with(EVP_PKEY *key, enum jwt_alg alg, struct text message,
                        const uint8_t *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    bool good = context && EVP_DigestVerifyInit(context, &options, hash_of(alg), NULL, key) == 1;
    if (good && alg == JWT_PS256)
        good = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
    good = good &&
           EVP_DigestVerify(context, signature, len, (const uint8_t *)message.at, message.len) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

/* JWS has r and s side by side, OpenSSL wants them in DER. */
static bool verify_ec(EVP_PKEY *key, enum jwt_alg alg, struct text message,
                      const uint8_t *signature, size_t len)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)len / 2, NULL);
    BIGNUM *s = BN_bin2bn(signature + len / 2, (int)len / 2, NULL);
    uint8_t *der = NULL;
    bool good = false;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        int size = i2d_ECDSA_SIG(pair, &der);
        good = size > 0 && verify_with(key, alg, message, der, (size_t)size);
    } else {
        BN_free(r);
        BN_free(s);
    }
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return good;
}

static bool verify(const struct jwt_key *key, enum jwt_alg alg, const struct parts *parts)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t len = 0;
    if (!base64_decode(BASE64_URL_BARE, parts->signature, signature, sizeof(signature), &len) ||
        (algs[alg].length > 0 && len != algs[alg].length))
        return false;
    if (key->kind == JWT_OCT)
        return verify_mac(key, alg, parts->is_signed, signature, len);
    if (key->kind == JWT_EC)
        return verify_ec(key->public, alg, parts->is_signed, signature, len);
    return verify_with(key->public, alg, parts->is_signed, signature, len);
}

/* --- header --- */

static bool fits(const struct jwt_key *key, enum jwt_alg alg, struct text id)
{
    if (key->kind != algs[alg].kind || (key->kind == JWT_EC && key->bits != algs[alg].bits))
        return false;
    if (key->alg.at && !text_same(key->alg, text_of(algs[alg].name)))
        return false;
    /* A shared secret has no id: whatever the token calls it, there is the one. */
    return key->kind == JWT_OCT || !id.at || !key->id.at || text_same(key->id, id);
}

static enum jwt_result try_keys(const struct jwt_keys *keys, enum jwt_alg alg, struct text id,
                                const struct parts *parts, const char **why)
{
    size_t tried = 0;
    for (size_t i = 0; i < keys->count && tried < TRIED_MAX; i++) {
        if (!fits(&keys->keys[i], alg, id))
            continue;
        tried++;
        if (verify(&keys->keys[i], alg, parts))
            return JWT_GOOD;
    }
    *why = tried > 0 ? "its signature is wrong" : "no key of its id is known";
    /* Without an id the right key may be a new one. */
    return tried > 0 && (id.at || keys->keys[0].kind == JWT_OCT) ? JWT_BAD : JWT_NO_KEY;
}

static enum jwt_result check_header(struct jwt *jwt, const struct parts *parts,
                                    const struct jwt_keys *keys, const struct jwt_policy *policy)
{
    struct json_value header;
    size_t alg = 0;
    if (!read_object(jwt, parts->header, &header)) {
        jwt->why = "its header is no JSON object";
        return JWT_BAD;
    }
    struct text name = json_text(json_get(header, TEXT("alg")));
    while (alg < JWT_ALG_COUNT && !text_same(name, text_of(algs[alg].name)))
        alg++;
    if (alg == JWT_ALG_COUNT || !(policy->algs & UINT32_C(1) << alg)) {
        jwt->why = "its algorithm is not one of those allowed";
        return JWT_BAD;
    }
    if (json_type(json_get(header, TEXT("crit"))) != JSON_ABSENT) {
        jwt->why = "its header asks for an extension";
        return JWT_BAD;
    }
    return try_keys(keys, (enum jwt_alg)alg, json_text(json_get(header, TEXT("kid"))), parts,
                    &jwt->why);
}

/* --- claims --- */

/* A NumericDate: 0 without the claim, 1 with *ms set, -1 if it is none. */
static int read_time(struct json_value claims, struct text name, int64_t *ms)
{
    struct json_value value = json_get(claims, name);
    enum json_type type = json_type(value);
    if (type == JSON_ABSENT)
        return 0;
    double seconds = json_double(value);
    if ((type != JSON_INT && type != JSON_DOUBLE) || !(seconds >= 0 && seconds <= SECONDS_MAX))
        return -1;
    *ms = (int64_t)(seconds * 1000);
    return 1;
}

static const char *check_times(struct jwt *jwt, const struct jwt_policy *policy, int64_t now_ms)
{
    int64_t not_before = INT64_MIN;
    jwt->issued_ms = INT64_MIN;
    if (read_time(jwt->claims, TEXT("exp"), &jwt->expires_ms) != 1)
        return "it has no exp that is a time";
    if (read_time(jwt->claims, TEXT("nbf"), &not_before) < 0 ||
        read_time(jwt->claims, TEXT("iat"), &jwt->issued_ms) < 0)
        return "its nbf or iat is no time";
    if (now_ms >= jwt->expires_ms + policy->leeway_ms)
        return "it has expired";
    if (not_before > now_ms + policy->leeway_ms)
        return "it does not hold yet";
    if (jwt->issued_ms > now_ms + policy->leeway_ms)
        return "it was issued in the future";
    return NULL;
}

static bool is_for(struct json_value audience, struct text who)
{
    struct json_walk walk = json_walk(audience);
    if (json_type(audience) == JSON_STRING)
        return text_same(json_text(audience), who);
    while (json_type(audience) == JSON_ARRAY && json_next(&walk))
        if (json_type(walk.value) == JSON_STRING && text_same(json_text(walk.value), who))
            return true;
    return false;
}

static const char *check_claims(struct jwt *jwt, const struct jwt_policy *policy, int64_t now_ms)
{
    struct json_value issuer = json_get(jwt->claims, TEXT("iss"));
    if (policy->issuer.at && !text_same(json_text(issuer), policy->issuer))
        return "it is of another issuer";
    if (policy->audience.at && !is_for(json_get(jwt->claims, TEXT("aud")), policy->audience))
        return "it is for another audience";
    return check_times(jwt, policy, now_ms);
}

enum jwt_result jwt_check(struct text token, const struct jwt_keys *keys,
                          const struct jwt_policy *policy, int64_t now_ms, struct jwt *jwt)
{
    struct parts parts;
    struct err ignored;
    *jwt = (struct jwt){.why = "it is not three parts with dots between them"};
    buf_init(&jwt->part, JWT_TOKEN_MAX);
    if (!cut(token, &parts))
        return JWT_BAD;
    if (json_new(&jwt->json, JWT_TOKEN_MAX, &ignored) != 0) {
        jwt->why = "no memory";
        return JWT_NO_KEY;
    }
    enum jwt_result result = check_header(jwt, &parts, keys, policy);
    if (result != JWT_GOOD)
        return result;
    jwt->why = read_object(jwt, parts.claims, &jwt->claims) ? check_claims(jwt, policy, now_ms)
                                                            : "its claims are no JSON object";
    return jwt->why ? JWT_BAD : JWT_GOOD;
}

void jwt_release(struct jwt *jwt)
{
    json_free(jwt->json);
    buf_release(&jwt->part);
    *jwt = (struct jwt){0};
}
