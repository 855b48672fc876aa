/*
 * What preloaded clocks share: the wall clock by its other names, which are as far off as clock_gettime of whoever includes this, by
 * shift() seconds.
 */
#ifndef USHER_FAULTS_CLOCK_H
#define USHER_FAULTS_CLOCK_H

#include <dlfcn.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int64_t shift(void);

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
    int status = REAL(gettimeofday)(to, zone);
    if (status == 0)
        to->tv_sec += shift();
    return status;
}

time_t time(time_t *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}

#endif
