/*
 * openssl: the library behind digests, keys and signatures, once per process before any of it is used.
 *
 *     if (openssl_ready(&err) != 0) …
 */
#ifndef USHER_BASE_OPENSSL_H
#define USHER_BASE_OPENSSL_H

#include "base/err.h"

/*
 * Makes OpenSSL's default context. Returns 0, or -1 (ERR_MEMORY). Whoever calls it without one gets a crash from the
 * library, not an error: it looks for its own locks in a context that is not there.
 */
int openssl_ready(struct err *err);

#endif
