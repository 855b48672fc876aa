/*
 * How an answer leaves: at once, when its time has come, or piece by piece. What wakes a connection that sleeps
 * is here.
 */
#include "net/server_inside.h"

#include <string.h>
#include <sys/socket.h>

/* How much of a streamed answer is asked for at a time. */
#define SOURCE_BLOCK ((size_t)16 * 1024)

void server_sleep(struct connection *c)
{
    c->asleep = true;
    server_waits(c, WAITS_NOT);
    MHD_suspend_connection(c->mhd);
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

/* The answer of a whole request is there: it leaves. */
static void let_go(struct connection *c)
{
    if (atomic_exchange(&c->stage, STAGE_ANSWERED) == STAGE_HANDLED)
        wake(c);
}

static struct connection *connection_of_task(struct loop_task *task)
{
    return (struct connection *)((char *)task - offsetof(struct connection, task));
}

static void run_wake(struct loop_task *task)
{
    wake(connection_of_task(task));
}

static void run_let_go(struct loop_task *task)
{
    let_go(connection_of_task(task));
}

/* Both on the timer's thread: on the connection's loop, or at once. */
static void in_time(struct connection *c, void (*run)(struct loop_task *task))
{
    c->task.run = run;
    if (c->lane->loop)
        loop_post(c->lane->loop, &c->task);
    else
        run(&c->task);
}

static void wake_in_time(void *arg)
{
    in_time(arg, run_wake);
}

static void let_go_in_time(void *arg)
{
    in_time(arg, run_let_go);
}

void server_take_more(struct server_request *request)
{
    struct connection *c = server_connection(request);
    if (c->asleep && !c->whole) {
        server_waits(c, WAITS_BODY);
        wake(c);
    }
}

void server_give_more(struct server_request *request)
{
    struct connection *c = server_connection(request);
    if (c->asleep && c->stage == STAGE_ANSWERED) {
        server_waits(c, WAITS_READER);
        wake(c);
    }
}

/* libmicrohttpd forgets a connection whose answer broke off until something stirs on its socket. */
static ssize_t break_off(struct connection *c)
{
    shutdown(c->fd, SHUT_RDWR);
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
        server_sleep(c);
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
    struct connection *c = server_connection(request);
    c->status = answer->status;
    c->response = answer->drop ? NULL : response_of(c, answer);
    if (c->response && answer->content_type)
        MHD_add_response_header(c->response, "Content-Type", answer->content_type);
    if (c->response) {
        add_headers(c->response, answer->headers, answer->header_count);
        add_headers(c->response, answer->more, answer->more_count);
        if (atomic_load(&c->server->quiet))
            MHD_add_response_header(c->response, "Connection", "close");
    }
    request->sink = (struct server_sink){NULL, NULL, NULL, NULL};
    if (!c->whole) {
        c->stage = STAGE_ANSWERED;
        server_take_more(request);
    } else if (answer->not_before_us <= clock_now_us() ||
               !timer_put(c->server->timer, answer->not_before_us, let_go_in_time, c)) {
        let_go(c);
    }
}
