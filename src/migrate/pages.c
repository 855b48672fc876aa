#include "migrate/pages.h"

#include <stdio.h>
#include <string.h>

#include "migrate/lookup.h"

#define TRIES_MAX 8
#define PAGE_MAX  ((size_t)64 << 20)
#define RETRY_US  INT64_C(500000)

static void on_answer(struct parcel *parcel, const struct target_answer *answer);

int pages_open(struct pages *pages, struct courier *courier, struct err *err)
{
    memset(pages, 0, sizeof(*pages));
    pages->courier = courier;
    buf_init(&pages->path, 4096);
    for (size_t i = 0; i < PAGES_HELD; i++)
        if (json_new(&pages->all[i].json, PAGE_MAX, err) != 0)
            return -1;
    return 0;
}

void pages_close(struct pages *pages)
{
    for (size_t i = 0; i < PAGES_HELD; i++)
        json_free(pages->all[i].json);
    buf_release(&pages->path);
}

/* Asks for the page behind the cursor, or waits for room for it. */
static void ask(struct pages *pages)
{
    for (size_t i = 0; i < PAGES_HELD && !pages->coming; i++)
        if (!pages->all[i].held)
            pages->coming = &pages->all[i];
    pages->waiting = !pages->coming;
    if (pages->waiting)
        return;
    buf_reset(&pages->path);
    buf_printf(&pages->path, "/v1/users?limit=%d&order_by=%%2Bcreated_at", PAGE_USERS);
    if (pages->after[0])
        buf_printf(&pages->path, "&starting_after=%s", pages->after);
    pages->tries = 0;
    pages->parcel = (struct parcel){
        .method = "GET",
        .path = buf_text(&pages->path),
        .done = on_answer,
        .arg = pages,
    };
    courier_post(pages->courier, &pages->parcel, 0);
}

void pages_send(struct pages *pages)
{
    ask(pages);
}

void pages_give_back(struct pages *pages, struct page *page)
{
    page->held = false;
    if (pages->waiting)
        ask(pages);
}

static void take_page(struct pages *pages, struct json_value users)
{
    struct page *page = pages->coming;
    struct text last = {NULL, 0};
    *page = (struct page){.users = users, .json = page->json, .held = true};
    pages->coming = NULL;
    for (struct json_walk walk = json_walk(users); json_next(&walk); page->count++)
        last = json_text(json_get(walk.value, TEXT("id")));
    bool more = page->count == PAGE_USERS && last.len < sizeof(pages->after);
    if (more) {
        snprintf(pages->after, sizeof(pages->after), "%.*s", TEXT_ARG(last));
        ask(pages);
    }
    pages->page(pages->arg, page);
    if (!more)
        pages->ended(pages->arg, NULL);
}

static void on_answer(struct parcel *parcel, const struct target_answer *answer)
{
    struct pages *pages = parcel->arg;
    struct json_value root = {NULL, 0};
    struct err err;
    bool answered = answer->result == TARGET_ANSWERED;
    bool parsed = answered && json_parse(pages->coming->json, answer->body, &root, &err) == 0;
    if (parsed && answer->status == 200 && json_type(root) == JSON_ARRAY) {
        take_page(pages, root);
    } else if (answered && answer->status >= 400 && answer->status < 500) {
        lookup_refusal(answer->status, root, &err);
        pages->ended(pages->arg, &err);
    } else if (answered && ++pages->tries >= TRIES_MAX) {
        err_set(&err, ERR_NETWORK, "the target answers a page of users with %d%s", answer->status,
                parsed ? "" : " and no JSON");
        pages->ended(pages->arg, &err);
    } else {
        courier_post(pages->courier, parcel, RETRY_US + (int64_t)random_below(RETRY_US));
    }
}
