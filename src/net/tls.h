/*
 * tls: what clients of one https server share: whom they believe, the name that its certificate must have, and the
 * session that the next connection takes up again. A thin face over OpenSSL; channel.h is what uses it.
 *
 *     tls_new(&tls, "api.example.com", ca_file, &err);
 *     ssl = tls_connect(tls, fd, &err);          // SSL_do_handshake and all else is the channel's; SSL_free
 *     tls_free(tls);                             // behind the last connection
 */
#ifndef USHER_NET_TLS_H
#define USHER_NET_TLS_H

#include <openssl/ssl.h>

#include "base/base.h"

struct tls;

/*
 * host: a name, or an address without brackets; ca_file: PEM, NULL: the system's list. Returns 0 or -1 (ERR_MEMORY;
 * ERR_IO for a ca_file that holds no certificates).
 */
int tls_new(struct tls **tls, const char *host, const char *ca_file, struct err *err);
/* NULL is fine. */
void tls_free(struct tls *tls);

/* A connection on a socket, before its handshake: TLS 1.2 or later, HTTP/1.1. NULL when memory is out. */
SSL *tls_connect(struct tls *tls, int fd);

/* Why the last call on ssl failed (result is what it returned), a string that lives until the next call. */
const char *tls_problem(const SSL *ssl, int result);

#endif
