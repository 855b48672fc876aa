/*
 * sandbox/jwt_signature: signs JWTs with a key of one's own (RFC 7518): HS256, HS384, HS512 with a secret; RS256, RS384,
 * RS512 with an RSA key of 2048 bits and more; ES256, ES384, ES512 with a key on the curve that belongs to each. Private
 * keys are PEM (PKCS #8, PKCS #1 or SEC 1), not encrypted.
 */
#ifndef USHER_SANDBOX_JWT_SIGNATURE_H
#define USHER_SANDBOX_JWT_SIGNATURE_H

#include "base/base.h"

/* Those algorithms, for sentences. */
#define JWT_SIGNATURE_ALGORITHMS "HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 and ES512"

/* Whether it is one of them. */
bool jwt_signature_known(struct text algorithm);

/* Whether the key can sign with the algorithm. */
bool jwt_signature_fits(struct text algorithm, struct text key);

/* Appends a dot and the signature of to's bytes from `from` on, base64url. False if that fails. */
bool jwt_signature_append(struct text algorithm, struct text key, size_t from, struct buf *to);

#endif
