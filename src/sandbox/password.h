/* sandbox/password: hashing and verifying in the pool, never on the store's thread. */
#ifndef USHER_SANDBOX_PASSWORD_H
#define USHER_SANDBOX_PASSWORD_H

#include "sandbox/call.h"

/*
 * Hashes a plain password (bcrypt, cost 10) in the pool, then runs `then` as a handler, which asks
 * password_hashed for the digest.
 */
void password_hash_later(struct call *call, struct text password, void (*then)(struct call *call));
/* The digest; absent if hashing failed. */
struct text password_hashed(struct call *call);

#endif
