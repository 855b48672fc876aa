/* One record at a time: by a platform's table, by a mapping given as text, and what is refused. */
#include "test.h"

#include "source/source.h"

struct trial {
    struct source_single *single;
    struct arena arena;
    struct user user;
    struct user_reject reject;
    struct err err;
};

static void open_trial(struct trial *trial, const char *from)
{
    struct source_opts opts = {.from = text_of(from)};
    memset(trial, 0, sizeof(*trial));
    arena_init(&trial->arena, 1 << 20);
    if (source_single_open(&trial->single, &opts, &trial->err) != 0)
        fail_msg("%s", trial->err.message);
}

static void close_trial(struct trial *trial)
{
    source_single_close(trial->single);
    arena_release(&trial->arena);
}

static int map(struct trial *trial, const char *record)
{
    return source_single_map(trial->single, text_of(record), &trial->arena, &trial->user,
                             &trial->reject, &trial->err);
}

static void by_a_platform(void **state)
{
    struct trial trial;
    (void)state;
    open_trial(&trial, "auth0");
    assert_int_equal(map(&trial, "{\"user_id\":\"auth0|1\",\"email\":\"a@example.com\","
                                 "\"email_verified\":true,\"app_metadata\":{\"plan\":1}}"),
                     0);
    struct user first = trial.user;
    assert_int_equal(map(&trial, "{\"user_id\":\"auth0|2\",\"email\":\"b@example.com\"}"), 0);
    assert_text(first.external_id, "auth0|1");
    assert_text(first.email_address.at[0].value, "a@example.com");
    assert_true(first.email_address.at[0].verified);
    assert_text(first.private_metadata, "{\"plan\":1}");
    assert_text(trial.user.external_id, "auth0|2");
    assert_false(trial.user.email_address.at[0].verified);
    close_trial(&trial);
}

static void by_a_mapping_as_text(void **state)
{
    struct trial trial;
    (void)state;
    open_trial(&trial, "{\"fields\":{\"external_id\":\"{{id}}\",\"username\":\"{{login}}\","
                       "\"password\":\"{{hash | django}}\",\"backup_codes\":\"{{codes}}\"}}");
    assert_int_equal(map(&trial, "{\"id\":7,\"login\":\"ada_l\",\"codes\":[\"one1\",\"two2\"],"
                                 "\"hash\":\"pbkdf2_sha256$1000$c2FsdHNhbHQ$"
                                 "CL9SsWjF3L4ggRv7GCdOrJkGafxdu/G2tMwePhrYrBk=\"}"),
                     0);
    assert_text(trial.user.external_id, "7");
    assert_text(trial.user.password_hasher, "pbkdf2_sha256_django");
    assert_int_equal(trial.user.backup_codes.count, 2);
    assert_text(trial.user.backup_codes.at[1], "two2");
    close_trial(&trial);
}

static void refused(void **state)
{
    struct trial trial;
    (void)state;
    open_trial(&trial, "usher");
    assert_int_equal(map(&trial, "{\"external_id\":\"1\"}"), 1);
    assert_int_equal(trial.reject.reason, USER_REASON_no_identifier);
    static const char *const bad[] = {"", "[]", "7", "null", "{", "<html>", "{\"a\":1}x", "\xff"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(map(&trial, bad[i]), -1);
        assert_int_equal(trial.err.code, ERR_INPUT);
    }
    assert_int_equal(map(&trial, "{\"external_id\":\"1\",\"username\":\"ada_l\"}"), 0);
    close_trial(&trial);
}

static void no_such_table(void **state)
{
    static const char *const bad[] = {"", "auto", "nobody", "{}", "{\"fields\":7}", "{\"fields\""};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct source_single *single;
        struct source_opts opts = {.from = text_of(bad[i])};
        struct err err = {0};
        assert_int_equal(source_single_open(&single, &opts, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_a_platform),
        cmocka_unit_test(by_a_mapping_as_text),
        cmocka_unit_test(refused),
        cmocka_unit_test(no_such_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
