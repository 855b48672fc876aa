/*
 * METHOD target HTTP/1.1 CRLF, Host, the headers given, Content-Length or Transfer-Encoding, an empty line, and the
 * body: as it is, or in chunks of hexadecimal size CRLF bytes CRLF, the last one empty.
 */
#include "net/client_inside.h"

/* At most so much of a streamed body is taken at once. The size of a chunk has four digits. */
#define UPLOAD_ROOM ((size_t)16 << 10)
#define SIZE_LINE   "0000\r\n"

static void put_framing(struct client_call *call, const struct client_request *request)
{
    if (call->in_chunks)
        buf_add(&call->out, TEXT("Transfer-Encoding: chunked\r\n\r\n"));
    else if (call->uploads || request->body.at)
        buf_printf(&call->out, "Content-Length: %llu\r\n\r\n",
                   call->uploads ? (unsigned long long)request->upload_length
                                 : (unsigned long long)request->body.len);
    else
        buf_add(&call->out, TEXT("\r\n"));
}

bool client_put_request(struct client_call *call, const struct client_request *request)
{
    struct text method = text_of(request->method);
    call->uploads = request->on.upload != NULL;
    call->in_chunks = call->uploads && request->upload_length == CLIENT_LENGTH_UNKNOWN;
    call->upload_left = request->upload_length;
    bool is_head = text_same(method, TEXT("HEAD"));
    call->is_safe = is_head || text_same(method, TEXT("GET")) || text_same(method, TEXT("OPTIONS"));
    answer_begin(&call->answer, is_head);
    buf_add(&call->out, method);
    buf_byte(&call->out, ' ');
    buf_add(&call->out, request->target);
    buf_add(&call->out, TEXT(" HTTP/1.1\r\nHost: "));
    buf_add(&call->out, text_of(call->client->origin.authority));
    buf_add(&call->out, TEXT("\r\n"));
    buf_add(&call->out, request->headers);
    put_framing(call, request);
    if (!call->uploads)
        buf_add(&call->out, request->body);
    return buf_ok(&call->out);
}

/* --- a streamed body --- */

static void put_size(char *to, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 3; i >= 0; i--, size >>= 4)
        to[i] = digits[size & 15];
    to[4] = '\r';
    to[5] = '\n';
}

/* The body's end: false if it is shorter than was said. */
static bool put_end(struct client_call *call)
{
    call->uploads = false;
    if (call->in_chunks)
        buf_add(&call->out, TEXT("0\r\n\r\n"));
    return call->in_chunks || call->upload_left == 0;
}

/* What was written goes; from then on the request cannot be sent again. */
static char *make_room(struct client_call *call, size_t room)
{
    if (call->written > 0) {
        call->flushed = true;
        client_wipe(&call->out);
    }
    call->written = 0;
    return buf_room(&call->out, room);
}

/* Asks upload for at most as much as the length allows; CLIENT_UPLOAD_BROKEN also for memory. */
static ssize_t take_piece(struct client_call *call)
{
    size_t before = call->in_chunks ? sizeof(SIZE_LINE) - 1 : 0;
    size_t room = call->upload_left < UPLOAD_ROOM ? (size_t)call->upload_left : UPLOAD_ROOM;
    char *to = make_room(call, before + UPLOAD_ROOM + 2);
    ssize_t put = to ? call->on.upload(call->on.arg, to + before, room) : CLIENT_UPLOAD_BROKEN;
    if (put <= 0)
        return put;
    if (call->in_chunks)
        put_size(to, (size_t)put);
    else
        call->upload_left -= (uint64_t)put;
    buf_grow(&call->out, before + (size_t)put);
    if (call->in_chunks)
        buf_add(&call->out, TEXT("\r\n"));
    return put;
}

bool client_put_more(struct client_call *call)
{
    if (!call->uploads)
        return false;
    ssize_t put = !call->in_chunks && call->upload_left == 0 ? 0 : take_piece(call);
    if (put > 0)
        return true;
    if (put == CLIENT_UPLOAD_BROKEN || (put == 0 && !put_end(call)))
        client_fail(call, ERR_NETWORK, "the request's body broke off");
    return put == 0 && call->written < call->out.len;
}
