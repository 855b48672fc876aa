/*
 * sandbox: the local Clerk, so that a whole migration can be rehearsed before the real instance is
 * touched. Its Backend API as Clerk's SDKs use it, on SQLite, with rate limits and faults on demand.
 *
 *     sandbox_start(&sandbox, &opts, &err);
 *     sandbox_describe(sandbox, &line);     // addresses and keys, as JSON
 *     … wait for a signal …
 *     sandbox_stop(sandbox);
 *
 * Threads: a few read and write HTTP (net/server.h), one owns the store and runs the handlers
 * (engine.h), some at the lowest priority hash passwords.
 */
#ifndef USHER_SANDBOX_H
#define USHER_SANDBOX_H

#include "base/base.h"
#include "sandbox/fault.h"
#include "sandbox/limit.h"

/* How many endpoints for webhooks the options may name. */
#define SANDBOX_WEBHOOKS_MAX 8

enum sandbox_limits { SANDBOX_LIMITS_CLERK, SANDBOX_LIMITS_OFF, SANDBOX_LIMITS_OWN };

struct sandbox_opts {
    const char *listen;   /* "127.0.0.1:PORT", ":PORT" for loopback, port 0 for a free one */
    bool listen_anywhere; /* else an address that is not loopback is refused */
    const char *tls_cert, *tls_key; /* PEM files: https; both NULL: http */
    const char *data;               /* a file, or ":memory:" */
    struct text secret_key;         /* absent: the stored one, else a fresh one that is stored */
    bool production;                /* the kind of a fresh key */
    const char *frontend_host;      /* in the publishable key and tokens; NULL: where it listens */
    struct text session_claims;     /* JSON; absent: the stored ones */
    enum sandbox_limits limits;
    uint32_t limit_requests; /* SANDBOX_LIMITS_OWN: so many … */
    uint32_t limit_seconds;  /* … in so many seconds, per key */
    enum limit_shape limit_shape;
    int64_t latency_ms; /* each answer leaves so long after its request came */
    struct faults faults;
    struct text webhooks[SANDBOX_WEBHOOKS_MAX]; /* URLs that are told of every event */
    size_t webhook_count;
    struct text webhook_secret; /* absent: the stored ones, else fresh ones */
};

/* "clerk", "off" or "N/S" into limits, limit_requests and limit_seconds. Returns 0 or -1 (ERR_USAGE). */
int sandbox_limits_parse(struct sandbox_opts *opts, struct text t, struct err *err);
/* "sliding", "fixed" or "bucket". */
int sandbox_shape_parse(struct sandbox_opts *opts, struct text t, struct err *err);

struct sandbox;

/*
 * Opens the data, starts the threads, listens. Returns 0, or -1: ERR_USAGE (address, key), ERR_NETWORK,
 * or as store_open.
 */
int sandbox_start(struct sandbox **sandbox, const struct sandbox_opts *opts, struct err *err);

/* Answers what has come, commits, closes. NULL is fine. */
void sandbox_stop(struct sandbox *sandbox);

/*
 * Appends {"backend_api":…,"frontend_api":…,"secret_key":…,"publishable_key":…,"listen":…,"page":…}, and with
 * opts.webhooks "webhooks":[{"url":…,"secret":…}], where only a secret made now is told. For the time between
 * sandbox_start and the first request.
 */
void sandbox_describe(const struct sandbox *sandbox, struct buf *to);

#endif
