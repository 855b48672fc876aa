/*
 * shape: checks of a digest's fields without decoding them, so that parsing is cheap. What passes
 * here decodes with hex_decode or base64_decode of the same form.
 */
#ifndef USHER_DIGEST_SHAPE_H
#define USHER_DIGEST_SHAPE_H

#include "base/base.h"

/* Bytes of a salt, pepper or key at most; Clerk names this limit for PBKDF2 ("less than 1024"). */
#define SHAPE_FIELD_MAX 1023

/* Splits `whole` at `separator` into exactly `count` fields, any of which may be empty. */
bool shape_fields(struct text whole, char separator, struct text *fields, size_t count);

/* Whether t is 1 to SHAPE_FIELD_MAX bytes of UTF-8. */
bool shape_literal(struct text t);

/*
 * Whether t is well-formed: hex digits in pairs, either case; base64 of the standard alphabet,
 * padded or
 * (_bare) not, without stray bits at its end; the letters ./0-9A-Za-z of crypt(3). *bytes gets how
 * many it decodes to. The empty text is well-formed.
 */
bool shape_hex(struct text t, size_t *bytes);
bool shape_base64(struct text t, size_t *bytes);
bool shape_base64_bare(struct text t, size_t *bytes);
bool shape_crypt64(struct text t);

/*
 * Decodes a hex text that shape_hex has passed, and nothing else, into t.len / 2 bytes at `to`; returns how
 * many. Several times faster than hex_decode, which matters where a whole verify takes a fifth of a
 * microsecond.
 */
size_t shape_unhex(struct text t, uint8_t *to);

#endif
