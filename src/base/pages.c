#include "base/pages.h"

#include <sys/mman.h>

void *pages_new(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    madvise(at, size, MADV_HUGEPAGE); /* a kernel without them refuses; small ones do then */
    return at;
}

void pages_free(void *at, size_t size)
{
    if (at)
        munmap(at, size);
}
