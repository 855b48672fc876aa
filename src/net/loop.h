/*
 * loop: one thread that sleeps in epoll until there is something to do. Servers and clients that live on
 * the same loop share no locks: all that they call runs on its thread.
 *
 *     loop_start(&loop, &err);
 *     loop_call(loop, attach, arg);          // from any thread but the loop's: runs attach(arg) there, waits
 *     loop_post(loop, &task);                // from any thread: task.run(&task) on the loop's thread, soon
 *     … on its thread: loop_watch(loop, &watch, events), loop_join(loop, &source)
 *     loop_stop(loop);
 *
 * A loop may also do without a thread of its own: loop_open instead of loop_start, and its owner, whose thread is then
 * the loop's, calls loop_turn.
 */
#ifndef USHER_NET_LOOP_H
#define USHER_NET_LOOP_H

#include <sys/epoll.h>

#include "base/base.h"

struct loop;

/* A call that another thread has made for the loop. Whoever posts it owns it until it has run. */
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next; /* private */
};

/* A file descriptor that is watched; the owner keeps it until loop_unwatch. */
struct loop_watch {
    int fd;
    void (*ready)(struct loop_watch *watch, uint32_t events); /* EPOLLIN, EPOLLOUT, … */
};

/*
 * Something that wants a turn whenever the loop has worked through what was ready. turn returns when it
 * wants the next one at the latest (clock_now_us; INT64_MAX: when something is ready). Whoever changes
 * that on the loop's thread, in another source's turn, puts it into due_us.
 */
struct loop_source {
    int64_t (*turn)(struct loop_source *source);
    int64_t due_us;
    struct loop_source *next; /* private */
};

/* Starts the thread. Returns 0 or -1 (ERR_MEMORY, ERR_IO). */
int loop_start(struct loop **loop, struct err *err);

/* The same without a thread. Returns 0 or -1 (ERR_MEMORY, ERR_IO). */
int loop_open(struct loop **loop, struct err *err);

/*
 * One turn of a loop without a thread: sleeps until there is something to do, or until until_us (clock_now_us), and does
 * it. Returns 1 when it was woken by loop_wake, loop_post or a signal, else 0, or -1 with errno.
 */
int loop_turn(struct loop *loop, int64_t until_us);

/* Ends its sleep. From any thread, or a signal handler. */
void loop_wake(struct loop *loop);

/* Runs what was posted, ends the thread, frees. Sources must have left. NULL is fine. */
void loop_stop(struct loop *loop);

/* Puts a task into the loop's queue and wakes it. Never fails. Tasks run in the order of posting. */
void loop_post(struct loop *loop, struct loop_task *task);

/*
 * Runs call(arg) on the loop's thread and returns when it is done. Not from a thread that the loop started; the owner of a
 * loop without one just runs it.
 */
void loop_call(struct loop *loop, void (*call)(void *arg), void *arg);

/* On the loop's thread: watches, changes what is watched, watches no more. 0, or -1 with errno. */
int loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events);
int loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events);
void loop_unwatch(struct loop *loop, struct loop_watch *watch);

/* On the loop's thread: when it last saw which descriptors are ready (clock_now_us). */
int64_t loop_looked_us(const struct loop *loop);

/* On the loop's thread: gives a source its turns, from now on or no longer. */
void loop_join(struct loop *loop, struct loop_source *source);
void loop_leave(struct loop *loop, struct loop_source *source);

#endif
