#include "migrate/pages.h"

#include <string.h>

#include "migrate/lookup.h"

#define TRIES_MAX 8
#define RETRY_US  INT64_C(500000)

static void on_answer(struct parcel *parcel, const struct target_answer *answer);

void pages_init(struct pages *pages, struct json *json, struct courier *courier)
{
    memset(pages, 0, sizeof(*pages));
    pages->json = json;
    pages->courier = courier;
    buf_init(&pages->path, 4096);
}

void pages_release(struct pages *pages)
{
    buf_release(&pages->path);
}

static void ask(struct pages *pages, struct text after)
{
    char id[64];
    size_t len = after.len < sizeof(id) ? after.len : 0;
    memcpy(id, after.at ? after.at : "", len);
    buf_reset(&pages->path);
    buf_printf(&pages->path, "/v1/users?limit=%d&order_by=%%2Bcreated_at", PAGE_USERS);
    if (len > 0)
        buf_printf(&pages->path, "&starting_after=%.*s", (int)len, id);
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
    ask(pages, (struct text){NULL, 0});
}

static void take_page(struct pages *pages, struct json_value users)
{
    struct text last = {NULL, 0};
    size_t count = 0;
    for (struct json_walk walk = json_walk(users); json_next(&walk); count++)
        last = json_text(json_get(walk.value, TEXT("id")));
    if (count == PAGE_USERS)
        ask(pages, last);
    for (struct json_walk walk = json_walk(users); json_next(&walk);)
        pages->user(pages->arg, walk.value);
    if (count < PAGE_USERS)
        pages->ended(pages->arg, NULL);
}

static void on_answer(struct parcel *parcel, const struct target_answer *answer)
{
    struct pages *pages = parcel->arg;
    struct json_value root = {NULL, 0};
    struct err err;
    bool answered = answer->result == TARGET_ANSWERED;
    bool parsed = answered && json_parse(pages->json, answer->body, &root, &err) == 0;
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
