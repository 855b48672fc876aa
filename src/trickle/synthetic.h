/*
 * synthetic: a sign-in that the gateway began, for a user whom only the legacy system knows. Nothing is kept:
 * its id is "sia_gw" and a seal (base/seal.h) of the identifier, the time until which it holds, and a mark
 * of the browser that began it. Any gateway with the same secret key can go on with it.
 */
#ifndef USHER_TRICKLE_SYNTHETIC_H
#define USHER_TRICKLE_SYNTHETIC_H

#include "base/base.h"

#define SYNTHETIC_PREFIX     TEXT("sia_gw")
#define SYNTHETIC_LIFE_MS    INT64_C(900000)
#define SYNTHETIC_COOKIE     "__usher"
#define SYNTHETIC_COOKIE_LEN 22

/* Appends a fresh id. browser: what this browser will show again, a cookie's value. */
void synthetic_id(const struct seal_key *key, struct text identifier, struct text browser,
                  int64_t now_ms, struct buf *to);

/* The identifier of an id, in the arena; absent if it is none, too old, or another browser's. */
struct text synthetic_open(const struct seal_key *key, struct text id, struct text browser,
                           int64_t now_ms, struct arena *arena);

/*
 * Appends the answer to a browser: {"response":{a sign-in that asks for a password},"client":null}. codes:
 * a code by email is offered too, for signing in and for a new password.
 */
void synthetic_write(struct text id, struct text identifier, bool codes, struct buf *to);

/* Whether a factor's id of synthetic_write is asked for: they are made up. */
#define SYNTHETIC_EMAIL_ID "idn_gw"

#endif
