/* The inside of target: what its files share. Nobody else includes this. */
#ifndef USHER_TARGET_CALL_H
#define USHER_TARGET_CALL_H

#include "net/net.h"
#include "target/target.h"

#define TARGET_BUFFER_KEPT ((size_t)64 << 10) /* a buffer that grew beyond goes after its answer */

/*
 * How requests travel: over libcurl (curl.c), or by our own client as plain HTTP/1.1 to a server on this machine
 * (wire.c). Both live on the target's loop, which target_wait turns, and tell target_done what became of a request.
 */
struct carrier_ops {
    /* Fills target->carrier. 0 or -1 with err; close is called either way. */
    int (*open)(struct target *target, struct err *err);
    void (*close)(struct target *target);
    /* As target_send, but for the count of what is in flight. */
    int (*send)(struct target *target, const struct target_request *request, struct err *err);
};

extern const struct carrier_ops carrier_curl, carrier_wire;

struct target {
    const struct carrier_ops *ops;
    void *carrier;
    struct loop *loop;  /* without a thread */
    char *base, *host;  /* "https://api.clerk.com", "api.clerk.com" */
    bool plain;         /* http, so the host is this machine */
    struct buf headers; /* of every request: "Name: value\r\n" and so on */
    int64_t timeout_ms;
    size_t answer_max;
    uint32_t in_flight, in_flight_max;
    size_t delivered; /* answers, in this target_wait */
};

/* Ends a request: one less is in flight, and done is called. */
void target_done(struct target *target, const struct target_request *request,
                 const struct target_answer *answer);

/* Microseconds of a Retry-After value (seconds or an HTTP date) seen at now_ms, or -1. At most a day. */
int64_t target_retry_after_us(const char *value, int64_t now_ms);

/* The answer of a request that got none: sent says whether a byte of it may have left. */
struct target_answer target_no_answer(const struct target *target, bool sent, const char *why,
                                      const char *advice);

/* The answer of a request whose answer is longer than it may be. */
struct target_answer target_too_long(const struct target *target);

/*
 * Checks the API's address and cuts it to what paths from "/v1/…" are put behind: no trailing slash or
 * "/v1". Plain http is for loopback hosts only. *base and *host are the caller's to free. 0 or -1.
 */
int target_check_url(const char *api_url, char **base, char **host, struct err *err);

#endif
