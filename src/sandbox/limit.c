#include "sandbox/limit.h"

#include <stdlib.h>
#include <string.h>

void limit_init(struct limit *limit, enum limit_shape shape, uint32_t requests, int64_t window_us,
                int64_t *log)
{
    *limit = (struct limit){.shape = shape,
                            .requests = requests,
                            .window_us = window_us,
                            .log = log,
                            .tokens = requests};
}

/* Each of these returns 0 and counts the request, or how long it must wait (microseconds). */
static int64_t ask_sliding(struct limit *limit, int64_t now)
{
    int64_t *oldest = &limit->log[limit->passed % limit->requests];
    if (limit->passed >= limit->requests && now - *oldest < limit->window_us)
        return *oldest + limit->window_us - now;
    *oldest = now;
    limit->passed++;
    return 0;
}

static int64_t ask_fixed(struct limit *limit, int64_t now)
{
    int64_t tick = now / limit->window_us;
    if (tick != limit->tick)
        limit->passed_in_tick = 0;
    limit->tick = tick;
    if (limit->passed_in_tick == limit->requests)
        return (tick + 1) * limit->window_us - now;
    limit->passed_in_tick++;
    return 0;
}

static double tokens_per_us(const struct limit *limit)
{
    return (double)limit->requests / (double)limit->window_us;
}

static void refill(struct limit *limit, int64_t since_us)
{
    limit->tokens += (double)since_us * tokens_per_us(limit);
    if (limit->tokens > limit->requests)
        limit->tokens = limit->requests;
}

static int64_t ask_bucket(struct limit *limit)
{
    if (limit->tokens < 1)
        return (int64_t)((1 - limit->tokens) / tokens_per_us(limit)) + 1;
    limit->tokens -= 1;
    return 0;
}

static int64_t ask(struct limit *limit, int64_t now)
{
    switch (limit->shape) {
    case LIMIT_SLIDING:
        return ask_sliding(limit, now);
    case LIMIT_FIXED:
        return ask_fixed(limit, now);
    case LIMIT_BUCKET:
        return ask_bucket(limit);
    }
    return 0;
}

static int64_t whole_seconds(int64_t us)
{
    return (us + 999999) / 1000000;
}

int64_t limit_ask(struct limit *limit, int64_t now_us)
{
    if (limit->requests == 0)
        return 0;
    if (now_us < limit->last_us)
        now_us = limit->last_us; /* requests of two threads may arrive a hair out of order */
    int64_t since = limit->last_us ? now_us - limit->last_us : 0;
    limit->last_us = now_us;
    refill(limit, since);
    if (now_us < limit->blocked_until_us)
        return whole_seconds(limit->blocked_until_us - now_us);
    int64_t wait = ask(limit, now_us);
    if (wait == 0)
        return 0;
    int64_t seconds = whole_seconds(wait);
    limit->blocked_until_us = now_us + seconds * 1000000;
    return seconds;
}

static uint32_t used_of(const struct limit *limit, int64_t now_us)
{
    uint32_t used = 0;
    switch (limit->shape) {
    case LIMIT_SLIDING:
        for (uint64_t i = 0; i < limit->requests && i < limit->passed; i++)
            used += now_us - limit->log[i] < limit->window_us;
        return used;
    case LIMIT_FIXED:
        return now_us / limit->window_us == limit->tick ? limit->passed_in_tick : 0;
    case LIMIT_BUCKET:
        break;
    }
    struct limit later = *limit;
    refill(&later, limit->last_us ? now_us - limit->last_us : 0);
    return limit->requests - (uint32_t)later.tokens;
}

void limit_read(const struct limit *limit, int64_t now_us, struct limit_state *state)
{
    int64_t blocked = limit->blocked_until_us - now_us;
    state->used = limit->requests > 0 ? used_of(limit, now_us) : 0;
    state->retry_after_s = blocked > 0 ? whole_seconds(blocked) : 0;
}

#define SETS 1024
#define WAYS 8

struct user_limits {
    struct hash_key key;
    struct {
        uint64_t user;
        struct limit limit;
    } slots[SETS][WAYS];
    enum limit_shape shape;
    uint32_t requests;
    int64_t window_us;
    int64_t logs[]; /* requests of them for each slot */
};

int user_limits_new(struct user_limits **out, enum limit_shape shape, uint32_t requests,
                    int64_t window_us, struct err *err)
{
    struct user_limits *limits =
        calloc(1, sizeof(*limits) + sizeof(int64_t) * SETS * WAYS * requests);
    if (!limits)
        return err_memory(err);
    limits->key = hash_key_random();
    limits->shape = shape;
    limits->requests = requests;
    limits->window_us = window_us;
    *out = limits;
    return 0;
}

void user_limits_free(struct user_limits *limits)
{
    free(limits);
}

int64_t user_limits_ask(struct user_limits *limits, struct text user_id, int64_t now_us)
{
    uint64_t hash = hash_text(&limits->key, user_id) | 1; /* 0 marks a free slot */
    size_t set = (hash >> 1) % SETS, chosen = 0;
    for (size_t way = 0; way < WAYS; way++) {
        if (limits->slots[set][way].user == hash)
            return limit_ask(&limits->slots[set][way].limit, now_us);
        if (limits->slots[set][way].limit.last_us < limits->slots[set][chosen].limit.last_us)
            chosen = way;
    }
    limits->slots[set][chosen].user = hash;
    limit_init(&limits->slots[set][chosen].limit, limits->shape, limits->requests,
               limits->window_us, &limits->logs[(set * WAYS + chosen) * limits->requests]);
    return limit_ask(&limits->slots[set][chosen].limit, now_us);
}
