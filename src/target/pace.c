/*
 * A request that left at s and was answered at a took r = a - s. It reached the server no later
 * than its forward path allows: s + forward_min + (r - fastest). The earliest that a request
 * leaving at t can reach it is t + forward_min. So the old request is out of the new one's window
 * when
 *
 *     t >= s + (r - fastest) + window + guard  =  a + (window + guard - fastest)
 *
 * s has dropped out: slots become free in the order of answers, each the same time ("hold") after
 * its own, and a request without answer is not free. Therefore a ring of the last `requests`
 * answers is all the log there is, and one comparison answers pace_ask: with f in flight the limit
 * leaves requests - f slots for answered ones, so the answer that many places back must have been
 * let go. The times of sending, in the same ring by ticket, serve only to find the fastest round
 * trip.
 *
 * Requests leave at least half their share of the window apart, not in one burst a window: a burst fills
 * queues on the way, which stretches its round trips, and each microsecond of that excess would come back
 * as waiting a window later. At twice the rate that the limit allows there is still room to catch up.
 *
 * hold uses the fastest round trip known when asking, so that an estimate that was too high at
 * first is mended for older requests too.
 */
#include "target/pace.h"

#include <stdlib.h>

#define GUARD_MIN_US       1000
#define REFUSED_DEFAULT_US 1000000
#define REFUSED_LONGEST_US (INT64_C(24) * 3600 * 1000000)

struct pace_slot {
    uint64_t ticket;  /* whose sent_us this is */
    int64_t sent_us;  /* in the ring by ticket */
    int64_t freed_us; /* in the ring by order of answers */
};

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int pace_init(struct pace *pace, uint32_t requests, int64_t window_us, struct err *err)
{
    *pace = (struct pace){.requests = requests,
                          .window_us = window_us,
                          .guard_us = max_of(window_us / 1000, GUARD_MIN_US),
                          .spread_us = requests ? window_us / requests / 2 : 0,
                          .last_us = INT64_MIN / 2,
                          .fastest_us = INT64_MAX,
                          .paused_until = INT64_MIN};
    if (requests == 0)
        return 0;
    pace->slots = calloc(requests, sizeof(*pace->slots));
    return pace->slots ? 0 : err_memory(err);
}

void pace_release(struct pace *pace)
{
    free(pace->slots);
    pace->slots = NULL;
}

void pace_spent(struct pace *pace, uint32_t requests, int64_t now)
{
    for (uint32_t i = 0; i < requests && pace->sent < pace->requests; i++) {
        pace->slots[pace->sent] = (struct pace_slot){pace->sent, now, now};
        pace->sent++;
        pace->answered++;
    }
}

/* How long a slot stays taken after its answer. */
static int64_t hold(const struct pace *pace)
{
    int64_t fastest = pace->fastest_us == INT64_MAX ? 0 : pace->fastest_us;
    return max_of(pace->window_us + pace->guard_us - fastest, 0);
}

/* The wait that the log asks for. */
static int64_t log_wait(const struct pace *pace, int64_t now)
{
    uint64_t in_flight = pace->sent - pace->answered;
    if (in_flight >= pace->requests)
        return max_of(hold(pace), 1);
    uint64_t back = pace->requests - in_flight;
    if (pace->answered < back)
        return 0;
    int64_t freed = pace->slots[(pace->answered - back) % pace->requests].freed_us;
    return max_of(freed + hold(pace) - now, 0);
}

int64_t pace_ask(const struct pace *pace, int64_t now)
{
    int64_t pause = pace->paused_until > now ? pace->paused_until - now : 0;
    if (pace->requests == 0)
        return pause;
    int64_t spread = pace->last_us + pace->spread_us - now;
    return max_of(max_of(pause, spread), log_wait(pace, now));
}

uint64_t pace_sent(struct pace *pace, int64_t now)
{
    uint64_t ticket = pace->sent++;
    pace->last_us = now;
    if (pace->requests > 0) {
        struct pace_slot *slot = &pace->slots[ticket % pace->requests];
        slot->ticket = ticket;
        slot->sent_us = now;
    }
    return ticket;
}

void pace_answered(struct pace *pace, uint64_t ticket, int64_t now)
{
    uint64_t number = pace->answered++;
    if (pace->requests == 0)
        return;
    struct pace_slot *slot = &pace->slots[ticket % pace->requests];
    /* The slot of one that a whole ring of others has overtaken is lost; it was not the fastest. */
    if (slot->ticket == ticket && now - slot->sent_us < pace->fastest_us)
        pace->fastest_us = max_of(now - slot->sent_us, 0);
    pace->slots[number % pace->requests].freed_us = now;
}

void pace_refused(struct pace *pace, int64_t now, int64_t retry_after_us)
{
    if (retry_after_us < 0)
        retry_after_us = REFUSED_DEFAULT_US;
    if (retry_after_us > REFUSED_LONGEST_US)
        retry_after_us = REFUSED_LONGEST_US;
    pace->paused_until = max_of(pace->paused_until, now + retry_after_us);
}
