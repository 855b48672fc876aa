/*
 * The messages: put, claimed, settled. A claim is a time until which nobody else sends the message; it lapses
 * by itself when the process that has it dies.
 */
#include "sandbox/hook.h"

#include <stdlib.h>

#include "sandbox/hook_private.h"
#include "sandbox/store_private.h"

/* A payload and what belongs to it. */
#define DELIVERY_ROOM ((size_t)9 << 20)

/* https://docs.svix.com/retries */
int64_t hook_retry_ms(int64_t attempt)
{
    static const int64_t seconds[] = {5, 300, 1800, 7200, 18000, 36000, 36000};
    bool more = attempt >= 1 && attempt <= (int64_t)ARRAY_COUNT(seconds);
    return more ? seconds[attempt - 1] * 1000 : -1;
}

static int put_for(struct hooks *hooks, const struct hook *hook, const struct hook_message *message,
                   struct err *err)
{
    static const char statement[] =
        "INSERT INTO webhook_deliveries (message, endpoint, event, body, created_at, attempts,"
        " due_at, claimed_until, status) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?5, 0, 0)";
    struct sql_query *query = store_writes(hooks->store, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, message->id);
    sql_bind_text(query, 2, text_of(hook->id));
    sql_bind_text(query, 3, message->event);
    sql_bind_text(query, 4, message->body);
    sql_bind_int(query, 5, message->now_ms);
    return sql_run(query, err);
}

int hooks_put(struct hooks *hooks, const struct hook_message *message, struct err *err)
{
    for (size_t i = 0; i < hooks->count; i++) {
        if (!(hooks->at[i].kinds >> message->kind & 1))
            continue;
        if (put_for(hooks, &hooks->at[i], message, err) != 0)
            return -1;
        hooks->stirred = true;
    }
    return 0;
}

int hooks_unclaim(struct hooks *hooks, struct err *err)
{
    static const char statement[] = "UPDATE webhook_deliveries SET claimed_until = 0"
                                    " WHERE due_at IS NOT NULL AND claimed_until > 0";
    struct sql_query *query = store_writes(hooks->store, statement, err);
    return query && sql_run(query, err) == 0 ? store_commit(hooks->store, err) : -1;
}

/* --- taking --- */

static struct hook_delivery *delivery_new(const struct hook *hook, struct sql_query *query)
{
    struct hook_delivery *delivery = calloc(1, sizeof(*delivery));
    if (!delivery)
        return NULL;
    arena_init(&delivery->arena, DELIVERY_ROOM);
    delivery->message = arena_copy(&delivery->arena, sql_text(query, 0));
    delivery->endpoint = arena_copy(&delivery->arena, text_of(hook->id));
    delivery->url = arena_copy(&delivery->arena, hook->url);
    delivery->secret = arena_copy(&delivery->arena, text_of(hook->secret));
    delivery->body = arena_copy(&delivery->arena, sql_text(query, 1));
    delivery->attempts = sql_int(query, 2);
    if (delivery->message.at && delivery->endpoint.at && delivery->url.at && delivery->secret.at &&
        delivery->body.at)
        return delivery;
    hook_delivery_free(delivery);
    return NULL;
}

void hook_delivery_free(struct hook_delivery *delivery)
{
    if (!delivery)
        return;
    arena_release(&delivery->arena);
    free(delivery);
}

/* Puts up to `room` that are due in front of *list. */
static int read_due(struct hooks *hooks, const struct hook *hook, int64_t now_ms, uint32_t room,
                    struct hook_delivery **list, struct err *err)
{
    static const char statement[] =
        "SELECT message, body, attempts FROM webhook_deliveries WHERE endpoint = ?1"
        " AND due_at <= ?2 AND claimed_until <= ?2 ORDER BY due_at, message LIMIT ?3";
    struct sql_query *query = sql_query(store_sql(hooks->store), statement, err);
    int got;
    if (!query)
        return -1;
    sql_bind_text(query, 1, text_of(hook->id));
    sql_bind_int(query, 2, now_ms);
    sql_bind_int(query, 3, room);
    while ((got = sql_step(query, err)) > 0) {
        struct hook_delivery *delivery = delivery_new(hook, query);
        if (!delivery) {
            sql_reset(query);
            return err_memory(err);
        }
        delivery->next = *list;
        *list = delivery;
    }
    return got;
}

/* 1 if the claim is ours, 0 if another process was faster, -1. */
static int claim(struct hooks *hooks, const struct hook_delivery *delivery, int64_t now_ms,
                 struct err *err)
{
    static const char statement[] =
        "UPDATE webhook_deliveries SET claimed_until = ?1"
        " WHERE message = ?2 AND endpoint = ?3 AND claimed_until <= ?4 AND due_at IS NOT NULL";
    struct sql_query *query = store_writes(hooks->store, statement, err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, now_ms + HOOK_CLAIM_MS);
    sql_bind_text(query, 2, delivery->message);
    sql_bind_text(query, 3, delivery->endpoint);
    sql_bind_int(query, 4, now_ms);
    if (sql_run(query, err) != 0)
        return -1;
    return sql_changes(store_sql(hooks->store)) == 1;
}

/* Claims each of `due`; those that are ours come in front of *list, oldest first. */
static int claim_all(struct hooks *hooks, struct hook *hook, struct hook_delivery *due,
                     int64_t now_ms, struct hook_delivery **list, struct err *err)
{
    int status = 0;
    for (struct hook_delivery *next; due; due = next) {
        int ours = status == 0 ? claim(hooks, due, now_ms, err) : 0;
        next = due->next;
        if (ours < 0)
            status = -1;
        if (ours <= 0) {
            hook_delivery_free(due);
            continue;
        }
        hook->flying++;
        due->next = *list;
        *list = due;
    }
    return status;
}

static int take_for(struct hooks *hooks, struct hook *hook, int64_t now_ms,
                    struct hook_delivery **list, struct err *err)
{
    struct hook_delivery *due = NULL;
    int status = 0;
    if (hook->flying < HOOK_FLOWN)
        status = read_due(hooks, hook, now_ms, HOOK_FLOWN - hook->flying, &due, err);
    int claimed = claim_all(hooks, hook, due, now_ms, list, err);
    return status < 0 || claimed < 0 ? -1 : 0;
}

/* When the next message will be due that nobody has claimed. */
static int find_next(struct hooks *hooks, const struct hook *hook, int64_t now_ms, int64_t *next_ms,
                     struct err *err)
{
    static const char statement[] =
        "SELECT due_at FROM webhook_deliveries WHERE endpoint = ?1 AND due_at IS NOT NULL"
        " AND claimed_until <= ?2 ORDER BY due_at LIMIT 1";
    struct sql_query *query = sql_query(store_sql(hooks->store), statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, text_of(hook->id));
    sql_bind_int(query, 2, now_ms);
    int got = sql_step(query, err);
    if (got > 0 && sql_int(query, 0) < *next_ms)
        *next_ms = sql_int(query, 0);
    sql_reset(query);
    return got < 0 ? -1 : 0;
}

int hooks_take(struct hooks *hooks, int64_t now_ms, struct hook_delivery **list, int64_t *next_ms,
               struct err *err)
{
    int status = 0;
    *list = NULL;
    *next_ms = INT64_MAX;
    for (size_t i = 0; status == 0 && i < hooks->count; i++) {
        struct hook *hook = &hooks->at[i];
        status = take_for(hooks, hook, now_ms, list, err);
        if (status == 0 && hook->flying < HOOK_FLOWN)
            status = find_next(hooks, hook, now_ms, next_ms, err);
    }
    return status;
}

/* --- settling --- */

/* Of the messages that are done with, the newest HOOK_KEPT stay. */
static int prune(struct hooks *hooks, struct err *err)
{
    static const char statement[] =
        "DELETE FROM webhook_deliveries WHERE settled_at < (SELECT settled_at FROM"
        " webhook_deliveries WHERE settled_at IS NOT NULL ORDER BY settled_at DESC LIMIT 1"
        " OFFSET ?1)";
    struct sql_query *query = store_writes(hooks->store, statement, err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, HOOK_KEPT);
    return sql_run(query, err);
}

static void bind_or_null(struct sql_query *query, int at, int64_t number, bool null)
{
    if (null)
        sql_bind_null(query, at);
    else
        sql_bind_int(query, at, number);
}

/* *done tells whether the message is done with. */
static int settle(struct hooks *hooks, const struct hook_delivery *delivery, int64_t now_ms,
                  bool *done, struct err *err)
{
    static const char statement[] =
        "UPDATE webhook_deliveries SET attempts = ?1, due_at = ?2, claimed_until = 0, status = ?3,"
        " failure = ?4, settled_at = ?5 WHERE message = ?6 AND endpoint = ?7";
    struct sql_query *query = store_writes(hooks->store, statement, err);
    bool delivered = delivery->status >= 200 && delivery->status < 300;
    int64_t retry_ms = delivered ? -1 : hook_retry_ms(delivery->attempts + 1);
    if (!query)
        return -1;
    *done |= retry_ms < 0;
    sql_bind_int(query, 1, delivery->attempts + 1);
    bind_or_null(query, 2, now_ms + retry_ms, retry_ms < 0);
    sql_bind_int(query, 3, delivery->status);
    sql_bind_text(query, 4, delivery->failure);
    bind_or_null(query, 5, now_ms, retry_ms >= 0);
    sql_bind_text(query, 6, delivery->message);
    sql_bind_text(query, 7, delivery->endpoint);
    return sql_run(query, err);
}

void hooks_landed(struct hooks *hooks, const struct hook_delivery *list)
{
    for (; list; list = list->next) {
        struct hook *hook = hook_find(hooks, list->endpoint);
        if (hook)
            hook->flying--;
    }
}

int hooks_settle(struct hooks *hooks, const struct hook_delivery *list, int64_t now_ms,
                 struct err *err)
{
    bool done = false;
    for (; list; list = list->next)
        if (settle(hooks, list, now_ms, &done, err) != 0)
            return -1;
    return done ? prune(hooks, err) : 0;
}

enum store_answer hooks_resend(struct hooks *hooks, struct text message, struct text endpoint,
                               int64_t now_ms, struct err *err)
{
    static const char statement[] =
        "UPDATE webhook_deliveries SET attempts = 0, due_at = ?1, settled_at = NULL"
        " WHERE message = ?2 AND endpoint = ?3";
    struct sql_query *query = store_writes(hooks->store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, now_ms);
    sql_bind_text(query, 2, message);
    sql_bind_text(query, 3, endpoint);
    if (sql_run(query, err) != 0)
        return STORE_FAILED;
    hooks->stirred = true;
    return sql_changes(store_sql(hooks->store)) > 0 ? STORE_OK : STORE_NONE;
}
