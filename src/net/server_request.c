/*
 * A connection's life, as libmicrohttpd tells it: notify STARTED → for each request: uri (the raw
 * target), access once for the headers, once for each piece of the body, once at its end → the
 * connection is suspended and opts.handle called → server_answer resumes it (at once, or from the timer)
 * → access again, which queues the response → completed → … → notify CLOSED.
 *
 * Of a streamed request handle is called at its headers; a sink that is full suspends the connection with
 * what it did not take left in libmicrohttpd's buffer. An answer that comes before the body's end waits
 * for that end, as libmicrohttpd takes none in between; the rest of the body is thrown away.
 */
#include "net/server_inside.h"

#include <stdlib.h>
#include <string.h>

#define BODY_ROOM_FIRST ((size_t)2048)

/* Tells those who stream that there is nothing more to stream. */
static void end_streams(struct connection *c)
{
    if (c->request.sink.gone)
        c->request.sink.gone(c->request.sink.arg);
    c->request.sink = (struct server_sink){NULL, NULL, NULL, NULL};
    if (c->source.ended)
        c->source.ended(c->source.arg);
    c->source = (struct server_source){0, NULL, NULL, NULL};
}

/* Gives back what the request took: a connection that waits for its next one holds nothing but itself. */
static void connection_reset(struct connection *c)
{
    end_streams(c);
    if (c->counted) {
        if (c->server->opts.ended)
            c->server->opts.ended(c->server->opts.arg, &c->request);
        atomic_fetch_sub(&c->server->active, 1);
    }
    c->request.tag = NULL;
    arena_release(&c->request.arena);
    buf_release(&c->body);
    buf_release(&c->request.out);
    if (c->response)
        MHD_destroy_response(c->response);
    c->response = NULL;
    c->stage = STAGE_NEW;
    c->counted = c->whole = c->asleep = c->request.streamed = c->request.body_too_large = false;
    c->request.path = c->request.query = c->request.body = (struct text){NULL, 0};
}

static struct connection *connection_new(struct lane *lane, struct MHD_Connection *mhd)
{
    struct connection *c = calloc(1, sizeof(*c));
    struct server *server = lane->server;
    if (!c)
        return NULL;
    c->lane = lane;
    c->server = server;
    c->request.loop = lane->loop;
    c->mhd = mhd;
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    arena_init(&c->request.arena, server->opts.memory_max);
    buf_init(&c->request.out, server->opts.memory_max);
    buf_init(&c->body, server->opts.body_max + SERVER_BODY_PADDING);
    server_sweep_join(c);
    return c;
}

void server_on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct connection *c = *context;
    struct lane *lane = arg;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED)
        atomic_fetch_sub(&lane->open, 1);
    else if (lane->loop)
        atomic_fetch_add(&lane->open, 1);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connection_new(lane, mhd);
    } else if (c) {
        server_sweep_leave(c);
        connection_reset(c);
        arena_release(&c->request.arena);
        buf_release(&c->request.out);
        buf_release(&c->body);
        free(c);
        *context = NULL;
    }
}

/*
 * libmicrohttpd goes on to take the query apart, 56 bytes a parameter, of which a hundred external ids do not fit into a
 * small buffer; 0.9.75 then leaves the client without any answer. Nobody asks it for parameters, so it finds none.
 */
static void hide_query(const char *target, size_t mark)
{
    char *query = (char *)(uintptr_t)target + mark + 1; /* in the connection's own buffer */
    *query = '\0';
}

void *server_on_target(void *arg, const char *target, struct MHD_Connection *mhd)
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
    if (mark < whole.len) {
        c->request.query = text_part(whole, mark + 1, whole.len);
        hide_query(target, mark);
    }
    return c;
}

void server_on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)mhd;
    (void)code;
    if (*context) {
        connection_reset(*context);
        server_sweep_again(*context);
    }
}

static void take_piece(struct connection *c, const char *at, size_t len)
{
    const struct server_opts *opts = &c->server->opts;
    size_t room = opts->room ? opts->room(opts->arg, &c->request) : opts->body_max;
    if (c->body.len + len > room)
        c->request.body_too_large = true;
    if (c->request.body_too_large)
        return;
    if (c->body.room == 0)
        buf_room(&c->body, BODY_ROOM_FIRST);
    buf_add(&c->body, (struct text){at, len});
    if (!buf_ok(&c->body))
        c->request.body_too_large = true;
}

static void count_active(struct connection *c)
{
    c->counted = true;
    atomic_fetch_add(&c->server->active, 1);
}

static enum MHD_Result respond(struct connection *c)
{
    if (!c->response)
        return MHD_NO;
    server_waits(c, WAITS_READER);
    return MHD_queue_response(c->mhd, (unsigned)c->status, c->response);
}

/*
 * The request is whole: it goes to its handler. Unless that answers at once the connection sleeps; the answer may
 * come, on another thread, at any moment of this.
 */
static enum MHD_Result hand_over(struct connection *c)
{
    enum stage handed = STAGE_HANDED;
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
    server_waits(c, WAITS_NOT);
    c->stage = STAGE_HANDED;
    count_active(c);
    c->server->opts.handle(c->server->opts.arg, request);
    if (c->stage == STAGE_ANSWERED)
        return respond(c);
    MHD_suspend_connection(c->mhd);
    if (!atomic_compare_exchange_strong(&c->stage, &handed, STAGE_HANDLED))
        MHD_resume_connection(c->mhd);
    return MHD_YES;
}

/* Gives a piece to the sink, or throws it away when the answer is already there. */
static size_t sink_piece(struct connection *c, const char *at, size_t len)
{
    if (!c->request.sink.take)
        return len;
    size_t taken = c->request.sink.take(c->request.sink.arg, (struct text){at, len});
    if (taken < len)
        server_sleep(c);
    return taken;
}

/* The last byte of a streamed request has come; its answer may have been there before. */
static enum MHD_Result sink_end(struct connection *c)
{
    struct server_sink sink = c->request.sink;
    c->request.sink = (struct server_sink){NULL, NULL, NULL, NULL};
    c->request.arrived_us = clock_now_us();
    if (c->stage == STAGE_ANSWERED)
        return respond(c);
    c->stage = STAGE_HANDLED;
    server_waits(c, WAITS_NOT);
    MHD_suspend_connection(c->mhd);
    if (sink.end)
        sink.end(sink.arg);
    return MHD_YES;
}

static void begin(struct connection *c, const char *method)
{
    const struct server_opts *opts = &c->server->opts;
    c->stage = STAGE_READING;
    server_waits(c, WAITS_BODY);
    c->request.method = method;
    c->request.streamed = opts->streams && c->lane->loop && opts->streams(opts->arg, &c->request);
    if (c->request.streamed) {
        count_active(c);
        opts->handle(opts->arg, &c->request);
    }
}

static enum MHD_Result read_on(struct connection *c, const char *data, size_t *len)
{
    if (*len == 0) {
        c->whole = true;
        if (c->request.streamed)
            return sink_end(c);
        return hand_over(c);
    }
    if (c->request.streamed) {
        *len -= sink_piece(c, data, *len);
    } else {
        take_piece(c, data, *len);
        *len = 0;
    }
    return MHD_YES;
}

/* A request that nobody has been told of, at a server that stops. */
static bool comes_too_late(const struct connection *c)
{
    bool told = c->stage > STAGE_READING || c->request.streamed;
    return !told && atomic_load(&c->server->stopping);
}

enum MHD_Result server_on_access(void *arg, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **context)
{
    (void)arg;
    (void)mhd;
    (void)url;
    (void)version;
    struct connection *c = *context;
    if (!c || !c->request.path.at || comes_too_late(c))
        return MHD_NO;
    if (c->stage == STAGE_NEW) {
        begin(c, method);
        return MHD_YES;
    }
    if (!c->whole)
        return read_on(c, data, data_len);
    return c->stage == STAGE_ANSWERED ? respond(c) : MHD_YES;
}

struct each {
    bool (*each)(void *arg, struct text name, struct text value);
    void *arg;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    const struct each *each = arg;
    (void)kind;
    return each->each(each->arg, text_of(name), text_of(value ? value : "")) ? MHD_YES : MHD_NO;
}

void server_each_header(const struct server_request *request,
                        bool (*each)(void *arg, struct text name, struct text value), void *arg)
{
    const struct connection *c = server_connection(request);
    MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, on_header, &(struct each){each, arg});
}

struct text server_header(const struct server_request *request, const char *name)
{
    const struct connection *c = server_connection(request);
    return text_of(MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name));
}
