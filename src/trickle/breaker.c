#include "trickle/breaker.h"

#define REMEMBERED 20
#define MASK       ((UINT64_C(1) << REMEMBERED) - 1)

void breaker_init(struct breaker *breaker, uint32_t failures, int64_t rest_us, int64_t rest_max_us)
{
    *breaker =
        (struct breaker){.failures = failures, .rest_us = rest_us, .rest_max_us = rest_max_us};
}

enum breaker_state breaker_now(const struct breaker *breaker, int64_t now_us)
{
    bool rested = breaker->state == BREAKER_OPEN && now_us >= breaker->until_us;
    return rested ? BREAKER_TRYING : breaker->state;
}

bool breaker_ask(struct breaker *breaker, int64_t now_us)
{
    if (breaker->state == BREAKER_CLOSED)
        return true;
    if (breaker->state == BREAKER_TRYING || now_us < breaker->until_us)
        return false;
    breaker->state = BREAKER_TRYING;
    return true;
}

static void open_it(struct breaker *breaker, int64_t rest_us, int64_t now_us)
{
    breaker->state = BREAKER_OPEN;
    breaker->resting_us = rest_us < breaker->rest_max_us ? rest_us : breaker->rest_max_us;
    breaker->until_us = now_us + breaker->resting_us;
}

static void close_it(struct breaker *breaker)
{
    breaker->state = BREAKER_CLOSED;
    breaker->failed = 0;
    breaker->told = 0;
}

static bool fails_too_often(const struct breaker *breaker)
{
    uint64_t in_a_row = (UINT64_C(1) << breaker->failures) - 1;
    if (breaker->told >= breaker->failures && (breaker->failed & in_a_row) == in_a_row)
        return true;
    return breaker->told == REMEMBERED &&
           __builtin_popcountll(breaker->failed & MASK) * 2 >= REMEMBERED;
}

static void tell_trial(struct breaker *breaker, enum breaker_outcome outcome, int64_t now_us)
{
    if (outcome == BREAKER_WELL)
        close_it(breaker);
    else if (outcome == BREAKER_FAILED)
        open_it(breaker, breaker->resting_us * 2, now_us);
    else
        breaker->state = BREAKER_OPEN; /* the next one tries */
}

void breaker_tell(struct breaker *breaker, enum breaker_outcome outcome, int64_t now_us)
{
    if (breaker->state == BREAKER_TRYING) {
        tell_trial(breaker, outcome, now_us);
        return;
    }
    /* Those that were let through before it opened change nothing. */
    if (breaker->state == BREAKER_OPEN || outcome == BREAKER_NOTHING)
        return;
    breaker->failed = breaker->failed << 1 | (outcome == BREAKER_FAILED);
    if (breaker->told < REMEMBERED)
        breaker->told++;
    if (fails_too_often(breaker))
        open_it(breaker, breaker->rest_us, now_us);
}
