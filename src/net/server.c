/*
 * A connection's life, as libmicrohttpd tells it: notify STARTED → for each request: uri (the raw
 * target), access once for the headers, once for each piece of the body, once at its end → the
 * connection is suspended and opts.handle called → server_answer resumes it (at once, or from the timer)
 * → access again, which queues the response → completed → … → notify CLOSED.
 */
#include "net/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/timer.h"

/*
 * What one connection may take inside libmicrohttpd: the target and all headers must fit. It is cleared
 * for each request, so more than a hundred lookups in one target need would be a waste of time.
 */
#define CONNECTION_MEMORY ((size_t)24 * 1024)
/* A connection that grew larger gives its buffers back between requests. */
#define KEEP_ROOM ((size_t)64 * 1024)
/* How long a stopping server waits for its last answers to be sent. */
#define DRAIN_MS        2000
#define BODY_ROOM_FIRST ((size_t)2048)

enum stage { STAGE_NEW, STAGE_READING, STAGE_HANDLED, STAGE_ANSWERED };

struct connection {
    struct server_request request;
    struct server *server;
    struct MHD_Connection *mhd;
    enum stage stage;
    struct buf body;
    struct MHD_Response *response; /* NULL: drop */
    int status;
    struct text pieces_body;
    uint64_t piece_len;
    int64_t pause_us, piece_due_us;
};

struct server {
    struct MHD_Daemon *daemon;
    struct timer *timer;
    int listener;
    struct server_opts opts;
    char address[SERVER_ADDRESS_MAX];
    atomic_size_t active; /* requests between their last byte and the end of their answer */
    atomic_bool stopping;
};

static struct connection *connection_of(struct server_request *request)
{
    return (struct connection *)((char *)request - offsetof(struct connection, request));
}

/* Makes the connection's memory ready for its next request. */
static void connection_reset(struct connection *c)
{
    if (c->stage >= STAGE_HANDLED)
        atomic_fetch_sub(&c->server->active, 1);
    arena_reset(&c->request.arena);
    if (c->body.room > KEEP_ROOM)
        buf_release(&c->body);
    if (c->body.len > 0)
        secret_wipe(c->body.at, c->body.len);
    buf_reset(&c->body);
    if (c->request.out.room > KEEP_ROOM)
        buf_release(&c->request.out);
    buf_reset(&c->request.out);
    if (c->response)
        MHD_destroy_response(c->response);
    c->response = NULL;
    c->stage = STAGE_NEW;
    c->request.body_too_large = false;
    c->request.path = c->request.query = c->request.body = (struct text){NULL, 0};
}

static struct connection *connection_new(struct server *server, struct MHD_Connection *mhd)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->server = server;
    c->mhd = mhd;
    arena_init(&c->request.arena, server->opts.memory_max);
    buf_init(&c->request.out, server->opts.memory_max);
    buf_init(&c->body, server->opts.body_max + SERVER_BODY_PADDING);
    return c;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct connection *c = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connection_new(arg, mhd);
    } else if (c) {
        connection_reset(c);
        arena_release(&c->request.arena);
        buf_release(&c->request.out);
        buf_release(&c->body);
        free(c);
        *context = NULL;
    }
}

static void *on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
    (void)arg;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *c = info ? info->socket_context : NULL;
    if (!c)
        return NULL;
    struct text whole = arena_copy(&c->request.arena, text_of(target));
    size_t mark = text_find(whole, '?', 0);
    c->request.path = text_part(whole, 0, mark);
    if (mark < whole.len)
        c->request.query = text_part(whole, mark + 1, whole.len);
    return c;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)mhd;
    (void)code;
    if (*context)
        connection_reset(*context);
}

static void take_piece(struct connection *c, const char *at, size_t len)
{
    if (c->body.len + len > c->server->opts.body_max)
        c->request.body_too_large = true;
    if (c->request.body_too_large)
        return;
    if (c->body.room == 0)
        buf_room(&c->body, BODY_ROOM_FIRST);
    buf_add(&c->body, (struct text){at, len});
    if (!buf_ok(&c->body))
        c->request.body_too_large = true;
}

/* The request is whole: it goes to its handler, and the connection sleeps. */
static void hand_over(struct connection *c)
{
    struct server_request *request = &c->request;
    if (!request->body_too_large && c->body.len > 0) {
        char *behind = buf_room(&c->body, SERVER_BODY_PADDING);
        if (behind) {
            memset(behind, 0, SERVER_BODY_PADDING);
            request->body = buf_text(&c->body);
        } else {
            request->body_too_large = true;
        }
    }
    request->arrived_us = clock_now_us();
    c->stage = STAGE_HANDLED;
    atomic_fetch_add(&c->server->active, 1);
    MHD_suspend_connection(c->mhd);
    c->server->opts.handle(c->server->opts.arg, request);
}

static enum MHD_Result respond(struct connection *c)
{
    if (!c->response)
        return MHD_NO;
    return MHD_queue_response(c->mhd, (unsigned)c->status, c->response);
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **context)
{
    (void)arg;
    (void)mhd;
    (void)url;
    (void)version;
    struct connection *c = *context;
    if (!c || !c->request.path.at)
        return MHD_NO;
    switch (c->stage) {
    case STAGE_NEW:
        c->stage = STAGE_READING;
        c->request.method = method;
        return MHD_YES;
    case STAGE_READING:
        if (*data_len > 0) {
            take_piece(c, data, *data_len);
            *data_len = 0;
        } else {
            hand_over(c);
        }
        return MHD_YES;
    case STAGE_HANDLED:
        return MHD_YES;
    case STAGE_ANSWERED:
        return respond(c);
    }
    return MHD_NO;
}

static void wake(void *arg)
{
    struct connection *c = arg;
    MHD_resume_connection(c->mhd);
}

/* Gives the next piece of a slow body when it is due; sleeps until then. */
static ssize_t next_piece(void *arg, uint64_t at, char *to, size_t room)
{
    struct connection *c = arg;
    int64_t now = clock_now_us();
    if (now < c->piece_due_us && !atomic_load(&c->server->stopping)) {
        MHD_suspend_connection(c->mhd);
        if (!timer_put(c->server->timer, c->piece_due_us, wake, c))
            wake(c);
        return 0;
    }
    size_t len = c->piece_len < room ? (size_t)c->piece_len : room;
    struct text piece = text_part(c->pieces_body, at, len);
    if (piece.len > 0)
        memcpy(to, piece.at, piece.len);
    c->piece_due_us = now + c->pause_us;
    return (ssize_t)piece.len;
}

static struct MHD_Response *response_of(struct connection *c, const struct server_answer *answer)
{
    if (answer->pieces == 0 || answer->body.len == 0)
        return MHD_create_response_from_buffer(answer->body.len, (void *)(uintptr_t)answer->body.at,
                                               MHD_RESPMEM_PERSISTENT);
    c->pieces_body = answer->body;
    c->piece_len = (answer->body.len + answer->pieces - 1) / answer->pieces;
    c->pause_us = answer->pause_us;
    c->piece_due_us = clock_now_us() + answer->pause_us;
    return MHD_create_response_from_callback(answer->body.len, (size_t)c->piece_len, next_piece, c,
                                             NULL);
}

void server_answer(struct server_request *request, const struct server_answer *answer)
{
    struct connection *c = connection_of(request);
    c->status = answer->status;
    c->response = answer->drop ? NULL : response_of(c, answer);
    if (c->response && answer->content_type)
        MHD_add_response_header(c->response, "Content-Type", answer->content_type);
    for (size_t i = 0; c->response && i < answer->header_count; i++)
        MHD_add_response_header(c->response, answer->headers[i].name, answer->headers[i].value);
    c->stage = STAGE_ANSWERED;
    if (answer->not_before_us > clock_now_us() &&
        timer_put(c->server->timer, answer->not_before_us, wake, c))
        return;
    wake(c);
}

struct text server_header(const struct server_request *request, const char *name)
{
    const struct connection *c =
        (const struct connection *)((const char *)request - offsetof(struct connection, request));
    return text_of(MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name));
}

bool server_split_address(struct text address, struct text *host, uint16_t *port)
{
    uint64_t number;
    size_t colon = address.len;
    while (colon > 0 && address.at[colon - 1] != ':')
        colon--;
    if (colon == 0 || !text_u64(text_part(address, colon, address.len), 65535, &number))
        return false;
    *host = text_part(address, 0, colon - 1);
    if (host->len >= 2 && host->at[0] == '[' && host->at[host->len - 1] == ']')
        *host = text_part(*host, 1, host->len - 2);
    else if (text_find(*host, ':', 0) < host->len)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool socket_address(struct text host, uint16_t port, struct sockaddr_storage *to,
                           socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
    char z[INET6_ADDRSTRLEN];
    if (host.len == 0 || text_same_nocase(host, TEXT("localhost")))
        host = TEXT("127.0.0.1");
    if (host.len >= sizeof(z))
        return false;
    memcpy(z, host.at, host.len);
    z[host.len] = 0;
    memset(to, 0, sizeof(*to));
    if (inet_pton(AF_INET, z, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof(*v4);
        return true;
    }
    if (inet_pton(AF_INET6, z, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *len = sizeof(*v6);
    return true;
}

bool server_is_loopback(struct text host)
{
    struct sockaddr_storage address;
    socklen_t len;
    if (!socket_address(host, 0, &address, &len))
        return false;
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&address)->sin6_addr);
    return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == 127;
}

/* Notes where the socket listens, now that a free port is known. */
static void note_address(struct server *server)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    char host[INET6_ADDRSTRLEN] = "";
    getsockname(server->listener, (struct sockaddr *)&bound, &len);
    bool v6 = bound.ss_family == AF_INET6;
    const struct sockaddr_in *v4 = (struct sockaddr_in *)&bound;
    inet_ntop(bound.ss_family,
              v6 ? (const void *)&((struct sockaddr_in6 *)&bound)->sin6_addr : &v4->sin_addr, host,
              sizeof(host));
    snprintf(server->address, sizeof(server->address), "%s%s%s:%u", v6 ? "[" : "", host,
             v6 ? "]" : "", (unsigned)ntohs(v4->sin_port));
}

static int listen_at(struct server *server, struct err *err)
{
    struct text host;
    struct sockaddr_storage address;
    socklen_t len = 0;
    uint16_t port;
    int on = 1;
    if (!server_split_address(text_of(server->opts.address), &host, &port) ||
        !socket_address(host, port, &address, &len))
        return err_set(err, ERR_USAGE, "'%s' is no address to listen on (127.0.0.1:PORT)",
                       server->opts.address);
    server->listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0)
        return err_set(err, ERR_NETWORK, "no socket: %s", strerror(errno));
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server->listener, SOMAXCONN) != 0)
        return err_set(err, ERR_NETWORK, "cannot listen on %s: %s", server->opts.address,
                       strerror(errno));
    note_address(server);
    return 0;
}

/* libmicrohttpd would write its complaints about clients to standard error. */
static void hush(void *arg, const char *format, va_list args)
{
    (void)arg;
    (void)format;
    (void)args;
}

static int daemon_start(struct server *server, struct err *err)
{
    unsigned threads = server->opts.threads ? server->opts.threads : 1;
    unsigned pool = threads > 1 ? threads : 0;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, hush, NULL,
        MHD_OPTION_LISTEN_SOCKET, server->listener, MHD_OPTION_THREAD_POOL_SIZE, pool,
        MHD_OPTION_CONNECTION_LIMIT, server->opts.connections_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(server->opts.idle_ms / 1000), MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        server, MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_END);
    if (!server->daemon)
        return err_set(err, ERR_NETWORK, "the HTTP server does not start: %s", strerror(errno));
    return 0;
}

int server_start(struct server **out, const struct server_opts *opts, struct err *err)
{
    struct server *server = calloc(1, sizeof(*server));
    if (!server)
        return err_memory(err);
    server->opts = *opts;
    server->listener = -1;
    if (listen_at(server, err) != 0 ||
        timer_new(&server->timer, 2 * (size_t)opts->connections_max, err) != 0 ||
        daemon_start(server, err) != 0) {
        timer_free(server->timer);
        if (server->listener >= 0)
            close(server->listener);
        free(server);
        return -1;
    }
    *out = server;
    return 0;
}

void server_quiesce(struct server *server)
{
    if (server->listener >= 0 && MHD_quiesce_daemon(server->daemon) != MHD_INVALID_SOCKET) {
        close(server->listener);
        server->listener = -1;
    }
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    server_quiesce(server);
    atomic_store(&server->stopping, true);
    timer_stop(server->timer);
    for (int ms = 0; atomic_load(&server->active) > 0 && ms < DRAIN_MS; ms++)
        usleep(1000);
    MHD_stop_daemon(server->daemon);
    timer_free(server->timer);
    free(server);
}

void server_address(const struct server *server, char to[SERVER_ADDRESS_MAX])
{
    memcpy(to, server->address, SERVER_ADDRESS_MAX);
}
