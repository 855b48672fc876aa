/*
 * sandbox/keys: the instance's RS256 keys, kept with the data. The newest signs; those before it stay in the
 * key set, so that tokens they signed are still good. The first is made when it is first needed, as that
 * takes a good part of a second; it is not made behind passwords that wait, as somebody waits for it.
 *
 *     if (!keys_ready(call, handler)) return;     // handler runs again once there is a key
 *     … keys_current(keys) …
 *     keys_sign(signer, input, signature);          // any thread
 */
#ifndef USHER_SANDBOX_KEYS_H
#define USHER_SANDBOX_KEYS_H

#include "clerk/clerk.h"
#include "sandbox/store.h"

/* How many keys are kept, the current one included. */
#define KEYS_MAX 4
/* A signature: 256 bytes in base64url. */
#define KEYS_SIGNATURE_LEN 342

struct key_signer;

struct key {
    char kid[CLERK_ID_MAX];
    void *pkey; /* OpenSSL's */
    struct key_signer *signer;
};

struct keys {
    struct key at[KEYS_MAX]; /* oldest first */
    size_t count;
};

struct call;

/* Reads the stored keys. Returns 0 or -1. */
int keys_open(struct keys *keys, struct store *store, struct err *err);
void keys_close(struct keys *keys);
/*
 * Reads them anew: after a transaction that came to nothing, as a key that was made in it is gone, or when
 * another process has made one. If they cannot be read they stay as they are, and that is logged.
 */
void keys_reload(struct keys *keys, struct store *store);

/* The key that signs; NULL if none has been made yet. */
const struct key *keys_current(const struct keys *keys);

/* Whether there is a key; if not, one is made in the pool and `then` runs as the call's handler. */
bool keys_ready(struct call *call, void (*then)(struct call *call));

/* A second hold on what signs with a key, for another thread, and its end. */
struct key_signer *key_hold(const struct key *key);
void key_drop(struct key_signer *signer);

/* Signs input (RS256); `to` gets KEYS_SIGNATURE_LEN characters. Returns false if OpenSSL fails. */
bool keys_sign(const struct key_signer *signer, struct text input, char *to);

/*
 * The payload of a JWT that one of the keys signed, in arena; absent if it is none, forged or malformed.
 * Claims are not looked at. class: what the header's `cat` must be; absent: anything.
 */
struct text keys_verify(const struct keys *keys, struct text token, struct arena *arena,
                        struct text class);

/* Appends the key set {"keys":[…]}. */
void keys_write(const struct keys *keys, struct buf *to);

#endif
