/*
 * A turn: sleep until a descriptor is ready, a task is posted or a source is due → call what is ready →
 * run the tasks → give every source its turn, and again while one of them is due at once.
 */
#include "net/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 256
/* So often sources may ask for another turn at once before descriptors are looked at again. */
#define ROUNDS_MAX 4

struct loop {
    pthread_t thread;
    bool threaded; /* else its owner turns it */
    int epoll_fd;
    struct loop_watch wake; /* an eventfd */
    pthread_mutex_t lock;
    struct loop_task *first, **last; /* posted; under lock */
    bool stopping;                   /* under lock */
    struct loop_source *sources;
    struct epoll_event events[EVENTS_AT_ONCE];
    int event_at, event_count; /* while events are delivered */
    int64_t looked_us;         /* when descriptors were looked at last */
    bool woken;                /* by loop_wake or loop_post, in this turn */
};

static void on_wake(struct loop_watch *watch, uint32_t events)
{
    struct loop *loop = (struct loop *)((char *)watch - offsetof(struct loop, wake));
    uint64_t count;
    (void)events;
    loop->woken = true;
    if (read(watch->fd, &count, sizeof(count)) < 0)
        return; /* nothing to take back: somebody else did */
}

int loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event);
}

int loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_unwatch(struct loop *loop, struct loop_watch *watch)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    /* Its event may be among those that are about to be delivered. */
    for (int i = loop->event_at; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
}

int64_t loop_looked_us(const struct loop *loop)
{
    return loop->looked_us;
}

void loop_join(struct loop *loop, struct loop_source *source)
{
    source->next = loop->sources;
    source->due_us = 0;
    loop->sources = source;
}

void loop_leave(struct loop *loop, struct loop_source *source)
{
    struct loop_source **at = &loop->sources;
    while (*at && *at != source)
        at = &(*at)->next;
    if (*at)
        *at = source->next;
}

/* Takes all posted tasks; *stopping tells whether there will be no more. */
static struct loop_task *take_tasks(struct loop *loop, bool *stopping)
{
    pthread_mutex_lock(&loop->lock);
    struct loop_task *task = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    *stopping = loop->stopping;
    pthread_mutex_unlock(&loop->lock);
    return task;
}

/* Returns false when the loop is to end and nothing is left to run. */
static bool run_tasks(struct loop *loop)
{
    bool stopping;
    struct loop_task *task = take_tasks(loop, &stopping);
    bool any = task != NULL;
    while (task) {
        struct loop_task *next = task->next; /* run may free it */
        task->run(task);
        task = next;
    }
    return any || !stopping;
}

/* When the first of the sources is due. */
static int64_t earliest(const struct loop *loop)
{
    int64_t due = INT64_MAX;
    for (struct loop_source *source = loop->sources; source; source = source->next)
        if (source->due_us < due)
            due = source->due_us;
    return due;
}

static void give_turns(struct loop *loop)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        for (struct loop_source *source = loop->sources; source; source = source->next)
            source->due_us = source->turn(source);
        int64_t due = earliest(loop);
        if (due == INT64_MAX || due > clock_now_us())
            break;
    }
}

static void deliver(struct loop *loop)
{
    for (loop->event_at = 0; loop->event_at < loop->event_count; loop->event_at++) {
        struct epoll_event *event = &loop->events[loop->event_at];
        struct loop_watch *watch = event->data.ptr;
        if (watch)
            watch->ready(watch, event->events);
    }
    loop->event_count = 0;
}

/* Sleeps until something is ready, a source is due, or until_us; calls what is ready. 0 or an errno. */
static int look(struct loop *loop, int64_t until_us)
{
    int64_t due = earliest(loop);
    due = until_us < due ? until_us : due;
    int64_t us = due == INT64_MAX ? 0 : due - clock_now_us();
    us = us > 0 ? us : 0;
    struct timespec wait = {us / 1000000, us % 1000000 * 1000};
    int count = epoll_pwait2(loop->epoll_fd, loop->events, EVENTS_AT_ONCE,
                             due == INT64_MAX ? NULL : &wait, NULL);
    int problem = count < 0 ? errno : 0;
    loop->event_count = count > 0 ? count : 0;
    loop->looked_us = clock_now_us();
    deliver(loop);
    return problem;
}

static void *run(void *arg)
{
    struct loop *loop = arg;
    do {
        look(loop, INT64_MAX);
        if (!run_tasks(loop))
            break;
        give_turns(loop);
    } while (true);
    return NULL;
}

int loop_turn(struct loop *loop, int64_t until_us)
{
    loop->woken = false;
    int problem = look(loop, until_us);
    run_tasks(loop);
    give_turns(loop);
    errno = problem;
    return problem != 0 && problem != EINTR ? -1 : loop->woken || problem == EINTR;
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    while (write(loop->wake.fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool was_empty = loop->first == NULL;
    *loop->last = task;
    loop->last = &task->next;
    pthread_mutex_unlock(&loop->lock);
    if (was_empty)
        loop_wake(loop);
}

struct waited {
    struct loop_task task;
    void (*call)(void *arg);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void run_waited(struct loop_task *task)
{
    struct waited *waited = (struct waited *)task;
    waited->call(waited->arg);
    pthread_mutex_lock(&waited->lock);
    waited->done = true;
    pthread_cond_signal(&waited->changed);
    pthread_mutex_unlock(&waited->lock);
}

void loop_call(struct loop *loop, void (*call)(void *arg), void *arg)
{
    struct waited waited = {.task = {.run = run_waited}, .call = call, .arg = arg};
    if (!loop->threaded) {
        call(arg);
        return;
    }
    pthread_mutex_init(&waited.lock, NULL);
    pthread_cond_init(&waited.changed, NULL);
    loop_post(loop, &waited.task);
    pthread_mutex_lock(&waited.lock);
    while (!waited.done)
        pthread_cond_wait(&waited.changed, &waited.lock);
    pthread_mutex_unlock(&waited.lock);
    pthread_cond_destroy(&waited.changed);
    pthread_mutex_destroy(&waited.lock);
}

static void loop_free(struct loop *loop)
{
    if (loop->wake.fd >= 0)
        close(loop->wake.fd);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

int loop_open(struct loop **out, struct err *err)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return err_memory(err);
    loop->last = &loop->first;
    loop->wake.ready = on_wake;
    pthread_mutex_init(&loop->lock, NULL);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->wake.fd < 0 || loop_watch(loop, &loop->wake, EPOLLIN) != 0) {
        err_set(err, ERR_IO, "cannot make an event loop: %s", strerror(errno));
        loop_free(loop);
        return -1;
    }
    *out = loop;
    return 0;
}

int loop_start(struct loop **out, struct err *err)
{
    struct loop *loop;
    if (loop_open(&loop, err) != 0)
        return -1;
    loop->threaded = true;
    int problem = pthread_create(&loop->thread, NULL, run, loop);
    if (problem != 0) {
        loop_free(loop);
        return err_set(err, ERR_IO, "cannot start an event loop: %s", strerror(problem));
    }
    *out = loop;
    return 0;
}

void loop_stop(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->threaded) {
        pthread_mutex_lock(&loop->lock);
        loop->stopping = true;
        pthread_mutex_unlock(&loop->lock);
        loop_wake(loop);
        pthread_join(loop->thread, NULL);
    } else {
        run_tasks(loop);
    }
    loop_free(loop);
}
