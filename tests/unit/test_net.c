/*
 * A server and a client on one loop, over real sockets. The server's handler behaves as the path asks it
 * to; bodies are streamed through buffers far smaller than they are.
 */
#include "test.h"

#include <arpa/inet.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net.h"

#define STREAM_BYTES  ((size_t)3 * 1024 * 1024)
#define STREAM_BUFFER ((size_t)4096)

/* --- the server's side --- */

struct flow { /* of one streamed request or answer */
    struct server_request *request;
    struct loop_task again;
    size_t taken, given, sum;
    bool held;
};

struct side {
    struct loop *loop;
    struct server *server;
    struct client *client;
    struct flow flow;
    char folder[32]; /* of the certificate */
    int gone, ended;
    size_t ahead_max; /* of what was given over what the reader took */
    size_t read;      /* by the reader */
};

static char byte_at(size_t at)
{
    return (char)('a' + at % 23);
}

static void take_again(struct loop_task *task)
{
    struct flow *flow = (struct flow *)((char *)task - offsetof(struct flow, again));
    flow->held = false;
    server_take_more(flow->request);
}

/* Takes little at a time, and says that it is full in between. */
static size_t on_take(void *arg, struct text piece)
{
    struct side *side = arg;
    struct flow *flow = &side->flow;
    size_t take = piece.len < STREAM_BUFFER ? piece.len : STREAM_BUFFER;
    assert_false(flow->held);
    for (size_t i = 0; i < take; i++)
        flow->sum += piece.at[i] == byte_at(flow->taken + i);
    flow->taken += take;
    if (take < piece.len) {
        flow->held = true;
        flow->again.run = take_again;
        loop_post(side->loop, &flow->again);
    }
    return take;
}

static void on_end(void *arg)
{
    struct side *side = arg;
    struct server_request *request = side->flow.request;
    buf_printf(&request->out, "%zu %zu", side->flow.taken, side->flow.sum);
    server_answer(request, &(struct server_answer){.status = 200, .body = buf_text(&request->out)});
}

static void on_gone(void *arg)
{
    struct side *side = arg;
    side->gone++;
}

static ssize_t on_next(void *arg, char *to, size_t room)
{
    struct side *side = arg;
    struct flow *flow = &side->flow;
    size_t left = STREAM_BYTES - flow->given, len = left < room ? left : room;
    for (size_t i = 0; i < len; i++)
        to[i] = byte_at(flow->given + i);
    flow->given += len;
    if (flow->given - side->read > side->ahead_max)
        side->ahead_max = flow->given - side->read;
    return len > 0 ? (ssize_t)len : SERVER_BODY_END;
}

static ssize_t on_next_broken(void *arg, char *to, size_t room)
{
    struct side *side = arg;
    (void)room;
    if (side->flow.given > 0)
        return SERVER_BODY_BROKEN;
    memcpy(to, "half", 4);
    side->flow.given = 4;
    return 4;
}

static void on_ended(void *arg)
{
    struct side *side = arg;
    side->ended++;
}

static bool on_each(void *arg, struct text name, struct text value)
{
    struct buf *to = arg;
    if (text_same_nocase(name, TEXT("X-Mine")))
        buf_printf(to, "[%.*s]", TEXT_ARG(value));
    return true;
}

static void tell(struct server_request *request)
{
    char peer[SERVER_ADDRESS_MAX];
    server_peer(request, peer);
    buf_printf(&request->out, "%s %.*s?%.*s ", request->method, TEXT_ARG(request->path),
               TEXT_ARG(request->query));
    server_each_header(request, on_each, &request->out);
    buf_printf(&request->out, " %s %.*s", peer, TEXT_ARG(request->body));
    const struct server_header cookies[] = {{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}};
    server_answer(request, &(struct server_answer){.status = 207,
                                                   .body = buf_text(&request->out),
                                                   .more = cookies,
                                                   .more_count = ARRAY_COUNT(cookies)});
}

static void handle(void *arg, struct server_request *request)
{
    struct side *side = arg;
    bool down = text_same(request->path, TEXT("/down"));
    if (!down && !text_same(request->path, TEXT("/broken")) && !request->streamed) {
        tell(request);
        return;
    }
    side->flow = (struct flow){.request = request};
    if (request->streamed && text_same(request->path, TEXT("/early"))) {
        server_answer(request, &(struct server_answer){.status = 413, .body = TEXT("no")});
    } else if (request->streamed) {
        request->sink = (struct server_sink){on_take, on_end, on_gone, side};
    } else {
        const struct server_source source = {SERVER_LENGTH_UNKNOWN, down ? on_next : on_next_broken,
                                             on_ended, side};
        server_answer(request, &(struct server_answer){.status = 200, .source = &source});
    }
}

static bool streams(void *arg, struct server_request *request)
{
    (void)arg;
    return text_same(request->path, TEXT("/up")) || text_same(request->path, TEXT("/early"));
}

/* --- the client's side --- */

struct ask {
    struct side *side;
    struct client_request request;
    struct client_call *call;
    struct loop_task again;
    sem_t over;
    int status, cookies;
    struct buf body;
    size_t put, matched;
    bool refused;
    struct err err;
    bool failed, sent;
};

static void on_header(void *arg, struct text name, struct text value)
{
    struct ask *ask = arg;
    if (text_same(name, TEXT("Set-Cookie")))
        ask->cookies += text_same(value, TEXT("a=1")) || text_same(value, TEXT("b=2"));
}

static void on_begin(void *arg, int status)
{
    struct ask *ask = arg;
    ask->status = status;
}

static bool on_piece(void *arg, struct text piece)
{
    struct ask *ask = arg;
    buf_add(&ask->body, piece);
    return true;
}

static void resume(struct loop_task *task)
{
    struct ask *ask = (struct ask *)((char *)task - offsetof(struct ask, again));
    client_resume(ask->call);
}

/* Refuses every piece once. */
static bool on_slow_piece(void *arg, struct text piece)
{
    struct ask *ask = arg;
    ask->refused = !ask->refused;
    if (ask->refused) {
        ask->again.run = resume;
        loop_post(ask->side->loop, &ask->again);
        return false;
    }
    for (size_t i = 0; i < piece.len; i++)
        ask->matched += piece.at[i] == byte_at(ask->side->read + i);
    ask->side->read += piece.len;
    return true;
}

/* Gives a piece, then nothing for a while, and so on. */
static ssize_t on_upload(void *arg, char *to, size_t room)
{
    struct ask *ask = arg;
    size_t left = STREAM_BYTES - ask->put, len = left < room ? left : room;
    ask->refused = !ask->refused;
    if (ask->refused) {
        ask->again.run = resume;
        loop_post(ask->side->loop, &ask->again);
        return CLIENT_UPLOAD_LATER;
    }
    for (size_t i = 0; i < len; i++)
        to[i] = byte_at(ask->put + i);
    ask->put += len;
    return (ssize_t)len;
}

static void on_done(void *arg, const struct client_failure *failure)
{
    struct ask *ask = arg;
    ask->failed = failure != NULL;
    if (failure)
        ask->err = failure->err;
    ask->sent = failure && failure->sent;
    sem_post(&ask->over);
}

static void send_now(void *arg)
{
    struct ask *ask = arg;
    ask->call = client_send(ask->side->client, &ask->request, &ask->err);
    if (!ask->call) {
        ask->failed = true;
        sem_post(&ask->over);
    }
}

/* Performs ask->request, whose handlers are filled in where they are not. */
static void perform(struct side *side, struct ask *ask)
{
    ask->side = side;
    ask->request.on.arg = ask;
    ask->request.on.header = on_header;
    ask->request.on.begin = on_begin;
    ask->request.on.done = on_done;
    if (!ask->request.on.piece)
        ask->request.on.piece = on_piece;
    buf_init(&ask->body, 1 << 20);
    sem_init(&ask->over, 0, 0);
    loop_call(side->loop, send_now, ask);
    sem_wait(&ask->over);
    sem_destroy(&ask->over);
}

/* A certificate and its key in `folder`, signed by itself; alt is who it is for ("IP:127.0.0.1"). */
static int make_certificate(const char *folder, const char *alt)
{
    char command[512];
    snprintf(
        command, sizeof(command),
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=usher-test -addext subjectAltName=%s -keyout %s/key -out %s/cert 2>/dev/null",
        alt, folder, folder);
    return system(command);
}

/* alt NULL: plain. The client believes the certificate if it is told to, else the system's list. */
static int start(void **state, const char *alt, bool believe)
{
    static const struct side fresh;
    struct side *side = malloc(sizeof(*side));
    char address[SERVER_ADDRESS_MAX], url[SERVER_ADDRESS_MAX + 8];
    char cert[64] = "", key[64] = "";
    struct err err;
    *side = fresh;
    *state = side;
    strcpy(side->folder, "/tmp/usher-test-XXXXXX");
    if (!mkdtemp(side->folder))
        return -1;
    if (alt) {
        snprintf(cert, sizeof(cert), "%s/cert", side->folder);
        snprintf(key, sizeof(key), "%s/key", side->folder);
        if (make_certificate(side->folder, alt) != 0)
            return -1;
    }
    if (loop_start(&side->loop, &err) != 0)
        return -1;
    const struct server_opts server = {.address = "127.0.0.1:0",
                                       .tls_cert = alt ? cert : NULL,
                                       .tls_key = alt ? key : NULL,
                                       .loops = &side->loop,
                                       .loop_count = 1,
                                       .connections_max = 100,
                                       .body_max = 1 << 20,
                                       .memory_max = 1 << 20,
                                       .idle_ms = 60000,
                                       .streams = streams,
                                       .handle = handle,
                                       .arg = side};
    if (server_start(&side->server, &server, &err) != 0)
        return -1;
    server_address(side->server, address);
    snprintf(url, sizeof(url), "%s://%s", alt ? "https" : "http", address);
    const struct client_opts client = {.loop = side->loop,
                                       .server = url,
                                       .in_flight_max = 100,
                                       .ca_file = alt && believe ? cert : NULL};
    return client_open(&side->client, &client, &err);
}

static int set_up(void **state)
{
    return start(state, NULL, false);
}

static int set_up_tls(void **state)
{
    return start(state, "IP:127.0.0.1", true);
}

static int set_up_tls_for_another(void **state)
{
    return start(state, "DNS:app.example.test", true);
}

static int set_up_tls_of_nobody(void **state)
{
    return start(state, "IP:127.0.0.1", false);
}

static int tear_down(void **state)
{
    struct side *side = *state;
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", side->folder);
    assert_int_equal(system(command), 0);
    client_close(side->client);
    server_stop(side->server);
    loop_stop(side->loop);
    free(side);
    return 0;
}

/* --- tests --- */

static void test_whole(void **state)
{
    for (int i = 0; i < 3; i++) { /* over one connection */
        struct ask ask = {.request = {.method = i == 1 ? "PATCH" : "POST",
                                      .target = TEXT("//evil.test/%2e%2e/x?a=b%20c"),
                                      .headers = TEXT("X-Mine: one\r\nX-Mine: two\r\n"),
                                      .body = TEXT("hello")}};
        perform(*state, &ask);
        assert_false(ask.failed);
        assert_int_equal(ask.status, 207);
        assert_int_equal(ask.cookies, 2);
        if (i == 1)
            assert_text(buf_text(&ask.body),
                        "PATCH //evil.test/%2e%2e/x?a=b%20c [one][two] 127.0.0.1 hello");
        buf_release(&ask.body);
    }
}

static void test_head(void **state)
{
    struct ask ask = {.request = {.method = "HEAD", .target = TEXT("/x")}};
    perform(*state, &ask);
    assert_false(ask.failed);
    assert_int_equal(ask.status, 207);
    assert_int_equal(ask.body.len, 0);
    buf_release(&ask.body);
}

static void test_bad_targets(void **state)
{
    static const char *const targets[] = {"",     "x",          "http://evil.test/",
                                          "/a b", "/a\r\nX: y", "/\x7f"};
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        struct ask ask = {.request = {.method = "GET", .target = text_of(targets[i])}};
        perform(*state, &ask);
        assert_true(ask.failed);
        assert_int_equal(ask.err.code, ERR_INPUT);
        buf_release(&ask.body);
    }
}

static void upload(struct side *side, const char *target, uint64_t length, struct ask *ask)
{
    *ask = (struct ask){.request = {.method = "POST",
                                    .target = text_of(target),
                                    .upload_length = length,
                                    .on = {.upload = on_upload}}};
    perform(side, ask);
}

static void test_upload(void **state)
{
    struct side *side = *state;
    char expected[64];
    struct ask ask;
    snprintf(expected, sizeof(expected), "%zu %zu", STREAM_BYTES, STREAM_BYTES);
    for (int i = 0; i < 2; i++) {
        upload(side, "/up", i == 0 ? STREAM_BYTES : CLIENT_LENGTH_UNKNOWN, &ask);
        assert_false(ask.failed);
        assert_int_equal(ask.status, 200);
        assert_string_equal(buf_z(&ask.body), expected);
        buf_release(&ask.body);
    }
}

/* The answer is there before the body's end. */
static void test_early_answer(void **state)
{
    struct ask ask;
    upload(*state, "/early", STREAM_BYTES, &ask);
    assert_false(ask.failed);
    assert_int_equal(ask.status, 413);
    buf_release(&ask.body);
}

static void test_download(void **state)
{
    struct side *side = *state;
    struct ask ask = {
        .request = {.method = "GET", .target = TEXT("/down"), .on = {.piece = on_slow_piece}}};
    perform(side, &ask);
    assert_false(ask.failed);
    assert_int_equal(side->read, STREAM_BYTES);
    assert_int_equal(ask.matched, STREAM_BYTES);
    /* What the two sockets and the client hold, not the whole body. */
    assert_true(side->ahead_max < STREAM_BYTES);
    buf_release(&ask.body);
}

static void test_broken_answer(void **state)
{
    struct ask ask = {.request = {.method = "GET", .target = TEXT("/broken")}};
    perform(*state, &ask);
    assert_true(ask.failed);
    assert_int_equal(ask.err.code, ERR_NETWORK);
    buf_release(&ask.body);
}

static int connect_to(struct side *side)
{
    char address[SERVER_ADDRESS_MAX];
    struct text host;
    uint16_t port;
    server_address(side->server, address);
    assert_true(server_split_address(text_of(address), &host, &port));
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* Whoever connected goes away in the middle of a body. */
static void test_gone(void **state)
{
    static const char part[] = "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npart";
    struct side *side = *state;
    int fd = connect_to(side);
    assert_int_equal(write(fd, part, sizeof(part) - 1), sizeof(part) - 1);
    while (side->flow.taken < 4)
        usleep(1000);
    close(fd);
    while (side->gone == 0)
        usleep(1000);
    assert_int_equal(server_active(side->server), 0);
}

static void test_unix(void **state)
{
    struct side *side = *state;
    char address[64], told[SERVER_ADDRESS_MAX], answer[512];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct server *server;
    struct err err;
    snprintf(address, sizeof(address), "unix:/tmp/usher-test-%d.sock", (int)getpid());
    const struct server_opts opts = {.address = address,
                                     .loops = &side->loop,
                                     .loop_count = 1,
                                     .connections_max = 10,
                                     .body_max = 100,
                                     .memory_max = 10000,
                                     .handle = handle,
                                     .arg = side};
    assert_int_equal(server_start(&server, &opts, &err), 0);
    server_address(server, told);
    assert_string_equal(told, address);
    /* It is in use, so that nobody may take it over. */
    struct server *second;
    assert_int_equal(server_start(&second, &opts, &err), -1);
    assert_int_equal(err.code, ERR_NETWORK);
    strcpy(at.sun_path, address + 5);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    static const char get[] = "GET /a?b HTTP/1.0\r\n\r\n";
    assert_int_equal(write(fd, get, sizeof(get) - 1), sizeof(get) - 1);
    ssize_t got, len = 0;
    while ((got = read(fd, answer + len, sizeof(answer) - 1 - (size_t)len)) > 0)
        len += got;
    answer[len] = 0;
    close(fd);
    assert_non_null(strstr(answer, "\r\n\r\nGET /a?b   "));
    server_stop(server);
    assert_int_equal(access(address + 5, F_OK), -1);
}

static void note(struct loop_task *task)
{
    struct flow *flow = (struct flow *)((char *)task - offsetof(struct flow, again));
    flow->sum = flow->sum * 10 + flow->taken;
}

static void nothing(void *arg)
{
    (void)arg;
}

static void test_posts_in_order(void **state)
{
    struct side *side = *state;
    struct flow flows[3];
    for (size_t i = 0; i < 3; i++)
        flows[i] = (struct flow){.again = {.run = note}, .taken = i + 1};
    for (size_t i = 0; i < 3; i++)
        loop_post(side->loop, &flows[i].again);
    loop_call(side->loop, nothing, NULL);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(flows[i].sum, i + 1);
}

static void test_unreachable(void **state)
{
    struct side *side = *state;
    struct ask ask = {.request = {.method = "GET", .target = TEXT("/")}};
    server_quiesce(side->server);
    perform(side, &ask);
    assert_true(ask.failed);
    assert_int_equal(ask.err.code, ERR_NETWORK);
    buf_release(&ask.body);
}

static void test_doubtful_certificate(void **state)
{
    struct ask ask = {.request = {.method = "GET", .target = TEXT("/x")}};
    perform(*state, &ask);
    assert_true(ask.failed);
    assert_false(ask.sent);
    assert_int_equal(ask.err.code, ERR_NETWORK);
    if (!strstr(ask.err.message, "certificate") && !strstr(ask.err.message, "mismatch"))
        fail_msg("%s", ask.err.message);
    buf_release(&ask.body);
}

/* Plain, and with TLS. */
#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down),                                  \
    {                                                                                              \
#function " (TLS)", function, set_up_tls, tear_down, NULL                                  \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole),
        TEST(test_head),
        cmocka_unit_test_setup_teardown(test_bad_targets, set_up, tear_down),
        TEST(test_upload),
        TEST(test_early_answer),
        TEST(test_download),
        TEST(test_broken_answer),
        cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_posts_in_order, set_up, tear_down),
        TEST(test_unreachable),
        cmocka_unit_test_setup_teardown(test_doubtful_certificate, set_up_tls_for_another,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_doubtful_certificate, set_up_tls_of_nobody, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
