/*
 * The carrier of plain HTTP/1.1 to a server on this machine, as the sandbox is one, by net/client.c: there a request is
 * worth 6 us of CPU to the kernel, and libcurl adds 20 (bench-target).
 */
#include "target/call.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_ADVICE "; check CLERK_API_URL, and that the host can be reached from here"
#define PATH_ROOM      ((size_t)66 << 10)
#define HEADERS_ROOM   ((size_t)4 << 10)

struct wire_call {
    struct target *target;
    struct target_request request; /* its texts are gone */
    int status;
    char retry_after[64]; /* the header's value, "" without */
    struct buf body;
    struct wire_call *next; /* in the free list */
    struct wire_call *next_of_all;
};

struct wire {
    struct client *client;
    struct text prefix; /* of each path, in target.base */
    struct buf path;    /* with the prefix */
    struct buf headers; /* of a request with a body */
    struct wire_call *free, *all;
};

/* --- calls --- */

static struct wire_call *call_take(struct target *target)
{
    struct wire *wire = target->carrier;
    struct wire_call *call = wire->free;
    if (call) {
        wire->free = call->next;
    } else if ((call = calloc(1, sizeof(*call)))) {
        call->target = target;
        buf_init(&call->body, target->answer_max);
        call->next_of_all = wire->all;
        wire->all = call;
    }
    return call;
}

static void call_give_back(struct wire_call *call)
{
    struct wire *wire = call->target->carrier;
    if (call->body.room > TARGET_BUFFER_KEPT)
        buf_release(&call->body);
    call->next = wire->free;
    wire->free = call;
}

/* --- what the client tells --- */

static void on_header(void *arg, struct text name, struct text value)
{
    struct wire_call *call = arg;
    if (!text_same_nocase(name, TEXT("Retry-After")) || value.len >= sizeof(call->retry_after))
        return;
    memcpy(call->retry_after, value.at, value.len);
    call->retry_after[value.len] = 0;
}

static void on_begin(void *arg, int status)
{
    struct wire_call *call = arg;
    call->status = status;
}

/* What is beyond the maximum is read and thrown away: the time allowed bounds it. */
static bool on_piece(void *arg, struct text piece)
{
    struct wire_call *call = arg;
    buf_add(&call->body, piece);
    return true;
}

static struct target_answer judge(struct wire_call *call, const struct client_failure *failure)
{
    struct target_answer answer = {.result = TARGET_ANSWERED,
                                   .status = call->status,
                                   .body = buf_text(&call->body),
                                   .retry_after_us = -1};
    if (!buf_ok(&call->body))
        return target_too_long(call->target);
    if (failure)
        return target_no_answer(call->target, failure->sent, failure->err.message,
                                failure->sent ? "" : CONNECT_ADVICE);
    if (call->retry_after[0])
        answer.retry_after_us = target_retry_after_us(call->retry_after, clock_wall_ms());
    return answer;
}

static void on_done(void *arg, const struct client_failure *failure)
{
    struct wire_call *call = arg;
    struct target_answer answer = judge(call, failure);
    target_done(call->target, &call->request, &answer);
    call_give_back(call);
}

/* --- what target.c calls --- */

static struct text with_prefix(struct wire *wire, struct text path)
{
    if (wire->prefix.len == 0)
        return path;
    buf_reset(&wire->path);
    buf_add(&wire->path, wire->prefix);
    buf_add(&wire->path, path);
    return buf_text(&wire->path);
}

static int wire_send(struct target *target, const struct target_request *request, struct err *err)
{
    struct wire *wire = target->carrier;
    struct wire_call *call = call_take(target);
    if (!call)
        return err_memory(err);
    struct client_request to = {.method = request->method,
                                .target = with_prefix(wire, request->path),
                                .headers =
                                    buf_text(request->body.at ? &wire->headers : &target->headers),
                                .body = request->body,
                                .timeout_ms = target->timeout_ms,
                                .on = {.header = on_header,
                                       .begin = on_begin,
                                       .piece = on_piece,
                                       .done = on_done,
                                       .arg = call}};
    if (!to.body.at && strcmp(request->method, "POST") == 0)
        to.body = TEXT("");
    call->request = *request;
    call->status = 0;
    call->retry_after[0] = 0;
    buf_reset(&call->body);
    if (buf_ok(&wire->path) && client_send(wire->client, &to, err))
        return 0;
    call_give_back(call);
    return buf_ok(&wire->path) ? -1 : err_memory(err);
}

/* The address is "http://HOST[:PORT]", and maybe a path. */
static int open_client(struct target *target, struct err *err)
{
    struct wire *wire = target->carrier;
    struct text base = text_of(target->base);
    size_t slash = text_find(base, '/', strlen("http://"));
    char *server = strndup(base.at, slash);
    const struct client_opts opts = {.loop = target->loop,
                                     .server = server,
                                     .in_flight_max = target->in_flight_max,
                                     .stall_s = target->timeout_ms / 1000 + 1};
    wire->prefix = text_part(base, slash, base.len);
    int result = server ? client_open(&wire->client, &opts, err) : err_memory(err);
    free(server);
    return result != 0 && err->code == ERR_USAGE ? err_wrap(err, "CLERK_API_URL") : result;
}

static int wire_open(struct target *target, struct err *err)
{
    struct wire *wire = target->carrier = calloc(1, sizeof(*wire));
    if (!wire)
        return err_memory(err);
    buf_init(&wire->path, PATH_ROOM);
    buf_init(&wire->headers, HEADERS_ROOM);
    buf_add(&wire->headers, buf_text(&target->headers));
    buf_add(&wire->headers, TEXT("Content-Type: application/json\r\n"));
    return buf_ok(&wire->headers) ? open_client(target, err) : err_memory(err);
}

static void wire_close(struct target *target)
{
    struct wire *wire = target->carrier;
    if (!wire)
        return;
    client_close(wire->client);
    while (wire->all) {
        struct wire_call *call = wire->all;
        wire->all = call->next_of_all;
        buf_release(&call->body);
        free(call);
    }
    buf_release(&wire->path);
    buf_release(&wire->headers);
    free(wire);
}

const struct carrier_ops carrier_wire = {.open = wire_open, .close = wire_close, .send = wire_send};
