/* Messages of Svix: the example of its documentation, several secrets and signatures, times, what is read of a user. */
#include "test.h"

#include "trickle/webhook.h"

/* From Svix's documentation of manual verification. */
#define SECRET    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIMESTAMP "1614265330"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define BODY      "{\"test\": 2432232314}"
#define NOW       INT64_C(1614265330000)
#define OTHER     "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static struct webhook *open_with(const char *secret)
{
    struct webhook *webhook;
    struct err err = {0};
    struct webhook_opts opts = {.secret = secret};
    if (webhook_open(&webhook, &opts, &err) != 0)
        fail_msg("%s", err.message);
    return webhook;
}

static struct webhook_message example(void)
{
    return (struct webhook_message){TEXT(ID), TEXT(TIMESTAMP), TEXT(SIGNATURE), TEXT(BODY)};
}

static bool passes(const char *secret, struct webhook_message message, int64_t now_ms)
{
    struct webhook *webhook = open_with(secret);
    struct err err = {0};
    int result = webhook_verify(webhook, &message, now_ms, &err);
    assert_true(result == 0 || err.code == ERR_REFUSED);
    webhook_close(webhook);
    return result == 0;
}

static void svix_example(void **state)
{
    (void)state;
    assert_true(passes(SECRET, example(), NOW));
    assert_false(passes(OTHER, example(), NOW));
    assert_true(passes(OTHER "," SECRET, example(), NOW));
    assert_true(passes(SECRET " , " OTHER, example(), NOW));
}

static void signatures(void **state)
{
    static const struct {
        const char *signature;
        bool good;
    } cases[] = {
        {"v1,AAAA " SIGNATURE, true},
        {"v1a,xyz " SIGNATURE " v2,zzz", true},
        {SIGNATURE " v1,AAAA", true},
        {"v1,", false},
        {"v1", false},
        {"", false},
        {",", false},
        {" ", false},
        {"v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false},
        {"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false},
        {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", false},
        {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=", false},
        {"v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false},
        {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1A==", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct webhook_message message = example();
        message.signature = text_of(cases[i].signature);
        if (passes(SECRET, message, NOW) != cases[i].good)
            fail_msg("%s", cases[i].signature);
    }
}

static void everything_is_signed(void **state)
{
    struct webhook_message message = example();
    (void)state;
    message.body = TEXT("{\"test\": 2432232315}");
    assert_false(passes(SECRET, message, NOW));
    message = example();
    message.id = TEXT("msg_p5jXN8AQM9LWM0D4loKWxJel");
    assert_false(passes(SECRET, message, NOW));
    message = example();
    message.timestamp = TEXT("1614265331");
    assert_false(passes(SECRET, message, NOW));
    /* The dots between the parts do not make them one. */
    message = example();
    message.id = TEXT(ID "." TIMESTAMP);
    message.timestamp = TEXT("");
    assert_false(passes(SECRET, message, NOW));
}

static void minutes(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "-1",
                                      "1614265330.0",
                                      "01614265330",
                                      " 1614265330",
                                      "99999999999999999999",
                                      "1614265330000"};
    (void)state;
    assert_true(passes(SECRET, example(), NOW + WEBHOOK_TOLERANCE_MS));
    assert_false(passes(SECRET, example(), NOW + WEBHOOK_TOLERANCE_MS + 1));
    assert_true(passes(SECRET, example(), NOW - WEBHOOK_TOLERANCE_MS));
    assert_false(passes(SECRET, example(), NOW - WEBHOOK_TOLERANCE_MS - 1));
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct webhook_message message = example();
        message.timestamp = text_of(bad[i]);
        assert_false(passes(SECRET, message, NOW));
    }
}

static int read_event(const char *body, struct arena *arena, struct webhook_event *event)
{
    struct err err = {0};
    return webhook_read(text_of(body), arena, event, &err);
}

static void users_are_read(void **state)
{
    struct arena arena;
    struct webhook_event event;
    (void)state;
    arena_init(&arena, 1 << 20);
    assert_int_equal(
        read_event("{\"type\":\"user.created\",\"data\":{\"id\":\"user_1\",\"external_id\":null,"
                   "\"primary_email_address_id\":\"idn_2\",\"email_addresses\":["
                   "{\"id\":\"idn_1\",\"email_address\":\"no@x.dev\",\"verification\":{\"status\":"
                   "\"verified\"}},"
                   "{\"id\":\"idn_2\",\"email_address\":\"ada@x.dev\",\"verification\":{\"status\":"
                   "\"verified\"}}],"
                   "\"public_metadata\":{\"a\":1},\"private_metadata\":{}}}",
                   &arena, &event),
        0);
    assert_int_equal(event.kind, WEBHOOK_CREATED);
    assert_text(event.clerk_id, "user_1");
    assert_null(event.external_id.at);
    assert_text(event.email, "ada@x.dev");
    assert_true(event.has_public);
    assert_false(event.has_private);
    assert_int_equal(
        read_event("{\"type\":\"user.updated\",\"data\":{\"id\":\"user_1\",\"external_id\":\"17\","
                   "\"primary_email_address_id\":\"idn_2\",\"email_addresses\":["
                   "{\"id\":\"idn_2\",\"email_address\":\"ada@x.dev\",\"verification\":{\"status\":"
                   "\"unverified\"}}]}}",
                   &arena, &event),
        0);
    assert_int_equal(event.kind, WEBHOOK_UPDATED);
    assert_text(event.external_id, "17");
    assert_null(event.email.at);
    assert_int_equal(read_event("{\"type\":\"session.created\",\"data\":{}}", &arena, &event), 0);
    assert_int_equal(event.kind, WEBHOOK_OTHER);
    arena_release(&arena);
}

static void what_is_no_event(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "null",
                                      "{",
                                      "<html>",
                                      "{\"type\":\"user.created\"}",
                                      "{\"type\":\"user.created\",\"data\":[]}",
                                      "{\"type\":\"user.created\",\"data\":{\"id\":\"\"}}",
                                      "{\"type\":\"user.created\",\"data\":{\"id\":7}}"};
    struct arena arena;
    struct webhook_event event;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        if (read_event(bad[i], &arena, &event) != -1)
            fail_msg("%s", bad[i]);
    arena_release(&arena);
}

static void settings(void **state)
{
    static const struct webhook_opts bad[] = {
        {.secret = NULL},
        {.secret = ""},
        {.secret = "whsec_"},
        {.secret = "whsec_AAAA"},
        {.secret = "whsec_not base64 at all, is it"},
        {.secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        {.secret = SECRET "," SECRET "," SECRET "," SECRET "," SECRET},
        {.secret = SECRET, .back_secret = "x"},
        {.secret = SECRET, .back_url = "http://old.example/"},
        {.secret = SECRET, .back_url = "https://old.example/", .back_auth = "bearer"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct webhook *webhook;
        struct err err = {0};
        assert_int_equal(webhook_open(&webhook, &bad[i], &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(svix_example),
        cmocka_unit_test(signatures),
        cmocka_unit_test(everything_is_signed),
        cmocka_unit_test(minutes),
        cmocka_unit_test(users_are_read),
        cmocka_unit_test(what_is_no_event),
        cmocka_unit_test(settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
