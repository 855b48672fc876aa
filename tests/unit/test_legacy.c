/* Asking a legacy system: settings, time, queue, breaker, calls given up. Behind it, a hook in this process. */
#include "test.h"

#include <pthread.h>
#include <unistd.h>

#include "net/net.h"
#include "trickle/legacy.h"

/* A hook that answers at once, or holds requests until it is told to let them go. */
struct hook {
    struct server *server;
    char url[SERVER_ADDRESS_MAX + 16];
    pthread_mutex_t lock;
    struct server_request *held[64];
    size_t held_count, asked;
    bool hold;
    int status;
    const char *body;
};

static void answer(struct hook *hook, struct server_request *request)
{
    struct server_answer answer = {
        .status = hook->status, .content_type = "application/json", .body = text_of(hook->body)};
    server_answer(request, &answer);
}

static void handle(void *arg, struct server_request *request)
{
    struct hook *hook = arg;
    pthread_mutex_lock(&hook->lock);
    hook->asked++;
    bool hold = hook->hold && hook->held_count < ARRAY_COUNT(hook->held);
    if (hold)
        hook->held[hook->held_count++] = request;
    pthread_mutex_unlock(&hook->lock);
    if (!hold)
        answer(hook, request);
}

static const char *const yes =
    "{\"result\":\"yes\",\"user\":{\"external_id\":\"7\",\"username\":\"ada_l\"}}";

static void start_hook(struct hook *hook)
{
    struct err err = {0};
    char address[SERVER_ADDRESS_MAX];
    memset(hook, 0, sizeof(*hook));
    pthread_mutex_init(&hook->lock, NULL);
    hook->status = 200;
    hook->body = yes;
    struct server_opts opts = {.address = "127.0.0.1:0",
                               .connections_max = 100,
                               .body_max = 65536,
                               .memory_max = 65536,
                               .handle = handle,
                               .arg = hook};
    assert_int_equal(server_start(&hook->server, &opts, &err), 0);
    server_address(hook->server, address);
    snprintf(hook->url, sizeof(hook->url), "http://%s/hook", address);
}

static size_t hook_asked(struct hook *hook)
{
    pthread_mutex_lock(&hook->lock);
    size_t asked = hook->asked;
    pthread_mutex_unlock(&hook->lock);
    return asked;
}

static void let_go(struct hook *hook)
{
    pthread_mutex_lock(&hook->lock);
    hook->hold = false;
    for (size_t i = 0; i < hook->held_count; i++)
        answer(hook, hook->held[i]);
    hook->held_count = 0;
    pthread_mutex_unlock(&hook->lock);
}

static void stop_hook(struct hook *hook)
{
    let_go(hook);
    server_stop(hook->server);
    pthread_mutex_destroy(&hook->lock);
}

/* Where an answer is waited for. */
struct box {
    pthread_mutex_t lock;
    pthread_cond_t came;
    size_t count;
    enum legacy_says says;
    char id[32], why[128];
};

static void take(void *arg, const struct legacy_answer *answer)
{
    struct box *box = arg;
    pthread_mutex_lock(&box->lock);
    box->says = answer->says;
    snprintf(box->why, sizeof(box->why), "%s", answer->why);
    if (answer->user)
        snprintf(box->id, sizeof(box->id), "%.*s", TEXT_ARG(answer->user->external_id));
    box->count++;
    pthread_cond_broadcast(&box->came);
    pthread_mutex_unlock(&box->lock);
}

static void wait_for(struct box *box, size_t count)
{
    pthread_mutex_lock(&box->lock);
    while (box->count < count)
        pthread_cond_wait(&box->came, &box->lock);
    pthread_mutex_unlock(&box->lock);
}

static void init_box(struct box *box)
{
    memset(box, 0, sizeof(*box));
    pthread_mutex_init(&box->lock, NULL);
    pthread_cond_init(&box->came, NULL);
}

static struct legacy *open_legacy(const struct hook *hook, int64_t budget_ms, unsigned threads)
{
    struct legacy *legacy;
    struct err err = {0};
    struct legacy_opts opts = {.connector = "http",
                               .url = hook->url,
                               .budget_ms = budget_ms,
                               .threads = threads,
                               .queue_max = 2};
    if (legacy_open(&legacy, &opts, &err) != 0)
        fail_msg("%s", err.message);
    return legacy;
}

static int ask(struct legacy *legacy, struct box *box, struct legacy_call **call)
{
    struct err err = {0};
    struct legacy_question question = {
        .identifier = TEXT("ada_l"), .password = TEXT("secret"), .done = take, .arg = box};
    return legacy_ask(legacy, &question, call, &err);
}

static enum legacy_says ask_and_wait(struct legacy *legacy, struct box *box)
{
    struct legacy_call *call;
    size_t before = box->count;
    assert_int_equal(ask(legacy, box, &call), 0);
    wait_for(box, before + 1);
    legacy_drop(call);
    return box->says;
}

static void answers(void **state)
{
    struct hook hook;
    struct box box;
    struct legacy_state look;
    (void)state;
    start_hook(&hook);
    init_box(&box);
    struct legacy *legacy = open_legacy(&hook, 20000, 2);
    legacy_look(legacy, &look);
    assert_int_equal(look.health, LEGACY_NOT_ASKED);
    assert_int_equal(ask_and_wait(legacy, &box), LEGACY_YES);
    assert_string_equal(box.id, "7");
    hook.body = "{\"result\":\"no\"}";
    assert_int_equal(ask_and_wait(legacy, &box), LEGACY_NO);
    hook.body = "{\"result\":\"unknown\"}";
    assert_int_equal(ask_and_wait(legacy, &box), LEGACY_UNKNOWN);
    legacy_look(legacy, &look);
    assert_int_equal(look.health, LEGACY_WELL);
    assert_int_equal(look.said[LEGACY_YES] + look.said[LEGACY_NO] + look.said[LEGACY_UNKNOWN], 3);
    assert_int_equal(look.waiting, 0);
    legacy_close(legacy);
    stop_hook(&hook);
}

static void a_disabled_account_is_a_no(void **state)
{
    struct hook hook;
    struct box box;
    (void)state;
    start_hook(&hook);
    init_box(&box);
    hook.body = "{\"result\":\"yes\",\"user\":{\"external_id\":\"7\",\"username\":\"ada_l\","
                "\"banned\":true}}";
    struct legacy *legacy = open_legacy(&hook, 20000, 2);
    assert_int_equal(ask_and_wait(legacy, &box), LEGACY_NO);
    assert_string_equal(box.why, "the account is disabled");
    legacy_close(legacy);
    stop_hook(&hook);
}

static void nonsense_is_no_no(void **state)
{
    static const struct {
        int status;
        const char *body;
    } cases[] = {
        {200, ""},
        {200, "<html>Please sign in</html>"},
        {200, "{}"},
        {200, "[]"},
        {200, "null"},
        {200, "{\"result\":\"yes\"}"},
        {200, "{\"result\":\"yes\",\"user\":[]}"},
        {200, "{\"result\":\"maybe\"}"},
        {200, "{\"result\":true}"},
        {201, "{\"result\":\"no\"}"},
        {204, ""},
        {302, "{\"result\":\"no\"}"},
        {400, "{\"result\":\"no\"}"},
        {401, "{\"result\":\"no\"}"},
        {404, "{\"result\":\"unknown\"}"},
        {429, "{\"result\":\"no\"}"},
        {500, "{\"result\":\"no\"}"},
        {200, "{\"result\":\"yes\",\"user\":{\"external_id\":\"7\"}}"},
        {200, "{\"result\":\"yes\",\"user\":{\"username\":\"ada_l\"}}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hook hook;
        struct box box;
        start_hook(&hook);
        init_box(&box);
        hook.status = cases[i].status;
        hook.body = cases[i].body;
        struct legacy *legacy = open_legacy(&hook, 20000, 1);
        if (ask_and_wait(legacy, &box) != LEGACY_CANNOT_TELL)
            fail_msg("%d %s: %s", cases[i].status, cases[i].body, legacy_says_name(box.says));
        assert_true(box.why[0]);
        legacy_close(legacy);
        stop_hook(&hook);
    }
}

static void slow_is_cannot_tell(void **state)
{
    struct hook hook;
    struct box box;
    (void)state;
    start_hook(&hook);
    init_box(&box);
    hook.hold = true;
    struct legacy *legacy = open_legacy(&hook, 50, 1);
    assert_int_equal(ask_and_wait(legacy, &box), LEGACY_CANNOT_TELL);
    let_go(&hook);
    legacy_close(legacy);
    assert_int_equal(box.count, 1);
    stop_hook(&hook);
}

static void a_dropped_call_never_comes(void **state)
{
    struct hook hook;
    struct box box;
    struct legacy_call *call, *queued;
    (void)state;
    start_hook(&hook);
    init_box(&box);
    hook.hold = true;
    struct legacy *legacy = open_legacy(&hook, 20000, 1);
    assert_int_equal(ask(legacy, &box, &call), 0);
    while (hook_asked(&hook) == 0)
        usleep(1000);
    assert_int_equal(ask(legacy, &box, &queued), 0);
    assert_true(legacy_drop(queued));
    assert_true(legacy_drop(call));
    let_go(&hook);
    assert_int_equal(ask_and_wait(legacy, &box), LEGACY_YES);
    assert_int_equal(box.count, 1);
    assert_int_equal(hook_asked(&hook), 2);
    legacy_close(legacy);
    stop_hook(&hook);
}

static void the_queue_is_bounded(void **state)
{
    struct hook hook;
    struct box box;
    struct legacy_call *calls[4];
    struct legacy_state look;
    (void)state;
    start_hook(&hook);
    init_box(&box);
    hook.hold = true;
    struct legacy *legacy = open_legacy(&hook, 20000, 1);
    assert_int_equal(ask(legacy, &box, &calls[0]), 0);
    while (hook_asked(&hook) == 0)
        usleep(1000);
    assert_int_equal(ask(legacy, &box, &calls[1]), 0);
    assert_int_equal(ask(legacy, &box, &calls[2]), 0);
    assert_int_equal(ask(legacy, &box, &calls[3]), -1);
    legacy_look(legacy, &look);
    assert_int_equal(look.refused, 1);
    assert_int_equal(look.waiting, 3);
    let_go(&hook);
    wait_for(&box, 3);
    for (size_t i = 0; i < 3; i++)
        assert_false(legacy_drop(calls[i]));
    legacy_close(legacy);
    stop_hook(&hook);
}

static void failing_again_and_again_rests(void **state)
{
    struct hook hook;
    struct box box;
    struct legacy_call *call;
    struct legacy_state look;
    (void)state;
    start_hook(&hook);
    init_box(&box);
    hook.status = 500;
    struct legacy *legacy = open_legacy(&hook, 20000, 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask_and_wait(legacy, &box), LEGACY_CANNOT_TELL);
    legacy_look(legacy, &look);
    assert_int_equal(look.health, LEGACY_DOWN);
    hook.status = 200;
    while (ask(legacy, &box, &call) != 0)
        usleep(50000);
    wait_for(&box, 6);
    legacy_drop(call);
    assert_int_equal(box.says, LEGACY_YES);
    legacy_look(legacy, &look);
    assert_int_equal(look.health, LEGACY_WELL);
    assert_true(look.refused > 0);
    legacy_close(legacy);
    stop_hook(&hook);
}

/* Whoever knows of one odd user must not be able to switch the system off. */
static void an_odd_user_is_no_outage(void **state)
{
    struct hook hook;
    struct box box;
    struct legacy_state look;
    (void)state;
    start_hook(&hook);
    init_box(&box);
    hook.body = "{\"result\":\"yes\",\"user\":{\"external_id\":\"7\",\"username\":\"a b\"}}";
    struct legacy *legacy = open_legacy(&hook, 20000, 1);
    for (int i = 0; i < 30; i++)
        assert_int_equal(ask_and_wait(legacy, &box), LEGACY_CANNOT_TELL);
    legacy_look(legacy, &look);
    assert_int_equal(look.health, LEGACY_AILING);
    legacy_close(legacy);
    stop_hook(&hook);
}

static void closing_answers_what_waits(void **state)
{
    struct hook hook;
    struct box box;
    struct legacy_call *calls[3];
    (void)state;
    start_hook(&hook);
    init_box(&box);
    hook.hold = true;
    struct legacy *legacy = open_legacy(&hook, 60000, 1);
    assert_int_equal(ask(legacy, &box, &calls[0]), 0);
    while (hook_asked(&hook) == 0)
        usleep(1000);
    for (size_t i = 1; i < 3; i++)
        assert_int_equal(ask(legacy, &box, &calls[i]), 0);
    legacy_close(legacy);
    assert_int_equal(box.count, 3);
    assert_int_equal(box.says, LEGACY_CANNOT_TELL);
    for (size_t i = 0; i < 3; i++)
        assert_false(legacy_drop(calls[i]));
    stop_hook(&hook);
}

static void bad_questions(void **state)
{
    static char long_text[LEGACY_PASSWORD_MAX + 2];
    memset(long_text, 'x', sizeof(long_text) - 1);
    const struct {
        struct text identifier, password;
    } cases[] = {
        {TEXT(""), TEXT("secret")},       {TEXT("ada_l"), TEXT("")},
        {TEXT("a\0b"), TEXT("secret")},   {TEXT("\xff"), TEXT("secret")},
        {TEXT("ada_l"), TEXT(long_text)}, {text_of(long_text), TEXT("secret")},
    };
    struct hook hook;
    struct box box;
    (void)state;
    start_hook(&hook);
    init_box(&box);
    struct legacy *legacy = open_legacy(&hook, 1000, 1);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct legacy_call *call;
        struct err err = {0};
        struct legacy_question question = {.identifier = cases[i].identifier,
                                           .password = cases[i].password,
                                           .done = take,
                                           .arg = &box};
        assert_int_equal(legacy_ask(legacy, &question, &call, &err), -1);
        assert_int_equal(err.code, ERR_INPUT);
    }
    legacy_close(legacy);
    assert_int_equal(hook_asked(&hook), 0);
    stop_hook(&hook);
}

static void settings_are_checked(void **state)
{
    const struct {
        struct legacy_opts opts;
        const char *says;
    } cases[] = {
        {{.connector = NULL}, "there is no connector"},
        {{.connector = "carrier-pigeon"}, "there are sql, http"},
        {{.connector = "http"}, "the setting url is missing"},
        {{.connector = "http", .url = "https://a.example", .query = "SELECT 1"},
         "takes no setting query; it takes url, form"},
        {{.connector = "http", .url = "ftp://a.example"}, "url is not https"},
        {{.connector = "http", .url = "http://a.example"}, "plain http"},
        {{.connector = "http", .url = "https://u:p@a.example"}, "user name"},
        {{.connector = "http", .url = "https://a.example/#x"}, "fragment"},
        {{.connector = "http", .url = "https://a.example", .form = "morse"}, "there is no form"},
        {{.connector = "http", .url = "https://a.example", .auth = "bearer"}, "needs a secret"},
        {{.connector = "http", .url = "https://a.example", .secret = "x"}, "without auth"},
        {{.connector = "http", .url = "https://a.example", .auth = "x y", .secret = "x"},
         "auth is"},
        {{.connector = "http", .url = "https://a.example", .auth = "X-Key", .secret = "a\r\nb: c"},
         "control characters"},
        {{.connector = "http",
          .url = "https://a.example",
          .form = "ory",
          .auth = "hmac",
          .secret = "x"},
         "hmac"},
        {{.connector = "http",
          .url = "https://a.example",
          .form = "ory",
          .moved_url = "https://a.example"},
         "moved"},
        {{.connector = "http", .url = "https://a.example", .from = "nobody"},
         "there is no platform"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct legacy *legacy;
        struct err err = {0};
        assert_int_equal(legacy_open(&legacy, &cases[i].opts, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.message, cases[i].says))
            fail_msg("\"%s\" should say \"%s\"", err.message, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(a_disabled_account_is_a_no),
        cmocka_unit_test(nonsense_is_no_no),
        cmocka_unit_test(slow_is_cannot_tell),
        cmocka_unit_test(a_dropped_call_never_comes),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(failing_again_and_again_rests),
        cmocka_unit_test(an_odd_user_is_no_outage),
        cmocka_unit_test(closing_answers_what_waits),
        cmocka_unit_test(bad_questions),
        cmocka_unit_test(settings_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
