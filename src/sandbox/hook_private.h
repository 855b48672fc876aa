/* What hook.c and hook_queue.c share. */
#ifndef USHER_SANDBOX_HOOK_PRIVATE_H
#define USHER_SANDBOX_HOOK_PRIVATE_H

#include "sandbox/hook.h"

struct hooks {
    struct store *store;
    struct clerk_ids ids;
    struct hook at[HOOKS_MAX];
    size_t count;
    bool stirred; /* something to wake for has been written */
    void (*wake)(void *arg);
    void *wake_arg;
};

/* NULL if there is no such endpoint. */
struct hook *hook_find(struct hooks *hooks, struct text id);

/* Forgets the claims of a process that is gone, and commits. Returns 0 or -1. */
int hooks_unclaim(struct hooks *hooks, struct err *err);

#endif
