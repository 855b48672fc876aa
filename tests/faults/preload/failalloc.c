/*
 * An allocation that fails, preloaded into a process (LD_PRELOAD).
 *
 *     FAILALLOC_AT   malloc, calloc or realloc number N, counted from 1, returns NULL; 0: none does
 *     FAILALLOC_SAY  a file that gets a line with the number of calls when the process exits
 *
 * What the loader and libraries allocate before main counts as well: whoever runs first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);

static _Atomic long calls, fail_at;

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("FAILALLOC_AT");
    calls = 0;
    fail_at = at ? atol(at) : 0;
}

__attribute__((destructor)) static void say(void)
{
    const char *path = getenv("FAILALLOC_SAY");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (fd >= 0) {
        dprintf(fd, "%ld\n", (long)calls);
        close(fd);
    }
}

static bool fails(void)
{
    if (atomic_fetch_add(&calls, 1) + 1 != fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    return fails() ? NULL : __libc_realloc(at, size);
}
