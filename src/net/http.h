/*
 * http: blocking requests over HTTPS (or HTTP), for calls that run on a worker thread. The Backend API's
 * client, which keeps many requests in flight, is target/.
 *
 *     http_new(&http, &err);                        // keeps connections open between requests
 *     struct http_request request = {.url = url, .headers = headers, .body = body, .timeout_ms = 10000};
 *     struct buf answer;
 *     buf_init(&answer, 64 * 1024);
 *     if (http_exchange(http, &request, &answer, &status, &err) == 0) …   // status 200, 400, 503 …
 *     buf_release(&answer);
 *     http_free(http);
 */
#ifndef USHER_NET_HTTP_H
#define USHER_NET_HTTP_H

#include <stdatomic.h>

#include "base/base.h"

struct http_request {
    const char *method;         /* "GET", "PUT" …; NULL: POST */
    const char *url;            /* NUL-terminated, https:// or http:// */
    const char *const *headers; /* "Name: value", ended by NULL; NULL: none */
    struct text body;           /* absent: none */
    const char *ca_file;        /* the certificates to trust (PEM), NULL: the system's */
    long timeout_ms;            /* for the whole exchange; a third of it at most for connecting */
    const atomic_bool *stop;    /* NULL, or what ends the exchange once it is true */
};

struct http;

/* A client; any thread may use it, many at a time. Returns 0 or -1 (ERR_MEMORY). */
int http_new(struct http **http, struct err *err);
/* Closes its connections. No exchange may be going on. NULL is fine. */
void http_free(struct http *http);

/*
 * Sends the request and appends the answer's body to `answer`, whose maximum bounds it. Redirects
 * are not followed. http NULL: over a connection of its own. Returns 0 with *status (any HTTP status is
 * an answer), or -1: ERR_NETWORK if there was no whole answer in time, it was larger than the buffer's
 * maximum or *stop became true; ERR_MEMORY. Messages hold neither body nor query.
 */
int http_exchange(struct http *http, const struct http_request *request, struct buf *answer,
                  long *status, struct err *err);

/*
 * What is wrong with an address that secrets are to be sent to, a string constant, or NULL: it must be
 * https://HOST…, or http:// to this machine, without user name, password or fragment.
 */
const char *http_url_problem(const char *url);

#endif
