#include "net/channel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

void channel_init(struct channel *channel, struct loop *loop,
                  void (*ready)(struct loop_watch *watch, uint32_t events))
{
    *channel = (struct channel){.watch = {-1, ready}, .loop = loop};
}

/* --- watching --- */

/* 0, or -1 with errno. */
static int watch(struct channel *channel, uint32_t events)
{
    uint32_t before = channel->events;
    if (channel->held)
        events &= ~(uint32_t)EPOLLIN;
    if (events == before)
        return 0;
    channel->events = events;
    if (events == 0)
        return loop_unwatch(channel->loop, &channel->watch), 0;
    return before == 0 ? loop_watch(channel->loop, &channel->watch, events)
                       : loop_rewatch(channel->loop, &channel->watch, events);
}

void channel_hold(struct channel *channel)
{
    channel->held = true;
    watch(channel, channel->events);
}

int channel_go_on(struct channel *channel)
{
    channel->held = false;
    return watch(channel, channel->events | EPOLLIN);
}

bool channel_has_more(const struct channel *channel)
{
    return channel->ssl && SSL_has_pending(channel->ssl);
}

void channel_close(struct channel *channel)
{
    if (channel->watch.fd < 0)
        return;
    watch(channel, 0);
    SSL_free(channel->ssl);
    close(channel->watch.fd);
    channel_init(channel, channel->loop, channel->watch.ready);
}

/* --- connecting --- */

static int fail(struct channel *channel, const char *why, struct err *err)
{
    err_set(err, ERR_NETWORK, "%s", why);
    channel_close(channel);
    return -1;
}

int channel_connect(struct channel *channel, const struct sockaddr_storage *address,
                    struct tls *tls, struct err *err)
{
    int on = 1;
    socklen_t len =
        address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    channel->watch.fd = fd;
    if (fd < 0)
        return fail(channel, strerror(errno), err);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)address, len) != 0 && errno != EINPROGRESS)
        return fail(channel, strerror(errno), err);
    if (tls && !(channel->ssl = tls_connect(tls, fd))) {
        channel_close(channel);
        return err_memory(err);
    }
    channel->connecting = true;
    channel->shaking = tls != NULL;
    if (watch(channel, EPOLLOUT) != 0)
        return fail(channel, strerror(errno), err);
    return 0;
}

/* What a call on ssl that gave `result` waits for, or CHANNEL_BROKEN. */
static ssize_t of_ssl(struct channel *channel, int result, struct err *err)
{
    int what = SSL_get_error(channel->ssl, result);
    if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
        bool out = what == SSL_ERROR_WANT_WRITE || channel->crowded;
        watch(channel, out ? EPOLLIN | EPOLLOUT : EPOLLIN);
        return CHANNEL_LATER;
    }
    err_set(err, ERR_NETWORK, "%s", tls_problem(channel->ssl, result));
    return CHANNEL_BROKEN;
}

static int shake(struct channel *channel, struct err *err)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(channel->ssl);
    if (result != 1 && of_ssl(channel, result, err) == CHANNEL_LATER)
        return 0;
    channel->shaking = false;
    return result == 1 ? 1 : -1;
}

int channel_open(struct channel *channel, struct err *err)
{
    int why = 0;
    socklen_t len = sizeof(why);
    if (channel->connecting) {
        getsockopt(channel->watch.fd, SOL_SOCKET, SO_ERROR, &why, &len);
        if (why != 0)
            return err_set(err, ERR_NETWORK, "%s", strerror(why));
        channel->connecting = false;
        if (watch(channel, EPOLLIN) != 0)
            return err_set(err, ERR_NETWORK, "%s", strerror(errno));
    }
    return channel->shaking ? shake(channel, err) : 1;
}

/* --- bytes --- */

static ssize_t read_tls(struct channel *channel, char *to, size_t room, struct err *err)
{
    size_t got = 0;
    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(channel->ssl, to, room, &got);
    if (result == 1)
        return (ssize_t)got;
    return SSL_get_error(channel->ssl, result) == SSL_ERROR_ZERO_RETURN
               ? 0
               : of_ssl(channel, result, err);
}

ssize_t channel_read(struct channel *channel, char *to, size_t room, struct err *err)
{
    if (channel->ssl)
        return read_tls(channel, to, room, err);
    ssize_t got = recv(channel->watch.fd, to, room, 0);
    if (got >= 0)
        return got;
    if (errno == EAGAIN || errno == EINTR)
        return CHANNEL_LATER;
    err_set(err, ERR_NETWORK, "%s", strerror(errno));
    return CHANNEL_BROKEN;
}

static ssize_t write_tls(struct channel *channel, struct text bytes, struct err *err)
{
    size_t sent = 0;
    ERR_clear_error();
    errno = 0;
    int result = SSL_write_ex(channel->ssl, bytes.at, bytes.len, &sent);
    if (result == 1)
        return (ssize_t)sent;
    channel->crowded = SSL_get_error(channel->ssl, result) == SSL_ERROR_WANT_WRITE;
    return of_ssl(channel, result, err);
}

static ssize_t write_plain(struct channel *channel, struct text bytes, struct err *err)
{
    ssize_t sent = send(channel->watch.fd, bytes.at, bytes.len, MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == EINTR) {
        watch(channel, EPOLLIN | EPOLLOUT);
        return CHANNEL_LATER;
    }
    err_set(err, ERR_NETWORK, "%s", strerror(errno));
    return CHANNEL_BROKEN;
}

ssize_t channel_write(struct channel *channel, struct text bytes, struct err *err)
{
    ssize_t sent = channel->ssl ? write_tls(channel, bytes, err) : write_plain(channel, bytes, err);
    if (sent != CHANNEL_LATER) {
        channel->crowded = false;
        watch(channel, EPOLLIN);
    }
    return sent;
}

bool channel_rests(struct channel *channel)
{
    char byte;
    if (!channel->ssl)
        return recv(channel->watch.fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
    ERR_clear_error();
    int result = SSL_peek(channel->ssl, &byte, 1); /* takes what TLS says to itself */
    return result <= 0 && SSL_get_error(channel->ssl, result) == SSL_ERROR_WANT_READ;
}
