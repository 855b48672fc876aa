/*
 * http: one blocking POST over HTTPS (or HTTP, for tests on the loopback interface), for calls that
 * are rare and run on a worker thread. The Backend API's client, which keeps many requests in
 * flight, is target/.
 *
 *     struct http_post post = {.url = url, .headers = headers, .body = body, .timeout_ms = 10000};
 *     struct buf answer;
 *     buf_init(&answer, 64 * 1024);
 *     if (http_post(&post, &answer, &status, &err) == 0) …   // status 200, 400, 503 …
 *     buf_release(&answer);
 */
#ifndef USHER_NET_HTTP_H
#define USHER_NET_HTTP_H

#include "base/base.h"

struct http_post {
    const char *url;            /* NUL-terminated, https:// or http:// */
    const char *const *headers; /* "Name: value", ended by NULL */
    struct text body;
    long timeout_ms; /* for the whole exchange; a third of it at most for connecting */
};

/*
 * Sends the request and appends the answer's body to `answer`, whose maximum bounds it. Redirects
 * are not followed. Returns 0 with *status (any HTTP status is an answer), or -1: ERR_NETWORK if
 * there was no whole answer in time or it was larger than the buffer's maximum, ERR_MEMORY.
 * Messages hold neither body nor query.
 */
int http_post(const struct http_post *post, struct buf *answer, long *status, struct err *err);

#endif
