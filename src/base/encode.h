/*
 * encode: hex (either case) and base64 (RFC 4648) in both directions. Decoding is strict: whole
 * alphabet, exact padding, and no stray bits behind the last byte, so that a value has one spelling.
 */
#ifndef USHER_BASE_ENCODE_H
#define USHER_BASE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

enum base64_form {
    BASE64,          /* standard alphabet, padded */
    BASE64_BARE,     /* standard alphabet, no padding (PHC strings) */
    BASE64_URL,      /* - and _, padded */
    BASE64_URL_BARE, /* - and _, no padding (JWT) */
    BASE64_ADAPTED   /* . for +, no padding (passlib) */
};

/* Room that decoding a text of len bytes needs at most. */
#define HEX_ROOM(len)    ((len) / 2)
#define BASE64_ROOM(len) ((len) / 4 * 3 + 3)

/*
 * Decodes t into `to` of `room` bytes; *len gets how many were written. Returns false, with `to`
 * possibly part-written, if t is not exactly of that form or does not fit. t may be empty.
 */
bool hex_decode(struct text t, uint8_t *to, size_t room, size_t *len);
bool base64_decode(enum base64_form form, struct text t, uint8_t *to, size_t room, size_t *len);

/* Appends the encoding of len bytes to `to`. Hex is lower-case. */
void hex_encode(struct buf *to, const uint8_t *at, size_t len);
void base64_encode(enum base64_form form, struct buf *to, const uint8_t *at, size_t len);

/* Appends t percent-encoded, all but unreserved characters (RFC 3986), for a URL's path or query. */
void percent_encode(struct buf *to, struct text t);

#endif
