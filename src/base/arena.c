#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROOM ((size_t)8 * 1024)
#define ALIGNMENT  _Alignof(max_align_t)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, room;
    _Alignas(max_align_t) char at[];
};

void arena_init(struct arena *arena, size_t max)
{
    *arena = (struct arena){.max = max};
}

static void chunks_free(struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *next = chunk->next;
        explicit_bzero(chunk->at, chunk->used);
        free(chunk);
        chunk = next;
    }
}

void arena_release(struct arena *arena)
{
    chunks_free(arena->first);
    arena_init(arena, arena->max);
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *first = arena->first;
    arena->used = 0;
    if (!first)
        return;
    chunks_free(first->next);
    explicit_bzero(first->at, first->used);
    first->next = NULL;
    first->used = 0;
    arena->current = first;
}

static struct arena_chunk *chunk_add(struct arena *arena, size_t size)
{
    size_t room = size > CHUNK_ROOM ? size : CHUNK_ROOM;
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + room);
    if (!chunk)
        return NULL;
    chunk->next = NULL;
    chunk->used = 0;
    chunk->room = room;
    if (arena->current)
        arena->current->next = chunk;
    else
        arena->first = chunk;
    arena->current = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT)
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > arena->max || arena->used > arena->max - size)
        return NULL;
    struct arena_chunk *chunk = arena->current;
    if (!chunk || chunk->room - chunk->used < size)
        chunk = chunk_add(arena, size);
    if (!chunk)
        return NULL;
    void *at = chunk->at + chunk->used;
    chunk->used += size;
    arena->used += size;
    return at;
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    void *at = arena_alloc(arena, count * size);
    return at ? memset(at, 0, count * size) : NULL;
}

struct text arena_copy(struct arena *arena, struct text t)
{
    char *at = arena_alloc(arena, t.len + 1);
    if (!at)
        return (struct text){NULL, 0};
    if (t.len > 0)
        memcpy(at, t.at, t.len);
    at[t.len] = 0;
    return (struct text){at, t.len};
}

struct text arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *at = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
    if (!at)
        return (struct text){NULL, 0};
    va_start(args, format);
    vsnprintf(at, (size_t)len + 1, format, args);
    va_end(args);
    return (struct text){at, (size_t)len};
}
