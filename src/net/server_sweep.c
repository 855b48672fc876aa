/*
 * What a client cannot do: hold a connection for as long as it likes. Each of a lane's connections knows what it waits
 * for and until when; a look at all of them, once a second, ends those whose client
 *
 *  - has sent the last byte it ever will, of which libmicrohttpd 0.9.75 knows nothing if that end came together with
 *    data: it reads the data, and epoll, which tells of changes, tells nothing further;
 *  - takes its time over a head, however often a byte of it comes;
 *  - sends a body, or takes an answer, more slowly than SERVER_RATE, told from the bytes that the kernel has seen pass
 *    within its patience (over TCP only; who speaks over a Unix socket is on this machine).
 *
 * It counts against nobody that this process was slow: who has sent what is not read yet, or has taken all that was
 * written, is left alone. When all places are taken, those who have waited longest without a request under way give theirs
 * up, as far as they have had a quarter of the patience.
 *
 * Connections are ended by shutting their sockets, which libmicrohttpd is told of by epoll as if the client had gone. Of
 * one that is only not to be read from any more what was read already is still answered.
 */
#include "net/server_inside.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define PATIENCE_MS 60000
/* Between two looks. */
#define SWEEP_US 1000000
/* One of so many connections of a full lane gives up its place at a look. */
#define GIVE_UP_SHARE 8
/* Where there is no limit to being idle. */
#define NEVER_US (INT64_MAX / 2)

static int64_t patience_us(const struct server *server)
{
    return (server->opts.patience_ms ? server->opts.patience_ms : PATIENCE_MS) * 1000;
}

/* The list goes from who has waited longest to who was last to begin waiting. */
static void list_append(struct lane *lane, struct connection *c)
{
    c->next = NULL;
    c->before = lane->last;
    *lane->last = c;
    lane->last = &c->next;
}

static void list_remove(struct lane *lane, struct connection *c)
{
    *c->before = c->next;
    if (c->next)
        c->next->before = c->before;
    else
        lane->last = c->before;
}

void server_waits(struct connection *c, enum waits waits)
{
    /* What it waits for is read first, so the time is written first. */
    if (waits != WAITS_NOT)
        atomic_store(&c->due_us, clock_now_us() + patience_us(c->server));
    atomic_store(&c->waits, waits);
}

void server_sweep_join(struct connection *c)
{
    c->since_us = clock_now_us();
    server_waits(c, WAITS_HEAD);
    pthread_mutex_lock(&c->lane->lock);
    list_append(c->lane, c);
    pthread_mutex_unlock(&c->lane->lock);
}

void server_sweep_again(struct connection *c)
{
    int64_t now_us = clock_now_us(), idle_ms = c->server->opts.idle_ms;
    /* libmicrohttpd ends what is idle; a head may begin in the last moment before that. */
    atomic_store(&c->due_us, idle_ms ? now_us + idle_ms * 1000 + patience_us(c->server) : NEVER_US);
    atomic_store(&c->waits, WAITS_HEAD);
    pthread_mutex_lock(&c->lane->lock);
    c->since_us = now_us;
    list_remove(c->lane, c);
    list_append(c->lane, c);
    pthread_mutex_unlock(&c->lane->lock);
}

void server_sweep_leave(struct connection *c)
{
    pthread_mutex_lock(&c->lane->lock);
    list_remove(c->lane, c);
    pthread_mutex_unlock(&c->lane->lock);
}

/* Bytes that were written and that the client has not taken. */
static bool unread(const struct connection *c)
{
    int bytes = 0;
    return ioctl(c->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

/* How many bytes of a body have come, or of an answer were taken, since the connection began; false: nobody knows. */
static bool passed(const struct connection *c, enum waits waits, uint64_t *bytes)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    *bytes = waits == WAITS_READER ? info.tcpi_bytes_acked : info.tcpi_bytes_received;
    return true;
}

/* Whether too little has passed since the wait that ends at due_us was seen first; if not, the client is waited for again. */
static bool too_slow(struct connection *c, enum waits waits, int64_t due_us, int64_t now_us)
{
    int64_t patience = patience_us(c->server);
    uint64_t bytes;
    if (!passed(c, waits, &bytes))
        return false;
    if (c->noted_us != due_us) {
        c->noted_us = due_us;
        c->noted = bytes;
        return false;
    }
    if (now_us < due_us)
        return false;
    if (bytes - c->noted < (uint64_t)patience * SERVER_RATE / 1000000)
        return true;
    atomic_compare_exchange_strong(&c->due_us, &due_us, now_us + patience);
    return false;
}

/* Whether the client takes longer than it may. */
static bool overdue(struct connection *c, bool sent_more, int64_t now_us)
{
    enum waits waits = atomic_load(&c->waits);
    int64_t due_us = atomic_load(&c->due_us);
    if (waits == WAITS_HEAD)
        return now_us >= due_us && !sent_more;
    if (waits == WAITS_NOT || !too_slow(c, waits, due_us, now_us))
        return false;
    return waits == WAITS_READER ? unread(c) : !sent_more;
}

/* Lets a connection go as soon as it has answered what was read of it. */
static void read_no_more(struct connection *c)
{
    c->ended = true;
    shutdown(c->fd, SHUT_RD);
}

/* Ends a connection whose client is gone or too slow. */
static void look_at(struct connection *c, int64_t now_us)
{
    char byte;
    ssize_t got = c->ended ? -1 : recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0)
        read_no_more(c);
    else if (overdue(c, got > 0, now_us))
        shutdown(c->fd, SHUT_RDWR);
}

static bool may_give_up(const struct connection *c, int64_t now_us)
{
    return !c->ended && atomic_load(&c->waits) == WAITS_HEAD &&
           now_us - c->since_us > patience_us(c->server) / 4;
}

static void look_through(struct lane *lane, int64_t now_us, size_t to_give_up)
{
    for (struct connection *c = lane->first; c; c = c->next) {
        look_at(c, now_us);
        if (to_give_up > 0 && may_give_up(c, now_us)) {
            read_no_more(c);
            to_give_up--;
        }
    }
}

int64_t server_sweep(struct lane *lane, int64_t now_us, bool full)
{
    if (now_us < lane->sweep_us)
        return lane->sweep_us;
    pthread_mutex_lock(&lane->lock);
    look_through(lane, now_us, full ? lane->open_max / GIVE_UP_SHARE + 1 : 0);
    bool any = lane->first != NULL;
    pthread_mutex_unlock(&lane->lock);
    lane->sweep_us = now_us + SWEEP_US;
    return any ? lane->sweep_us : INT64_MAX;
}
