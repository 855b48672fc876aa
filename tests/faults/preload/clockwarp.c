/*
 * A clock that a test moves on, preloaded into processes (LD_PRELOAD): the file CLOCKWARP holds a number of seconds,
 * 8 bytes in the machine's order, by which both clocks, the wall's and the monotonic one, are ahead. Time
 * jumps when the test writes another number; otherwise it runs as ever. Whoever waits for a moment is woken
 * every WAKE_MS, as that moment may have come by a jump: for a condition that is a spurious wake-up, which
 * POSIX allows, for epoll a timeout that came early.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"

#define WAKE_MS 50
/* A time on the wall is far beyond this, one since the machine's start is not. */
#define WALL_SECONDS 1000000000

static const volatile int64_t *ahead;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CLOCKWARP");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        abort(); /* a test without its clock would test nothing */
    void *at = mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (at == MAP_FAILED)
        abort();
    ahead = at;
}

static int64_t shift(void)
{
    return ahead ? *ahead : 0;
}

int clock_gettime(clockid_t id, struct timespec *to)
{
    int status = REAL(clock_gettime)(id, to);
    if (status == 0 && (id == CLOCK_REALTIME || id == CLOCK_MONOTONIC))
        to->tv_sec += shift();
    return status;
}

static int64_t ms_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict lock,
                           const struct timespec *restrict until)
{
    struct timespec now, wake;
    clockid_t id = until->tv_sec > WALL_SECONDS ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    clock_gettime(id, &now);
    int64_t left = ms_of(until) - ms_of(&now);
    if (left <= 0)
        return ETIMEDOUT;
    REAL(clock_gettime)(id, &wake);
    int64_t ms = ms_of(&wake) + (left < WAKE_MS ? left : WAKE_MS) + 1;
    wake = (struct timespec){ms / 1000, ms % 1000 * 1000000};
    int status = REAL(pthread_cond_timedwait)(condition, lock, &wake);
    return status == ETIMEDOUT && left > WAKE_MS ? 0 : status;
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
    return REAL(epoll_wait)(fd, events, max,
                            timeout_ms < 0 || timeout_ms > WAKE_MS ? WAKE_MS : timeout_ms);
}
