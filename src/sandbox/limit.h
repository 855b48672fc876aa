/*
 * sandbox/limit: how many requests pass in how much time. Pure arithmetic; the time is passed in.
 *
 * Clerk publishes its limits but not the shape of the window, so all three are here. Once a request has
 * been refused, every further one is until the Retry-After that went with it has passed.
 */
#ifndef USHER_SANDBOX_LIMIT_H
#define USHER_SANDBOX_LIMIT_H

#include "base/base.h"

enum limit_shape {
    LIMIT_SLIDING, /* at most `requests` in any window */
    LIMIT_FIXED,   /* at most `requests` between two ticks, a window apart; the first at time 0 */
    LIMIT_BUCKET   /* `requests` tokens at most, refilled evenly, `requests` in a window */
};

struct limit {
    enum limit_shape shape;
    uint32_t requests; /* 0: no limit */
    int64_t window_us;
    /* private */
    int64_t last_us, blocked_until_us;
    int64_t *log; /* sliding: when the last `requests` passed, a ring */
    uint64_t passed;
    int64_t tick; /* fixed: the window that passed_in_tick counts */
    uint32_t passed_in_tick;
    double tokens; /* bucket */
};

/*
 * Prepares a limit; log is room for `requests` times (sliding only), owned by the caller. The bucket
 * starts full.
 */
void limit_init(struct limit *limit, enum limit_shape shape, uint32_t requests, int64_t window_us,
                int64_t *log);

/* How much of a limit is used up at a moment; changes nothing. */
struct limit_state {
    uint32_t used;         /* of limit->requests */
    int64_t retry_after_s; /* until requests pass again, 0: they do */
};
void limit_read(const struct limit *limit, int64_t now_us, struct limit_state *state);

/* 0: the request passes and is counted. Else it is refused: the Retry-After in whole seconds. */
int64_t limit_ask(struct limit *limit, int64_t now_us);

/*
 * The limits per user ("10 per 10 s on PATCH /users/{id}"): one struct limit a user in a table of fixed
 * size; the one asked longest ago makes room.
 */
struct user_limits;
int user_limits_new(struct user_limits **limits, enum limit_shape shape, uint32_t requests,
                    int64_t window_us, struct err *err);
void user_limits_free(struct user_limits *limits);
int64_t user_limits_ask(struct user_limits *limits, struct text user_id, int64_t now_us);

#endif
