/* hash: keyed 64-bit hashes (SipHash-2-4, Aumasson and Bernstein 2012, from libsodium). */
#ifndef USHER_BASE_HASH_H
#define USHER_BASE_HASH_H

#include <stdint.h>

#include "base/text.h"

struct hash_key {
    uint8_t bytes[16];
};

/* A fresh random key. */
struct hash_key hash_key_random(void);

/* The hash of t under key. Without the key it tells nothing about t. */
uint64_t hash_text(const struct hash_key *key, struct text t);

#endif
