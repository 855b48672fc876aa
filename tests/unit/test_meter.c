/* Who is billed for which month. The time is passed in. */
#include "test.h"

#include "sandbox/meter.h"

#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)
/* 2026-11-30T12:00:00Z */
#define NOON INT64_C(1796040000000)

static struct store *open_store(void)
{
    struct store *store;
    struct err err;
    assert_int_equal(store_open(&store, ":memory:", &err), 0);
    assert_int_equal(meter_open(store, &err), 0);
    return store;
}

static void put(struct store *store, const char *user, int64_t created, int64_t now)
{
    struct err err;
    assert_int_equal(meter_put(store, METER_USERS, text_of(user), created, now, &err), 0);
    assert_int_equal(store_commit(store, &err), 0);
}

static void assert_month(struct store *store, size_t at, const char *name, int64_t active,
                         int64_t retained)
{
    struct meter_month months[METER_MONTHS_MAX];
    size_t count;
    struct err err;
    assert_int_equal(meter_list(store, months, &count, &err), 0);
    assert_true(at < count);
    assert_string_equal(months[at].name, name);
    assert_int_equal(months[at].active[METER_USERS], active);
    assert_int_equal(months[at].retained[METER_USERS], retained);
}

static void the_first_day_is_free(void **state)
{
    (void)state;
    struct store *store = open_store();
    put(store, "user_new", NOON, NOON);
    put(store, "user_new", NOON, NOON + 11 * HOUR);
    assert_month(store, 0, "2026-11", 1, 0);
    store_close(store);
}

static void a_day_after_sign_up_a_user_is_retained(void **state)
{
    (void)state;
    struct store *store = open_store();
    put(store, "user_a", NOON - DAY, NOON - 1);
    assert_month(store, 0, "2026-11", 1, 0);
    put(store, "user_a", NOON - DAY, NOON);
    assert_month(store, 0, "2026-11", 1, 1);
    put(store, "user_a", NOON - DAY, NOON + HOUR);
    assert_month(store, 0, "2026-11", 1, 1);
    store_close(store);
}

static void each_month_counts_anew_from_midnight_utc(void **state)
{
    (void)state;
    struct store *store = open_store();
    put(store, "user_a", NOON - 400 * DAY, NOON + 12 * HOUR - 1);
    assert_month(store, 0, "2026-11", 1, 1);
    put(store, "user_a", NOON - 400 * DAY, NOON + 12 * HOUR);
    put(store, "user_b", NOON, NOON + 12 * HOUR);
    assert_month(store, 0, "2026-12", 2, 1);
    assert_month(store, 1, "2026-11", 1, 1);
    store_close(store);
}

static void a_user_who_is_counted_costs_no_write(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct err err;
    put(store, "user_a", NOON - 2 * DAY, NOON);
    assert_int_equal(
        meter_put(store, METER_USERS, TEXT("user_a"), NOON - 2 * DAY, NOON + HOUR, &err), 0);
    assert_false(sql_in_transaction(store_sql(store)));
    store_close(store);
}

static void organizations_are_counted_beside_users(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct meter_month month[METER_MONTHS_MAX];
    struct err err;
    size_t count;
    put(store, "user_a", NOON - 2 * DAY, NOON);
    for (int64_t at = NOON; at <= NOON + 2 * HOUR; at += HOUR)
        assert_int_equal(
            meter_put(store, METER_ORGANIZATIONS, TEXT("org_a"), NOON - DAY + HOUR, at, &err), 0);
    assert_int_equal(meter_put(store, METER_ORGANIZATIONS, TEXT("org_b"), NOON, NOON, &err), 0);
    assert_int_equal(meter_list(store, month, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(month[0].active[METER_ORGANIZATIONS], 2);
    assert_int_equal(month[0].retained[METER_ORGANIZATIONS], 1);
    assert_int_equal(month[0].active[METER_USERS], 1);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_day_is_free),
        cmocka_unit_test(a_day_after_sign_up_a_user_is_retained),
        cmocka_unit_test(each_month_counts_anew_from_midnight_utc),
        cmocka_unit_test(a_user_who_is_counted_costs_no_write),
        cmocka_unit_test(organizations_are_counted_beside_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
