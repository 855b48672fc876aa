/*
 * timer: one thread that calls things when their time has come, however many wait.
 *
 *     timer_new(&timer, &err);
 *     timer_put(timer, when_us, fire, arg);   // from any thread; fire(arg) runs on the timer's thread
 *     timer_stop(timer);                      // fires what waits at once, takes nothing more
 *     timer_free(timer);
 */
#ifndef USHER_NET_TIMER_H
#define USHER_NET_TIMER_H

#include "base/base.h"

struct timer;

/* Starts the thread. Returns 0 or -1 (ERR_MEMORY). At most `max` may wait at a time. */
int timer_new(struct timer **timer, size_t max, struct err *err);

/* Fires all that waits without further delay and joins the thread; timer_put is false from now on. */
void timer_stop(struct timer *timer);

/* Stops if that has not been done, and frees. NULL is fine. */
void timer_free(struct timer *timer);

/* Calls fire(arg) at when_us (clock_now_us) or soon after. False, and nothing kept, when full. */
bool timer_put(struct timer *timer, int64_t when_us, void (*fire)(void *arg), void *arg);

#endif
