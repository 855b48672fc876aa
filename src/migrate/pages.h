/*
 * pages: reading all users of the target, page by page behind a cursor, as many a page as Clerk allows. A page is
 * its taker's until given back, on whatever thread it is read meanwhile; the next one is asked for as soon as the
 * last user of the page before is known and there is room for it. So the wire is busy while pages are worked on,
 * and no more than PAGES_HELD of them are in memory.
 *
 *     pages_open(&pages, courier, &err); pages.page = …; pages.ended = …; pages.arg = …;
 *     pages_send(&pages);
 *     while (!over) courier_work(courier, 10000, &err);
 *     pages_close(&pages);
 */
#ifndef USHER_MIGRATE_PAGES_H
#define USHER_MIGRATE_PAGES_H

#include "clerk/clerk.h"
#include "migrate/courier.h"

#define PAGE_USERS 500
#define PAGES_HELD 4

struct page {
    struct json_value users; /* an array of User objects */
    size_t count;            /* of them */
    /* private */
    struct json *json;
    bool held;
};

struct pages {
    /* Called for each page, in order; it is the callee's until pages_give_back. */
    void (*page)(void *arg, struct page *page);
    /* Called once, behind the last page: NULL, or why there are no more. */
    void (*ended)(void *arg, const struct err *err);
    void *arg;
    /* private */
    struct courier *courier;
    struct page all[PAGES_HELD];
    struct page *coming; /* the one asked for; NULL: none */
    char after[64];      /* the cursor */
    bool waiting;        /* for a page to be given back */
    struct buf path;
    struct parcel parcel;
    uint32_t tries;
};

/* Prepares it. Returns 0, or -1 (ERR_MEMORY); close it in either case, when nobody reads a page any more. */
int pages_open(struct pages *pages, struct courier *courier, struct err *err);
void pages_close(struct pages *pages);

/* Asks for the first page. */
void pages_send(struct pages *pages);

/* The page is no longer needed. On the thread of the courier. */
void pages_give_back(struct pages *pages, struct page *page);

#endif
