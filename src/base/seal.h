/*
 * seal: small secrets that travel through other people's hands: encrypted and authenticated under a key
 * (XChaCha20-Poly1305, from libsodium), as base64url without padding. Whoever has the key can open them,
 * so that nothing need be remembered.
 */
#ifndef USHER_BASE_SEAL_H
#define USHER_BASE_SEAL_H

#include "base/arena.h"
#include "base/buf.h"

struct seal_key {
    uint8_t bytes[32];
};

/* A key for one purpose from a secret of any length: other purposes give keys that tell nothing of it. */
struct seal_key seal_key_of(struct text secret, const char *purpose);

/* Appends a sealed form of t. Two seals of one text differ. */
void seal(const struct seal_key *key, struct text t, struct buf *to);

/* What was sealed, in the arena; absent if this is no seal under this key, or memory is out. */
struct text seal_open(const struct seal_key *key, struct text sealed, struct arena *arena);

#define SEAL_MARK_LEN 16
/* A mark of t that tells nothing of it without the key, the same each time. */
void seal_mark(const struct seal_key *key, struct text t, uint8_t to[SEAL_MARK_LEN]);

#endif
