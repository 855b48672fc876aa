/*
 * sandbox/ring: the latest requests, for people to look at: method, path, status, time. No query, no header, no
 * body: what is secret is in those. One thread uses it.
 */
#ifndef USHER_SANDBOX_RING_H
#define USHER_SANDBOX_RING_H

#include "base/base.h"

#define RING_ROOM     256
#define RING_PATH_MAX 160

struct ring_entry {
    int64_t at_ms, took_us;
    int status; /* 0: the connection was dropped */
    char method[8], path[RING_PATH_MAX + 1];
};

struct ring {
    uint64_t count; /* of all that were ever put; the last RING_ROOM are there */
    struct ring_entry at[RING_ROOM];
};

struct ring_request {
    const char *method;
    struct text path; /* cut to RING_PATH_MAX bytes */
    int64_t at_ms, took_us;
    int status;
};

/* Keeps a request, in the place of the oldest one. */
void ring_put(struct ring *ring, const struct ring_request *request);

/* The entry number `number` (from 0, counted from the first ever put); NULL if it is not there (any more). */
const struct ring_entry *ring_get(const struct ring *ring, uint64_t number);

#endif
