/* sandbox/password: hashing and verifying in the pool, never on the store's thread. */
#ifndef USHER_SANDBOX_PASSWORD_H
#define USHER_SANDBOX_PASSWORD_H

#include "digest/digest.h"
#include "sandbox/call.h"

/*
 * Hashes a plain password (bcrypt, cost 10) in the pool, then runs `then` as a handler, which asks
 * password_hashed for the digest.
 */
void password_hash_later(struct call *call, struct text password, void (*then)(struct call *call));
/* The digest; absent if hashing failed. */
struct text password_hashed(struct call *call);

/*
 * Verifies in the pool, then runs `then` as a handler, which asks for the verdict. account: NULL for nobody,
 * which takes as long and is always wrong. One with an account needs a password_digest.
 */
void password_verify_later(struct call *call, const struct account *account, struct text password,
                           void (*then)(struct call *call));

/* The verdict, counted in the stats. On DIGEST_CANNOT_TELL the call has been refused with a 500. */
enum digest_answer password_verdict(struct call *call);

/*
 * Behind a right password: gives the account its bcrypt digest if its hasher is one of those that move. Returns
 * whether it changed, so that the caller writes the row.
 */
bool password_move(struct call *call, struct account *account);

#endif
