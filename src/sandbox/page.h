/*
 * sandbox/page: a part of a list that is all in memory: ?limit=&offset=, as a bare array or, with
 * ?paginated=true, as {"data":[…],"total_count":n}.
 *
 *     if (!page_open(call, count, &page)) return;
 *     for (size_t i = page.from; i < page.to; i++) write(&items[i], &page.out);
 *     page_close(&page);
 */
#ifndef USHER_SANDBOX_PAGE_H
#define USHER_SANDBOX_PAGE_H

#include "sandbox/call.h"

struct page {
    size_t from, to;
    struct json_out out;
    /* private */
    size_t total;
    bool paginated;
};

/* Reads the query and starts the answer. Returns false after refusing. */
bool page_open(struct call *call, size_t total, struct page *page);
void page_close(struct page *page);

#endif
