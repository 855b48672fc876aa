/* asking: the inside of legacy, for legacy.c (which opens and closes) and asking.c (which asks). */
#ifndef USHER_TRICKLE_ASKING_H
#define USHER_TRICKLE_ASKING_H

#include <pthread.h>

#include "net/net.h"
#include "source/source.h"
#include "trickle/connector.h"

struct legacy {
    const struct legacy_ops *ops;
    struct legacy_opts opts; /* its texts in the arena */
    struct arena arena;
    void *system;
    int64_t budget_us;
    pthread_mutex_t single_lock;
    struct source_single *single;
    struct pool *pool;
    struct timer *timer;
    pthread_mutex_t lock; /* of what follows */
    struct breaker breaker;
    struct legacy_state state;
    bool last_clear;
};

/* Whether the settings of these LEGACY_BITs are all given. */
bool legacy_has(const struct legacy_opts *opts, uint32_t bits);

#endif
