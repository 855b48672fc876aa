/*
 * sandbox/paging: which part of a list a request asks for, in which order: limit, offset, order_by.
 *
 *     static const struct paging_order orders[] = {{"created_at", "r.created_at"}, {"name", "r.name"}};
 *     if (!paging_read(call, orders, ARRAY_COUNT(orders), &page)) return;
 *     paging_tail(&page, "r.id", tail);      // " ORDER BY r.created_at DESC, r.id DESC LIMIT 10 OFFSET 0"
 */
#ifndef USHER_SANDBOX_PAGING_H
#define USHER_SANDBOX_PAGING_H

#include "sandbox/call.h"

struct paging_order {
    const char *name, *expression; /* SQL */
};

struct paging {
    int64_t limit, offset;
    const struct paging_order *order;
    bool down;
};

/* The first order is the default, newest first; a count of 0: no order. Returns false after refusing. */
bool paging_read(struct call *call, const struct paging_order *orders, size_t count,
                 struct paging *page);

#define PAGING_TAIL_MAX 512
/* tie: what sorts rows of equal order. */
void paging_tail(const struct paging *page, const char *tie, char to[PAGING_TAIL_MAX]);

/* Whether a flag of the query ("paginated") is true; refuses what is neither true nor false. */
bool paging_flag(struct call *call, const char *param, bool *to);

#endif
