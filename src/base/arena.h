/*
 * arena: memory by lifetime. Everything of one record or one request is taken from its arena and goes
 * in one step with arena_reset (keeps the memory for the next record) or arena_release (gives it back).
 *
 *     struct arena arena;
 *     arena_init(&arena, 1 << 20);
 *     while (next record) { … arena_alloc(&arena, n) … arena_reset(&arena); }
 *     arena_release(&arena);
 *
 * An arena may never hold more than its maximum: arena_alloc then returns NULL, like malloc. Reset and
 * release wipe what was handed out, since records carry digests.
 */
#ifndef USHER_BASE_ARENA_H
#define USHER_BASE_ARENA_H

#include <stddef.h>

#include "base/text.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *first, *current;
    size_t used; /* bytes handed out since the last reset */
    size_t max;
};

/* Prepares an arena that will hold at most max bytes. Allocates nothing yet. */
void arena_init(struct arena *arena, size_t max);

/* Gives all memory back; the arena may be used again afterwards with the same maximum. */
void arena_release(struct arena *arena);

/* Forgets (and wipes) what was handed out; keeps the first chunk for reuse. */
void arena_reset(struct arena *arena);

/* size bytes, aligned for any type, uninitialised; NULL at the maximum or when memory is out. */
void *arena_alloc(struct arena *arena, size_t size);

/* count * size zeroed bytes; NULL as arena_alloc, or if the product overflows. */
void *arena_zalloc(struct arena *arena, size_t count, size_t size);

/* A copy of t in the arena, with a NUL behind it; absent (at NULL) when memory is out. */
struct text arena_copy(struct arena *arena, struct text t);

/* printf into the arena, NUL-terminated; absent (at NULL) when memory is out. */
struct text arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
