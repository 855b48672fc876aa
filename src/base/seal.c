/* A seal: 24 bytes of nonce, the encrypted text, 16 bytes of authentication; then base64url. */
#include "base/seal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG   crypto_aead_xchacha20poly1305_ietf_ABYTES

struct seal_key seal_key_of(struct text secret, const char *purpose)
{
    struct seal_key of_secret, key;
    crypto_generichash(of_secret.bytes, sizeof(of_secret.bytes), (const uint8_t *)secret.at,
                       secret.len, NULL, 0);
    crypto_generichash(key.bytes, sizeof(key.bytes), (const uint8_t *)purpose, strlen(purpose),
                       of_secret.bytes, sizeof(of_secret.bytes));
    sodium_memzero(&of_secret, sizeof(of_secret));
    return key;
}

void seal(const struct seal_key *key, struct text t, struct buf *to)
{
    unsigned long long len = 0;
    uint8_t *raw = malloc(NONCE + t.len + TAG);
    if (!raw) {
        to->failed = true;
        return;
    }
    randombytes_buf(raw, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(raw + NONCE, &len, (const uint8_t *)t.at, t.len,
                                               NULL, 0, NULL, raw, key->bytes);
    base64_encode(BASE64_URL_BARE, to, raw, NONCE + (size_t)len);
    free(raw);
}

struct text seal_open(const struct seal_key *key, struct text sealed, struct arena *arena)
{
    static const struct text none = {NULL, 0};
    size_t room = BASE64_ROOM(sealed.len), len = 0;
    unsigned long long opened = 0;
    uint8_t *raw = arena_alloc(arena, room), *plain = arena_alloc(arena, room);
    if (!raw || !plain || !base64_decode(BASE64_URL_BARE, sealed, raw, room, &len) ||
        len < NONCE + TAG)
        return none;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &opened, NULL, raw + NONCE, len - NONCE,
                                                   NULL, 0, raw, key->bytes) != 0)
        return none;
    return (struct text){(const char *)plain, (size_t)opened};
}

void seal_mark(const struct seal_key *key, struct text t, uint8_t to[SEAL_MARK_LEN])
{
    crypto_generichash(to, SEAL_MARK_LEN, (const uint8_t *)t.at, t.len, key->bytes,
                       sizeof(key->bytes));
}
