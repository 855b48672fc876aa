/*
 * side: what stands beside the proxy, the bridge and the receiver of webhooks, with workers for what they wait
 * for (sessions, ledger, Backend API, hooks): a few, with a queue of fixed length.
 */
#ifndef USHER_TRICKLE_SIDE_H
#define USHER_TRICKLE_SIDE_H

#include <stdatomic.h>

#include "trickle/bridge.h"
#include "trickle/core.h"
#include "trickle/webhook.h"

struct side {
    struct core *core;
    struct bridge *bridge;   /* or NULL */
    struct webhook *webhook; /* or NULL */
    struct pool *pool;
    atomic_size_t active; /* jobs that have not been handed back to their loops */
};

/* A request that a worker has. Lies in the request's arena, which is the worker's meanwhile. */
struct side_job {
    struct loop_task task; /* first */
    struct side *side;
    struct server_request *request;
    void (*work)(struct side_job *job);   /* on a worker */
    void (*answer)(struct side_job *job); /* then, on the request's loop: answers it */
};

/* Opens what is configured. Returns 0 (*side NULL: nothing is), or -1 with err. */
int side_open(struct side **side, struct core *core, struct err *err);
/* Waits until no worker has a request any more. NULL is fine. */
void side_finish(struct side *side);
/* NULL is fine. */
void side_close(struct side *side);

/* Queues a job whose work and answer are set, or answers 503. NULL: the request's arena was full. */
void side_queue(struct side *side, struct server_request *request, struct side_job *job);

/* Answers with {"error":code,"message":…}. */
void side_refuse(struct server_request *request, int status, const char *code, const char *message);

#endif
