/* random: the kernel's generator, for keys, ids and jitter. */
#ifndef USHER_BASE_RANDOM_H
#define USHER_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `to` with len random bytes; aborts if the kernel has none, which Linux 3.17+ never says. */
void random_bytes(void *to, size_t len);

/* A uniform number below `bound` (at least 1). */
uint64_t random_below(uint64_t bound);

/* len characters of [0-9A-Za-z], and a NUL behind them: `to` holds len + 1. */
void random_base62(char *to, size_t len);

#endif
