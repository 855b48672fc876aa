/*
 * events: what happens in the gateway, counted for /metrics and the live page and told to the log. Names
 * are string constants; no identifier, password, token or key is ever among the values.
 *
 *     events_count(events, EVENTS_MOVED);
 *     events_tell(events, "moved", (struct events_value[]){{"external_id", id}, …}, count);
 *
 * From any thread.
 */
#ifndef USHER_TRICKLE_EVENTS_H
#define USHER_TRICKLE_EVENTS_H

#include "base/base.h"

/* The counters: COUNTER(name, meaning). */
#define EVENTS_COUNTERS(COUNTER)                                                                   \
    COUNTER(requests, "requests that came to the proxy")                                           \
    COUNTER(stepped_in, "requests that the gateway looked into")                                   \
    COUNTER(moved, "users moved at a sign-in")                                                     \
    COUNTER(filled, "users given their proven password")                                           \
    COUNTER(synthetic, "sign-ins begun in Clerk's place")                                          \
    COUNTER(wrong_password, "guesses that the legacy system refused")                              \
    COUNTER(throttled, "guesses refused unheard")                                                  \
    COUNTER(later, "requests answered with 'later', as nobody could tell")                         \
    COUNTER(busy, "sign-ins refused unheard, as the queue for the workers was full")               \
    COUNTER(create_failed, "users that Clerk refused")                                             \
    COUNTER(upstream_failed, "requests without an answer from Clerk")

enum events_counter {
#define COUNTER(name, meaning) EVENTS_##name,
    EVENTS_COUNTERS(COUNTER)
#undef COUNTER
        EVENTS_COUNTER_COUNT
};

struct events;

struct events_value {
    const char *name;
    struct text text;
    int64_t number; /* if text is absent */
};

/* log NULL: counts alone. Returns 0 or -1 (ERR_MEMORY). */
int events_open(struct events **events, void (*log)(void *arg, struct text line), void *arg,
                struct err *err);
void events_close(struct events *events);

/* Counts one more. */
void events_count(struct events *events, enum events_counter counter);
uint64_t events_counted(const struct events *events, enum events_counter counter);
/* "moved", and what it means. */
const char *events_name(enum events_counter counter);
const char *events_meaning(enum events_counter counter);

/* Logs one line: {"time":…,"event":…, …}. */
void events_tell(struct events *events, const char *event, const struct events_value *values,
                 size_t count);

#endif
