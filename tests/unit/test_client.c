/*
 * The client against a server that behaves badly: a thread that serves one connection after another, byte by byte as the
 * path of each request asks it to. The loop has no thread: the test turns it.
 */
#include "test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

/* --- the server --- */

struct server_side {
    int fd;
    uint16_t port;
    pthread_t thread;
    atomic_int connections, requests;
    char last[4096]; /* the last request */
};

static size_t read_request(int fd, char *to, size_t room)
{
    size_t len = 0;
    while (len < room - 1) {
        ssize_t got = recv(fd, to + len, room - 1 - len, 0);
        if (got <= 0)
            return 0;
        len += (size_t)got;
        to[len] = 0;
        char *end = strstr(to, "\r\n\r\n"), *length = strstr(to, "Content-Length: ");
        bool chunked = strstr(to, "chunked") != NULL;
        size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
        if (end &&
            (chunked ? strstr(end, "\r\n0\r\n\r\n") != NULL : len >= (size_t)(end + 4 - to) + body))
            return len;
    }
    return len;
}

static void say(int fd, const char *z)
{
    send(fd, z, strlen(z), MSG_NOSIGNAL);
}

static void trickle(int fd, const char *z)
{
    for (; *z; z++) {
        send(fd, z, 1, MSG_NOSIGNAL);
        usleep(200);
    }
}

/* Returns whether the connection goes on. */
static bool behave(int fd, const char *path)
{
    struct linger at_once = {1, 0};
    char byte;
    if (strncmp(path, "/drop", 5) == 0)
        return false;
    if (strncmp(path, "/reset", 6) == 0)
        return setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), false;
    if (strncmp(path, "/silent", 7) == 0)
        return recv(fd, &byte, 1, 0) > 0;
    if (strncmp(path, "/half", 5) == 0)
        return say(fd, OK_2 "{"), false;
    if (strncmp(path, "/stall", 6) == 0)
        return say(fd, OK_2 "{"), recv(fd, &byte, 1, 0) > 0;
    if (strncmp(path, "/interim", 8) == 0)
        return say(fd, "HTTP/1.1 100 Continue\r\n\r\n"), false;
    if (strncmp(path, "/smuggle", 8) == 0)
        return say(fd, OK_2 "{}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), true;
    if (strncmp(path, "/slow", 5) == 0)
        return trickle(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "2\r\n{}\r\n0\r\n\r\n"),
               true;
    if (strncmp(path, "/close", 6) == 0)
        return say(fd, OK_2 "{}"), false; /* without having said so */
    if (strncmp(path, "/end", 4) == 0)
        return say(fd, "HTTP/1.1 200 OK\r\n\r\n{}"), false;
    return say(fd, OK_2 "{}"), true;
}

static void *serve(void *arg)
{
    struct server_side *server = arg;
    for (int fd; (fd = accept(server->fd, NULL, NULL)) >= 0; close(fd)) {
        char request[4096];
        atomic_fetch_add(&server->connections, 1);
        while (read_request(fd, request, sizeof(request)) > 0) {
            memcpy(server->last, request, sizeof(request));
            atomic_fetch_add(&server->requests, 1);
            if (!behave(fd, strchr(request, ' ') + 1))
                break;
        }
    }
    return NULL;
}

/* --- the client's side --- */

struct fixture {
    struct server_side server;
    struct loop *loop;
    struct client *client;
};

struct ask {
    struct client_call *call;
    int done, status, lulls;
    bool failed, sent, refuse;
    struct buf body;
    struct err err;
    const char *upload;
};

static void on_begin(void *arg, int status)
{
    ((struct ask *)arg)->status = status;
}

static void on_lull(void *arg)
{
    ((struct ask *)arg)->lulls++;
}

static bool on_piece(void *arg, struct text piece)
{
    struct ask *ask = arg;
    if (!ask->refuse)
        buf_add(&ask->body, piece);
    return !ask->refuse;
}

static ssize_t on_upload(void *arg, char *to, size_t room)
{
    struct ask *ask = arg;
    if (!ask->upload)
        return CLIENT_UPLOAD_BROKEN;
    size_t len = strlen(ask->upload) < room ? strlen(ask->upload) : room;
    memcpy(to, ask->upload, len);
    ask->upload += len;
    return (ssize_t)len;
}

static void on_done(void *arg, const struct client_failure *failure)
{
    struct ask *ask = arg;
    ask->done++;
    ask->failed = failure != NULL;
    if (failure) {
        ask->err = failure->err;
        ask->sent = failure->sent;
    }
}

static void send_to(struct fixture *f, struct ask *ask, struct client_request request)
{
    struct err err;
    buf_init(&ask->body, 1 << 20);
    request.on = (struct client_handler){.begin = on_begin,
                                         .lull = on_lull,
                                         .piece = on_piece,
                                         .upload = request.on.upload,
                                         .done = on_done,
                                         .arg = ask};
    ask->call = client_send(f->client, &request, &err);
    assert_non_null(ask->call);
}

static void turn_for(struct fixture *f, int64_t us, const int *until)
{
    int64_t end = clock_now_us() + us;
    while (!(until && *until) && clock_now_us() < end)
        assert_true(loop_turn(f->loop, end) >= 0);
}

static struct ask perform(struct fixture *f, struct client_request request)
{
    struct ask ask = {.upload = "streamed"};
    send_to(f, &ask, request);
    turn_for(f, 20 * 1000000, &ask.done);
    assert_int_equal(ask.done, 1);
    return ask;
}

static struct ask get(struct fixture *f, const char *method, const char *target)
{
    struct ask ask =
        perform(f, (struct client_request){.method = method, .target = text_of(target)});
    buf_release(&ask.body);
    return ask;
}

static void open_client(struct fixture *f, const char *host, struct client_opts opts)
{
    char url[64];
    struct err err;
    snprintf(url, sizeof(url), "http://%s:%u", host, f->server.port);
    opts.loop = f->loop;
    opts.server = url;
    opts.in_flight_max = 10;
    assert_int_equal(client_open(&f->client, &opts, &err), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t len = sizeof(at);
    struct err err;
    *state = f;
    f->server.fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(f->server.fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(f->server.fd, 16) != 0 ||
        getsockname(f->server.fd, (struct sockaddr *)&at, &len) != 0)
        return -1;
    f->server.port = ntohs(at.sin6_port);
    pthread_create(&f->server.thread, NULL, serve, &f->server);
    return loop_open(&f->loop, &err);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    client_close(f->client);
    loop_stop(f->loop);
    shutdown(f->server.fd, SHUT_RDWR);
    pthread_join(f->server.thread, NULL);
    close(f->server.fd);
    free(f);
    return 0;
}

/* --- the tests --- */

/* The server listens at ::1 only: the first of localhost's addresses refuses. */
static void the_next_address_is_tried(void **state)
{
    struct fixture *f = *state;
    open_client(f, "localhost", (struct client_opts){0});
    assert_int_equal(get(f, "GET", "/").status, 200);
    assert_int_equal(get(f, "POST", "/").status, 200);
    assert_int_equal(atomic_load(&f->server.connections), 1);
}

static void what_is_sent(void **state)
{
    struct fixture *f = *state;
    char expected[256];
    open_client(f, "[::1]", (struct client_opts){0});
    get(f, "GET", "/x?y");
    snprintf(expected, sizeof(expected), "GET /x?y HTTP/1.1\r\nHost: [::1]:%u\r\n\r\n",
             f->server.port);
    assert_string_equal(f->server.last, expected);
    struct client_request request = {.method = "PUT",
                                     .target = TEXT("/"),
                                     .headers = TEXT("A: b\r\n"),
                                     .upload_length = CLIENT_LENGTH_UNKNOWN,
                                     .on = {.upload = on_upload}};
    struct ask ask = perform(f, request);
    buf_release(&ask.body);
    assert_non_null(strstr(f->server.last, "\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n"
                                           "0008\r\nstreamed\r\n0\r\n\r\n"));
    request.upload_length = 8;
    ask = perform(f, request);
    buf_release(&ask.body);
    assert_non_null(strstr(f->server.last, "\r\nA: b\r\nContent-Length: 8\r\n\r\nstreamed"));
    request.upload_length = 9;
    ask = perform(f, request);
    buf_release(&ask.body);
    assert_true(ask.failed && ask.sent);
}

/* Only what does nothing twice is repeated, on a connection that has rested, before any answer. */
static void a_stale_connection_is_replaced(void **state)
{
    static const char *const dropping[] = {"/drop", "/reset"};
    struct fixture *f = *state;
    open_client(f, "[::1]", (struct client_opts){0});
    for (size_t i = 0; i < ARRAY_COUNT(dropping); i++) {
        int before = atomic_load(&f->server.requests);
        assert_true(get(f, "GET", dropping[i]).failed); /* the first one on its connection */
        assert_int_equal(atomic_load(&f->server.requests), before + 1);
        assert_int_equal(get(f, "GET", "/").status, 200);
        struct ask ask = get(f, "GET", dropping[i]); /* then again, and dropped again */
        assert_true(ask.failed && ask.sent);
        assert_int_equal(atomic_load(&f->server.requests), before + 4);
        assert_int_equal(get(f, "GET", "/").status, 200);
        ask = get(f, "POST", dropping[i]);
        assert_true(ask.failed && ask.sent);
        assert_int_equal(atomic_load(&f->server.requests), before + 6);
    }
    assert_int_equal(get(f, "GET", "/").status, 200);
    int before = atomic_load(&f->server.requests);
    assert_true(get(f, "GET", "/interim").failed);
    assert_int_equal(atomic_load(&f->server.requests), before + 1);
}

/* A connection that is closed at rest is noticed, whether the loop turns meanwhile or not. */
static void a_connection_closed_at_rest_is_noticed(void **state)
{
    struct fixture *f = *state;
    open_client(f, "[::1]", (struct client_opts){0});
    for (int i = 0; i < 6; i++) {
        assert_int_equal(get(f, "POST", "/close").status, 200);
        if (i % 2)
            turn_for(f, 20000, NULL);
        else
            usleep(20000);
    }
    assert_int_equal(atomic_load(&f->server.requests), 6);
}

static void what_nobody_asked_for_is_not_an_answer(void **state)
{
    struct fixture *f = *state;
    open_client(f, "[::1]", (struct client_opts){0});
    struct ask ask =
        perform(f, (struct client_request){.method = "GET", .target = TEXT("/smuggle")});
    assert_text(buf_text(&ask.body), "{}");
    buf_release(&ask.body);
    ask = perform(f, (struct client_request){.method = "GET", .target = TEXT("/")});
    assert_text(buf_text(&ask.body), "{}");
    buf_release(&ask.body);
    assert_int_equal(atomic_load(&f->server.connections), 2);
}

static void answers_may_come_slowly(void **state)
{
    static const char *const targets[] = {"/slow", "/end"};
    struct fixture *f = *state;
    open_client(f, "[::1]", (struct client_opts){0});
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        struct ask ask =
            perform(f, (struct client_request){.method = "GET", .target = text_of(targets[i])});
        assert_false(ask.failed);
        assert_text(buf_text(&ask.body), "{}");
        assert_true(i != 0 || ask.lulls == 1);
        buf_release(&ask.body);
    }
}

static void an_answer_cut_short_is_none(void **state)
{
    struct fixture *f = *state;
    open_client(f, "[::1]", (struct client_opts){0});
    struct ask ask = get(f, "GET", "/half");
    assert_true(ask.failed && ask.sent);
    assert_int_equal(ask.status, 200);
    assert_int_equal(ask.err.code, ERR_NETWORK);
}

static void time_runs_out(void **state)
{
    static const char *const targets[] = {"/silent", "/stall"};
    struct fixture *f = *state;
    open_client(f, "[::1]", (struct client_opts){.stall_s = 1});
    for (size_t i = 0; i < 2 * ARRAY_COUNT(targets); i++) {
        struct ask ask = perform(f, (struct client_request){.method = "GET",
                                                            .target = text_of(targets[i / 2]),
                                                            .timeout_ms = i % 2 ? 100 : 0});
        assert_true(ask.failed && ask.sent);
        assert_non_null(strstr(ask.err.message, i % 2 ? "time allowed" : "nothing moved for 1 s"));
        buf_release(&ask.body);
    }
}

/* While its reader has had enough, an answer does not stall. */
static void a_reader_may_take_its_time(void **state)
{
    struct fixture *f = *state;
    struct ask ask = {.refuse = true};
    open_client(f, "[::1]", (struct client_opts){.stall_s = 1});
    send_to(f, &ask, (struct client_request){.method = "GET", .target = TEXT("/slow")});
    turn_for(f, 1300000, &ask.done);
    assert_int_equal(ask.done, 0);
    client_resume(ask.call); /* and has still had enough */
    turn_for(f, 50000, &ask.done);
    assert_int_equal(ask.done, 0);
    ask.refuse = false;
    client_resume(ask.call);
    turn_for(f, 20 * 1000000, &ask.done);
    assert_false(ask.failed);
    assert_text(buf_text(&ask.body), "{}");
    buf_release(&ask.body);
}

static void what_is_cancelled_is_not_told(void **state)
{
    struct fixture *f = *state;
    struct ask asks[3] = {0};
    open_client(f, "[::1]", (struct client_opts){0});
    for (size_t i = 0; i < 3; i++)
        send_to(f, &asks[i], (struct client_request){.method = "GET", .target = TEXT("/silent")});
    client_cancel(asks[1].call); /* still connecting */
    turn_for(f, 20000, NULL);
    client_resume(asks[0].call);
    client_cancel(asks[0].call);
    turn_for(f, 20000, NULL);
    client_give_up(f->client);
    assert_int_equal(asks[0].done + asks[1].done, 0);
    assert_int_equal(asks[2].done, 1);
    assert_true(asks[2].failed);
    for (size_t i = 0; i < 3; i++)
        buf_release(&asks[i].body);
}

static void too_many_are_refused(void **state)
{
    struct fixture *f = *state;
    struct ask asks[10] = {0};
    struct err err;
    const struct client_request one = {
        .method = "GET", .target = TEXT("/"), .on = {.done = on_done, .arg = &asks[0]}};
    open_client(f, "[::1]", (struct client_opts){0});
    for (size_t i = 0; i < ARRAY_COUNT(asks); i++)
        send_to(f, &asks[i], (struct client_request){.method = "GET", .target = TEXT("/")});
    assert_null(client_send(f->client, &one, &err));
    assert_int_equal(err.code, ERR_UNUSABLE);
}

static void names_are_looked_up(void **state)
{
    struct fixture *f = *state;
    open_client(f, "no-such-host.invalid", (struct client_opts){.connect_ms = 15000});
    struct ask ask = get(f, "POST", "/");
    assert_true(ask.failed);
    assert_false(ask.sent);
    client_close(f->client);
    f->client = NULL;
    /* Nobody waits for a name server that does not answer. */
    open_client(f, "another.invalid", (struct client_opts){0});
    send_to(f, &(struct ask){0}, (struct client_request){.method = "GET", .target = TEXT("/")});
}

static void servers_are_checked(void **state)
{
    static const char *const bad[] = {"",
                                      "example.com",
                                      "ftp://example.com",
                                      "http://",
                                      "http://:80",
                                      "https://example.com/",
                                      "https://example.com/path",
                                      "https://user@example.com",
                                      "https://example.com?x",
                                      "https://example.com:",
                                      "https://example.com:0",
                                      "https://example.com:65536",
                                      "https://::1",
                                      "https://[::1",
                                      "https://exa mple.com",
                                      "https://example.com\r\nX: y"};
    struct fixture *f = *state;
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        const struct client_opts opts = {.loop = f->loop, .server = bad[i], .in_flight_max = 1};
        if (client_open(&f->client, &opts, &err) == 0)
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(err.code, ERR_USAGE);
    }
    const struct client_opts no_file = {.loop = f->loop,
                                        .server = "https://example.com",
                                        .ca_file = "/nowhere",
                                        .in_flight_max = 1};
    assert_int_equal(client_open(&f->client, &no_file, &err), -1);
    assert_int_equal(err.code, ERR_IO);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_next_address_is_tried),
        TEST(what_is_sent),
        TEST(a_stale_connection_is_replaced),
        TEST(a_connection_closed_at_rest_is_noticed),
        TEST(what_nobody_asked_for_is_not_an_answer),
        TEST(answers_may_come_slowly),
        TEST(an_answer_cut_short_is_none),
        TEST(time_runs_out),
        TEST(a_reader_may_take_its_time),
        TEST(what_is_cancelled_is_not_told),
        TEST(too_many_are_refused),
        TEST(names_are_looked_up),
        TEST(servers_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
