/*
 * A passage is one exchange with the upstream in a request's name. It lives in the request's arena.
 *
 * Streamed answers: what comes of the body is put into request->out. When the answer ends within what one
 * reading of the socket brought, as nearly all of the API's do, it is given whole; else it is begun at the
 * first lull and goes on as the browser takes it. The window full, the upstream is not read.
 *
 * Streamed requests: the sink puts what comes into a window from which the client takes; the window full, the
 * server stops reading the browser.
 */
#include "trickle/proxy_inside.h"

#include <string.h>

/* A collected answer must come within this time, as a person waits for it. */
#define ASK_TIMEOUT_MS 15000

struct passage {
    struct proxy *proxy;
    struct server_request *request;
    struct client_call *call; /* NULL when it has ended */
    struct proxy_ask ask;     /* done NULL: streamed */
    struct proxy_headers headers;
    int status;
    size_t sent;  /* of request->out, to the browser */
    bool held;    /* the upstream waits for room in the window */
    bool begun;   /* the browser's answer has begun */
    bool over;    /* the upstream's answer is whole */
    bool broken;  /* or broke off */
    bool too_big; /* a collected answer, or its headers */
    struct proxy_answer answer;
    struct err err;
    /* Of a streamed request's body: bytes that the upstream has not taken yet. */
    char *up;
    size_t up_len, up_at;
    bool up_ended, up_hungry;
};

static void tell_failed(const struct proxy *proxy, const struct err *err)
{
    events_count(proxy->events, EVENTS_upstream_failed);
    events_tell(proxy->events, "upstream_failed",
                &(struct events_value){"reason", text_of(err->message), 0}, 1);
}

/* --- the answer, on its way to the browser --- */

static bool window_is_full(const struct passage *p, size_t more)
{
    return p->request->out.len - p->sent + more > PROXY_WINDOW;
}

/* The browser's answer begins, and ends at once unless there is a source. */
static void give(struct passage *p, const struct server_source *source)
{
    proxy_drop_named(&p->headers);
    p->begun = true;
    server_answer(p->request, &(struct server_answer){.status = p->status,
                                                      .body = buf_text(&p->request->out),
                                                      .source = source,
                                                      .more = p->headers.at,
                                                      .more_count = p->headers.count});
}

static ssize_t next_piece(void *arg, char *to, size_t room)
{
    struct passage *p = arg;
    struct text left = text_part(buf_text(&p->request->out), p->sent, room);
    if (left.len == 0)
        return p->broken ? SERVER_BODY_BROKEN : p->over ? SERVER_BODY_END : 0;
    memcpy(to, left.at, left.len);
    p->sent += left.len;
    if (p->sent == p->request->out.len) {
        buf_reset(&p->request->out);
        p->sent = 0;
    }
    if (p->held && p->call) {
        p->held = false;
        client_resume(p->call);
    }
    return (ssize_t)left.len;
}

/* The browser has it all, or is gone. */
static void ended(void *arg)
{
    struct passage *p = arg;
    if (p->call)
        client_cancel(p->call);
}

static void give_streamed(struct passage *p)
{
    give(p, &(struct server_source){p->headers.length, next_piece, ended, p});
}

/*
 * The answer does not end at once: it is begun; but behind the request's end, as the server throws away
 * what comes of a request that is being answered.
 */
static void on_lull(void *arg)
{
    struct passage *p = arg;
    if (!p->ask.done && !p->begun && !p->too_big && (!p->up || p->up_ended))
        give_streamed(p);
}

/* --- what the client tells --- */

static void on_header(void *arg, struct text name, struct text value)
{
    struct passage *p = arg;
    if (!proxy_take_down(p->proxy, name, value, &p->request->arena, &p->headers))
        p->too_big = true;
}

static void on_begin(void *arg, int status)
{
    struct passage *p = arg;
    p->status = status;
}

static bool on_collect(struct passage *p, struct text piece)
{
    if (p->request->out.len + piece.len > PROXY_ANSWER_MAX)
        p->too_big = true;
    if (!p->too_big)
        buf_add(&p->request->out, piece);
    return true;
}

static bool on_piece(void *arg, struct text piece)
{
    struct passage *p = arg;
    struct buf *out = &p->request->out;
    if (p->ask.done)
        return on_collect(p, piece);
    if (window_is_full(p, piece.len)) {
        p->held = true;
        on_lull(p);
        return false;
    }
    if (p->sent > 0 && out->len + piece.len > PROXY_WINDOW) {
        memmove(out->at, out->at + p->sent, out->len - p->sent);
        out->len -= p->sent;
        p->sent = 0;
    }
    buf_add(out, piece);
    if (p->begun)
        server_give_more(p->request);
    return true;
}

/* A copy with JSON_PADDING bytes behind it, so that request->out is free; absent when memory is out. */
static struct text keep_body(struct server_request *request)
{
    struct text body = buf_text(&request->out);
    char *copy = arena_zalloc(&request->arena, 1, body.len + JSON_PADDING);
    if (copy && body.len > 0)
        memcpy(copy, body.at, body.len);
    return (struct text){copy, body.len};
}

static void give_collected(struct passage *p, const struct err *err)
{
    struct text body = err || p->too_big ? (struct text){NULL, 0} : keep_body(p->request);
    p->answer = (struct proxy_answer){.err = err};
    if (body.at) {
        proxy_drop_named(&p->headers);
        p->answer.status = p->status;
        p->answer.headers = p->headers.at;
        p->answer.header_count = p->headers.count;
        p->answer.body = body;
    } else if (!err) {
        err_set(&p->err, ERR_NETWORK, "the answer is larger than %zu bytes", PROXY_ANSWER_MAX);
        p->answer.err = &p->err;
    }
    buf_reset(&p->request->out);
    p->ask.done(p->ask.arg, &p->answer);
}

static void on_done(void *arg, const struct client_failure *failure)
{
    struct passage *p = arg;
    p->call = NULL;
    p->over = true;
    p->broken = failure != NULL || p->too_big;
    if (failure)
        tell_failed(p->proxy, &failure->err);
    if (p->ask.done)
        give_collected(p, failure ? &failure->err : NULL);
    else if (p->begun)
        server_give_more(p->request);
    else if (p->broken)
        proxy_refuse_failed(p->request);
    else if (strcmp(p->request->method, "HEAD") == 0)
        give_streamed(p); /* for its length; a body is not asked for */
    else
        give(p, NULL);
}

/* --- a request's body, on its way to the upstream --- */

static size_t on_take(void *arg, struct text piece)
{
    struct passage *p = arg;
    if (p->up_at > 0 && p->up_len + piece.len > PROXY_WINDOW) {
        memmove(p->up, p->up + p->up_at, p->up_len - p->up_at);
        p->up_len -= p->up_at;
        p->up_at = 0;
    }
    size_t room = PROXY_WINDOW - p->up_len, len = piece.len < room ? piece.len : room;
    memcpy(p->up + p->up_len, piece.at, len);
    p->up_len += len;
    if (p->up_hungry && p->call) {
        p->up_hungry = false;
        client_resume(p->call);
    }
    return len;
}

static void on_body_end(void *arg)
{
    struct passage *p = arg;
    p->up_ended = true;
    if (p->up_hungry && p->call)
        client_resume(p->call);
    if (p->status)
        on_lull(p);
}

static void on_gone(void *arg)
{
    struct passage *p = arg;
    if (p->call)
        client_cancel(p->call);
}

static ssize_t on_upload(void *arg, char *to, size_t room)
{
    struct passage *p = arg;
    size_t left = p->up_len - p->up_at, len = left < room ? left : room;
    if (len == 0) {
        p->up_hungry = !p->up_ended;
        return p->up_ended ? 0 : CLIENT_UPLOAD_LATER;
    }
    memcpy(to, p->up + p->up_at, len);
    p->up_at += len;
    if (p->up_at == p->up_len)
        p->up_at = p->up_len = 0;
    if (!p->up_ended)
        server_take_more(p->request);
    return (ssize_t)len;
}

/* --- beginning --- */

static struct client *client_of(const struct proxy *proxy, const struct loop *loop)
{
    size_t i = 0;
    while (proxy->loops[i] != loop)
        i++;
    return proxy->clients[i];
}

static struct text own_target(const struct proxy *proxy, struct server_request *request)
{
    struct text path = proxy_path(proxy, request);
    if (!request->query.at)
        return arena_copy(&request->arena, path);
    return arena_printf(&request->arena, "%.*s?%.*s", TEXT_ARG(path), TEXT_ARG(request->query));
}

/* A body that is streamed gets its window. False when memory is out. */
static bool stream_body(struct passage *p, struct client_request *to)
{
    uint64_t length;
    p->up = arena_alloc(&p->request->arena, PROXY_WINDOW);
    if (!p->up)
        return false;
    to->upload_length = text_u64(server_header(p->request, "Content-Length"), INT64_MAX, &length)
                            ? length
                            : CLIENT_LENGTH_UNKNOWN;
    to->on.upload = on_upload;
    p->request->sink = (struct server_sink){on_take, on_body_end, on_gone, p};
    return true;
}

/* The headers go into request->out, which is free until the answer comes. */
static bool fill_request(struct passage *p, struct client_request *to)
{
    struct server_request *request = p->request;
    *to = (struct client_request){.method = p->ask.method ? p->ask.method : request->method,
                                  .target = p->ask.target.at ? p->ask.target
                                                             : own_target(p->proxy, request),
                                  .body = p->ask.body.at ? p->ask.body : request->body,
                                  .timeout_ms = p->ask.done ? ASK_TIMEOUT_MS : 0,
                                  .on = {.header = on_header,
                                         .begin = on_begin,
                                         .lull = on_lull,
                                         .piece = on_piece,
                                         .done = on_done,
                                         .arg = p}};
    /* A POST without a body says so. */
    if (!to->body.at && strcmp(to->method, "POST") == 0)
        to->body = TEXT("");
    proxy_put_headers(p->proxy, request, &p->ask, &request->out);
    to->headers = buf_text(&request->out);
    return to->target.at && buf_ok(&request->out);
}

static void fail(struct passage *p, const struct err *err)
{
    if (err->code != ERR_INPUT)
        tell_failed(p->proxy, err);
    if (p->ask.done) {
        p->err = *err;
        p->answer = (struct proxy_answer){.err = &p->err};
        p->ask.done(p->ask.arg, &p->answer);
    } else if (err->code == ERR_INPUT) {
        proxy_refuse(p->request, CLERK_proxy_path_mismatch,
                     "The address has characters it may not.");
    } else if (err->code == ERR_UNUSABLE) {
        proxy_refuse(p->request, CLERK_service_unavailable, "Too many requests. Please try again.");
    } else {
        proxy_refuse_failed(p->request);
    }
}

static void begin(struct proxy *proxy, struct server_request *request, const struct proxy_ask *ask)
{
    struct passage *p = arena_zalloc(&request->arena, 1, sizeof(*p));
    struct client_request to;
    struct err err;
    if (!p) {
        if (ask)
            ask->done(ask->arg, &(struct proxy_answer){.err = &(struct err){ERR_MEMORY, "memory"}});
        else
            proxy_refuse_failed(request);
        return;
    }
    p->proxy = proxy;
    p->request = request;
    p->headers.length = SERVER_LENGTH_UNKNOWN;
    if (ask)
        p->ask = *ask;
    buf_reset(&request->out);
    if (!fill_request(p, &to) || (!ask && request->streamed && !stream_body(p, &to)))
        err_memory(&err);
    else
        p->call = client_send(client_of(proxy, request->loop), &to, &err);
    buf_reset(&request->out);
    if (!p->call)
        fail(p, &err);
}

void proxy_pass(struct proxy *proxy, struct server_request *request)
{
    begin(proxy, request, NULL);
}

void proxy_ask(struct proxy *proxy, struct server_request *request, const struct proxy_ask *ask)
{
    begin(proxy, request, ask);
}
