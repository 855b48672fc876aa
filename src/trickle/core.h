/*
 * core: all that follows from one usher.yaml, but for what it listens on. A reload makes a new one; requests
 * keep the one that they began with, and the last of them lets it go.
 */
#ifndef USHER_TRICKLE_CORE_H
#define USHER_TRICKLE_CORE_H

#include <stdatomic.h>

#include "trickle/events.h"
#include "trickle/mover.h"
#include "trickle/proxy.h"
#include "trickle/settings.h"
#include "trickle/synthetic.h"

struct core {
    struct settings *settings;
    struct proxy *proxy;
    struct events *events; /* the gateway's */
    struct legacy *legacy; /* NULL: nothing but a proxy */
    struct mover *mover;   /* NULL without a legacy system */
    struct side *side;     /* bridge and webhooks; NULL without either */
    struct seal_key seal;  /* of synthetic sign-ins */
    struct loop *const *loops;
    struct json **jsons; /* one a loop */
    size_t loop_count;
    /* Until when it is known (clock_now_us) whether Clerk hides whom it knows; odd: it does (step_protection.c). */
    _Atomic int64_t protection;
    atomic_size_t users; /* requests, and one for being the current one */
    struct core *next;   /* among the retired */
};

struct core_opts {
    struct loop *const *loops;
    size_t loop_count;
    struct events *events;
};

/* Takes the settings, also on failure. Returns 0 or -1. */
int core_open(struct core **core, struct settings *settings, const struct core_opts *opts,
              struct err *err);
/* The parser of a loop: for its thread, from one document to the next. */
struct json *core_json(const struct core *core, const struct loop *loop);

/* Finishes what workers have to do, and fails what waits for Clerk, so that every request is answered. */
void core_give_up(struct core *core);

/* When nobody uses it any more; not on a loop. NULL is fine. */
void core_close(struct core *core);

/* A whole request, or the headers of one that is streamed: answers it in the end. */
void core_handle(struct core *core, struct server_request *request);

#endif
