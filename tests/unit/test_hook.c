/* Webhook messages in the store: who gets them, claims, Svix's schedule, signatures. The time is passed in. */
#include "test.h"

#include "sandbox/delivery.h"
#include "sandbox/event.h"
#include "sandbox/hook.h"

#define START INT64_C(1795000000000)

struct fixture {
    struct store *store;
    struct hooks *hooks;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_int_equal(store_open(&f->store, ":memory:", &f->err), 0);
    assert_int_equal(hooks_open(&f->hooks, f->store, &f->err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    hooks_close(f->hooks);
    store_close(f->store);
    free(f);
    return 0;
}

static const struct hook *add(struct fixture *f, const char *url, uint64_t kinds)
{
    struct hook_opts opts = {.url = text_of(url), .kinds = kinds};
    const struct hook *hook;
    bool made;
    assert_int_equal(hooks_add(f->hooks, &opts, START, &hook, &made, &f->err), 0);
    assert_true(made);
    return hook;
}

static void put(struct fixture *f, const char *id, enum event_kind kind)
{
    struct hook_message message = {text_of(id), kind, text_of(event_name(kind)), TEXT("{}"), START};
    assert_int_equal(hooks_put(f->hooks, &message, &f->err), 0);
    assert_int_equal(store_commit(f->store, &f->err), 0);
}

static struct hook_delivery *take(struct fixture *f, int64_t now, int64_t *next)
{
    struct hook_delivery *list;
    assert_int_equal(hooks_take(f->hooks, now, &list, next, &f->err), 0);
    assert_int_equal(store_commit(f->store, &f->err), 0);
    return list;
}

static size_t drop(struct fixture *f, struct hook_delivery *list)
{
    size_t count = 0;
    hooks_landed(f->hooks, list);
    for (struct hook_delivery *next; list; list = next, count++) {
        next = list->next;
        hook_delivery_free(list);
    }
    return count;
}

static void answer(struct fixture *f, struct hook_delivery *list, long status, int64_t now)
{
    for (struct hook_delivery *at = list; at; at = at->next)
        at->status = status;
    assert_int_equal(hooks_settle(f->hooks, list, now, &f->err), 0);
    assert_int_equal(store_commit(f->store, &f->err), 0);
    drop(f, list);
}

static void a_message_goes_to_those_who_want_its_kind(void **state)
{
    struct fixture *f = *state;
    int64_t next;
    add(f, "http://127.0.0.1/all", UINT64_MAX);
    add(f, "http://127.0.0.1/some", UINT64_C(1) << EVENT_user_deleted);
    assert_true(hooks_want(f->hooks, EVENT_user_created));
    put(f, "msg_1", EVENT_user_created);
    struct hook_delivery *list = take(f, START, &next);
    assert_non_null(list);
    assert_null(list->next);
    assert_text(list->url, "http://127.0.0.1/all");
    assert_int_equal(drop(f, list), 1);
    put(f, "msg_2", EVENT_user_deleted);
    assert_int_equal(drop(f, take(f, START, &next)), 2);
}

static void without_an_endpoint_nothing_is_wanted(void **state)
{
    struct fixture *f = *state;
    int64_t next;
    for (unsigned kind = 0; kind < EVENT_KINDS; kind++)
        assert_false(hooks_want(f->hooks, kind));
    put(f, "msg_1", EVENT_user_created);
    assert_null(take(f, START, &next));
    assert_true(next == INT64_MAX);
}

static void the_schedule_is_that_of_svix(void **state)
{
    static const int64_t seconds[] = {5, 300, 1800, 7200, 18000, 36000, 36000};
    struct fixture *f = *state;
    int64_t now = START, next;
    add(f, "http://127.0.0.1/", UINT64_MAX);
    put(f, "msg_1", EVENT_user_created);
    for (size_t i = 0; i <= ARRAY_COUNT(seconds); i++) {
        struct hook_delivery *list = take(f, now, &next);
        assert_non_null(list);
        assert_text(list->message, "msg_1");
        assert_int_equal(list->attempts, i);
        answer(f, list, i % 2 ? 500 : 0, now);
        assert_null(take(f, now, &next));
        if (i == ARRAY_COUNT(seconds))
            break;
        assert_true(next == now + seconds[i] * 1000);
        assert_null(take(f, next - 1, &next));
        now = next;
    }
    assert_true(next == INT64_MAX);
    /* Given up, until somebody asks for it. */
    assert_int_equal(hooks_resend(f->hooks, TEXT("msg_1"), TEXT("ep_none"), now, &f->err),
                     STORE_NONE);
    size_t count;
    const char *endpoint = hooks_all(f->hooks, &count)->id;
    assert_int_equal(hooks_resend(f->hooks, TEXT("msg_1"), text_of(endpoint), now, &f->err),
                     STORE_OK);
    answer(f, take(f, now, &next), 204, now);
    assert_null(take(f, now + INT64_C(1000) * 86400000, &next));
}

static void what_is_claimed_is_sent_once_until_the_claim_lapses(void **state)
{
    struct fixture *f = *state;
    int64_t next;
    add(f, "http://127.0.0.1/", UINT64_MAX);
    put(f, "msg_1", EVENT_user_created);
    assert_int_equal(drop(f, take(f, START, &next)), 1);
    assert_null(take(f, START + HOOK_CLAIM_MS - 1, &next));
    assert_int_equal(drop(f, take(f, START + HOOK_CLAIM_MS, &next)), 1);
}

static void a_new_process_takes_up_what_the_old_one_had_claimed(void **state)
{
    struct fixture *f = *state;
    int64_t next;
    add(f, "http://127.0.0.1/", UINT64_MAX);
    put(f, "msg_1", EVENT_user_created);
    assert_int_equal(drop(f, take(f, START, &next)), 1);
    hooks_close(f->hooks);
    assert_int_equal(hooks_open(&f->hooks, f->store, &f->err), 0);
    assert_int_equal(drop(f, take(f, START, &next)), 1);
}

static void so_many_are_on_their_way_at_a_time_the_oldest_first(void **state)
{
    struct fixture *f = *state;
    int64_t next;
    char id[16];
    add(f, "http://127.0.0.1/", UINT64_MAX);
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof(id), "msg_%d", i);
        put(f, id, EVENT_user_created);
    }
    struct hook_delivery *list = take(f, START, &next);
    assert_text(list->message, "msg_0");
    assert_null(take(f, START, &next));
    answer(f, list, 200, START);
    list = take(f, START, &next);
    assert_text(list->message, "msg_4");
    answer(f, list, 200, START);
    assert_int_equal(drop(f, take(f, START, &next)), 10 - 2 * HOOK_FLOWN);
}

static void an_endpoint_keeps_its_secret_and_takes_its_messages_along(void **state)
{
    struct fixture *f = *state;
    char secret[HOOK_SECRET_MAX], id[CLERK_ID_MAX];
    struct hook_opts opts = {.url = TEXT("http://127.0.0.1/"), .kinds = UINT64_MAX};
    const struct hook *hook = add(f, "http://127.0.0.1/", UINT64_MAX);
    int64_t next;
    bool made;
    memcpy(secret, hook->secret, sizeof(secret));
    assert_int_equal(hooks_add(f->hooks, &opts, START, &hook, &made, &f->err), 0);
    assert_false(made);
    assert_string_equal(hook->secret, secret);
    memcpy(id, hook->id, sizeof(id));
    put(f, "msg_1", EVENT_user_created);
    assert_int_equal(hooks_delete(f->hooks, text_of(id), &f->err), STORE_OK);
    assert_int_equal(hooks_delete(f->hooks, text_of(id), &f->err), STORE_NONE);
    add(f, "http://127.0.0.1/", UINT64_MAX);
    assert_null(take(f, START, &next));
}

static void an_endpoint_of_a_transaction_that_failed_is_gone(void **state)
{
    struct fixture *f = *state;
    add(f, "http://127.0.0.1/", UINT64_MAX);
    store_abort(f->store);
    assert_int_equal(hooks_aborted(f->hooks, &f->err), 0);
    assert_false(hooks_want(f->hooks, EVENT_user_created));
}

/* The example of Svix's documentation (docs.svix.com/receiving/verifying-payloads/how-manual). */
static void a_signature_is_that_of_svix(void **state)
{
    (void)state;
    struct buf to;
    buf_init(&to, 256);
    assert_true(delivery_sign(TEXT("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                              TEXT("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
                              TEXT("{\"test\": 2432232314}"), &to));
    assert_string_equal(buf_z(&to), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    buf_reset(&to);
    assert_false(delivery_sign(TEXT("whsec_MfKQ"), TEXT("msg_1"), 0, TEXT("{}"), &to));
    buf_release(&to);
}

static void a_secret_is_a_prefix_and_base64_of_24_to_64_bytes(void **state)
{
    (void)state;
    uint8_t key[64];
    assert_int_equal(hook_key(TEXT("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), key), 24);
    assert_int_equal(hook_key(TEXT("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), key), 0);
    assert_int_equal(hook_key(TEXT("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"), key), 0);
    assert_int_equal(hook_key(TEXT("whsec_"), key), 0);
    assert_int_equal(hook_key((struct text){NULL, 0}, key), 0);
}

static void every_event_has_its_name(void **state)
{
    (void)state;
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        assert_int_equal(event_of(text_of(event_name((enum event_kind)kind))), kind);
    assert_int_equal(event_of(TEXT("user.teleported")), EVENT_KINDS);
}

#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(a_message_goes_to_those_who_want_its_kind),
        ON_STORE(without_an_endpoint_nothing_is_wanted),
        ON_STORE(the_schedule_is_that_of_svix),
        ON_STORE(what_is_claimed_is_sent_once_until_the_claim_lapses),
        ON_STORE(a_new_process_takes_up_what_the_old_one_had_claimed),
        ON_STORE(so_many_are_on_their_way_at_a_time_the_oldest_first),
        ON_STORE(an_endpoint_keeps_its_secret_and_takes_its_messages_along),
        ON_STORE(an_endpoint_of_a_transaction_that_failed_is_gone),
        cmocka_unit_test(a_signature_is_that_of_svix),
        cmocka_unit_test(a_secret_is_a_prefix_and_base64_of_24_to_64_bytes),
        cmocka_unit_test(every_event_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
