/*
 * A server with threads of its own, over real sockets. Answers come at once, later from another thread, or at any
 * moment in between; and a crowd of connections has smaller buffers than those that came first. Clients that are gone,
 * too slow or idle hold no connection for good, those that are slow but steady are served: on threads and on loops.
 */
#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"

#define ROOMY       2
#define OPEN_MAX    5
#define CROWD_BYTES 4096
#define ANSWERS     3000
#define HUGE_BYTES  ((size_t)16 << 20) /* more than sockets hold */
#define HALVES      200

struct side {
    struct server *server;
    struct loop *loops[2]; /* or none */
    struct pool *pool;     /* answers from threads of its own */
    uint16_t port;
    atomic_size_t asked;
};

static void answer(void *arg)
{
    struct server_request *request = arg;
    buf_add(&request->out, request->path);
    server_answer(request, &(struct server_answer){.status = 200,
                                                   .content_type = "text/plain",
                                                   .body = buf_text(&request->out)});
}

static void handle(void *arg, struct server_request *request)
{
    struct side *side = arg;
    if (text_same(request->path, TEXT("/huge"))) {
        char *room = buf_room(&request->out, HUGE_BYTES);
        assert_non_null(room);
        memset(room, 'x', HUGE_BYTES);
        buf_grow(&request->out, HUGE_BYTES);
        answer(request);
        return;
    }
    if (text_same(request->path, TEXT("/late"))) {
        server_answer(request, &(struct server_answer){.status = 200,
                                                       .body = request->path,
                                                       .not_before_us = clock_now_us() + 2000});
        return;
    }
    /* By turns here, there while this function goes on, and there after it has returned. */
    size_t turn = atomic_fetch_add(&side->asked, 1) % 3;
    if (turn == 0 || request->loop)
        answer(request);
    else
        assert_true(pool_put(side->pool, answer, request));
    if (turn == 1)
        usleep(20);
}

static int start(void **state, struct side *side, struct server_opts opts)
{
    char address[SERVER_ADDRESS_MAX];
    struct err err;
    assert_int_equal(pool_new(&side->pool, 2, 64, &err), 0);
    opts.address = "127.0.0.1:0";
    opts.threads = 2;
    opts.handle = handle;
    opts.arg = side;
    assert_int_equal(server_start(&side->server, &opts, &err), 0);
    server_address(side->server, address);
    side->port = (uint16_t)atoi(strrchr(address, ':') + 1);
    *state = side;
    return 0;
}

static int set_up(void **state)
{
    return start(state, calloc(1, sizeof(struct side)),
                 (struct server_opts){.connections_max = OPEN_MAX,
                                      .roomy = ROOMY,
                                      .headers_crowd = CROWD_BYTES,
                                      .body_max = 1000,
                                      .memory_max = 65536});
}

/* With room for so many, who have so much patience as clients of its kind: on threads of its own, or on loops. */
static int set_up_for(void **state, unsigned connections, int64_t patience_ms, bool loops)
{
    struct side *side = calloc(1, sizeof(*side));
    struct server_opts opts = {.connections_max = connections,
                               .body_max = 100000,
                               .memory_max = 2 * HUGE_BYTES,
                               .patience_ms = patience_ms};
    struct err err;
    for (size_t i = 0; loops && i < ARRAY_COUNT(side->loops); i++)
        assert_int_equal(loop_start(&side->loops[i], &err), 0);
    opts.loops = loops ? side->loops : NULL;
    opts.loop_count = loops ? ARRAY_COUNT(side->loops) : 0;
    return start(state, side, opts);
}

static int set_up_patient(void **state)
{
    return set_up_for(state, 2 * HALVES, 3600000, false);
}

static int set_up_patient_on_loops(void **state)
{
    return set_up_for(state, 2 * HALVES, 3600000, true);
}

static int set_up_brisk(void **state)
{
    return set_up_for(state, OPEN_MAX, 300, false);
}

static int set_up_brisk_on_loops(void **state)
{
    return set_up_for(state, OPEN_MAX, 300, true);
}

static int set_up_steady(void **state)
{
    return set_up_for(state, OPEN_MAX, 4000, false);
}

static int set_up_steady_on_loops(void **state)
{
    return set_up_for(state, OPEN_MAX, 4000, true);
}

static int tear_down(void **state)
{
    struct side *side = *state;
    server_stop(side->server);
    for (size_t i = 0; i < ARRAY_COUNT(side->loops); i++)
        loop_stop(side->loops[i]);
    pool_free(side->pool);
    free(side);
    return 0;
}

static int open_one(const struct side *side)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(side->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 120};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void send_get(int fd, const char *path, size_t padding)
{
    char request[16384];
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: x\r\nX-Pad: %0*d\r\n\r\n", path, (int)padding, 0);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
}

/* The status of the next answer, 0 if the connection ends instead; the body, short, is put into to. */
static int receive(int fd, char to[512])
{
    char text[4096];
    size_t len = 0, whole = 0;
    while (whole == 0 || len < whole) {
        ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        if (got <= 0)
            return 0;
        len += (size_t)got;
        text[len] = 0;
        const char *blank = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        if (blank && length)
            whole = (size_t)(blank + 4 - text) + (size_t)atol(length + 16);
    }
    snprintf(to, 512, "%s", strstr(text, "\r\n\r\n") + 4);
    return atoi(text + 9);
}

static void expect(int fd, const char *path, size_t padding, int status)
{
    char body[512];
    send_get(fd, path, padding);
    assert_int_equal(receive(fd, body), status);
    if (status == 200)
        assert_string_equal(body, path);
}

static void test_answers_at_any_moment(void **state)
{
    struct side *side = *state;
    int fds[4];
    char body[512], path[32];
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
        fds[i] = open_one(side);
    for (int n = 0; n < ANSWERS; n++) {
        snprintf(path, sizeof(path), "/%d", n);
        for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
            send_get(fds[i], path, 1);
        for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
            assert_int_equal(receive(fds[i], body), 200);
            assert_string_equal(body, path);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
        close(fds[i]);
}

static void test_late(void **state)
{
    int fd = open_one(*state);
    for (int n = 0; n < 20; n++)
        expect(fd, "/late", 1, 200);
    close(fd);
}

/* One after another on a connection, sent without waiting for answers. */
static void test_pipelined(void **state)
{
    int fd = open_one(*state);
    char text[65536];
    size_t len = 0, found = 0;
    for (int n = 0; n < 50; n++)
        send_get(fd, n % 5 == 4 ? "/late" : "/now", 1);
    while (found < 50) {
        ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        assert_true(got > 0);
        len += (size_t)got;
        text[len] = 0;
        found = 0;
        for (const char *at = text; (at = strstr(at, "HTTP/1.1 200")); at++)
            found++;
    }
    close(fd);
}

static void test_a_crowd_has_less_room(void **state)
{
    struct side *side = *state;
    int fds[OPEN_MAX];
    for (int i = 0; i < OPEN_MAX; i++) {
        fds[i] = open_one(side);
        expect(fds[i], "/first", 1, 200);
    }
    expect(fds[0], "/large", 12000, 200);
    expect(fds[ROOMY - 1], "/large", 12000, 200);
    expect(fds[ROOMY], "/small", 2000, 200);
    expect(fds[ROOMY], "/large", 12000, 431);
    close(fds[ROOMY]);
    fds[ROOMY] = open_one(side);
    char path[CROWD_BYTES] = "/many?";
    for (int i = 0; i < 150; i++)
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "id=user_%06d&", i);
    char body[512];
    send_get(fds[ROOMY], path, 1);
    assert_int_equal(receive(fds[ROOMY], body), 200);
    assert_string_equal(body, "/many");
    for (int i = 0; i < OPEN_MAX; i++)
        close(fds[i]);
    /* Whoever comes when they have gone is among the first again. */
    for (int tries = 0, status = 0; status != 200; tries++) {
        assert_true(tries < 1000);
        usleep(10000);
        int fd = open_one(side);
        send_get(fd, "/large", 12000);
        status = receive(fd, body);
        close(fd);
    }
}

/* More than may be open wait for their turn, and get it. */
static void test_full(void **state)
{
    struct side *side = *state;
    int fds[3 * OPEN_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
        fds[i] = open_one(side);
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        expect(fds[i], "/turn", 1, 200);
        close(fds[i]);
    }
}

/* A stop while requests are on their way and connections wait. */
static void test_stop(void **state)
{
    struct side *side = *state;
    for (int i = 0; i < 2 * OPEN_MAX; i++)
        send_get(open_one(side), "/late", 1);
}

static void assert_ends(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
    close(fd);
}

/* A head that breaks off, its end in the same segment: so libmicrohttpd is told of both at once, and reads but the head. */
static void test_half_closed(void **state)
{
    const char half[] = "GET /half HTTP/1.1\r\nHo";
    int fds[HALVES], on = 1;
    for (size_t i = 0; i < HALVES; i++) {
        fds[i] = open_one(*state);
        expect(fds[i], "/first", 1, 200);
    }
    for (size_t i = 0; i < HALVES; i++) {
        assert_int_equal(setsockopt(fds[i], IPPROTO_TCP, TCP_CORK, &on, sizeof(on)), 0);
        assert_int_equal(send(fds[i], half, strlen(half), MSG_NOSIGNAL), strlen(half));
        assert_int_equal(shutdown(fds[i], SHUT_WR), 0);
    }
    for (size_t i = 0; i < HALVES; i++)
        assert_ends(fds[i]);
}

/* Whoever sends no more still gets the answers to what was sent. */
static void test_half_closed_behind_requests(void **state)
{
    for (int n = 0; n < 20; n++) {
        char body[512];
        int fd = open_one(*state), on = 1;
        expect(fd, "/first", 1, 200);
        assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)), 0);
        send_get(fd, n % 2 ? "/late" : "/now", 1);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        assert_int_equal(receive(fd, body), 200);
        assert_ends(fd);
    }
}

/* Sends a byte now and then until the server has had enough. */
static void drip(const struct side *side, const char *head)
{
    int fd = open_one(side);
    bool open = send(fd, head, strlen(head), MSG_NOSIGNAL) > 0;
    for (int n = 0; open && n < 10000; n++) {
        char byte;
        usleep(10000);
        ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
        open = got < 0 && errno == EAGAIN && send(fd, "x", 1, MSG_NOSIGNAL) == 1;
    }
    assert_false(open);
    close(fd);
}

static void test_slow_head(void **state)
{
    drip(*state, "GET /x");
    drip(*state, "GET / HTTP/1.1\r\nX: ");
}

static void test_slow_body(void **state)
{
    drip(*state, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
}

static void test_never_reads(void **state)
{
    struct side *side = *state;
    char byte;
    int fd = open_one(side);
    send_get(fd, "/huge", 1);
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    for (int n = 0; server_active(side->server) > 0; n++) {
        assert_true(n < 12000);
        usleep(10000);
    }
    close(fd);
}

/* A body whose pieces come, and an answer that is read, by and by: both take longer than the client's patience. */
static void test_slow_but_steady(void **state)
{
    const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n";
    static char some[HUGE_BYTES / 32];
    int sends = open_one(*state), reads = open_one(*state);
    char piece[2048] = "", body[512];
    size_t len = 0;
    assert_int_equal(send(sends, head, strlen(head), MSG_NOSIGNAL), strlen(head));
    send_get(reads, "/huge", 1);
    for (int n = 0; n < 32; n++) {
        assert_int_equal(send(sends, piece, sizeof(piece), MSG_NOSIGNAL), sizeof(piece));
        ssize_t got = recv(reads, some, sizeof(some), MSG_WAITALL);
        assert_int_equal(got, sizeof(some));
        len += (size_t)got;
        usleep(200000);
    }
    assert_int_equal(receive(sends, body), 200);
    for (ssize_t got; len < HUGE_BYTES; len += (size_t)got)
        assert_true((got = recv(reads, some, sizeof(some), 0)) > 0);
    close(sends);
    close(reads);
}

/* None of those that came first asks again, nor closes; all others get their place all the same. */
static void test_the_idle_give_way(void **state)
{
    int fds[4 * OPEN_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        fds[i] = open_one(*state);
        expect(fds[i], "/turn", 1, 200);
    }
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
        close(fds[i]);
}

#define ON_BOTH(test, set_up)                                                                      \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down),                                      \
        cmocka_unit_test_setup_teardown(test, set_up##_on_loops, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers_at_any_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pipelined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_crowd_has_less_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop, set_up, tear_down),
        ON_BOTH(test_half_closed, set_up_patient),
        ON_BOTH(test_half_closed_behind_requests, set_up_patient),
        ON_BOTH(test_slow_head, set_up_brisk),
        ON_BOTH(test_slow_body, set_up_brisk),
        ON_BOTH(test_never_reads, set_up_brisk),
        ON_BOTH(test_the_idle_give_way, set_up_brisk),
        ON_BOTH(test_slow_but_steady, set_up_steady),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
