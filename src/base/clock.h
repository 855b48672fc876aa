/* clock: the only place that asks the system for the time. */
#ifndef USHER_BASE_CLOCK_H
#define USHER_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds of the monotonic clock: for intervals, never for dates. */
int64_t clock_now_us(void);

/* Milliseconds since the epoch, UTC. */
int64_t clock_wall_ms(void);

/* CPU time that this process has used, in microseconds (user and system). */
int64_t clock_cpu_us(void);

#endif
