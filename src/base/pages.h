/*
 * pages: areas of many MiB that are read and written at random. They stand in huge pages where the kernel
 * has some: a page fault for 2 MiB and not for every 4 KiB (in virtual machines one was measured to cost
 * 18 us), and fewer misses in the TLB.
 */
#ifndef USHER_BASE_PAGES_H
#define USHER_BASE_PAGES_H

#include <stddef.h>

/* size bytes of zeros, aligned to a page; NULL when memory is out. Give them back with pages_free. */
void *pages_new(size_t size);
/* NULL is fine; size as at pages_new. */
void pages_free(void *at, size_t size);

#endif
