/*
 * Calls: sending, ending, time. A call that fails does so in the client's turn, never inside client_send, so that nobody
 * is called back before they know their call.
 *
 * Nothing is done for time as long as all goes well: due_us is when something may have lasted too long at the earliest,
 * by what was known when it was noted; then all that is in flight is looked at.
 */
#include "net/client_inside.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_DEFAULT_MS 10000
#define STALL_DEFAULT_S    60
#define REQUEST_MAX        ((size_t)17 << 20)
#define BUFFER_KEPT        ((size_t)64 << 10) /* one that grew beyond goes with its call */

void client_wipe(struct buf *buf)
{
    if (buf->len > 0)
        secret_wipe(buf->at, buf->len);
    buf_reset(buf);
}

void client_note_due(struct client *client, int64_t due_us)
{
    if (due_us >= client->due_us)
        return;
    client->due_us = due_us;
    if (due_us < client->source.due_us)
        client->source.due_us = due_us;
}

/* --- lists --- */

void client_stir(struct client_call *call)
{
    struct client *client = call->client;
    client->source.due_us = 0;
    if (call->stirred)
        return;
    call->stirred = true;
    call->next_stirred = client->stirred;
    client->stirred = call;
}

static void calm(struct client_call *call)
{
    struct client_call **at = &call->client->stirred;
    while (*at != call)
        at = &(*at)->next_stirred;
    *at = call->next_stirred;
    call->stirred = false;
}

static struct client_call *call_take(struct client *client)
{
    struct client_call *call = client->free;
    if (call) {
        client->free = call->next;
    } else if ((call = calloc(1, sizeof(*call)))) {
        call->client = client;
        buf_init(&call->out, REQUEST_MAX);
        buf_init(&call->in, ANSWER_HEAD_MAX + 2 * CLIENT_PIECE_MAX);
    }
    return call;
}

static void activate(struct client_call *call)
{
    struct client *client = call->client;
    call->prev = NULL;
    call->next = client->active;
    if (call->next)
        call->next->prev = call;
    client->active = call;
    client->in_flight++;
}

static void empty(struct buf *buf)
{
    if (buf->room > BUFFER_KEPT)
        buf_release(buf);
    else
        client_wipe(buf);
}

static void call_rest(struct client_call *call)
{
    empty(&call->out);
    empty(&call->in);
    call->next = call->client->free;
    call->client->free = call;
}

static void call_give_back(struct client_call *call)
{
    struct client *client = call->client;
    client_part(call, false);
    if (call->stirred)
        calm(call);
    *(call->prev ? &call->prev->next : &client->active) = call->next;
    if (call->next)
        call->next->prev = call->prev;
    client->in_flight--;
    call_rest(call);
}

/* --- ending --- */

void client_fail(struct client_call *call, enum err_code code, const char *why)
{
    if (call->failed)
        return;
    call->failed = true;
    call->failure.sent = call->failure.sent || call->flushed || call->written > 0;
    err_set(&call->failure.err, code, "%s", why);
    client_part(call, false);
    client_stir(call);
}

void client_finish(struct client_call *call)
{
    struct client_handler on = call->on;
    call_give_back(call);
    on.done(on.arg, NULL);
}

static void end_failed(struct client_call *call)
{
    struct client_handler on = call->on;
    struct client_failure failure = call->failure;
    call_give_back(call);
    on.done(on.arg, &failure);
}

void client_cancel(struct client_call *call)
{
    call_give_back(call);
}

/* --- time --- */

/* When this call will have lasted too long, if nothing happens until then. */
static int64_t due_of(const struct client_call *call)
{
    int64_t stalled_us = call->moved_us + call->client->opts.stall_s * 1000000;
    int64_t due = !call->open ? call->connect_by_us : call->refused > 0 ? INT64_MAX : stalled_us;
    return due < call->give_up_us ? due : call->give_up_us;
}

static void give_out(struct client_call *call, int64_t now)
{
    const struct client_opts *opts = &call->client->opts;
    char why[64];
    if (now >= call->give_up_us)
        snprintf(why, sizeof(why), "no whole answer in the time allowed");
    else if (call->open)
        snprintf(why, sizeof(why), "nothing moved for %lld s", (long long)opts->stall_s);
    if (now < call->give_up_us && !call->open)
        client_connect_late(call);
    else
        client_fail(call, ERR_NETWORK, why);
}

static void look_at_time(struct client *client, int64_t now)
{
    client->due_us = INT64_MAX;
    for (struct client_call *call = client->active; call; call = call->next) {
        if (call->failed)
            continue;
        if (due_of(call) <= now)
            give_out(call, now);
        else
            client_note_due(client, due_of(call));
    }
    client_close_resting(client, now);
}

static int64_t turn(struct loop_source *source)
{
    struct client *client = (struct client *)source;
    struct client_call *call;
    for (uint32_t left = client->in_flight; left > 0 && (call = client->stirred); left--) {
        calm(call);
        if (!call->failed) {
            call->moved_us = clock_now_us();
            client_go_on(call);
        } else {
            end_failed(call);
        }
    }
    if (client->due_us != INT64_MAX) {
        int64_t now = clock_now_us();
        if (client->due_us <= now)
            look_at_time(client, now);
    }
    return client->stirred ? 0 : client->due_us;
}

/* --- sending --- */

static bool target_is_clean(struct text target)
{
    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.at[i] <= ' ' || target.at[i] == 0x7f)
            return false;
    return target.len > 0 && target.at[0] == '/';
}

/* All that is not the same for every call. */
static void call_init(struct client_call *call, const struct client_request *request)
{
    struct client *client = call->client;
    call->on = request->on;
    call->failed = call->open = call->mute = call->begun = call->told_lull = call->flushed = false;
    call->failure.sent = false;
    call->written = call->refused = 0;
    call->moved_us = clock_now_us();
    call->give_up_us =
        request->timeout_ms > 0 ? call->moved_us + request->timeout_ms * 1000 : INT64_MAX;
    client_note_due(client, call->give_up_us);
    client_note_due(client, call->moved_us + client->opts.stall_s * 1000000);
}

struct client_call *client_send(struct client *client, const struct client_request *request,
                                struct err *err)
{
    struct client_call *call = NULL;
    if (!target_is_clean(request->target))
        err_set(err, ERR_INPUT, "the request's target is none");
    else if (client->in_flight >= client->opts.in_flight_max)
        err_set(err, ERR_UNUSABLE, "%u exchanges are in flight already", client->in_flight);
    else if (!(call = call_take(client)))
        err_memory(err);
    if (!call)
        return NULL;
    call_init(call, request);
    if (!client_put_request(call, request)) {
        call_rest(call);
        err_memory(err);
        return NULL;
    }
    activate(call);
    client_connect(call);
    return call;
}

void client_resume(struct client_call *call)
{
    client_stir(call);
}

/* --- opening and closing --- */

static void give_up(void *arg)
{
    struct client *client = arg;
    while (client->active) {
        client_fail(client->active, ERR_NETWORK, "given up");
        end_failed(client->active);
    }
}

void client_give_up(struct client *client)
{
    loop_call(client->opts.loop, give_up, client);
}

static void join(void *arg)
{
    struct client *client = arg;
    loop_join(client->opts.loop, &client->source);
}

static void leave(void *arg)
{
    struct client *client = arg;
    loop_leave(client->opts.loop, &client->source);
    while (client->active)
        call_give_back(client->active);
    client_close_resting(client, INT64_MAX);
    origin_release(&client->origin);
}

static int fill(struct client *client, const struct client_opts *opts, struct err *err)
{
    client->opts = *opts;
    client->opts.server = client->opts.ca_file = NULL;
    if (!opts->connect_ms)
        client->opts.connect_ms = CONNECT_DEFAULT_MS;
    if (!opts->stall_s)
        client->opts.stall_s = STALL_DEFAULT_S;
    client->source.turn = turn;
    client->due_us = INT64_MAX;
    if (origin_init(&client->origin, opts->server, err) != 0)
        return -1;
    origin_join(&client->origin, opts->loop, client_on_found, client);
    if (!client->origin.is_tls)
        return 0;
    return tls_new(&client->tls, client->origin.host, opts->ca_file, err);
}

int client_open(struct client **out, const struct client_opts *opts, struct err *err)
{
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        return err_memory(err);
    if (fill(client, opts, err) != 0) {
        free(client);
        return -1;
    }
    loop_call(opts->loop, join, client);
    *out = client;
    return 0;
}

int client_check_ca(const char *ca_file, struct err *err)
{
    struct tls *tls;
    if (tls_new(&tls, "localhost", ca_file, err) != 0)
        return -1;
    tls_free(tls);
    return 0;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    loop_call(client->opts.loop, leave, client);
    while (client->free) {
        struct client_call *call = client->free;
        client->free = call->next;
        buf_release(&call->out);
        buf_release(&call->in);
        free(call);
    }
    tls_free(client->tls);
    secret_wipe(client->scratch, sizeof(client->scratch));
    free(client);
}
