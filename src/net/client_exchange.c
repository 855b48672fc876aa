/*
 * Bytes are read into one buffer of the client's and given on from there. Only what cannot be read yet (half a head, half
 * the first line of a chunk) or was not taken is copied into the call; while a piece is refused nothing is read.
 */
#include "net/client_inside.h"

/* So many times a connection is read before others have their turn. */
#define ROUNDS_MAX 4

enum progress {
    PROGRESS_OVER, /* the call is gone */
    PROGRESS_HELD, /* it has failed, or waits for its reader or for a new connection */
    PROGRESS_DRY,  /* all that has come is read */
    PROGRESS_MORE  /* there may be more to read */
};

/* --- writing --- */

void client_write_on(struct client_call *call)
{
    struct err err;
    do {
        while (!call->mute && call->written < call->out.len) {
            struct text left = text_part(buf_text(&call->out), call->written, call->out.len);
            ssize_t sent = channel_write(&call->connection->channel, left, &err);
            if (sent == CHANNEL_LATER)
                return;
            call->mute = sent < 0; /* reading tells what becomes of it */
            call->written += sent < 0 ? 0 : (size_t)sent;
        }
    } while (!call->mute && client_put_more(call));
}

/* --- reading --- */

static enum progress finish(struct client_call *call)
{
    bool sent = !call->mute && !call->uploads && call->written == call->out.len;
    client_part(call, call->answer.keep && sent);
    client_finish(call);
    return PROGRESS_OVER;
}

static enum progress fail(struct client_call *call, enum err_code code, const char *why)
{
    client_fail(call, code, why);
    return PROGRESS_HELD;
}

static void tell_head(struct client_call *call)
{
    struct text head = call->answer.head, name, value;
    while (call->on.header && answer_header(&head, &name, &value))
        call->on.header(call->on.arg, name, value);
    call->begun = true;
    if (call->on.begin)
        call->on.begin(call->on.arg, call->answer.status);
}

static bool give(struct client_call *call, struct text piece)
{
    return !call->on.piece || call->on.piece(call->on.arg, piece);
}

/* Keeps bytes of the client's buffer, or the last ones of the call's own. */
static void keep(struct client_call *call, struct text rest)
{
    if (call->in.len == 0) {
        buf_add(&call->in, rest);
    } else {
        memmove(call->in.at, call->in.at + (call->in.len - rest.len), rest.len);
        call->in.len = rest.len;
    }
}

/* Reads in all bytes that are there: in call->in, if it has any, else in the client's buffer. */
static enum progress digest(struct client_call *call, struct text rest)
{
    for (;;) {
        enum answer_got got = answer_read(&call->answer, &rest);
        if (got == ANSWER_HEAD) {
            tell_head(call);
        } else if (got == ANSWER_PIECE) {
            struct text piece = call->answer.piece;
            if (give(call, piece))
                continue;
            keep(call, (struct text){piece.at, piece.len + rest.len});
            call->refused = piece.len;
            channel_hold(&call->connection->channel);
            return buf_ok(&call->in) ? PROGRESS_HELD : fail(call, ERR_MEMORY, "out of memory");
        } else if (got == ANSWER_END) {
            return finish(call);
        } else if (got == ANSWER_BAD) {
            return fail(call, ERR_NETWORK, "the answer is no HTTP");
        } else {
            keep(call, rest);
            return buf_ok(&call->in) ? PROGRESS_MORE : fail(call, ERR_MEMORY, "out of memory");
        }
    }
}

static enum progress ended(struct client_call *call, const char *why)
{
    if (!why && call->in.len == 0 && answer_ends(&call->answer))
        return finish(call);
    if (!why)
        why = call->begun || call->in.len > 0 ? "the connection ended in the middle of the answer"
                                              : "the connection ended without an answer";
    client_lost(call, why);
    return PROGRESS_HELD;
}

static enum progress read_once(struct client_call *call)
{
    struct channel *channel = &call->connection->channel;
    struct text got = {call->client->scratch, 0};
    struct err err;
    ssize_t count = channel_read(channel, call->client->scratch, CLIENT_PIECE_MAX, &err);
    if (count == CHANNEL_LATER)
        return PROGRESS_DRY;
    if (count <= 0)
        return ended(call, count < 0 ? err.message : NULL);
    bool more = (size_t)count == CLIENT_PIECE_MAX || channel_has_more(channel);
    got.len = (size_t)count;
    if (call->in.len > 0) {
        buf_add(&call->in, got);
        got = buf_text(&call->in);
    }
    if (!buf_ok(&call->in))
        return fail(call, ERR_MEMORY, "out of memory");
    enum progress progress = digest(call, got);
    return progress == PROGRESS_MORE && !more ? PROGRESS_DRY : progress;
}

static void read_from(struct client_call *call, enum progress progress)
{
    for (int round = 0; progress == PROGRESS_MORE && round < ROUNDS_MAX; round++)
        progress = read_once(call);
    if (progress == PROGRESS_OVER)
        return;
    if (progress == PROGRESS_MORE)
        client_stir(call);
    if (call->begun && !call->told_lull && !call->failed && call->on.lull) {
        call->told_lull = true;
        call->on.lull(call->on.arg);
    }
}

void client_read_on(struct client_call *call)
{
    if (call->refused == 0)
        read_from(call, PROGRESS_MORE);
}

/* Offers a refused piece again. */
static enum progress offer(struct client_call *call)
{
    struct text all = buf_text(&call->in);
    if (!give(call, text_part(all, 0, call->refused)))
        return PROGRESS_HELD;
    struct text rest = text_part(all, call->refused, all.len);
    call->refused = 0;
    channel_go_on(&call->connection->channel);
    return digest(call, rest);
}

void client_go_on(struct client_call *call)
{
    if (!call->open)
        return;
    client_write_on(call);
    if (!call->failed)
        read_from(call, call->refused > 0 ? offer(call) : PROGRESS_MORE);
}
