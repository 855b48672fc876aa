#include "base/hash.h"

#include <string.h>
#include <sodium.h>

#include "base/random.h"

_Static_assert(crypto_shorthash_KEYBYTES == sizeof(struct hash_key), "SipHash key of 16 bytes");

struct hash_key hash_key_random(void)
{
    struct hash_key key;
    random_bytes(key.bytes, sizeof(key.bytes));
    return key;
}

uint64_t hash_text(const struct hash_key *key, struct text t)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t value;
    crypto_shorthash(out, (const unsigned char *)(t.at ? t.at : ""), t.len, key->bytes);
    memcpy(&value, out, sizeof(value));
    return value;
}
