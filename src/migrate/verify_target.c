/*
 * Reading the target back. Pages of its users come in on the command's thread and are compared on another one, so that
 * the wire is not idle meanwhile. Sheets, one a page, go round in a ring: they are filled in the order of the
 * pages, and told in that order; so what is printed does not depend on which thread was faster.
 */
#include "migrate/verify.h"

#include <pthread.h>

#include "migrate/lookup.h"
#include "migrate/pages.h"

/* A page on its way through the comparing thread. */
struct compared {
    struct verify_sheet sheet;
    struct page *page;
    struct err err;
    bool failed;
    bool ready; /* under the lock: filled */
    struct readback *of;
};

struct readback {
    struct verify *verify;
    struct pages pages;
    struct pool *pool; /* of one thread */
    pthread_mutex_t lock;
    struct compared ring[PAGES_HELD];
    size_t handed, told; /* pages so far */
};

static void fail(struct verify *verify, const struct err *err)
{
    if (!verify->failed)
        verify->err = *err;
    verify->failed = verify->over = true;
}

static void on_ended(void *arg, const struct err *err)
{
    struct verify *verify = arg;
    verify->over = true;
    if (err)
        fail(verify, err);
}

/* ---- all of them ---- */

/* On the comparing thread. */
static void compare_page(void *arg)
{
    struct compared *compared = arg;
    struct readback *back = compared->of;
    compared->failed =
        verify_sheet_fill(&compared->sheet, compared->page->users, &compared->err) != 0;
    pthread_mutex_lock(&back->lock);
    compared->ready = true;
    pthread_mutex_unlock(&back->lock);
    courier_wake(back->verify->courier);
}

/* There are as many places in the ring and the queue as pages at once. */
static void on_page(void *arg, struct page *page)
{
    struct readback *back = arg;
    struct compared *compared = &back->ring[back->handed++ % PAGES_HELD];
    compared->page = page;
    compared->ready = compared->failed = false;
    pool_put(back->pool, compare_page, compared);
}

static void on_pages_ended(void *arg, const struct err *err)
{
    on_ended(((struct readback *)arg)->verify, err);
}

/* The page whose turn it is, if it has been compared; else NULL. */
static struct compared *next_compared(struct readback *back)
{
    struct compared *next = &back->ring[back->told % PAGES_HELD];
    pthread_mutex_lock(&back->lock);
    bool ready = back->told < back->handed && next->ready;
    pthread_mutex_unlock(&back->lock);
    return ready ? next : NULL;
}

static void tell_compared(struct readback *back)
{
    struct compared *compared;
    while (!verify_is_stopped(back->verify) && (compared = next_compared(back))) {
        back->told++;
        if (compared->failed)
            fail(back->verify, &compared->err);
        else
            verify_sheet_tell(&compared->sheet);
        pages_give_back(&back->pages, compared->page);
    }
}

static int read_on(struct readback *back, struct err *err)
{
    struct verify *verify = back->verify;
    pages_send(&back->pages);
    while (!verify_is_stopped(verify) && !(verify->over && back->told == back->handed)) {
        if (courier_work(verify->courier, 10000, err))
            return -1;
        tell_compared(back);
        progress_show(&verify->progress, false);
    }
    return 0;
}

/* What the reading came to. */
static int result(struct verify *verify, int status, struct err *err)
{
    verify->totals->requests = courier_requests(verify->courier);
    if (status == 0 && verify->failed) {
        *err = verify->err;
        return -1;
    }
    return status;
}

int verify_read_pages(struct verify *verify, struct err *err)
{
    struct readback back = {.verify = verify, .lock = PTHREAD_MUTEX_INITIALIZER};
    for (size_t i = 0; i < PAGES_HELD; i++) {
        verify_sheet_init(&back.ring[i].sheet, verify);
        back.ring[i].of = &back;
    }
    int status = pages_open(&back.pages, verify->courier, err);
    back.pages.page = on_page;
    back.pages.ended = on_pages_ended;
    back.pages.arg = &back;
    if (status == 0)
        status = pool_new(&back.pool, 1, PAGES_HELD, err);
    if (status == 0)
        status = read_on(&back, err);
    pool_free(back.pool);
    pages_close(&back.pages);
    for (size_t i = 0; i < PAGES_HELD; i++)
        verify_sheet_release(&back.ring[i].sheet);
    pthread_mutex_destroy(&back.lock);
    return result(verify, status, err);
}

/* ---- the chosen ones ---- */

static void on_found(struct lookup *lookup, struct lookup_item *item, struct json_value user)
{
    struct verify *verify = lookup->arg;
    struct verify_sheet sheet;
    struct err err;
    (void)item;
    verify_sheet_init(&sheet, verify);
    if (verify_sheet_add(&sheet, &user, 1, &err))
        fail(verify, &err);
    else
        verify_sheet_tell(&sheet);
    verify_sheet_release(&sheet);
}

static void on_lookup_ended(struct lookup *lookup, const struct err *err)
{
    on_ended(lookup->arg, err);
}

int verify_read_chosen(struct verify *verify, struct err *err)
{
    struct lookup lookup;
    int status = 0;
    lookup_init(&lookup, LOOKUP_EXTERNAL_ID, verify->json, verify);
    lookup.found = on_found;
    lookup.ended = on_lookup_ended;
    for (size_t i = 0; i < verify->opts->only_count && i < LOOKUP_MAX; i++)
        lookup_add(&lookup, text_of(verify->opts->only[i]), verify);
    lookup_send(&lookup, verify->courier);
    while (status == 0 && !verify->over && !verify_is_stopped(verify)) {
        status = courier_work(verify->courier, 10000, err);
        progress_show(&verify->progress, false);
    }
    lookup_release(&lookup);
    return result(verify, status, err);
}
