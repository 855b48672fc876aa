#include "test.h"

#include "trickle/breaker.h"

#define SECOND INT64_C(1000000)

static struct breaker fresh(void)
{
    struct breaker breaker;
    breaker_init(&breaker, 5, SECOND, 30 * SECOND);
    return breaker;
}

static void ask_and_tell(struct breaker *breaker, enum breaker_outcome outcome, int64_t now)
{
    assert_true(breaker_ask(breaker, now));
    breaker_tell(breaker, outcome, now);
}

static void opens_after_failures_in_a_row(void **state)
{
    struct breaker breaker = fresh();
    (void)state;
    for (int i = 0; i < 4; i++)
        ask_and_tell(&breaker, BREAKER_FAILED, i);
    ask_and_tell(&breaker, BREAKER_WELL, 4);
    for (int i = 5; i < 9; i++)
        ask_and_tell(&breaker, BREAKER_FAILED, i);
    assert_int_equal(breaker_now(&breaker, 9), BREAKER_CLOSED);
    ask_and_tell(&breaker, BREAKER_FAILED, 9);
    assert_int_equal(breaker_now(&breaker, 9), BREAKER_OPEN);
    assert_false(breaker_ask(&breaker, 9 + SECOND - 1));
}

static void opens_when_half_fail(void **state)
{
    struct breaker breaker = fresh();
    (void)state;
    for (int i = 0; i < 19; i++)
        ask_and_tell(&breaker, i % 2 ? BREAKER_WELL : BREAKER_FAILED, i);
    assert_int_equal(breaker_now(&breaker, 19), BREAKER_CLOSED);
    ask_and_tell(&breaker, BREAKER_WELL, 19);
    assert_int_equal(breaker_now(&breaker, 20), BREAKER_OPEN);
}

static void one_in_three_is_borne(void **state)
{
    struct breaker breaker = fresh();
    (void)state;
    for (int i = 0; i < 1000; i++)
        ask_and_tell(&breaker, i % 3 ? BREAKER_WELL : BREAKER_FAILED, i);
}

static void open_it(struct breaker *breaker, int64_t now)
{
    for (int i = 0; i < 5; i++)
        ask_and_tell(breaker, BREAKER_FAILED, now);
}

static void tries_with_one_and_closes(void **state)
{
    struct breaker breaker = fresh();
    (void)state;
    open_it(&breaker, 0);
    assert_int_equal(breaker_now(&breaker, SECOND), BREAKER_TRYING);
    assert_true(breaker_ask(&breaker, SECOND));
    assert_false(breaker_ask(&breaker, SECOND));
    assert_false(breaker_ask(&breaker, 100 * SECOND));
    breaker_tell(&breaker, BREAKER_WELL, SECOND);
    assert_int_equal(breaker_now(&breaker, SECOND), BREAKER_CLOSED);
    for (int i = 0; i < 4; i++)
        ask_and_tell(&breaker, BREAKER_FAILED, SECOND);
    assert_true(breaker_ask(&breaker, SECOND));
}

static void rests_longer_each_time(void **state)
{
    struct breaker breaker = fresh();
    int64_t now = 0, rest = SECOND;
    (void)state;
    open_it(&breaker, now);
    for (int i = 0; i < 10; i++) {
        assert_false(breaker_ask(&breaker, now + rest - 1));
        now += rest;
        ask_and_tell(&breaker, BREAKER_FAILED, now);
        rest = rest * 2 > 30 * SECOND ? 30 * SECOND : rest * 2;
    }
    assert_int_equal(rest, 30 * SECOND);
}

static void a_trial_given_up_leaves_the_next_one_to_try(void **state)
{
    struct breaker breaker = fresh();
    (void)state;
    open_it(&breaker, 0);
    assert_true(breaker_ask(&breaker, SECOND));
    breaker_tell(&breaker, BREAKER_NOTHING, SECOND);
    assert_true(breaker_ask(&breaker, SECOND));
}

static void late_outcomes_change_nothing(void **state)
{
    struct breaker breaker = fresh();
    (void)state;
    for (int i = 0; i < 8; i++)
        assert_true(breaker_ask(&breaker, 0));
    for (int i = 0; i < 5; i++)
        breaker_tell(&breaker, BREAKER_FAILED, 0);
    breaker_tell(&breaker, BREAKER_WELL, 10);
    breaker_tell(&breaker, BREAKER_FAILED, SECOND - 1);
    assert_int_equal(breaker_now(&breaker, SECOND - 1), BREAKER_OPEN);
    assert_int_equal(breaker_now(&breaker, SECOND), BREAKER_TRYING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_after_failures_in_a_row),
        cmocka_unit_test(opens_when_half_fail),
        cmocka_unit_test(one_in_three_is_borne),
        cmocka_unit_test(tries_with_one_and_closes),
        cmocka_unit_test(rests_longer_each_time),
        cmocka_unit_test(a_trial_given_up_leaves_the_next_one_to_try),
        cmocka_unit_test(late_outcomes_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
