/*
 * certificate: whether two files will do for TLS, before anybody connects: a certificate (with its chain behind it) and its
 * key, both PEM.
 */
#ifndef USHER_TRICKLE_CERTIFICATE_H
#define USHER_TRICKLE_CERTIFICATE_H

#include "base/base.h"

/*
 * Returns 0, or -1: ERR_IO (a file cannot be read), ERR_USAGE (no PEM, a key with a passphrase, a key of another
 * certificate). Dates are not looked at: whoever connects does, and a gateway that does not start serves nobody.
 */
int certificate_check(const char *cert, const char *key, struct err *err);

#endif
