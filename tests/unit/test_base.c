#include "test.h"

#include <pthread.h>

static void text_u64_takes_only_plain_numbers(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_true(text_u64(TEXT("0"), 9, &value));
    assert_int_equal(value, 0);
    assert_true(text_u64(TEXT("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    const char *bad[] = {"", "-1", "+1", "01", "1x", " 1", "18446744073709551616", "10"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_false(text_u64(text_of(bad[i]), i + 1 < ARRAY_COUNT(bad) ? UINT64_MAX : 9, &value));
}

static void utf8_is_strict(void **state)
{
    (void)state;
    assert_true(text_is_utf8(TEXT("Zoë 山田 🦊")));
    const char *bad[] = {"\xE9", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "a\xE5\xB1"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_false(text_is_utf8(text_of(bad[i])));
}

static void dates(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"2020-11-03T22:49:17.442Z", "2020-11-03T22:49:17.442Z"},
        {"2020-10-07 23:21:52.609785+00", "2020-10-07T23:21:52.609Z"},
        {"2023-05-06 07:08:09+02", "2023-05-06T05:08:09.000Z"},
        {"2021-03-04T05:06:07Z", "2021-03-04T05:06:07.000Z"},
        {"1708175815278", "2024-02-17T13:16:55.278Z"},
        {"1708175815", "2024-02-17T13:16:55.000Z"},
        {"2024-02-29", "2024-02-29T00:00:00.000Z"},
        {"1969-12-31T23:59:59.999-00:30", "1970-01-01T00:29:59.999Z"},
        {"yesterday", NULL},
        {"2024-13-45T99:00:00Z", NULL},
        {"2023-02-29", NULL},
        {"2024-01-01T24:00:00Z", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t ms;
        char out[DATE_TEXT_MAX];
        bool ok = date_parse(text_of(cases[i].in), &ms);
        assert_int_equal(ok, cases[i].out != NULL);
        if (ok) {
            date_format(ms, out);
            assert_string_equal(out, cases[i].out);
        }
    }
}

static void base64_has_one_spelling(void **state)
{
    (void)state;
    uint8_t out[16];
    size_t len;
    assert_true(base64_decode(BASE64, TEXT("YWI="), out, sizeof(out), &len));
    assert_int_equal(len, 2);
    const char *bad[] = {"YWI", "YWJ=", "YW==I", "YWI==", "Y", "YW I=", "====", "-_=="};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_false(base64_decode(BASE64, text_of(bad[i]), out, sizeof(out), &len));
    assert_true(base64_decode(BASE64_BARE, TEXT("YWI"), out, sizeof(out), &len));
    assert_false(base64_decode(BASE64_BARE, TEXT("YWI="), out, sizeof(out), &len));
    assert_false(base64_decode(BASE64, TEXT("YWJjZGVm"), out, 5, &len));
}

static void base64_round_trip(void **state)
{
    (void)state;
    uint8_t in[40], out[48];
    size_t len;
    for (size_t n = 0; n <= sizeof(in); n++) {
        for (int form = BASE64; form <= BASE64_ADAPTED; form++) {
            struct buf buf;
            random_bytes(in, sizeof(in));
            buf_init(&buf, 1024);
            base64_encode(form, &buf, in, n);
            assert_true(base64_decode(form, buf_text(&buf), out, sizeof(out), &len));
            assert_int_equal(len, n);
            assert_memory_equal(in, out, n);
            buf_release(&buf);
        }
    }
}

static void buf_failure_sticks(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_add(&buf, TEXT("abc"));
    buf_add(&buf, TEXT("de"));
    buf_add(&buf, TEXT("f"));
    assert_false(buf_ok(&buf));
    assert_text(buf_text(&buf), "abc");
    buf_release(&buf);
}

static void pages_are_zero(void **state)
{
    const size_t size = (size_t)5 << 20;
    (void)state;
    unsigned char *at = pages_new(size);
    assert_non_null(at);
    for (size_t i = 0; i < size; i += 4096)
        assert_int_equal(at[i], 0);
    memset(at, 0xff, size);
    pages_free(at, size);
    pages_free(NULL, size);
    assert_null(pages_new(SIZE_MAX / 2));
}

static void arena_keeps_its_maximum(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 20000);
    assert_non_null(arena_alloc(&arena, 15000));
    assert_null(arena_alloc(&arena, 6000));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 15000));
    assert_text(arena_printf(&arena, "%d", 42), "42");
    arena_release(&arena);
}

static void err_wraps_from_the_inside_out(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, ERR_IO, "disk full"), -1);
    err_wrap(&err, "ledger %s", "a.db");
    assert_string_equal(err.message, "ledger a.db: disk full");
    assert_int_equal(err.code, ERR_IO);
}

/* One worker, which waits at the first job until it may go on. */
struct worked {
    pthread_mutex_t gate;
    pthread_barrier_t begun;
    int order[4], count;
};

struct numbered {
    struct worked *worked;
    int number;
};

static void work_off(void *arg)
{
    struct numbered *job = arg;
    if (job->number == 0) {
        pthread_barrier_wait(&job->worked->begun);
        pthread_mutex_lock(&job->worked->gate);
        pthread_mutex_unlock(&job->worked->gate);
    }
    job->worked->order[job->worked->count++] = job->number;
}

static void pool_works_in_order_up_to_its_room(void **state)
{
    (void)state;
    struct worked worked = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct numbered jobs[] = {{&worked, 0}, {&worked, 1}, {&worked, 2}, {&worked, 3}};
    struct pool_load load;
    struct pool *pool;
    struct err err;
    pthread_barrier_init(&worked.begun, NULL, 2);
    assert_int_equal(pool_new(&pool, 1, 2, &err), 0);
    pthread_mutex_lock(&worked.gate);
    assert_true(pool_put(pool, work_off, &jobs[0]));
    pthread_barrier_wait(&worked.begun);
    assert_true(pool_put(pool, work_off, &jobs[1]));
    assert_true(pool_put(pool, work_off, &jobs[2]));
    assert_false(pool_put(pool, work_off, &jobs[3]));
    pool_look(pool, &load);
    assert_int_equal(load.waiting, 2);
    pthread_mutex_unlock(&worked.gate);
    pool_stop(pool);
    assert_int_equal(worked.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(worked.order[i], i);
    assert_false(pool_put(pool, work_off, &jobs[3]));
    pool_look(pool, &load);
    assert_int_equal(load.waiting, 0);
    assert_int_equal(load.peak, 2);
    pool_free(pool);
    pthread_barrier_destroy(&worked.begun);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_u64_takes_only_plain_numbers),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(dates),
        cmocka_unit_test(base64_has_one_spelling),
        cmocka_unit_test(base64_round_trip),
        cmocka_unit_test(buf_failure_sticks),
        cmocka_unit_test(pages_are_zero),
        cmocka_unit_test(arena_keeps_its_maximum),
        cmocka_unit_test(err_wraps_from_the_inside_out),
        cmocka_unit_test(pool_works_in_order_up_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
