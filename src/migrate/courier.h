/*
 * courier: carries requests to the target at the pace that its limit allows.
 *
 * It does for every request alike what needs no judgement: waits for the pace, honours Retry-After after a
 * 429 (the request was not executed, so it is simply sent again), sends again what surely never left, and
 * notices an outage. What became of a request whose fate is unknown is left to whoever posted it.
 *
 *     courier_open(&courier, &target_opts, requests_per_window, &err);
 *     parcel.method = "POST"; parcel.path = …; parcel.done = …;
 *     courier_post(courier, &parcel, 0);        // the parcel stays the caller's and must stay valid
 *     courier_work(courier, 10000, &err);       // sends, receives, calls done
 */
#ifndef USHER_MIGRATE_COURIER_H
#define USHER_MIGRATE_COURIER_H

#include "base/base.h"
#include "migrate/migrate.h"
#include "target/target.h"

struct courier;

struct parcel {
    const char *method;
    struct text path, body; /* valid until done */
    /* The answer is final: answered (never a 429), or fate unknown (TARGET_UNKNOWN). */
    void (*done)(struct parcel *parcel, const struct target_answer *answer);
    void *arg;
    /* private */
    struct courier *courier;
    struct parcel *next;
    int64_t due;
    uint64_t ticket;
    uint32_t unsent;
};

/* Opens the way to a target. Returns 0 or -1 as target_open. */
int courier_open(struct courier **courier, const struct migrate_target *target, struct err *err);
/* Forgets what is on its way; done is not called. */
void courier_close(struct courier *courier);

/* Hands over a parcel, to leave in delay_us or when the pace allows. */
void courier_post(struct courier *courier, struct parcel *parcel, int64_t delay_us);

/* Takes back a parcel that has not left yet: false if it is in flight (or was never posted). */
bool courier_recall(struct courier *courier, struct parcel *parcel);

/*
 * Works for at most wait_us microseconds, less if an answer came. Returns 0, or -1: ERR_NETWORK when
 * nothing was answered for longer than the target's patience.
 */
int courier_work(struct courier *courier, int64_t wait_us, struct err *err);

/* Wakes a courier_work, from another thread. */
void courier_wake(struct courier *courier);

/* Parcels in flight; parcels waiting (not in flight). */
uint32_t courier_in_flight(const struct courier *courier);
uint32_t courier_waiting(const struct courier *courier);
/* Parcels that leave within so long at the pace allowed; UINT32_MAX without a limit. */
uint32_t courier_within(const struct courier *courier, int64_t us);
/* How many parcels are worth having at once. */
uint32_t courier_room(const struct courier *courier);

/* Figures for totals and progress. */
uint64_t courier_requests(const struct courier *courier);
uint64_t courier_refused(const struct courier *courier);
double courier_rate(const struct courier *courier);      /* requests a second over the last ten */
double courier_allowance(const struct courier *courier); /* 0: unlimited */

#endif
