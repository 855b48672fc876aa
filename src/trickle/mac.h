/* mac: HMAC (RFC 2104) with SHA-2, for signed hooks, webhooks and tokens. */
#ifndef USHER_TRICKLE_MAC_H
#define USHER_TRICKLE_MAC_H

#include "base/base.h"

#define MAC_MAX 64

/*
 * HMAC-SHA-256, -384 or -512 (`bits`) of the message under the key. Returns how many bytes were written,
 * 0 if OpenSSL failed.
 */
size_t mac_sha2(unsigned bits, struct text key, struct text message, uint8_t to[MAC_MAX]);

#endif
