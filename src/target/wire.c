/*
 * The carrier of plain HTTP/1.1 to a server on this machine, as the sandbox is one. There a request is
 * worth 6 us of CPU to the kernel, and libcurl adds 20 (bench-target): it takes the URL apart, looks for a
 * connection, prints the headers byte by byte and polls the socket twice, for every request.
 *
 *   idle      sockets that the server may close at any time; the last one used is taken first
 *   oldest    requests in flight, by the time when they were sent, which is that of their time-outs
 *   ended     requests whose answer has come, or never will, until deliver
 *
 * Each connection carries one request at a time and stays in the epoll set; it is watched for room to
 * write only while it has more to write. When the server closes an idle connection just as a request goes
 * out on it, a GET is sent once more on a new one; anything else is TARGET_UNKNOWN and never sent again.
 */
#include "target/call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/wire_answer.h"

#define READ_ROOM      ((size_t)8 << 10)
#define REQUEST_MAX    ((size_t)17 << 20)
#define ADDRESSES_MAX  2
#define CONNECT_ADVICE "; check CLERK_API_URL, and that the host can be reached from here"

struct wire_connection {
    int fd; /* -1: none */
    bool busy, connecting, writing;
    bool reused;    /* it has carried another request before this one */
    size_t address; /* that it is connected to, of wire.addresses */
    struct target_request request;
    struct target_answer result; /* of a request that has ended */
    struct buf out, in;
    size_t written; /* of out */
    struct wire_answer answer;
    int64_t give_up_at;
    struct wire_connection *next; /* in idle, unused or ended */
    struct wire_connection *older, *newer;
};

struct wire {
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    size_t address_count;
    char authority[80]; /* of the Host header */
    struct text prefix; /* of each path, in target.base */
    struct wire_connection *all;
    size_t count;
    struct wire_connection *idle, *unused, *ended;
    struct wire_connection *oldest, *newest;
};

/* --- lists --- */

static void push(struct wire_connection **list, struct wire_connection *c)
{
    c->next = *list;
    *list = c;
}

static struct wire_connection *pop(struct wire_connection **list)
{
    struct wire_connection *c = *list;
    if (c)
        *list = c->next;
    return c;
}

static void take_off(struct wire *wire, struct wire_connection *c)
{
    *(c->older ? &c->older->newer : &wire->oldest) = c->newer;
    *(c->newer ? &c->newer->older : &wire->newest) = c->older;
}

static void append(struct wire *wire, struct wire_connection *c)
{
    c->older = wire->newest;
    c->newer = NULL;
    *(wire->newest ? &wire->newest->newer : &wire->oldest) = c;
    wire->newest = c;
}

/* --- connecting --- */

static void hang_up(struct wire_connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->connecting = c->writing = false;
}

static int watch(struct target *target, struct wire_connection *c, int how)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (c->writing)
        event.events |= EPOLLOUT;
    return epoll_ctl(target->epoll_fd, how, c->fd, &event);
}

static int connect_to(struct target *target, struct wire_connection *c,
                      const struct sockaddr_storage *to)
{
    int on = 1;
    socklen_t len =
        to->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    c->fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return -1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->connecting = connect(c->fd, (const struct sockaddr *)to, len) != 0;
    if (c->connecting && errno != EINPROGRESS)
        return -1;
    c->writing = c->connecting;
    return watch(target, c, EPOLL_CTL_ADD);
}

/* Connects to the address that it is at, or the next one that answers; -1 with errno when none does. */
static int connect_next(struct target *target, struct wire_connection *c)
{
    struct wire *wire = target->carrier;
    for (; c->address < wire->address_count; c->address++) {
        if (connect_to(target, c, &wire->addresses[c->address]) == 0)
            return 0;
        int why = errno;
        hang_up(c);
        errno = why;
    }
    return -1;
}

/* Whether the server has not closed an idle connection: neither its end nor bytes have come. */
static bool is_alive(const struct wire_connection *c)
{
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* A connection for a request: an open one if there is any, else one that is not connected yet. */
static struct wire_connection *take(struct wire *wire)
{
    struct wire_connection *c;
    while ((c = pop(&wire->idle))) {
        if (is_alive(c))
            return c;
        hang_up(c);
        push(&wire->unused, c);
    }
    return pop(&wire->unused);
}

/* --- a request's way --- */

static void end(struct target *target, struct wire_connection *c, struct target_answer result)
{
    struct wire *wire = target->carrier;
    if (result.result != TARGET_ANSWERED || !c->answer.keep)
        hang_up(c);
    c->result = result;
    take_off(wire, c);
    push(&wire->ended, c);
    c->busy = false;
}

static void fail(struct target *target, struct wire_connection *c, const char *why)
{
    bool sent = c->written > 0;
    end(target, c, target_no_answer(target, sent, why, sent ? "" : CONNECT_ADVICE));
}

static void write_on(struct target *target, struct wire_connection *c);

/* On a new connection, from its first byte. */
static void start(struct target *target, struct wire_connection *c)
{
    c->address = 0;
    c->written = 0;
    if (connect_next(target, c) != 0)
        fail(target, c, strerror(errno));
    else if (!c->connecting)
        write_on(target, c);
}

/* The connection ended, with an error or in good order. */
static void lost(struct target *target, struct wire_connection *c, const char *why)
{
    if (!c->reused || c->in.len > 0 || strcmp(c->request.method, "GET") != 0) {
        fail(target, c, why);
        return;
    }
    hang_up(c);
    c->reused = false;
    start(target, c);
}

/* Looks at all that has come. */
static void judge(struct target *target, struct wire_connection *c, bool at_end)
{
    int got = buf_ok(&c->in) ? wire_answer_read(&c->answer, &c->in, at_end) : -1;
    if (got > 0) {
        struct target_answer result = {.result = TARGET_ANSWERED,
                                       .status = c->answer.status,
                                       .body = wire_answer_body(&c->answer, &c->in),
                                       .retry_after_us = -1};
        if (c->answer.retry_after[0])
            result.retry_after_us = target_retry_after_us(c->answer.retry_after, clock_wall_ms());
        if (c->written < c->out.len)
            c->answer.keep = false; /* an answer before the request was whole */
        end(target, c, result);
    } else if (c->answer.too_long || !buf_ok(&c->in)) {
        end(target, c, target_too_long(target));
    } else if (got < 0) {
        fail(target, c, "the answer is no HTTP");
    } else if (at_end) {
        lost(target, c,
             c->in.len ? "the connection ended in the middle of the answer"
                       : "the connection ended without an answer");
    }
}

static void read_on(struct target *target, struct wire_connection *c)
{
    char *to = buf_room(&c->in, READ_ROOM);
    ssize_t got = to ? recv(c->fd, to, READ_ROOM, 0) : 0;
    if (got < 0 && errno == EAGAIN)
        return;
    if (got < 0) {
        lost(target, c, strerror(errno));
        return;
    }
    if (got > 0)
        buf_grow(&c->in, (size_t)got);
    judge(target, c, got == 0);
}

static void write_on(struct target *target, struct wire_connection *c)
{
    while (c->written < c->out.len) {
        ssize_t done = send(c->fd, c->out.at + c->written, c->out.len - c->written, MSG_NOSIGNAL);
        if (done < 0 && errno == EAGAIN)
            break;
        if (done < 0 && c->written == 0) {
            lost(target, c, strerror(errno));
            return;
        }
        if (done < 0) { /* the server may have answered before it hung up */
            read_on(target, c);
            return;
        }
        c->written += (size_t)done;
    }
    bool more = c->written < c->out.len;
    if (more != c->writing) {
        c->writing = more;
        watch(target, c, EPOLL_CTL_MOD);
    }
}

static void connected(struct target *target, struct wire_connection *c)
{
    int why = 0;
    socklen_t len = sizeof(why);
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &why, &len);
    c->connecting = false;
    if (why == 0) {
        write_on(target, c);
        return;
    }
    hang_up(c);
    c->address++;
    if (connect_next(target, c) != 0)
        fail(target, c, strerror(why));
    else if (!c->connecting)
        write_on(target, c);
}

static void put_request(struct target *target, struct wire_connection *c)
{
    const struct wire *wire = target->carrier;
    const struct target_request *request = &c->request;
    bool has_body = request->body.at != NULL;
    buf_reset(&c->out);
    buf_add(&c->out, text_of(request->method));
    buf_byte(&c->out, ' ');
    buf_add(&c->out, wire->prefix);
    buf_add(&c->out, request->path);
    buf_add(&c->out, TEXT(" HTTP/1.1\r\nHost: "));
    buf_add(&c->out, text_of(wire->authority));
    buf_add(&c->out, TEXT("\r\n"));
    buf_add(&c->out, buf_text(&target->headers));
    if (has_body)
        buf_add(&c->out, TEXT("Content-Type: application/json\r\n"));
    if (has_body || strcmp(request->method, "POST") == 0)
        buf_printf(&c->out, "Content-Length: %zu\r\n", request->body.len);
    buf_add(&c->out, TEXT("\r\n"));
    buf_add(&c->out, request->body);
}

/* --- what target.c calls --- */

static int wire_send(struct target *target, const struct target_request *request, struct err *err)
{
    struct wire *wire = target->carrier;
    struct wire_connection *c = take(wire);
    if (!c)
        return err_memory(err);
    c->request = *request;
    put_request(target, c);
    if (!buf_ok(&c->out)) {
        push(c->fd >= 0 ? &wire->idle : &wire->unused, c);
        return err_memory(err);
    }
    buf_reset(&c->in);
    c->written = 0;
    c->busy = true;
    c->give_up_at = clock_now_us() + target->timeout_ms * 1000;
    wire_answer_init(&c->answer, target->answer_max);
    append(wire, c);
    c->reused = c->fd >= 0;
    if (c->reused)
        write_on(target, c);
    else
        start(target, c);
    return 0;
}

/* An idle connection stirs: the server hangs up. take notices, or the next one who looks. */
static void wire_ready(struct target *target, const struct epoll_event *event)
{
    struct wire_connection *c = event->data.ptr;
    if (c->fd < 0)
        return;
    if (!c->busy) {
        epoll_ctl(target->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
        shutdown(c->fd, SHUT_RDWR); /* so that take finds it dead */
        return;
    }
    if (c->connecting) {
        connected(target, c);
        return;
    }
    if (event->events & EPOLLOUT)
        write_on(target, c);
    if (c->busy && c->fd >= 0 && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_on(target, c);
}

static int64_t wire_due(struct target *target)
{
    const struct wire *wire = target->carrier;
    if (wire->ended)
        return 0;
    return wire->oldest ? wire->oldest->give_up_at : INT64_MAX;
}

static void wire_tick(struct target *target, int64_t now)
{
    struct wire *wire = target->carrier;
    char why[64];
    snprintf(why, sizeof(why), "no answer within %lld ms", (long long)target->timeout_ms);
    while (wire->oldest && wire->oldest->give_up_at <= now)
        fail(target, wire->oldest, why);
}

static size_t wire_deliver(struct target *target)
{
    struct wire *wire = target->carrier;
    struct wire_connection *ended = wire->ended, *c;
    size_t count = 0;
    wire->ended = NULL; /* done may send, which may fail at once */
    for (; (c = pop(&ended)); count++) {
        target_done(target, &c->request, &c->result);
        if (c->in.room > TARGET_BUFFER_KEPT)
            buf_release(&c->in);
        if (c->out.room > TARGET_BUFFER_KEPT)
            buf_release(&c->out);
        push(c->fd >= 0 ? &wire->idle : &wire->unused, c);
    }
    return count;
}

/* --- opening and closing --- */

static void add_v4(struct wire *wire, struct in_addr host, uint16_t port)
{
    struct sockaddr_in *to = (struct sockaddr_in *)&wire->addresses[wire->address_count++];
    to->sin_family = AF_INET;
    to->sin_port = htons(port);
    to->sin_addr = host;
}

static void add_v6(struct wire *wire, uint16_t port)
{
    struct sockaddr_in6 *to = (struct sockaddr_in6 *)&wire->addresses[wire->address_count++];
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(port);
    to->sin6_addr = in6addr_loopback;
}

/* Plain http is for this machine only (target_check_url), so no name needs to be resolved. */
static int find_addresses(struct target *target, struct err *err)
{
    struct wire *wire = target->carrier;
    struct in_addr v4;
    struct text rest = text_of(target->base + strlen("http://"));
    struct text authority = text_part(rest, 0, text_find(rest, '/', 0));
    struct text digits = text_part(authority, strlen(target->host) + 1, authority.len);
    uint64_t port = 80;
    wire->prefix = text_part(rest, authority.len, rest.len);
    if (digits.len > 0 && (!text_u64(digits, UINT16_MAX, &port) || port == 0))
        return err_set(err, ERR_USAGE, "CLERK_API_URL: %.*s is no port", TEXT_ARG(digits));
    snprintf(wire->authority, sizeof(wire->authority), "%.*s", TEXT_ARG(authority));
    if (inet_pton(AF_INET, target->host, &v4) == 1) {
        add_v4(wire, v4, (uint16_t)port);
        return 0;
    }
    if (target->host[0] != '[')
        add_v4(wire, (struct in_addr){htonl(INADDR_LOOPBACK)}, (uint16_t)port);
    add_v6(wire, (uint16_t)port);
    return 0;
}

static int wire_open(struct target *target, struct err *err)
{
    struct wire *wire = target->carrier = calloc(1, sizeof(*wire));
    if (!wire)
        return err_memory(err);
    /* One more than may be in flight: done may send while its own connection is not free yet. */
    wire->count = (size_t)target->in_flight_max + 1;
    wire->all = calloc(wire->count, sizeof(*wire->all));
    if (!wire->all)
        return err_memory(err);
    for (size_t i = wire->count; i-- > 0;) {
        struct wire_connection *c = &wire->all[i];
        c->fd = -1;
        buf_init(&c->out, REQUEST_MAX);
        buf_init(&c->in, target->answer_max + WIRE_HEAD_MAX + READ_ROOM);
        push(&wire->unused, c);
    }
    return find_addresses(target, err);
}

static void wire_close(struct target *target)
{
    struct wire *wire = target->carrier;
    if (!wire)
        return;
    for (size_t i = 0; wire->all && i < wire->count; i++) {
        hang_up(&wire->all[i]);
        buf_release(&wire->all[i].out);
        buf_release(&wire->all[i].in);
    }
    free(wire->all);
    free(wire);
}

const struct carrier_ops carrier_wire = {
    .open = wire_open,
    .close = wire_close,
    .send = wire_send,
    .ready = wire_ready,
    .due = wire_due,
    .tick = wire_tick,
    .deliver = wire_deliver,
};
