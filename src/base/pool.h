/*
 * pool: a few threads for slow work (bcrypt, argon2) that must never run on an event loop.
 *
 *     pool_new(&pool, 2, 1024, &err);
 *     pool_put(pool, verify_job, request);   // from any thread; false when the queue is full
 *     pool_stop(pool);                       // optional: runs what is queued, takes no more
 *     pool_free(pool);                       // the same, and frees
 */
#ifndef USHER_BASE_POOL_H
#define USHER_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct pool;

/* Starts `threads` threads (0: one a core) with a queue of at most `queue` jobs. Returns 0 or -1. */
int pool_new(struct pool **pool, size_t threads, size_t queue, struct err *err);

/*
 * Runs what is still queued and joins the threads: pool_put is false from now on, on whatever thread. Not from
 * two threads at once. NULL is fine.
 */
void pool_stop(struct pool *pool);

/* Stops and frees it; nobody may put any more. NULL is fine. */
void pool_free(struct pool *pool);

/* Queues job(arg) behind the others; false, and nothing queued, when the queue is full. Thread-safe. */
bool pool_put(struct pool *pool, void (*job)(void *arg), void *arg);

struct pool_load {
    size_t waiting; /* jobs queued now */
    size_t peak;    /* at most so far */
};
/* Thread-safe. */
void pool_look(struct pool *pool, struct pool_load *load);

#endif
