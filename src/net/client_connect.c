/* Connections: at rest, being made, lost. Each carries one call at a time and stays watched between two. */
#include "net/client_inside.h"

#include <stdlib.h>

/* How long a connection may rest; servers close theirs later, or say so. */
#define REST_US ((int64_t)30 * 1000000)

/* The loop's look at connections at rest is as good as a new one for so long. */
#define LOOKED_US 1000

/* --- at rest --- */

static void push(struct client *client, struct client_connection *c)
{
    c->prev = NULL;
    c->next = client->resting;
    if (c->next)
        c->next->prev = c;
    client->resting = c;
}

static void take_off(struct client_connection *c)
{
    *(c->prev ? &c->prev->next : &c->client->resting) = c->next;
    if (c->next)
        c->next->prev = c->prev;
}

static void hang_up(struct client_connection *c)
{
    channel_close(&c->channel);
    free(c);
}

void client_close_resting(struct client *client, int64_t now)
{
    for (struct client_connection *c = client->resting, *next; c; c = next) {
        next = c->next;
        if (c->rests_since_us > now - REST_US) {
            client_note_due(client, c->rests_since_us + REST_US);
            continue;
        }
        take_off(c);
        hang_up(c);
    }
}

void client_part(struct client_call *call, bool keep)
{
    struct client_connection *c = call->connection;
    if (!c)
        return;
    call->connection = NULL;
    call->open = false;
    c->call = NULL;
    if (!keep) {
        hang_up(c);
        return;
    }
    c->reused = true;
    c->rests_since_us = call->moved_us;
    push(call->client, c);
    client_note_due(call->client, c->rests_since_us + REST_US);
}

/* --- connecting --- */

static void attach(struct client_call *call, struct client_connection *c)
{
    c->call = call;
    call->connection = c;
}

static void fail_to_connect(struct client_call *call, const char *why);

/* The connection is there, or not yet, or cannot be. Returns whether it is. */
static bool opened(struct client_call *call)
{
    struct err err;
    int open = channel_open(&call->connection->channel, &err);
    if (open < 0)
        fail_to_connect(call, err.message);
    call->open = open > 0;
    return call->open;
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct client_connection *c = (struct client_connection *)watch;
    struct client_call *call = c->call;
    (void)events;
    if (!call) {
        if (!channel_rests(&c->channel)) {
            take_off(c);
            hang_up(c);
        }
        return;
    }
    call->moved_us = clock_now_us();
    if (!call->open && !opened(call))
        return;
    client_write_on(call);
    if (!call->failed)
        client_read_on(call);
}

/* How long this attempt may take: all addresses have their share. */
static void set_time(struct client_call *call)
{
    struct client *client = call->client;
    size_t shares = client->origin.address_count > 1 ? client->origin.address_count : 1;
    call->connect_by_us = clock_now_us() + client->opts.connect_ms * 1000 / (int64_t)shares;
    client_note_due(client, call->connect_by_us);
}

/* To the address that it is at, or the next one to which setting out does not fail at once. */
static void set_out(struct client_call *call)
{
    struct client *client = call->client;
    struct err err = {ERR_NETWORK, "no address"};
    for (; call->address < client->origin.address_count; call->address++) {
        struct client_connection *c = calloc(1, sizeof(*c));
        if (!c) {
            client_fail(call, ERR_MEMORY, "out of memory");
            return;
        }
        c->client = client;
        channel_init(&c->channel, client->opts.loop, on_ready);
        if (channel_connect(&c->channel, &client->origin.addresses[call->address], client->tls,
                            &err) == 0) {
            attach(call, c);
            set_time(call);
            return;
        }
        free(c);
    }
    client_fail(call, err.code, err.message);
}

static void fail_to_connect(struct client_call *call, const char *why)
{
    if (call->address + 1 >= call->client->origin.address_count) {
        client_fail(call, ERR_NETWORK, why);
        return;
    }
    client_part(call, false);
    call->address++;
    set_out(call);
}

void client_connect_late(struct client_call *call)
{
    if (call->connection)
        fail_to_connect(call, "no connection in time");
    else
        client_fail(call, ERR_NETWORK, "no answer of the name servers in time");
}

static void connect_anew(struct client_call *call)
{
    call->address = 0;
    if (origin_ready(&call->client->origin))
        set_out(call);
    else
        set_time(call);
}

void client_on_found(void *arg, const struct err *err)
{
    struct client *client = arg;
    for (struct client_call *call = client->active; call; call = call->next) {
        if (call->connection || call->failed)
            continue;
        if (!err)
            set_out(call);
        else if (client->origin.address_count == 0)
            client_fail(call, err->code, err->message);
    }
}

/*
 * Whether the server has not closed a connection at rest. That stirs the loop; only what came since the loop has looked
 * needs a look of its own.
 */
static bool is_alive(struct client_connection *c, int64_t now)
{
    return now - loop_looked_us(c->client->opts.loop) < LOOKED_US || channel_rests(&c->channel);
}

void client_connect(struct client_call *call)
{
    struct client *client = call->client;
    struct client_connection *c;
    while ((c = client->resting)) {
        take_off(c);
        if (is_alive(c, call->moved_us)) {
            attach(call, c);
            call->open = true;
            client_write_on(call);
            return;
        }
        hang_up(c);
    }
    connect_anew(call);
}

/* --- losing --- */

/* Whether the server may have closed a connection at rest, and the request can do nothing twice. */
static bool may_send_again(const struct client_call *call)
{
    bool unanswered = !call->begun && call->in.len == 0 && call->answer.spent == 0;
    bool unsent = !call->flushed && call->written == 0;
    return call->connection->reused && unanswered &&
           (unsent || (call->is_safe && !call->on.upload));
}

void client_lost(struct client_call *call, const char *why)
{
    if (!may_send_again(call)) {
        client_fail(call, ERR_NETWORK, why);
        return;
    }
    client_part(call, false);
    call->failure.sent = call->failure.sent || call->written > 0;
    call->written = 0;
    call->mute = false;
    connect_anew(call);
}
