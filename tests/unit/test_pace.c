/*
 * The pacer against servers with the limits that an API may have, in simulated time: requests take
 * a random time on their way there and on their way back, and the server judges each as it arrives.
 */
#include "test.h"

#include "target/pace.h"

#define WINDOW_US ((int64_t)10 * 1000000)

enum limit_kind { LIMIT_SLIDING, LIMIT_FIXED, LIMIT_BUCKET, LIMIT_KINDS };

struct limit {
    enum limit_kind kind;
    uint32_t requests;
    int64_t phase;  /* of fixed windows */
    int64_t *taken; /* when the last `requests` were let in */
    uint64_t count;
    int64_t window_number, in_window;
    double tokens;
    int64_t filled_at;
};

static bool sliding_lets_in(struct limit *limit, int64_t now)
{
    int64_t *slot = &limit->taken[limit->count % limit->requests];
    if (limit->count >= limit->requests && now - *slot < WINDOW_US)
        return false;
    *slot = now;
    limit->count++;
    return true;
}

static bool fixed_lets_in(struct limit *limit, int64_t now)
{
    int64_t number = (now + limit->phase) / WINDOW_US;
    if (number != limit->window_number) {
        limit->window_number = number;
        limit->in_window = 0;
    }
    return ++limit->in_window <= limit->requests;
}

static bool bucket_lets_in(struct limit *limit, int64_t now)
{
    limit->tokens += (double)(now - limit->filled_at) * limit->requests / WINDOW_US;
    limit->filled_at = now;
    if (limit->tokens > limit->requests)
        limit->tokens = limit->requests;
    if (limit->tokens < 1 - 1e-6)
        return false;
    limit->tokens -= 1;
    return true;
}

static bool lets_in(struct limit *limit, int64_t now)
{
    switch (limit->kind) {
    case LIMIT_SLIDING:
        return sliding_lets_in(limit, now);
    case LIMIT_FIXED:
        return fixed_lets_in(limit, now);
    default:
        return bucket_lets_in(limit, now);
    }
}

/* xorshift64*: the same numbers in every run, so that a failure can be run again. */
struct dice {
    uint64_t state;
};

static double dice_unit(struct dice *dice)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return (double)((dice->state * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

/* Half of the latency, and jitter of which one in a hundred is ten times as long. */
static int64_t path_us(struct dice *dice, int64_t latency_us, double jitter)
{
    double extra = dice_unit(dice) * (double)latency_us / 2 * jitter;
    return latency_us / 2 + (int64_t)(dice_unit(dice) < 0.01 ? extra * 10 : extra);
}

/* What will happen: a request arrives, or its answer does. A binary heap on `at`. */
struct event {
    int64_t at;
    uint64_t ticket;
    bool answer;
};

struct world {
    struct pace pace;
    struct limit limit;
    struct dice dice;
    int64_t latency_us;
    double jitter;
    struct event *heap;
    size_t events;
    uint64_t refused, to_send;
    int64_t now;
};

static void heap_add(struct world *w, struct event event)
{
    size_t i = w->events++;
    for (; i > 0 && w->heap[(i - 1) / 2].at > event.at; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = event;
}

static struct event heap_take(struct world *w)
{
    struct event first = w->heap[0], last = w->heap[--w->events];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < w->events; i = child) {
        if (child + 1 < w->events && w->heap[child + 1].at < w->heap[child].at)
            child++;
        if (w->heap[child].at >= last.at)
            break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = last;
    return first;
}

static void happen(struct world *w, struct event event)
{
    w->now = event.at;
    if (event.answer) {
        pace_answered(&w->pace, event.ticket, w->now);
        return;
    }
    if (!lets_in(&w->limit, w->now))
        w->refused++;
    heap_add(w, (struct event){w->now + path_us(&w->dice, w->latency_us, w->jitter), event.ticket,
                               true});
}

static void step(struct world *w)
{
    int64_t wait = w->to_send > 0 ? pace_ask(&w->pace, w->now) : INT64_MAX;
    if (wait == 0) {
        w->to_send--;
        uint64_t ticket = pace_sent(&w->pace, w->now);
        heap_add(
            w, (struct event){w->now + path_us(&w->dice, w->latency_us, w->jitter), ticket, false});
    } else if (w->events > 0 && (wait == INT64_MAX || w->heap[0].at <= w->now + wait)) {
        happen(w, heap_take(w));
    } else {
        w->now += wait;
    }
}

/* Sends `users` requests; returns the time between the first one's leaving and the last one's. */
static int64_t run(struct world *w, uint32_t requests, uint64_t users)
{
    struct err err;
    w->heap = calloc(users * 2, sizeof(*w->heap));
    w->limit.taken = calloc(requests, sizeof(*w->limit.taken));
    w->limit.requests = requests;
    w->limit.tokens = requests;
    w->limit.window_number = -1;
    w->to_send = users;
    assert_int_equal(pace_init(&w->pace, requests, WINDOW_US, &err), 0);
    int64_t start = w->limit.filled_at = w->now = 1000000000;
    int64_t last = start;
    while (w->to_send > 0 || w->events > 0) {
        uint64_t left = w->to_send;
        step(w);
        if (w->to_send < left)
            last = w->now;
    }
    pace_release(&w->pace);
    free(w->heap);
    free(w->limit.taken);
    return last - start;
}

static void full_rate(int64_t latency_us, double jitter, double bar)
{
    const uint32_t requests = 1000;
    const uint64_t users = 4001; /* the last leaves four whole windows after the first */
    int64_t ideal = (int64_t)((users - 1) / requests) * WINDOW_US;
    for (int seed = 1; seed <= 12; seed++) {
        struct world w = {
            .latency_us = latency_us, .jitter = jitter, .dice = {(uint64_t)seed * 7919}};
        w.limit.kind = (enum limit_kind)(seed % LIMIT_KINDS);
        w.limit.phase = (int64_t)(dice_unit(&w.dice) * WINDOW_US);
        int64_t took = run(&w, requests, users);
        if (w.refused > 0 || (double)ideal / (double)took < bar)
            fail_msg("latency %ld, limit %d, seed %d: %lu refused, %.2f %%", (long)latency_us,
                     w.limit.kind, seed, (unsigned long)w.refused,
                     100.0 * (double)ideal / (double)took);
    }
}

static void no_limit_is_broken_and_none_wasted(void **state)
{
    (void)state;
    full_rate(20000, 0.1, 0.99);
    full_rate(100000, 0.1, 0.99);
    full_rate(500000, 0.1, 0.99);
    full_rate(20000, 1.0, 0.99);
    full_rate(100000, 0.5, 0.99);
}

static void wild_latency_costs_time_and_no_refusal(void **state)
{
    (void)state;
    full_rate(500000, 1.0, 0.97);
    full_rate(2000000, 0.5, 0.94);
}

static void the_limit_of_a_development_instance(void **state)
{
    (void)state;
    for (int kind = 0; kind < LIMIT_KINDS; kind++) {
        struct world w = {.latency_us = 100000, .jitter = 0.1, .dice = {99}};
        w.limit.kind = (enum limit_kind)kind;
        int64_t took = run(&w, 100, 301);
        assert_int_equal(w.refused, 0);
        assert_true(took < (int64_t)(3 * 1.01 * WINDOW_US));
    }
}

static void a_slow_request_holds_only_its_own_slot(void **state)
{
    (void)state;
    struct pace pace;
    struct err err;
    assert_int_equal(pace_init(&pace, 2, WINDOW_US, &err), 0);
    uint64_t slow = pace_sent(&pace, 0), fast = pace_sent(&pace, 0);
    assert_true(pace_ask(&pace, 1) > 0);
    pace_answered(&pace, fast, 1000);
    assert_int_equal(pace_ask(&pace, 1000), WINDOW_US + pace.guard_us - 1000);
    assert_int_equal(pace_ask(&pace, WINDOW_US + pace.guard_us), 0);
    pace_sent(&pace, WINDOW_US + pace.guard_us);
    assert_true(pace_ask(&pace, 5 * WINDOW_US) > 0);
    pace_answered(&pace, slow, 5 * WINDOW_US);
    assert_int_equal(pace_ask(&pace, 5 * WINDOW_US), WINDOW_US + pace.guard_us - 1000);
    pace_release(&pace);
}

static void what_was_spent_before_counts(void **state)
{
    (void)state;
    struct pace pace;
    struct err err;
    assert_int_equal(pace_init(&pace, 3, WINDOW_US, &err), 0);
    pace_spent(&pace, 2, 1000);
    assert_int_equal(pace_ask(&pace, 2000), 0);
    uint64_t ticket = pace_sent(&pace, 2000);
    pace_answered(&pace, ticket, 2500);
    assert_int_equal(pace_ask(&pace, 3000), 1000 + WINDOW_US + pace.guard_us - 500 - 3000);
    pace_release(&pace);
    assert_int_equal(pace_init(&pace, 2, WINDOW_US, &err), 0);
    pace_spent(&pace, 50, 1000);
    assert_int_equal(pace_ask(&pace, 1000), WINDOW_US + pace.guard_us);
    pace_release(&pace);
    assert_int_equal(pace_init(&pace, 0, WINDOW_US, &err), 0);
    pace_spent(&pace, 50, 1000);
    assert_int_equal(pace_ask(&pace, 1000), 0);
    pace_release(&pace);
}

static void requests_leave_spread_over_the_window(void **state)
{
    (void)state;
    struct pace pace;
    struct err err;
    assert_int_equal(pace_init(&pace, 1000, WINDOW_US, &err), 0);
    assert_int_equal(pace_ask(&pace, 7), 0);
    pace_sent(&pace, 7);
    assert_int_equal(pace_ask(&pace, 7), 5000);
    assert_int_equal(pace_ask(&pace, 5007), 0);
    pace_release(&pace);
}

static void a_refusal_pauses_everything(void **state)
{
    (void)state;
    struct pace pace;
    struct err err;
    assert_int_equal(pace_init(&pace, 10, WINDOW_US, &err), 0);
    pace_refused(&pace, 500, 3000000);
    assert_int_equal(pace_ask(&pace, 500), 3000000);
    pace_refused(&pace, 600, 1000);
    assert_int_equal(pace_ask(&pace, 1000500), 2000000);
    assert_int_equal(pace_ask(&pace, 3000500), 0);
    pace_refused(&pace, 4000000, -1);
    assert_int_equal(pace_ask(&pace, 4000000), 1000000);
    pace_refused(&pace, 4000000, INT64_MAX);
    assert_true(pace_ask(&pace, 4000000) > 3600 * INT64_C(1000000));
    pace_release(&pace);
}

static void without_a_limit_only_pauses_count(void **state)
{
    (void)state;
    struct pace pace;
    struct err err;
    assert_int_equal(pace_init(&pace, 0, WINDOW_US, &err), 0);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(pace_ask(&pace, i), 0);
        uint64_t ticket = pace_sent(&pace, i);
        pace_answered(&pace, ticket, i);
    }
    pace_refused(&pace, 5000, 10);
    assert_int_equal(pace_ask(&pace, 5000), 10);
    pace_release(&pace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_is_broken_and_none_wasted),
        cmocka_unit_test(wild_latency_costs_time_and_no_refusal),
        cmocka_unit_test(the_limit_of_a_development_instance),
        cmocka_unit_test(a_slow_request_holds_only_its_own_slot),
        cmocka_unit_test(what_was_spent_before_counts),
        cmocka_unit_test(requests_leave_spread_over_the_window),
        cmocka_unit_test(a_refusal_pauses_everything),
        cmocka_unit_test(without_a_limit_only_pauses_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
