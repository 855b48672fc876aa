/*
 * breaker: whether to go on asking a system that fails. Arithmetic with the time passed in.
 *
 *     if (!breaker_ask(&breaker, now)) return "not now";
 *     … breaker_tell(&breaker, BREAKER_WELL, now);      // exactly once for each ask that was let through
 *
 * Closed, all may ask. After `failures` in a row, or when half of the last 20 failed, it opens: nobody
 * asks for `rest_us`. Then one may try; if that goes well it closes, else it rests twice as long, at most
 * `rest_max_us`.
 */
#ifndef USHER_TRICKLE_BREAKER_H
#define USHER_TRICKLE_BREAKER_H

#include "base/base.h"

enum breaker_state {
    BREAKER_CLOSED, /* all may ask */
    BREAKER_OPEN,   /* nobody may */
    BREAKER_TRYING  /* one has been let through to try */
};

enum breaker_outcome {
    BREAKER_WELL,
    BREAKER_FAILED,
    BREAKER_NOTHING /* the ask was given up and says nothing of the system */
};

struct breaker {
    uint32_t failures;            /* in a row that open it; at most 20 */
    int64_t rest_us, rest_max_us; /* the first rest and the longest */
    /* private */
    enum breaker_state state;
    uint64_t failed; /* the last outcomes, the newest in bit 0: 1 failed */
    uint32_t told;   /* how many outcomes there are, at most 20 */
    int64_t resting_us, until_us;
};

/* A closed breaker. */
void breaker_init(struct breaker *breaker, uint32_t failures, int64_t rest_us, int64_t rest_max_us);

/* Whether one may ask now. */
bool breaker_ask(struct breaker *breaker, int64_t now_us);

/* What became of an ask that was let through. */
void breaker_tell(struct breaker *breaker, enum breaker_outcome outcome, int64_t now_us);

/* The state as of now: an open one whose rest is over counts as TRYING. */
enum breaker_state breaker_now(const struct breaker *breaker, int64_t now_us);

#endif
