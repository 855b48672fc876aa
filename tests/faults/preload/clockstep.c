/*
 * A wall clock that is set back and forth, preloaded into a process (LD_PRELOAD): every CLOCKSTEP_EVERY
 * readings of CLOCK_REALTIME it jumps to a place up to CLOCKSTEP_SECONDS before or behind the true time.
 * The monotonic clock runs on, as on a real machine.
 */
#include <pthread.h>
#include <stdlib.h>

#include "clock.h"

static struct {
    pthread_mutex_t lock;
    long every, seconds, readings, shift;
    unsigned seed;
} steps = {.lock = PTHREAD_MUTEX_INITIALIZER, .seed = 1};

__attribute__((constructor)) static void begin(void)
{
    const char *every = getenv("CLOCKSTEP_EVERY"), *seconds = getenv("CLOCKSTEP_SECONDS");
    steps.every = every ? atol(every) : 0;
    steps.seconds = seconds ? atol(seconds) : 0;
}

static int64_t shift(void)
{
    pthread_mutex_lock(&steps.lock);
    if (steps.every > 0 && steps.seconds > 0 && ++steps.readings % steps.every == 0)
        steps.shift = rand_r(&steps.seed) % (2 * steps.seconds + 1) - steps.seconds;
    long shift = steps.shift;
    pthread_mutex_unlock(&steps.lock);
    return shift;
}

int clock_gettime(clockid_t id, struct timespec *to)
{
    int status = REAL(clock_gettime)(id, to);
    if (status == 0 && id == CLOCK_REALTIME)
        to->tv_sec += shift();
    return status;
}
