/*
 * synthetic: a sign-in that the gateway began, for a user whom only the legacy system knows. Nothing is kept:
 * its id is "sia_gw" and a seal (base/seal.h) of the identifier, whether it may be sent a code, the time until which it holds, and a mark
 * of the browser that began it. Any gateway with the same secret key can go on with it.
 */
#ifndef USHER_TRICKLE_SYNTHETIC_H
#define USHER_TRICKLE_SYNTHETIC_H

#include "base/base.h"

#define SYNTHETIC_PREFIX     TEXT("sia_gw")
#define SYNTHETIC_LIFE_MS    INT64_C(900000)
#define SYNTHETIC_COOKIE     "__usher"
#define SYNTHETIC_COOKIE_LEN 22

/* Whom it is for. */
struct synthetic {
    struct text identifier; /* as typed; absent: nobody */
    bool by_phone;          /* it is a telephone number that the legacy system has verified */
};

/* Appends a fresh id. browser: what this browser will show again, a cookie's value. */
void synthetic_id(const struct seal_key *key, const struct synthetic *whom, struct text browser,
                  int64_t now_ms, struct buf *to);

/* Whom an id is for, in the arena; nobody if it is none, too old, or another browser's. */
struct synthetic synthetic_open(const struct seal_key *key, struct text id, struct text browser,
                                int64_t now_ms, struct arena *arena);

/*
 * Appends the answer to a browser: {"response":{a sign-in that asks for a password},"client":null}. codes:
 * a code is offered too, for signing in and for a new password: by email to an address, by text message to a number
 * that is verified.
 */
void synthetic_write(struct text id, const struct synthetic *whom, bool codes, struct buf *to);

/* The id of each factor of synthetic_write: made up. */
#define SYNTHETIC_FACTOR_ID "idn_gw"

#endif
