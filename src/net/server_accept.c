/*
 * The acceptor of a server with threads of its own: it gives each new connection to one of the daemons, those for a
 * crowd last. So the first connections get large buffers and those of a crowd small ones, which
 * libmicrohttpd, whose buffers are of one size a daemon, could not do by itself.
 *
 * It also looks after those that are open (server_sweep.c), and ticks: libmicrohttpd 0.9.75 asks epoll again when it was
 * told exactly as much as it asked for, 128 events, and sleeps in that before it serves any of them; for minutes, if all
 * their clients wait for answers. A stir in its set ends that sleep.
 */
#include "net/server_inside.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Between two looks when no daemon has room, or the process no file descriptor. */
#define FULL_PAUSE_US 10000
/* Between two ticks. */
#define TICK_MS 20

/* The one with the fewest connections that has room for another; NULL: none. */
static struct lane *emptiest(struct lane *const *lanes, size_t count)
{
    struct lane *best = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t open = atomic_load(&lanes[i]->open);
        if (open < lanes[i]->open_max && (!best || open < atomic_load(&best->open)))
            best = lanes[i];
    }
    return best;
}

/* Those for a crowd come behind the others. */
static struct lane *lane_with_room(const struct server *server)
{
    size_t first = server_threads(server);
    struct lane *lane = emptiest(server->lanes, first);
    return lane ? lane : emptiest(server->lanes + first, server->lane_count - first);
}

/* Takes one connection; false if there is none, or no room for it now. */
static bool take_one(struct server *server)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    struct lane *lane = lane_with_room(server);
    if (!lane)
        return false;
    int fd =
        accept4(server->listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return false;
    atomic_fetch_add(&lane->open, 1);
    if (MHD_add_connection(lane->daemon, fd, (struct sockaddr *)&peer, len) != MHD_YES)
        atomic_fetch_sub(&lane->open, 1);
    return true;
}

static void tick(const struct server *server, int64_t now_us)
{
    uint64_t one = 1;
    bool full = lane_with_room(server) == NULL;
    for (size_t i = 0; i < server->lane_count; i++) {
        struct lane *lane = server->lanes[i];
        while (atomic_load(&lane->open) > 0 && write(lane->tick, &one, sizeof(one)) < 0 &&
               errno == EINTR)
            continue;
        server_sweep(lane, now_us, full);
    }
}

static void *accept_all(void *arg)
{
    struct server *server = arg;
    struct pollfd listener = {.fd = server->listener, .events = POLLIN};
    int64_t ticked_us = 0;
    while (!atomic_load(&server->quiet)) {
        bool comes = poll(&listener, 1, TICK_MS) > 0;
        if (comes && !take_one(server) && !atomic_load(&server->quiet))
            usleep(FULL_PAUSE_US);
        int64_t now_us = clock_now_us();
        if (now_us - ticked_us < TICK_MS * 1000)
            continue;
        tick(server, now_us);
        ticked_us = now_us;
    }
    return NULL;
}

int server_accept_start(struct server *server, struct err *err)
{
    if (pthread_create(&server->acceptor, NULL, accept_all, server) != 0)
        return err_set(err, ERR_MEMORY, "cannot start the acceptor's thread");
    pthread_setname_np(server->acceptor, "accept");
    server->accepts = true;
    return 0;
}

void server_accept_stop(struct server *server)
{
    if (!server->accepts)
        return;
    atomic_store(&server->quiet, true);
    shutdown(server->listener, SHUT_RDWR); /* so that its poll returns */
    pthread_join(server->acceptor, NULL);
    server->accepts = false;
}
