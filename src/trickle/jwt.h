/*
 * jwt: signed JSON Web Tokens (RFC 7519, 7515, 7518, 8037), as legacy sessions. Which algorithms may have
 * signed is pinned by configuration and never taken from the token; "none" is no algorithm here.
 *
 *     jwt_keys_secret(&keys, secret, &err);      // or jwt_keys_read(&keys, jwks, &err)
 *     jwt_policy_algs(&policy, "RS256,ES256", &err);
 *     switch (jwt_check(token, keys, &policy, now_ms, &checked)) …
 *     jwt_release(&checked);
 *     jwt_keys_free(keys);
 */
#ifndef USHER_TRICKLE_JWT_H
#define USHER_TRICKLE_JWT_H

#include "json/json.h"

/* The algorithms: ALG(name, kind of key, bits of its SHA-2 or of its curve's, bytes of a signature or 0). */
#define JWT_ALGS(ALG)                                                                              \
    ALG(HS256, JWT_OCT, 256, 32)                                                                   \
    ALG(HS384, JWT_OCT, 384, 48)                                                                   \
    ALG(HS512, JWT_OCT, 512, 64)                                                                   \
    ALG(RS256, JWT_RSA, 256, 0)                                                                    \
    ALG(RS384, JWT_RSA, 384, 0)                                                                    \
    ALG(RS512, JWT_RSA, 512, 0)                                                                    \
    ALG(PS256, JWT_RSA, 256, 0)                                                                    \
    ALG(ES256, JWT_EC, 256, 64)                                                                    \
    ALG(ES384, JWT_EC, 384, 96)                                                                    \
    ALG(EdDSA, JWT_OKP, 0, 64)

enum jwt_alg {
#define ALG(name, kind, bits, length) JWT_##name,
    JWT_ALGS(ALG)
#undef ALG
        JWT_ALG_COUNT
};

enum jwt_kind { JWT_OCT, JWT_RSA, JWT_EC, JWT_OKP };

#define JWT_TOKEN_MAX ((size_t)16 * 1024)
/* Keys of a set beyond these are not looked at. */
#define JWT_KEYS_MAX 64
/* A shared secret has at least so many bytes. */
#define JWT_SECRET_MIN 16

struct jwt_keys;

/* A set of one shared secret, copied. Returns 0 or -1 (ERR_USAGE: too short, ERR_MEMORY). */
int jwt_keys_secret(struct jwt_keys **keys, struct text secret, struct err *err);
/*
 * Reads a JWK set (RFC 7517) of public keys. Keys that are not for signatures, of kinds that are not
 * known, or too weak (RSA under 2048 bits) are left out, shared secrets too. Returns 0 or -1 (ERR_INPUT:
 * no set, ERR_MEMORY). A set without a usable key is one.
 */
int jwt_keys_read(struct jwt_keys **keys, struct text jwks, struct err *err);
void jwt_keys_free(struct jwt_keys *keys);
size_t jwt_keys_count(const struct jwt_keys *keys);

struct jwt_policy {
    uint32_t algs;                /* bits of enum jwt_alg */
    struct text issuer, audience; /* absent: not checked */
    int64_t leeway_ms;            /* that clocks may differ */
};

/* Reads "RS256,ES256" into policy->algs. Returns 0, or -1 (ERR_USAGE: another name, none at all). */
int jwt_policy_algs(struct jwt_policy *policy, struct text names, struct err *err);

enum jwt_result {
    JWT_GOOD,
    JWT_BAD,   /* malformed, forged, expired, for somebody else */
    JWT_NO_KEY /* the set has no key of its id: it may have changed since */
};

struct jwt {
    struct json_value claims;      /* on JWT_GOOD */
    int64_t issued_ms, expires_ms; /* iat (INT64_MIN without one) and exp */
    const char *why;               /* on the others: a string constant */
    /* private */
    struct json *json;
    struct buf part;
};

/*
 * Checks a token: form, algorithm, key, signature, then exp (which must be there), nbf, iat, iss, aud.
 * *jwt is to be released whatever came of it.
 */
enum jwt_result jwt_check(struct text token, const struct jwt_keys *keys,
                          const struct jwt_policy *policy, int64_t now_ms, struct jwt *jwt);
void jwt_release(struct jwt *jwt);

#endif
