/* The sandbox's arithmetic: limits, faults, routes, filters, decoding. The time is passed in. */
#include "test.h"

#include "sandbox/fault.h"
#include "sandbox/filter.h"
#include "net/net.h"
#include "sandbox/limit.h"
#include "sandbox/route.h"
#include "sandbox/sandbox.h"

#define SECOND INT64_C(1000000)
#define WINDOW (10 * SECOND)

static void sliding_limit_counts_any_window(void **state)
{
    (void)state;
    int64_t log[3];
    struct limit limit;
    limit_init(&limit, LIMIT_SLIDING, 3, WINDOW, log);
    assert_int_equal(limit_ask(&limit, 1 * SECOND), 0);
    assert_int_equal(limit_ask(&limit, 9 * SECOND), 0);
    assert_int_equal(limit_ask(&limit, 10 * SECOND), 0);
    /* the first leaves the window at 11 s */
    assert_int_equal(limit_ask(&limit, 10 * SECOND + 500000), 1);
    assert_int_equal(limit_ask(&limit, 11 * SECOND + 500000), 0);
    assert_int_equal(limit_ask(&limit, 12 * SECOND), 7);
    assert_int_equal(limit_ask(&limit, 19 * SECOND), 0);
}

static void sliding_limit_lets_exactly_so_many_pass(void **state)
{
    (void)state;
    static int64_t log[100];
    struct limit limit;
    limit_init(&limit, LIMIT_SLIDING, 100, WINDOW, log);
    for (int i = 0; i < 100; i++)
        assert_int_equal(limit_ask(&limit, SECOND + i), 0);
    assert_int_equal(limit_ask(&limit, SECOND + 100), 10);
    /* just outside: the first is exactly a window old, the Retry-After is not over yet */
    assert_int_equal(limit_ask(&limit, SECOND + WINDOW), 1);
    assert_int_equal(limit_ask(&limit, SECOND + 100 + WINDOW), 0);
}

static void refused_means_refused_until_retry_after(void **state)
{
    (void)state;
    int64_t log[1];
    struct limit limit;
    limit_init(&limit, LIMIT_SLIDING, 1, WINDOW, log);
    assert_int_equal(limit_ask(&limit, 1), 0);
    /* 0.4 s would do, but Retry-After is told in whole seconds */
    assert_int_equal(limit_ask(&limit, WINDOW - 400000), 1);
    assert_int_equal(limit_ask(&limit, WINDOW + 100000), 1);
    assert_int_equal(limit_ask(&limit, WINDOW + 600000), 0);
}

static void fixed_limit_starts_anew_at_each_tick(void **state)
{
    (void)state;
    struct limit limit;
    limit_init(&limit, LIMIT_FIXED, 2, WINDOW, NULL);
    assert_int_equal(limit_ask(&limit, 9 * SECOND), 0);
    assert_int_equal(limit_ask(&limit, 9 * SECOND + 1), 0);
    assert_int_equal(limit_ask(&limit, 9 * SECOND + 2), 1);
    assert_int_equal(limit_ask(&limit, 10 * SECOND + 2), 0);
    assert_int_equal(limit_ask(&limit, 10 * SECOND + 3), 0);
    assert_int_equal(limit_ask(&limit, 12 * SECOND), 8);
    assert_int_equal(limit_ask(&limit, 20 * SECOND), 0);
}

static void bucket_limit_refills_evenly(void **state)
{
    (void)state;
    struct limit limit;
    limit_init(&limit, LIMIT_BUCKET, 10, WINDOW, NULL); /* a token a second */
    for (int i = 0; i < 10; i++)
        assert_int_equal(limit_ask(&limit, 100 * SECOND), 0);
    assert_int_equal(limit_ask(&limit, 100 * SECOND), 2);
    assert_int_equal(limit_ask(&limit, 102 * SECOND), 0);
    assert_int_equal(limit_ask(&limit, 102 * SECOND), 0);
    assert_int_not_equal(limit_ask(&limit, 102 * SECOND), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(limit_ask(&limit, 1000 * SECOND), 0);
    assert_int_not_equal(limit_ask(&limit, 1000 * SECOND), 0);
}

static void time_going_back_a_little_does_no_harm(void **state)
{
    (void)state;
    int64_t log[2];
    struct limit limit;
    limit_init(&limit, LIMIT_SLIDING, 2, WINDOW, log);
    assert_int_equal(limit_ask(&limit, 5 * SECOND), 0);
    assert_int_equal(limit_ask(&limit, 5 * SECOND - 30), 0);
    assert_int_equal(limit_ask(&limit, 5 * SECOND), 10);
}

static void no_limit_never_refuses(void **state)
{
    (void)state;
    struct limit limit;
    limit_init(&limit, LIMIT_SLIDING, 0, WINDOW, NULL);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(limit_ask(&limit, 1), 0);
}

static void users_are_limited_one_by_one(void **state)
{
    (void)state;
    struct user_limits *limits;
    struct err err;
    assert_int_equal(user_limits_new(&limits, LIMIT_SLIDING, 2, WINDOW, &err), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(user_limits_ask(limits, TEXT("user_a"), SECOND), 0);
    assert_int_equal(user_limits_ask(limits, TEXT("user_a"), SECOND), 10);
    assert_int_equal(user_limits_ask(limits, TEXT("user_b"), SECOND), 0);
    /* far more users than fit: none is refused its first requests, and nothing breaks */
    for (int i = 0; i < 50000; i++) {
        char id[32];
        snprintf(id, sizeof(id), "user_%d", i);
        assert_int_equal(user_limits_ask(limits, text_of(id), 2 * SECOND + i), 0);
    }
    user_limits_free(limits);
}

static void faults_by_count_hit_the_first(void **state)
{
    (void)state;
    struct faults faults = {.count = 2};
    struct err err;
    assert_int_equal(fault_parse(&faults.at[0], TEXT("drop-after=2"), &err), 0);
    assert_int_equal(fault_parse(&faults.at[1], TEXT("500=1"), &err), 0);
    assert_true(faults_ask(&faults, FAULT_DROP_AFTER));
    assert_true(faults_ask(&faults, FAULT_DROP_AFTER));
    assert_false(faults_ask(&faults, FAULT_DROP_AFTER));
    assert_true(faults_ask(&faults, FAULT_500));
    assert_false(faults_ask(&faults, FAULT_500));
    assert_false(faults_ask(&faults, FAULT_429));
    assert_int_equal(faults.given[FAULT_DROP_AFTER], 2);
}

static void faults_by_probability_hit_so_often(void **state)
{
    (void)state;
    struct faults faults = {.count = 1, .state = 42}, again;
    struct err err;
    int hits = 0;
    assert_int_equal(fault_parse(&faults.at[0], TEXT("500=0.02"), &err), 0);
    again = faults;
    for (int i = 0; i < 100000; i++) {
        bool hit = faults_ask(&faults, FAULT_500);
        hits += hit;
        assert_int_equal(hit, faults_ask(&again, FAULT_500)); /* the same seed, the same faults */
    }
    assert_in_range(hits, 1800, 2200);
}

static void faults_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",         "500",     "500=", "500=x", "500=-1",   "501=0.1",   "500=1.5",
        "500=0.1x", "500=1e3", "=0.1", "500=.", "slow=0.1", "500=0.1.2", "drop-after=+1"};
    struct fault fault;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct err err = {0};
        assert_int_equal(fault_parse(&fault, text_of(wrong[i]), &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
    }
}

static void limits_are_read_from_words(void **state)
{
    (void)state;
    struct sandbox_opts opts = {0};
    struct err err;
    assert_int_equal(sandbox_limits_parse(&opts, TEXT("1000/10"), &err), 0);
    assert_int_equal(opts.limits, SANDBOX_LIMITS_OWN);
    assert_int_equal(opts.limit_requests, 1000);
    assert_int_equal(opts.limit_seconds, 10);
    assert_int_equal(sandbox_limits_parse(&opts, TEXT("off"), &err), 0);
    assert_int_equal(opts.limits, SANDBOX_LIMITS_OFF);
    assert_int_equal(sandbox_limits_parse(&opts, TEXT("clerk"), &err), 0);
    assert_int_equal(opts.limits, SANDBOX_LIMITS_CLERK);
    static const char *const wrong[] = {"",  "on",  "0/10", "10/0", "10",
                                        "/", "10/", "-1/2", "1/2/3"};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
        assert_int_equal(sandbox_limits_parse(&opts, text_of(wrong[i]), &err), -1);
    assert_int_equal(sandbox_shape_parse(&opts, TEXT("bucket"), &err), 0);
    assert_int_equal(opts.limit_shape, LIMIT_BUCKET);
    assert_int_equal(sandbox_shape_parse(&opts, TEXT("round"), &err), -1);
}

static const struct route *find_route(const char *method, struct text path, bool keyed,
                                      struct text ids[ROUTE_IDS_MAX])
{
    return route_find(
        &(struct route_query){.method = text_of(method), .path = path, .keyed = keyed}, ids);
}

static void routes_of_either_api_are_told_apart(void **state)
{
    (void)state;
    struct text ids[ROUTE_IDS_MAX];
    struct text path = TEXT("/v1/organizations/org_1/memberships/user_1");
    assert_int_equal(find_route("PATCH", path, true, ids)->auth, ROUTE_KEY);
    assert_int_equal(find_route("PATCH", path, false, ids)->auth, ROUTE_SESSION);
    assert_text(ids[0], "org_1");
    assert_text(ids[1], "user_1");
    /* Where one of them alone has the path, the key decides nothing. */
    assert_int_equal(find_route("GET", TEXT("/v1/me"), true, ids)->auth, ROUTE_SESSION);
    assert_int_equal(find_route("GET", TEXT("/v1/users/u_1"), false, ids)->auth, ROUTE_KEY);
    assert_text(ids[0], "u_1");
}

static void routes_are_found_by_method_and_path(void **state)
{
    (void)state;
    struct text ids[ROUTE_IDS_MAX];
    const struct route *route = find_route("GET", TEXT("/v1/users/user_1"), true, ids);
    assert_non_null(route);
    assert_text(route->path, "/v1/users/{}");
    assert_text(ids[0], "user_1");
    route = find_route("GET", TEXT("/v1/users/count"), true, ids);
    assert_text(route->path, "/v1/users/count");
    route = find_route("PATCH", TEXT("/v1/users/u/metadata"), true, ids);
    assert_text(route->path, "/v1/users/{}/metadata");
    assert_text(ids[0], "u");
    assert_int_equal(route->limit, ROUTE_USER);
    assert_null(find_route("TRACE", TEXT("/v1/users"), true, ids));
    assert_true(route_has_path(TEXT("/v1/users")));
    route = find_route("GET", TEXT("/v1/users/"), true, ids);
    assert_text(route->path, "/v1/users");
    static const char *const none[] = {"",
                                       "/",
                                       "/v1",
                                       "/v1/users//",
                                       "/v1/userss",
                                       "/v1//users",
                                       "/v1/users/a/b",
                                       "v1/users",
                                       "/v1/users//metadata",
                                       "/v1/users/a/metadata//"};
    for (size_t i = 0; i < ARRAY_COUNT(none); i++) {
        assert_null(find_route("GET", text_of(none[i]), true, ids));
        assert_null(find_route("PATCH", text_of(none[i]), true, ids));
        assert_false(route_has_path(text_of(none[i])));
    }
    /* Requests for tokens only read, unlike others of the same method. */
    assert_true(route_reads(find_route("POST", TEXT("/v1/sessions/s/tokens"), true, ids)));
    assert_true(
        route_reads(find_route("POST", TEXT("/v1/client/sessions/s/tokens/t"), false, ids)));
    assert_true(route_reads(find_route("GET", TEXT("/v1/users"), true, ids)));
    assert_false(route_reads(find_route("POST", TEXT("/v1/sessions/s/revoke"), true, ids)));
    assert_false(route_reads(find_route("DELETE", TEXT("/v1/users/u"), true, ids)));
}

static void signs_include_and_exclude(void **state)
{
    (void)state;
    bool exclude;
    assert_text(filter_value(TEXT("abc"), false, &exclude), "abc");
    assert_false(exclude);
    assert_text(filter_value(TEXT("+abc"), false, &exclude), "abc");
    assert_false(exclude);
    assert_text(filter_value(TEXT("++abc"), false, &exclude), "+abc");
    assert_text(filter_value(TEXT("+-abc"), false, &exclude), "-abc");
    assert_false(exclude);
    assert_text(filter_value(TEXT("-abc"), false, &exclude), "abc");
    assert_true(exclude);
    assert_text(filter_value(TEXT("+14155550100"), true, &exclude), "+14155550100");
    assert_text(filter_value(TEXT("++14155550100"), true, &exclude), "+14155550100");
    assert_false(exclude);
    assert_text(filter_value(TEXT("-+14155550100"), true, &exclude), "+14155550100");
    assert_true(exclude);
    assert_int_equal(filter_value(TEXT(""), false, &exclude).len, 0);
}

static void patterns_take_their_text_literally(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    assert_text(filter_pattern(TEXT("a_b%c\\d"), &arena), "%a\\_b\\%c\\\\d%");
    assert_text(filter_pattern(TEXT(""), &arena), "%%");
    arena_release(&arena);
}

static void percent_is_decoded_strictly(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 65536);
    assert_text(form_decode(&arena, TEXT("a%2Bb+c%20d"), true), "a+b c d");
    assert_text(form_decode(&arena, TEXT("a+b"), false), "a+b");
    assert_text(form_decode(&arena, TEXT("auth0%7C5f"), false), "auth0|5f");
    assert_text(form_decode(&arena, TEXT("%C3%A9"), true), "\xC3\xA9");
    static const char *const wrong[] = {"%",   "%1",  "%G1", "%1G",      "a%",
                                        "%C3", "%00", "%FF", "%ED%A0%80"};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
        assert_null(form_decode(&arena, text_of(wrong[i]), true).at);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sliding_limit_counts_any_window),
        cmocka_unit_test(sliding_limit_lets_exactly_so_many_pass),
        cmocka_unit_test(refused_means_refused_until_retry_after),
        cmocka_unit_test(fixed_limit_starts_anew_at_each_tick),
        cmocka_unit_test(bucket_limit_refills_evenly),
        cmocka_unit_test(time_going_back_a_little_does_no_harm),
        cmocka_unit_test(no_limit_never_refuses),
        cmocka_unit_test(users_are_limited_one_by_one),
        cmocka_unit_test(faults_by_count_hit_the_first),
        cmocka_unit_test(faults_by_probability_hit_so_often),
        cmocka_unit_test(faults_that_are_none_are_refused),
        cmocka_unit_test(limits_are_read_from_words),
        cmocka_unit_test(routes_are_found_by_method_and_path),
        cmocka_unit_test(routes_of_either_api_are_told_apart),
        cmocka_unit_test(signs_include_and_exclude),
        cmocka_unit_test(patterns_take_their_text_literally),
        cmocka_unit_test(percent_is_decoded_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
