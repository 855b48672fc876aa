/*
 * The client against a real server on the loopback: a thread a connection, which behaves as the path of
 * the request asks it to.
 */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/target.h"

#include "target/call.h"

#define CHUNKED                                                                                    \
    "HTTP/1.1 200 OK\r\n"                                                                          \
    "Transfer-Encoding: chunked\r\n\r\n"

/* --- the server --- */

struct server {
    int fd;
    uint16_t port;
    pthread_t thread;
    atomic_int connections, requests, open_threads;
    atomic_bool stopping;
};

struct connection {
    struct server *server;
    int fd;
    char in[256 * 1024];
    size_t len;
};

static void say(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += sent;
        len -= (size_t)sent;
    }
}

static void say_z(int fd, const char *z)
{
    say(fd, z, strlen(z));
}

/* Reads on until one whole request stands in the buffer; returns its length, 0 at the end. */
static size_t read_request(struct connection *c)
{
    for (;;) {
        c->in[c->len] = 0;
        if (c->in[0] == 0x16) /* a TLS handshake */
            return 0;
        char *end = strstr(c->in, "\r\n\r\n");
        if (end) {
            char *length = strcasestr(c->in, "content-length:");
            size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
            size_t whole = (size_t)(end - c->in) + 4 + body;
            if (c->len >= whole)
                return whole;
        }
        ssize_t got = recv(c->fd, c->in + c->len, sizeof(c->in) - 1 - c->len, 0);
        if (got <= 0)
            return 0;
        c->len += (size_t)got;
    }
}

/* In one piece: two would wait for each other (Nagle and delayed acknowledgement). */
static void answer_with(int fd, const char *head, const char *body, size_t len)
{
    struct buf all;
    buf_init(&all, 4 << 20);
    buf_printf(&all, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", head, len);
    buf_add(&all, (struct text){body, len});
    say(fd, all.at, all.len);
    buf_release(&all);
}

static void wait_for_end(int fd)
{
    char rest[512];
    while (recv(fd, rest, sizeof(rest), 0) > 0)
        ;
}

/* Returns whether the connection goes on. */
static bool behave(struct connection *c, size_t whole)
{
    static const char big[3 << 20] = {' '};
    char *path = strchr(c->in, ' ') + 1;
    if (strncmp(path, "/v1/drop", 8) == 0)
        return false;
    if (strncmp(path, "/v1/never", 9) == 0)
        wait_for_end(c->fd);
    else if (strncmp(path, "/v1/half", 8) == 0)
        say_z(c->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":");
    else if (strncmp(path, "/v1/garbage", 11) == 0)
        say_z(c->fd, "\x01\x02 this is no HTTP\r\n\r\n");
    else if (strncmp(path, "/v1/limited", 11) == 0)
        return answer_with(c->fd, "429 Too Many Requests\r\nretry-after: 7", "{}", 2), true;
    else if (strncmp(path, "/v1/html", 8) == 0)
        return answer_with(c->fd, "502 Bad Gateway\r\nContent-Type: text/html", "<html>", 6), true;
    else if (strncmp(path, "/v1/big", 7) == 0)
        return answer_with(c->fd, "200 OK", big, sizeof(big)), true;
    else if (strncmp(path, "/v1/close", 9) == 0)
        return answer_with(c->fd, "200 OK", "{}", 2), false;
    else if (strncmp(path, "/v1/chunks", 10) == 0)
        return say_z(c->fd, CHUNKED "2\r\n{}\r\n0\r\n\r\n"), true;
    else if (strncmp(path, "/v1/continue", 12) == 0)
        return say_z(c->fd, "HTTP/1.1 100 Continue\r\n\r\n"), answer_with(c->fd, "200 OK", "{}", 2),
               true;
    else
        return answer_with(c->fd, "200 OK", c->in, whole), true;
    return false;
}

static void *serve_connection(void *arg)
{
    struct connection *c = arg;
    size_t whole;
    while ((whole = read_request(c)) > 0) {
        atomic_fetch_add(&c->server->requests, 1);
        if (!behave(c, whole))
            break;
        memmove(c->in, c->in + whole, c->len - whole);
        c->len -= whole;
    }
    close(c->fd);
    atomic_fetch_sub(&c->server->open_threads, 1);
    free(c);
    return NULL;
}

static void *serve(void *arg)
{
    struct server *server = arg;
    for (int fd; (fd = accept(server->fd, NULL, NULL)) >= 0;) {
        pthread_t thread;
        if (atomic_load(&server->stopping)) {
            close(fd);
            break;
        }
        struct connection *c = calloc(1, sizeof(*c));
        c->server = server;
        c->fd = fd;
        atomic_fetch_add(&server->connections, 1);
        atomic_fetch_add(&server->open_threads, 1);
        pthread_create(&thread, NULL, serve_connection, c);
        pthread_detach(thread);
    }
    return NULL;
}

static int listen_at(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 256), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    *port = ntohs(at.sin_port);
    return fd;
}

/* --- the fixture --- */

struct fixture {
    struct server server;
    struct target *target;
    bool through_curl;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->server.fd = listen_at(&f->server.port);
    pthread_create(&f->server.thread, NULL, serve, &f->server);
    *state = f;
    return 0;
}

static int set_up_curl(void **state)
{
    int status = set_up(state);
    ((struct fixture *)*state)->through_curl = true;
    return status;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    target_close(f->target);
    atomic_store(&f->server.stopping, true);
    shutdown(f->server.fd, SHUT_RDWR);
    pthread_join(f->server.thread, NULL);
    close(f->server.fd);
    for (int i = 0; i < 2000 && atomic_load(&f->server.open_threads) > 0; i++)
        usleep(1000);
    free(f);
    return 0;
}

static void open_at(struct fixture *f, const char *scheme, uint16_t port, struct target_opts opts)
{
    char url[64];
    snprintf(url, sizeof(url), "%s://127.0.0.1:%u", scheme, port);
    opts.api_url = url;
    opts.key = TEXT("sk_test_abc");
    opts.through_curl = f->through_curl;
    if (target_open(&f->target, &opts, &f->err) != 0)
        fail_msg("%s", f->err.message);
}

/* What became of one request. */
struct result {
    int calls;
    enum target_result result;
    int status;
    int64_t retry_after_us;
    size_t len;
    char body[4096], message[ERR_MESSAGE_MAX];
};

static void keep(void *arg, const struct target_answer *answer)
{
    struct result *r = arg;
    r->calls++;
    r->result = answer->result;
    r->status = answer->status;
    r->retry_after_us = answer->retry_after_us;
    r->len = answer->body.len;
    snprintf(r->body, sizeof(r->body), "%.*s", TEXT_ARG(answer->body));
    snprintf(r->message, sizeof(r->message), "%s", answer->err.message);
}

static void wait_all(struct fixture *f)
{
    int64_t end = clock_now_us() + 10 * 1000000;
    while (target_in_flight(f->target) > 0 && clock_now_us() < end)
        assert_int_equal(target_wait(f->target, 100000, &f->err), 0);
    assert_int_equal(target_in_flight(f->target), 0);
}

static struct result ask(struct fixture *f, const char *method, const char *path, struct text body)
{
    struct result r = {0};
    struct target_request request = {method, text_of(path), body, keep, &r};
    assert_int_equal(target_send(f->target, &request, &f->err), 0);
    assert_int_equal(target_in_flight(f->target), 1);
    wait_all(f);
    assert_int_equal(r.calls, 1);
    return r;
}

static const struct text none = {NULL, 0};

static void assert_has(const char *whole, const char *part)
{
    if (!strcasestr(whole, part))
        fail_msg("\"%s\" lacks \"%s\"", whole, part);
}

static void assert_lacks(const char *whole, const char *part)
{
    if (strcasestr(whole, part))
        fail_msg("\"%s\" has \"%s\"", whole, part);
}

/* --- the tests --- */

static void a_request_says_what_it_must(void **state)
{
    struct fixture *f = *state;
    open_at(f, "http", f->server.port, (struct target_opts){0});
    struct result r = ask(f, "POST", "/v1/users", TEXT("{\"a\":1}"));
    assert_int_equal(r.result, TARGET_ANSWERED);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.retry_after_us, -1);
    assert_has(r.body, "POST /v1/users HTTP/1.1\r\n");
    assert_has(r.body, "Authorization: Bearer sk_test_abc\r\n");
    assert_has(r.body, "Content-Type: application/json\r\n");
    assert_has(r.body, "Content-Length: 7\r\n");
    assert_has(r.body, "User-Agent: usher/");
    assert_has(r.body, "Clerk-API-Version: 20");
    assert_has(r.body, "\r\n\r\n{\"a\":1}");
    assert_lacks(r.body, "Expect");
}

static void every_method_on_one_handle(void **state)
{
    struct fixture *f = *state;
    open_at(f, "http", f->server.port, (struct target_opts){.in_flight_max = 1});
    struct result r = ask(f, "PATCH", "/v1/users/1", TEXT("{\"b\":22}"));
    assert_has(r.body, "PATCH /v1/users/1 ");
    assert_has(r.body, "\r\n\r\n{\"b\":22}");
    r = ask(f, "GET", "/v1/users?external_id=%2Ba", none);
    assert_has(r.body, "GET /v1/users?external_id=%2Ba ");
    assert_lacks(r.body, "content-");
    r = ask(f, "POST", "/v1/users/1/ban", none);
    assert_has(r.body, "POST /v1/users/1/ban ");
    assert_has(r.body, "Content-Length: 0\r\n");
    assert_lacks(r.body, "Content-Type");
    r = ask(f, "DELETE", "/v1/users/1", none);
    assert_has(r.body, "DELETE /v1/users/1 ");
    r = ask(f, "POST", "/v1/users/1", TEXT("{}"));
    assert_has(r.body, "\r\n\r\n{}");
    assert_int_equal(atomic_load(&f->server.connections), 1);
}

static void connections_are_used_again(void **state)
{
    struct fixture *f = *state;
    struct result results[200] = {0};
    open_at(f, "http", f->server.port, (struct target_opts){.in_flight_max = 8});
    size_t sent = 0;
    while (sent < ARRAY_COUNT(results)) {
        struct target_request request = {"POST", TEXT("/v1/users"), TEXT("{}"), keep,
                                         &results[sent]};
        if (target_send(f->target, &request, &f->err) == 0)
            sent++;
        else
            target_wait(f->target, 100000, &f->err);
        assert_true(target_in_flight(f->target) <= 8);
    }
    wait_all(f);
    for (size_t i = 0; i < ARRAY_COUNT(results); i++)
        assert_int_equal(results[i].status, 200);
    assert_true(atomic_load(&f->server.connections) <= 8);
    assert_int_equal(atomic_load(&f->server.requests), 200);
}

static void what_the_server_does_is_told_apart(void **state)
{
    struct fixture *f = *state;
    open_at(f, "http", f->server.port, (struct target_opts){.timeout_ms = 300});
    struct result r = ask(f, "POST", "/v1/limited", TEXT("{}"));
    assert_int_equal(r.result, TARGET_ANSWERED);
    assert_int_equal(r.status, 429);
    assert_int_equal(r.retry_after_us, 7000000);
    r = ask(f, "POST", "/v1/html", TEXT("{}"));
    assert_int_equal(r.status, 502);
    assert_string_equal(r.body, "<html>");
    static const char *const unknown[] = {"/v1/drop", "/v1/half", "/v1/garbage", "/v1/never"};
    for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
        r = ask(f, "POST", unknown[i], TEXT("{}"));
        if (r.result != TARGET_UNKNOWN)
            fail_msg("%s: %d %s", unknown[i], (int)r.result, r.message);
        assert_has(r.message, "127.0.0.1: ");
        assert_int_equal(r.len, 0);
    }
    r = ask(f, "POST", "/v1/continue", TEXT("{}"));
    assert_int_equal(r.status, 200);
    r = ask(f, "GET", "/v1/chunks", none);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "{}");
}

static void answers_have_a_maximum(void **state)
{
    struct fixture *f = *state;
    open_at(f, "http", f->server.port, (struct target_opts){0});
    struct result r = ask(f, "GET", "/v1/big", none);
    assert_int_equal(r.result, TARGET_UNKNOWN);
    assert_has(r.message, "longer than 1048576 bytes");
    r = ask(f, "GET", "/v1/ok", none);
    assert_int_equal(r.status, 200);
    target_close(f->target);
    open_at(f, "http", f->server.port, (struct target_opts){.answer_max = 4 << 20});
    r = ask(f, "GET", "/v1/big", none);
    assert_int_equal(r.result, TARGET_ANSWERED);
    assert_int_equal(r.len, 3 << 20);
}

static void a_connection_closed_at_rest_is_no_failure(void **state)
{
    struct fixture *f = *state;
    open_at(f, "http", f->server.port, (struct target_opts){.in_flight_max = 1});
    for (int i = 0; i < 5; i++) {
        struct result r = ask(f, "POST", "/v1/close", TEXT("{}"));
        assert_int_equal(r.status, 200);
        usleep(5000);
    }
    assert_int_equal(atomic_load(&f->server.requests), 5);
}

static void nobody_there_means_unsent(void **state)
{
    struct fixture *f = *state;
    uint16_t port;
    close(listen_at(&port));
    open_at(f, "http", port, (struct target_opts){0});
    struct result r = ask(f, "POST", "/v1/users", TEXT("{}"));
    assert_int_equal(r.result, TARGET_UNSENT);
    assert_has(r.message, "CLERK_API_URL");
    target_close(f->target);
    f->target = NULL;
    /* The server speaks no TLS. */
    open_at(f, "https", f->server.port, (struct target_opts){.timeout_ms = 2000});
    r = ask(f, "POST", "/v1/never", TEXT("{}"));
    assert_int_equal(r.result, TARGET_UNSENT);
    assert_has(r.message, "127.0.0.1: ");
}

/* The first attempt was sent and dropped, the second one finds nobody: that is not unsent. */
static void a_lost_retry_is_unknown(void **state)
{
    struct fixture *f = *state;
    open_at(f, "http", f->server.port, (struct target_opts){.in_flight_max = 1});
    assert_int_equal(ask(f, "POST", "/v1/ok", TEXT("{}")).status, 200);
    atomic_store(&f->server.stopping, true);
    shutdown(f->server.fd, SHUT_RDWR);
    struct result r = ask(f, "POST", "/v1/drop", TEXT("{}"));
    assert_int_equal(r.result, TARGET_UNKNOWN);
}

/* The server drops an open connection as a request comes: on a new one, a GET has a second chance. */
static void only_a_get_is_sent_once_more(void **state)
{
    struct fixture *f = *state;
    open_at(f, "http", f->server.port, (struct target_opts){.in_flight_max = 1});
    assert_int_equal(ask(f, "GET", "/v1/ok", none).status, 200);
    assert_int_equal(ask(f, "GET", "/v1/drop", none).result, TARGET_UNKNOWN);
    assert_int_equal(atomic_load(&f->server.requests), 3);
    assert_int_equal(ask(f, "GET", "/v1/ok", none).status, 200);
    assert_int_equal(ask(f, "POST", "/v1/drop", TEXT("{}")).result, TARGET_UNKNOWN);
    assert_int_equal(atomic_load(&f->server.requests), 5);
}

struct chain {
    struct fixture *f;
    int left, answered;
};

static void send_next(void *arg, const struct target_answer *answer)
{
    struct chain *chain = arg;
    chain->answered += answer->status == 200;
    if (chain->left-- > 0) {
        struct target_request request = {"GET", TEXT("/v1/next"), none, send_next, chain};
        assert_int_equal(target_send(chain->f->target, &request, &chain->f->err), 0);
    }
    assert_has(answer->body.at, "GET /v1/next");
}

static void done_may_send(void **state)
{
    struct fixture *f = *state;
    struct chain chain = {f, 20, 0};
    struct target_request request = {"GET", TEXT("/v1/next"), none, send_next, &chain};
    open_at(f, "http", f->server.port, (struct target_opts){.in_flight_max = 1});
    assert_int_equal(target_send(f->target, &request, &f->err), 0);
    assert_int_equal(target_send(f->target, &request, &f->err), -1);
    wait_all(f);
    assert_int_equal(chain.answered, 21);
}

static void *wake_soon(void *arg)
{
    usleep(20000);
    target_wake(arg);
    return NULL;
}

static void waiting_can_be_ended(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    open_at(f, "http", f->server.port, (struct target_opts){0});
    int64_t start = clock_now_us();
    assert_int_equal(target_wait(f->target, 30000, &f->err), 0);
    assert_true(clock_now_us() - start >= 30000);
    pthread_create(&thread, NULL, wake_soon, f->target);
    start = clock_now_us();
    assert_int_equal(target_wait(f->target, 20 * 1000000, &f->err), 0);
    assert_true(clock_now_us() - start < 10 * 1000000);
    pthread_join(thread, NULL);
}

static void closing_drops_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    struct result r = {0};
    struct target_request request = {"GET", TEXT("/v1/never"), none, keep, &r};
    open_at(f, "http", f->server.port, (struct target_opts){0});
    assert_int_equal(target_send(f->target, &request, &f->err), 0);
    assert_int_equal(target_wait(f->target, 20000, &f->err), 0);
    target_close(f->target);
    f->target = NULL;
    assert_int_equal(r.calls, 0);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"https://api.clerk.com",    "https://api.clerk.com/v1/",
                                       "http://127.0.0.1:1",       "http://localhost:8080/",
                                       "http://[::1]:1",           "http://127.9.9.9",
                                       "https://clerk.example/api"};
    static const char *const bad[] = {
        "",
        "api.clerk.com",
        "http://api.clerk.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1@evil.example",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "https://user:pass@api.clerk.com",
        "https://api.clerk.com/?a=b",
        "https://",
        "http://127.0.0.1 .evil.example",
    };
    struct target *target;
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct target_opts opts = {.api_url = good[i], .key = TEXT("sk_test_abc")};
        if (target_open(&target, &opts, &err) != 0)
            fail_msg("%s: %s", good[i], err.message);
        target_close(target);
    }
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct target_opts opts = {.api_url = bad[i], .key = TEXT("sk_test_abc")};
        if (target_open(&target, &opts, &err) == 0)
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(err.code, ERR_USAGE);
        assert_has(err.message, "CLERK_API_URL");
        assert_lacks(err.message, "pass@");
    }
}

static void keys_must_fit_a_header(void **state)
{
    (void)state;
    static const struct text bad[] = {
        {NULL, 0}, {"sk_test\r\nX: y", 13}, {"sk test", 7}, {"sk\xC3\xA9", 4}};
    struct target *target;
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct target_opts opts = {.api_url = "http://127.0.0.1", .key = bad[i]};
        assert_int_equal(target_open(&target, &opts, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
        assert_lacks(err.message, "sk");
    }
}

static void retry_after_has_two_forms(void **state)
{
    (void)state;
    const int64_t now = INT64_C(1445412480000); /* Wed, 21 Oct 2015 07:28:00 GMT */
    assert_int_equal(target_retry_after_us("0", now), 0);
    assert_int_equal(target_retry_after_us(" 010 ", now), 10000000);
    assert_int_equal(target_retry_after_us("Wed, 21 Oct 2015 07:28:30 GMT", now), 30000000);
    assert_int_equal(target_retry_after_us("Wed, 21 Oct 2015 07:27:00 GMT", now), 0);
    assert_int_equal(target_retry_after_us("99999999999", now), INT64_C(86400000000));
    assert_int_equal(target_retry_after_us("Wed, 21 Oct 2099 07:28:30 GMT", now),
                     INT64_C(86400000000));
    assert_int_equal(target_retry_after_us("-1", now), -1);
    assert_int_equal(target_retry_after_us("", now), -1);
    assert_int_equal(target_retry_after_us("soon enough", now), -1);
}

/* --- settings --- */

static void write_dotenv(const char *text)
{
    FILE *file = fopen(".env", "w");
    fputs(text, file);
    fclose(file);
}

static void settings_come_from_environment_then_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/usher-test-XXXXXX";
    struct arena arena;
    struct text url, key;
    const char *from;
    struct err err;
    arena_init(&arena, 1 << 20);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    unsetenv("CLERK_SECRET_KEY");
    unsetenv("CLERK_API_URL");

    assert_int_equal(target_settings(&arena, &url, &key, &from, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    assert_has(err.message, "CLERK_SECRET_KEY");

    write_dotenv(
        "# a comment\r\nCLERK_SECRET_KEY=first\n  export CLERK_SECRET_KEY = \"sk_\\\"x\" # no\n"
        "NOT_CLERK_API_URL=x\nno assignment\n");
    assert_int_equal(target_settings(&arena, &url, &key, &from, &err), 0);
    assert_text(key, "sk_\"x");
    assert_text(url, "https://api.clerk.com");
    assert_has(from, ".env");

    write_dotenv("\xEF\xBB\xBF"
                 "CLERK_SECRET_KEY='sk_a#b'\r\nCLERK_API_URL=http://127.0.0.1:1#x  # c\n");
    assert_int_equal(target_settings(&arena, &url, &key, &from, &err), 0);
    assert_text(key, "sk_a#b");
    assert_text(url, "http://127.0.0.1:1#x");

    setenv("CLERK_SECRET_KEY", "sk_env", 1);
    assert_int_equal(target_settings(&arena, &url, &key, &from, &err), 0);
    assert_text(key, "sk_env");
    assert_text(url, "http://127.0.0.1:1#x");
    assert_has(from, "environment");

    setenv("CLERK_SECRET_KEY", "pk_live_hidden", 1);
    assert_int_equal(target_settings(&arena, &url, &key, &from, &err), -1);
    assert_lacks(err.message, "hidden");

    unsetenv("CLERK_SECRET_KEY");
    FILE *file = fopen(".env", "w");
    for (int i = 0; i < 70000; i++)
        fputc('x', file);
    fclose(file);
    assert_int_equal(target_settings(&arena, &url, &key, &from, &err), -1);
    assert_has(err.message, "longer");

    unlink(".env");
    assert_int_equal(chdir("/"), 0);
    rmdir(folder);
    arena_release(&arena);
}

/* On both ways that a request can take. */
#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down),                                  \
    {                                                                                              \
#function " (curl)", function, set_up_curl, tear_down, NULL                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_says_what_it_must),
        TEST(every_method_on_one_handle),
        TEST(connections_are_used_again),
        TEST(what_the_server_does_is_told_apart),
        TEST(answers_have_a_maximum),
        TEST(a_connection_closed_at_rest_is_no_failure),
        TEST(nobody_there_means_unsent),
        TEST(a_lost_retry_is_unknown),
        cmocka_unit_test_setup_teardown(only_a_get_is_sent_once_more, set_up, tear_down),
        TEST(done_may_send),
        TEST(waiting_can_be_ended),
        TEST(closing_drops_what_is_in_flight),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(keys_must_fit_a_header),
        cmocka_unit_test(retry_after_has_two_forms),
        cmocka_unit_test(settings_come_from_environment_then_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
