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
#include <sys/socket.h>

/* A connection that grew larger gives its buffers back between requests. */
#define KEEP_ROOM       ((size_t)64 * 1024)
#define BODY_ROOM_FIRST ((size_t)2048)
/* How much of a streamed answer is asked for at a time. */
#define SOURCE_BLOCK ((size_t)16 * 1024)

static struct connection *connection_of(struct server_request *request)
{
    return (struct connection *)((char *)request - offsetof(struct connection, request));
}

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

/* Makes the connection's memory ready for its next request. */
static void connection_reset(struct connection *c)
{
    end_streams(c);
    if (c->counted) {
        if (c->server->opts.ended)
            c->server->opts.ended(c->server->opts.arg, &c->request);
        atomic_fetch_sub(&c->server->active, 1);
    }
    c->request.tag = NULL;
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
    arena_init(&c->request.arena, server->opts.memory_max);
    buf_init(&c->request.out, server->opts.memory_max);
    buf_init(&c->body, server->opts.body_max + SERVER_BODY_PADDING);
    return c;
}

void server_on_connection(void *arg, struct MHD_Connection *mhd, void **context,
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
    if (mark < whole.len)
        c->request.query = text_part(whole, mark + 1, whole.len);
    return c;
}

void server_on_completed(void *arg, struct MHD_Connection *mhd, void **context,
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

static void count_active(struct connection *c)
{
    c->counted = true;
    atomic_fetch_add(&c->server->active, 1);
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
    count_active(c);
    MHD_suspend_connection(c->mhd);
    c->server->opts.handle(c->server->opts.arg, request);
}

static enum MHD_Result respond(struct connection *c)
{
    if (!c->response)
        return MHD_NO;
    return MHD_queue_response(c->mhd, (unsigned)c->status, c->response);
}

static void sleep_now(struct connection *c)
{
    c->asleep = true;
    MHD_suspend_connection(c->mhd);
}

/* Gives a piece to the sink, or throws it away when the answer is already there. */
static size_t sink_piece(struct connection *c, const char *at, size_t len)
{
    if (!c->request.sink.take)
        return len;
    size_t taken = c->request.sink.take(c->request.sink.arg, (struct text){at, len});
    if (taken < len)
        sleep_now(c);
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
    MHD_suspend_connection(c->mhd);
    if (sink.end)
        sink.end(sink.arg);
    return MHD_YES;
}

static void begin(struct connection *c, const char *method)
{
    const struct server_opts *opts = &c->server->opts;
    c->stage = STAGE_READING;
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
        hand_over(c);
    } else if (c->request.streamed) {
        *len -= sink_piece(c, data, *len);
    } else {
        take_piece(c, data, *len);
        *len = 0;
    }
    return MHD_YES;
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
    if (!c || !c->request.path.at)
        return MHD_NO;
    if (c->stage == STAGE_NEW) {
        begin(c, method);
        return MHD_YES;
    }
    if (!c->whole)
        return read_on(c, data, data_len);
    return c->stage == STAGE_ANSWERED ? respond(c) : MHD_YES;
}

/* Resumes a connection: on its loop, or from any thread. */
static void wake(struct connection *c)
{
    c->asleep = false;
    if (c->lane->loop) {
        c->lane->stirred = true;
        c->lane->source.due_us = 0;
    }
    MHD_resume_connection(c->mhd);
}

static void run_wake_task(struct loop_task *task)
{
    wake((struct connection *)((char *)task - offsetof(struct connection, wake_task)));
}

/* The same on the timer's thread. */
static void wake_in_time(void *arg)
{
    struct connection *c = arg;
    c->wake_task.run = run_wake_task;
    if (c->lane->loop)
        loop_post(c->lane->loop, &c->wake_task);
    else
        MHD_resume_connection(c->mhd);
}

void server_take_more(struct server_request *request)
{
    struct connection *c = connection_of(request);
    if (c->asleep && !c->whole)
        wake(c);
}

void server_give_more(struct server_request *request)
{
    struct connection *c = connection_of(request);
    if (c->asleep && c->stage == STAGE_ANSWERED)
        wake(c);
}

/* libmicrohttpd forgets a connection whose answer broke off until something stirs on its socket. */
static ssize_t break_off(struct connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        shutdown(info->connect_fd, SHUT_RDWR);
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t next_of_source(void *arg, uint64_t at, char *to, size_t room)
{
    struct connection *c = arg;
    (void)at;
    ssize_t count = c->source.next(c->source.arg, to, room);
    if (count == SERVER_BODY_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (count == SERVER_BODY_BROKEN)
        return break_off(c);
    if (count == 0)
        sleep_now(c);
    return count;
}

/* Gives the next piece of a slow body when it is due; sleeps until then. */
static ssize_t next_piece(void *arg, uint64_t at, char *to, size_t room)
{
    struct connection *c = arg;
    int64_t now = clock_now_us();
    if (now < c->piece_due_us && !atomic_load(&c->server->stopping)) {
        MHD_suspend_connection(c->mhd);
        if (!timer_put(c->server->timer, c->piece_due_us, wake_in_time, c))
            wake_in_time(c);
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
    if (answer->source) {
        c->source = *answer->source;
        return MHD_create_response_from_callback(c->source.length, SOURCE_BLOCK, next_of_source, c,
                                                 NULL);
    }
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

static void add_headers(struct MHD_Response *response, const struct server_header *headers,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        MHD_add_response_header(response, headers[i].name, headers[i].value);
}

void server_answer(struct server_request *request, const struct server_answer *answer)
{
    struct connection *c = connection_of(request);
    c->status = answer->status;
    c->response = answer->drop ? NULL : response_of(c, answer);
    if (c->response && answer->content_type)
        MHD_add_response_header(c->response, "Content-Type", answer->content_type);
    if (c->response) {
        add_headers(c->response, answer->headers, answer->header_count);
        add_headers(c->response, answer->more, answer->more_count);
    }
    c->stage = STAGE_ANSWERED;
    request->sink = (struct server_sink){NULL, NULL, NULL, NULL};
    if (answer->not_before_us > clock_now_us() && c->whole &&
        timer_put(c->server->timer, answer->not_before_us, wake_in_time, c))
        return;
    if (c->whole || c->asleep)
        wake(c);
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
    const struct connection *c =
        (const struct connection *)((const char *)request - offsetof(struct connection, request));
    MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, on_header, &(struct each){each, arg});
}

struct text server_header(const struct server_request *request, const char *name)
{
    const struct connection *c =
        (const struct connection *)((const char *)request - offsetof(struct connection, request));
    return text_of(MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name));
}
