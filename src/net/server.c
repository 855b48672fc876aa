/*
 * Daemons. With threads of its own a server has one a thread, or two where a crowd has daemons of its own; libmicrohttpd
 * runs the threads, and server_accept.c gives them connections. On loops it has one a loop, without a thread, all
 * accepting from the same socket: a daemon's epoll set is watched by its loop, which gives it a turn when something
 * stirs there, when a connection was resumed or when its earliest timeout is due.
 *
 * libmicrohttpd reads a certificate once. So a new one makes new daemons; those before them take no
 * further connections and go when their last one has gone.
 */
#include "net/server_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * What one connection has inside libmicrohttpd, as long as it is open. It is cleared for each request, so more than
 * needed would be a waste of time as well.
 */
#define HEADERS_DEFAULT ((size_t)24 * 1024)
#define PEM_MAX         ((size_t)256 * 1024)
/* How long a stopping server waits for its last answers to be sent. */
#define DRAIN_MS 2000

/* libmicrohttpd would write its complaints about clients to standard error. */
static void hush(void *arg, const char *format, va_list args)
{
    (void)arg;
    (void)format;
    (void)args;
}

/* Options beyond those of every daemon; ends with MHD_OPTION_END. */
static void further_options(const struct server *server, int listener, struct MHD_OptionItem to[4])
{
    size_t count = 0;
    if (listener >= 0)
        to[count++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, listener, NULL};
    if (server->cert) {
        to[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, server->cert};
        to[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, server->key};
    }
    to[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

/*
 * Where the acceptor counts connections the daemon must never come to its own limit: libmicrohttpd 0.9.75 then
 * keeps a lock for good.
 */
static struct MHD_Daemon *daemon_start(struct lane *lane, int listener)
{
    const struct server_opts *opts = &lane->server->opts;
    struct MHD_OptionItem more[4];
    unsigned flags =
        MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_ERROR_LOG |
        (lane->loop ? MHD_USE_EPOLL : MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET) |
        (lane->server->cert ? MHD_USE_TLS : 0);
    unsigned limit = (unsigned)lane->open_max * (lane->loop ? 1 : 2);
    further_options(lane->server, listener, more);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, server_on_access, lane, MHD_OPTION_EXTERNAL_LOGGER, hush, NULL,
        MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_MEMORY_LIMIT, lane->headers,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(opts->idle_ms / 1000),
        MHD_OPTION_NOTIFY_CONNECTION, server_on_connection, lane, MHD_OPTION_URI_LOG_CALLBACK,
        server_on_target, lane, MHD_OPTION_NOTIFY_COMPLETED, server_on_completed, lane,
        MHD_OPTION_ARRAY, more, MHD_OPTION_END);
}

/* Has the acceptor wake the daemon's thread now and then: server_accept.c tells why. 0 or -1. */
static int take_ticks(struct lane *lane)
{
    /* libmicrohttpd passes over events without a pointer, and each write is an edge. */
    struct epoll_event edge = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    int set = MHD_get_daemon_info(lane->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    lane->tick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return lane->tick < 0 ? -1 : epoll_ctl(set, EPOLL_CTL_ADD, lane->tick, &edge);
}

/* --- lanes: daemons, on loops or alone --- */

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct lane *lane = (struct lane *)((char *)watch - offsetof(struct lane, watch));
    (void)events;
    lane->stirred = true;
}

static int64_t turn(struct loop_source *source)
{
    struct lane *lane = (struct lane *)((char *)source - offsetof(struct lane, source));
    MHD_UNSIGNED_LONG_LONG wait_ms;
    int64_t now = clock_now_us();
    if (lane->stirred || source->due_us <= now) {
        lane->stirred = false;
        MHD_run(lane->daemon);
    }
    /* Behind the run, which may have taken the first connection. */
    int64_t sweep_us = server_sweep(lane, now, atomic_load(&lane->open) >= lane->open_max);
    if (lane->stirred)
        return 0;
    if (MHD_get_timeout(lane->daemon, &wait_ms) != MHD_YES)
        return sweep_us;
    int64_t due_us = wait_ms == 0 ? 0 : clock_now_us() + (int64_t)wait_ms * 1000;
    return sweep_us < due_us ? sweep_us : due_us;
}

static void join_loop(void *arg)
{
    struct lane *lane = arg;
    lane->watch.ready = on_ready;
    lane->watch.fd = MHD_get_daemon_info(lane->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    lane->source.turn = turn;
    loop_watch(lane->loop, &lane->watch, EPOLLIN);
    loop_join(lane->loop, &lane->source);
}

static void quiesce(void *arg)
{
    struct lane *lane = arg;
    MHD_socket listener = MHD_quiesce_daemon(lane->daemon);
    if (listener != MHD_INVALID_SOCKET)
        close(listener);
}

/* Whoever waits for this on a loop knows that what ran there has ended. */
static void pass_by(void *arg)
{
    (void)arg;
}

static void stop(void *arg)
{
    struct lane *lane = arg;
    if (lane->loop) {
        loop_leave(lane->loop, &lane->source);
        loop_unwatch(lane->loop, &lane->watch);
    }
    MHD_stop_daemon(lane->daemon);
    pthread_mutex_destroy(&lane->lock);
    if (lane->tick >= 0)
        close(lane->tick);
}

/* Does something where the lane lives. */
static void on_lane(struct lane *lane, void (*call)(void *arg))
{
    if (lane->loop)
        loop_call(lane->loop, call, lane);
    else
        call(lane);
}

static void lane_free(struct lane *lane)
{
    while (lane) {
        struct lane *older = lane->older;
        on_lane(lane, stop);
        free(lane);
        lane = older;
    }
}

/* How large the number-th lane's buffers are, and how many connections it has. */
static void share_out(struct lane *lane, size_t number)
{
    const struct server_opts *opts = &lane->server->opts;
    size_t threads = server_threads(lane->server);
    size_t crowd = opts->connections_max > opts->roomy ? opts->connections_max - opts->roomy : 0;
    lane->headers = opts->headers_max ? opts->headers_max : HEADERS_DEFAULT;
    if (lane->loop || !opts->roomy) {
        lane->open_max = opts->connections_max / lane->server->lane_count + 1;
        return;
    }
    bool roomy = number < threads;
    lane->open_max = ((roomy ? opts->roomy : crowd + 1) + threads - 1) / threads;
    if (!roomy)
        lane->headers = opts->headers_crowd;
}

static struct lane *lane_new(struct server *server, struct loop *loop, size_t number,
                             struct err *err)
{
    struct lane *lane = calloc(1, sizeof(*lane));
    int listener = lane && loop ? dup(server->listener) : -1;
    if (!lane || (loop && listener < 0)) {
        free(lane);
        err_memory(err);
        return NULL;
    }
    lane->server = server;
    lane->loop = loop;
    lane->tick = -1;
    lane->last = &lane->first;
    pthread_mutex_init(&lane->lock, NULL);
    share_out(lane, number);
    lane->daemon = daemon_start(lane, listener);
    if (!lane->daemon) {
        if (listener >= 0)
            close(listener);
        free(lane);
        err_set(err, server->cert ? ERR_IO : ERR_NETWORK, "the HTTP server does not start%s",
                server->cert ? ": the files hold no certificate and its key, both PEM" : "");
        return NULL;
    }
    if (loop) {
        on_lane(lane, join_loop);
    } else if (take_ticks(lane) != 0) {
        err_set(err, ERR_IO, "the HTTP server does not start: %s", strerror(errno));
        lane_free(lane);
        return NULL;
    }
    return lane;
}

/* --- certificates --- */

static char *read_pem(const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    struct buf text;
    buf_init(&text, PEM_MAX);
    char *room = file ? buf_room(&text, PEM_MAX - 1) : NULL;
    char *pem = NULL;
    if (room) {
        buf_grow(&text, fread(room, 1, PEM_MAX - 1, file));
        pem = ferror(file) ? NULL : strdup(buf_z(&text));
    }
    if (!pem)
        err_set(err, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
    if (file)
        fclose(file);
    buf_release(&text);
    return pem;
}

static void forget_tls(struct server *server)
{
    if (server->key)
        secret_wipe(server->key, strlen(server->key));
    free(server->key);
    free(server->cert);
    server->cert = server->key = NULL;
}

static int read_tls(struct server *server, const char *cert, const char *key, struct err *err)
{
    if (!cert || !key)
        return err_set(err, ERR_USAGE, "TLS needs both a certificate and its key");
    server->cert = read_pem(cert, err);
    server->key = server->cert ? read_pem(key, err) : NULL;
    return server->key ? 0 : -1;
}

/* Frees the daemons before the newest that have no connections left. */
static void sweep_older(struct lane *lane)
{
    struct lane **at = &lane->older;
    while (*at) {
        struct lane *old = *at;
        if (MHD_get_daemon_info(old->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections >
            0) {
            at = &old->older;
            continue;
        }
        *at = old->older;
        old->older = NULL;
        lane_free(old);
    }
}

int server_reload_tls(struct server *server, const char *cert, const char *key, struct err *err)
{
    if (!server->tls)
        return 0;
    int result = read_tls(server, cert, key, err);
    for (size_t i = 0; result == 0 && server->cert && i < server->lane_count; i++) {
        struct lane *lane = lane_new(server, server->lanes[i]->loop, i, err);
        if (!lane) {
            result = -1;
            break;
        }
        on_lane(server->lanes[i], quiesce);
        lane->older = server->lanes[i];
        server->lanes[i] = lane;
        sweep_older(lane);
    }
    forget_tls(server);
    return result;
}

/* --- the server --- */

static void server_free(struct server *server)
{
    server_accept_stop(server);
    for (size_t i = 0; server->lanes && i < server->lane_count; i++)
        lane_free(server->lanes[i]);
    timer_free(server->timer);
    server_unlisten(server);
    forget_tls(server);
    free(server->lanes);
    free(server);
}

static int start_lanes(struct server *server, struct err *err)
{
    for (size_t i = 0; i < server->lane_count; i++) {
        struct loop *loop = server->opts.loops ? server->opts.loops[i] : NULL;
        server->lanes[i] = lane_new(server, loop, i, err);
        if (!server->lanes[i])
            return -1;
    }
    forget_tls(server);
    return 0;
}

int server_start(struct server **out, const struct server_opts *opts, struct err *err)
{
    struct server *server = calloc(1, sizeof(*server));
    if (!server)
        return err_memory(err);
    server->opts = *opts;
    server->listener = -1;
    server->lane_count =
        opts->loops ? opts->loop_count : server_threads(server) * (opts->roomy ? 2 : 1);
    server->lanes = calloc(server->lane_count, sizeof(struct lane *));
    if (!server->lanes) {
        server_free(server);
        return err_memory(err);
    }
    server->tls = opts->tls_cert || opts->tls_key;
    if ((server->tls && read_tls(server, opts->tls_cert, opts->tls_key, err) != 0) ||
        server_listen(server, err) != 0 ||
        timer_new(&server->timer, 2 * (size_t)opts->connections_max, err) != 0 ||
        start_lanes(server, err) != 0 || (!opts->loops && server_accept_start(server, err) != 0)) {
        server_free(server);
        return -1;
    }
    *out = server;
    return 0;
}

size_t server_active(const struct server *server)
{
    return atomic_load(&server->active);
}

size_t server_neighbours(const struct server_request *request)
{
    return atomic_load(&server_connection(request)->lane->open);
}

void server_quiesce(struct server *server)
{
    if (server->listener < 0)
        return;
    atomic_store(&server->quiet, true);
    server_accept_stop(server);
    for (size_t i = 0; i < server->lane_count; i++)
        on_lane(server->lanes[i], quiesce);
    server_unlisten(server);
}

void server_shut(struct server *server)
{
    server_quiesce(server);
    atomic_store(&server->stopping, true);
    for (size_t i = 0; i < server->lane_count; i++)
        on_lane(server->lanes[i], pass_by);
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    int64_t drain_ms = server->opts.drain_ms ? server->opts.drain_ms : DRAIN_MS;
    server_shut(server);
    timer_stop(server->timer);
    for (int64_t ms = 0; server_active(server) > 0 && ms < drain_ms; ms++)
        usleep(1000);
    server_free(server);
}
