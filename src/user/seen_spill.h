/*
 * seen_spill: the part of a set of 64-bit keys that no longer fits into memory. Only user/ uses this file.
 *
 *     struct seen_spill spill;
 *     seen_spill_init(&spill, bits, &err);
 *     while (a table is full) seen_spill_add(&spill, its keys in ascending order, count, &err);
 *     seen_spill_has(&spill, key, &err);
 *     seen_spill_release(&spill);
 */
#ifndef USHER_USER_SEEN_SPILL_H
#define USHER_USER_SEEN_SPILL_H

#include "base/base.h"

#define SEEN_RUNS_MAX 4

struct seen_run {
    int fd;
    uint64_t count;   /* keys */
    uint64_t *fences; /* the first key of each block */
};

struct seen_spill {
    uint64_t *bloom; /* NULL until something was added */
    uint64_t bloom_bits;
    struct seen_run runs[SEEN_RUNS_MAX + 1];
    size_t run_count;
};

/* An empty one; bloom_bits, a power of two of at least 512, will be taken at the first add. */
void seen_spill_init(struct seen_spill *spill, uint64_t bloom_bits);
void seen_spill_release(struct seen_spill *spill);

/*
 * Adds count > 0 keys in ascending order, none of which it has. Returns 0, or -1 (ERR_IO, ERR_MEMORY):
 * it then has what it had before, and perhaps these keys.
 */
int seen_spill_add(struct seen_spill *spill, const uint64_t *keys, size_t count, struct err *err);

/* 1 if it has the key, 0 if not, -1 (ERR_IO) if the temporary file cannot be read. */
int seen_spill_has(const struct seen_spill *spill, uint64_t key, struct err *err);

#endif
