/*
 * crypto: the primitives that the digests are made of, over OpenSSL 3. Every function returns false
 * only if the library could not compute (in practice: memory), and is safe to call from any thread.
 */
#ifndef USHER_DIGEST_CRYPTO_H
#define USHER_DIGEST_CRYPTO_H

#include "base/base.h"

enum crypto_hash { CRYPTO_MD5, CRYPTO_SHA1, CRYPTO_SHA256, CRYPTO_SHA512 };
#define CRYPTO_HASHES   4
#define CRYPTO_HASH_MAX 64 /* bytes of the longest */

/* Writes the hash of a followed by b (either may be empty) to `to`: 16, 20, 32 or 64 bytes. */
bool crypto_hash(enum crypto_hash hash, struct text a, struct text b, uint8_t *to);

/* Bytes of a hash. */
size_t crypto_hash_size(enum crypto_hash hash);

/* HMAC (RFC 2104) with SHA-256; key and text of any length. */
bool crypto_hmac_sha256(struct text key, struct text t, uint8_t to[32]);

/* PBKDF2 (RFC 8018) with HMAC; len bytes to `to`. No lower limits on salt or iterations. */
struct crypto_pbkdf2 {
    enum crypto_hash hash;
    struct text password, salt;
    uint64_t iterations;
};
bool crypto_pbkdf2(const struct crypto_pbkdf2 *in, uint8_t *to, size_t len);

/* scrypt (RFC 7914): n a power of two above 1, r block size, p parallelism; takes 128 * n * r
 * bytes. */
struct crypto_scrypt {
    struct text password, salt;
    uint64_t n, r, p;
};
bool crypto_scrypt(const struct crypto_scrypt *in, uint8_t *to, size_t len);

/* Encrypts plain.len bytes with AES-256 in counter mode from a zero counter. */
bool crypto_aes256_ctr(const uint8_t key[32], struct text plain, uint8_t *to);

/* Writes the 2 * len lower-case hex digits of len bytes. */
void crypto_hex(const uint8_t *at, size_t len, char *to);

#endif
