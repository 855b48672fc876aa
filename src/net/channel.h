/*
 * channel: a connection to a server on a loop, plain or with TLS: bytes in and out without waiting. All of it runs on
 * the loop's thread.
 *
 *     channel_init(&channel, loop, on_ready);
 *     channel_connect(&channel, &address, len, tls, &err);
 *     … on_ready(&channel.watch, events): channel_open(&channel, &err) until it is 1 …
 *     channel_write(…), channel_read(…)           // CHANNEL_LATER: on_ready comes when to try again
 *     channel_close(&channel);
 *
 * A channel is watched for what may be read, and for room to write while a write waits for that. Over TLS either may
 * wait for the other; so whoever is told that the channel is ready tries both.
 */
#ifndef USHER_NET_CHANNEL_H
#define USHER_NET_CHANNEL_H

#include <sys/socket.h>
#include <sys/types.h>

#include "base/base.h"
#include "net/loop.h"
#include "net/tls.h"

#define CHANNEL_LATER  ((ssize_t)-1)
#define CHANNEL_BROKEN ((ssize_t)-2)

struct channel {
    struct loop_watch watch; /* fd -1: closed */
    struct loop *loop;
    uint32_t events; /* that are watched */
    bool connecting, shaking, held;
    bool crowded; /* TLS: a write waits for room, whatever a read waits for */
    SSL *ssl;     /* NULL: plain */
};

/* A channel that is closed; ready is called when it was waited for. */
void channel_init(struct channel *channel, struct loop *loop,
                  void (*ready)(struct loop_watch *watch, uint32_t events));

/* Sets out to connect; tls NULL: plain. 0, or -1 with the channel closed (ERR_NETWORK, ERR_MEMORY). */
int channel_connect(struct channel *channel, const struct sockaddr_storage *address,
                    struct tls *tls, struct err *err);

/* Goes on connecting: 1 when it is open, 0 when on_ready is to be awaited, -1 (ERR_NETWORK, ERR_MEMORY). */
int channel_open(struct channel *channel, struct err *err);

/* How many bytes went; CHANNEL_LATER; CHANNEL_BROKEN with err. */
ssize_t channel_read(struct channel *channel, char *to, size_t room,
                     struct err *err); /* 0: the end */
ssize_t channel_write(struct channel *channel, struct text bytes, struct err *err);

/* Whether the server has neither closed an open channel at rest nor sent anything. */
bool channel_rests(struct channel *channel);

/* Leaves unread what comes, until channel_go_on (0, or -1 with errno). */
void channel_hold(struct channel *channel);
int channel_go_on(struct channel *channel);

/* Whether bytes lie unpacked in the channel itself, of which no socket tells. */
bool channel_has_more(const struct channel *channel);

/* A channel that is closed stays so. */
void channel_close(struct channel *channel);

#endif
