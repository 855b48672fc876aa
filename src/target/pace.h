/*
 * pace: when the next request may leave. Pure arithmetic; the time is passed in.
 *
 * A sliding log: no more than `requests` requests may reach the server in any window of `window_us`, so
 * that it is right under fixed windows, sliding windows and buckets of that size alike. What counts is
 * when the server saw a request, which the client only knows to lie between sending and answer: a slot is
 * held for the window plus what its round trip took over the fastest one seen (its excess), plus a guard.
 * A request without answer yet is held as if it were answered now. Requests leave spread over the window.
 *
 *     wait = pace_ask(&pace, now);            (0: go; else microseconds until asking again is worth it)
 *     ticket = pace_sent(&pace, now);
 *     pace_answered(&pace, ticket, now);      (once for every ticket, whatever became of the request)
 *     pace_refused(&pace, now, retry_after);  (as well, if the answer was a 429)
 */
#ifndef USHER_TARGET_PACE_H
#define USHER_TARGET_PACE_H

#include "base/base.h"

struct pace_slot;

struct pace {
    uint32_t requests; /* 0: no limit */
    int64_t window_us;
    int64_t guard_us;        /* a thousandth of the window, at least 1 ms */
    int64_t spread_us;       /* between two requests: half of window_us / requests */
    int64_t last_us;         /* when the last one left */
    struct pace_slot *slots; /* a ring of `requests` */
    uint64_t sent, answered; /* tickets given, and given back */
    int64_t fastest_us;      /* shortest round trip, INT64_MAX before the first answer */
    int64_t paused_until;    /* after a 429; INT64_MIN before the first */
};

/*
 * At most `requests` (0: unlimited) in any window of window_us. The window is meant to be longer
 * than a round trip: no more than `requests` are ever in flight. Returns 0 or -1 (ERR_MEMORY).
 */
int pace_init(struct pace *pace, uint32_t requests, int64_t window_us, struct err *err);
void pace_release(struct pace *pace);

/*
 * Notes requests that were answered at `now`, before this log was there: they count against the limit like
 * its own. For the beginning only, before the first pace_sent.
 */
void pace_spent(struct pace *pace, uint32_t requests, int64_t now);

/*
 * How long to wait from now (microseconds) before a request may leave; 0: now. With `requests` in
 * flight only an answer can change that, so ask again after every answer too.
 */
int64_t pace_ask(const struct pace *pace, int64_t now);

/* Notes that a request leaves now; returns its ticket. Only after pace_ask gave 0 is the limit
 * kept. */
uint64_t pace_sent(struct pace *pace, int64_t now);

/* Notes that the request of that ticket was answered, or given up, now. Exactly once a ticket. */
void pace_answered(struct pace *pace, uint64_t ticket, int64_t now);

/* Notes a 429: nothing leaves before now + retry_after_us (negative, as none was given: one
 * second). */
void pace_refused(struct pace *pace, int64_t now, int64_t retry_after_us);

#endif
