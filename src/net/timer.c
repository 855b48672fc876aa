/*
 * What waits stands in a binary heap, the earliest on top: entry i is not later than its children at
 * 2i + 1 and 2i + 2. The thread sleeps until the top is due.
 */
#include "net/timer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct entry {
    int64_t when_us;
    void (*fire)(void *arg);
    void *arg;
};

struct timer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool closing;
    struct entry *heap;
    size_t count, room, max;
};

static void swap(struct entry *a, struct entry *b)
{
    struct entry held = *a;
    *a = *b;
    *b = held;
}

static void sift_up(struct timer *timer, size_t at)
{
    while (at > 0 && timer->heap[at].when_us < timer->heap[(at - 1) / 2].when_us) {
        swap(&timer->heap[at], &timer->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct timer *timer, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < timer->count; child++)
            if (timer->heap[child].when_us < timer->heap[least].when_us)
                least = child;
        if (least == at)
            return;
        swap(&timer->heap[at], &timer->heap[least]);
        at = least;
    }
}

static struct entry pop(struct timer *timer)
{
    struct entry top = timer->heap[0];
    timer->heap[0] = timer->heap[--timer->count];
    sift_down(timer, 0);
    return top;
}

static void sleep_until(struct timer *timer, int64_t when_us)
{
    struct timespec until = {when_us / 1000000, when_us % 1000000 * 1000};
    pthread_cond_timedwait(&timer->changed, &timer->lock, &until);
}

static void *run(void *arg)
{
    struct timer *timer = arg;
    pthread_mutex_lock(&timer->lock);
    while (!timer->closing || timer->count > 0) {
        if (timer->count == 0) {
            pthread_cond_wait(&timer->changed, &timer->lock);
        } else if (!timer->closing && timer->heap[0].when_us > clock_now_us()) {
            sleep_until(timer, timer->heap[0].when_us);
        } else {
            struct entry due = pop(timer);
            pthread_mutex_unlock(&timer->lock);
            due.fire(due.arg);
            pthread_mutex_lock(&timer->lock);
        }
    }
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

int timer_new(struct timer **out, size_t max, struct err *err)
{
    struct timer *timer = calloc(1, sizeof(*timer));
    pthread_condattr_t monotonic;
    if (!timer)
        return err_memory(err);
    timer->max = max;
    pthread_mutex_init(&timer->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&timer->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&timer->thread, NULL, run, timer) != 0) {
        pthread_cond_destroy(&timer->changed);
        pthread_mutex_destroy(&timer->lock);
        free(timer);
        return err_set(err, ERR_MEMORY, "cannot start the timer's thread");
    }
    *out = timer;
    return 0;
}

void timer_stop(struct timer *timer)
{
    pthread_mutex_lock(&timer->lock);
    bool closed = timer->closing;
    timer->closing = true;
    pthread_cond_signal(&timer->changed);
    pthread_mutex_unlock(&timer->lock);
    if (!closed)
        pthread_join(timer->thread, NULL);
}

void timer_free(struct timer *timer)
{
    if (!timer)
        return;
    timer_stop(timer);
    pthread_cond_destroy(&timer->changed);
    pthread_mutex_destroy(&timer->lock);
    free(timer->heap);
    free(timer);
}

static bool has_room(struct timer *timer)
{
    if (timer->count < timer->room)
        return true;
    size_t room = timer->room ? timer->room * 2 : 64;
    if (timer->room >= timer->max)
        return false;
    struct entry *heap = realloc(timer->heap, room * sizeof(*heap));
    if (!heap)
        return false;
    timer->heap = heap;
    timer->room = room;
    return true;
}

bool timer_put(struct timer *timer, int64_t when_us, void (*fire)(void *arg), void *arg)
{
    pthread_mutex_lock(&timer->lock);
    bool fits = !timer->closing && has_room(timer);
    if (fits) {
        timer->heap[timer->count++] = (struct entry){when_us, fire, arg};
        sift_up(timer, timer->count - 1);
        if (timer->heap[0].arg == arg)
            pthread_cond_signal(&timer->changed);
    }
    pthread_mutex_unlock(&timer->lock);
    return fits;
}
