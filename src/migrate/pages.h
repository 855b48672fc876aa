/*
 * pages: reading all users of the target, page by page behind a cursor, as many a page as Clerk allows. The
 * next page is asked for before the users of the last one are handed out, so that the wire is busy meanwhile.
 *
 *     pages_init(&pages, json, courier); pages.user = …; pages.ended = …; pages.arg = …;
 *     pages_send(&pages);
 *     while (!over) courier_work(courier, 10000, &err);
 *     pages_release(&pages);
 */
#ifndef USHER_MIGRATE_PAGES_H
#define USHER_MIGRATE_PAGES_H

#include "clerk/clerk.h"
#include "migrate/courier.h"

#define PAGE_USERS 500

struct pages {
    /* Called for each user, with its User object. */
    void (*user)(void *arg, struct json_value user);
    /* Called once, at the end: NULL, or why there are no more pages. */
    void (*ended)(void *arg, const struct err *err);
    void *arg;
    /* private */
    struct courier *courier;
    struct json *json;
    struct buf path;
    struct parcel parcel;
    uint32_t tries;
};

/* Prepares it; answers are parsed with json, which belongs to it until the end. */
void pages_init(struct pages *pages, struct json *json, struct courier *courier);
void pages_release(struct pages *pages);

/* Asks for the first page. */
void pages_send(struct pages *pages);

#endif
