/* The inside of server: what its files share. Nobody else includes this. */
#ifndef USHER_NET_SERVER_INSIDE_H
#define USHER_NET_SERVER_INSIDE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/server.h"
#include "net/timer.h"

enum stage {
    STAGE_NEW,
    STAGE_READING, /* the body comes: into memory, or to the sink of a streamed request */
    STAGE_HANDED,  /* the request is whole and its handler's; opts.handle has not returned yet */
    STAGE_HANDLED, /* the same, and the connection sleeps until the answer comes */
    STAGE_ANSWERED /* the answer is there, and leaves as soon as the request is whole */
};

/* What of the client a connection waits for: see server_sweep.c. */
enum waits {
    WAITS_NOT,   /* nothing: it is our turn */
    WAITS_HEAD,  /* a request's first line and headers */
    WAITS_BODY,  /* the rest of its body */
    WAITS_READER /* that the answer is taken */
};

struct connection {
    struct server_request request;
    struct lane *lane;
    struct server *server; /* the lane's */
    struct loop_task task; /* takes what is due in time to the lane's loop */
    struct MHD_Connection *mhd;
    int fd;
    struct connection *next, **before; /* in the lane's list; under its lock */
    _Atomic enum waits waits;
    _Atomic int64_t due_us; /* until when, unless WAITS_NOT (clock_now_us) */
    int64_t since_us;       /* when it came, or its last request was over; under the lane's lock */
    int64_t noted_us;       /* the due_us for which noted was noted; under the lane's lock */
    uint64_t noted;         /* bytes that had passed then */
    bool ended;             /* is not read from any more; under the lane's lock */
    _Atomic enum stage stage; /* from STAGE_HANDED on whoever answers may be on any thread */
    bool counted;             /* among the server's active ones */
    bool whole;               /* the request's last byte has come */
    bool asleep;              /* suspended: by a sink that is full or a source that has nothing */
    struct buf body;
    struct MHD_Response *response; /* NULL: drop */
    int status;
    struct server_source source; /* next NULL: none */
    struct text pieces_body;
    uint64_t piece_len;
    int64_t pause_us, piece_due_us;
};

/* A libmicrohttpd daemon: on a loop, or with a thread of its own. */
struct lane {
    struct loop_source source;
    struct loop_watch watch; /* the daemon's own epoll set */
    struct server *server;
    struct loop *loop; /* NULL: a thread of its own */
    struct MHD_Daemon *daemon;
    int tick;           /* an eventfd in the set of a daemon with its own thread; or -1 */
    size_t headers;     /* bytes that each of its connections has */
    size_t open_max;    /* connections */
    atomic_size_t open; /* those that are there, or that the acceptor is about to give it */
    bool stirred;       /* ready, or a connection was resumed */
    pthread_mutex_t lock;
    struct connection *first, **last; /* under lock: all, those first that have long not asked */
    int64_t sweep_us;                 /* when they are looked through next */
    struct lane *older; /* takes no new connections, and serves the open ones until they go */
};

struct server {
    struct lane **lanes;
    size_t lane_count;
    struct timer *timer;
    int listener;
    struct server_opts opts; /* its texts are gone once the server has started */
    bool tls;
    char address[SERVER_ADDRESS_MAX];
    char *cert, *key;     /* PEM; NULL without TLS */
    atomic_size_t active; /* requests between their last byte and the end of their answer */
    atomic_bool quiet;    /* no new connections */
    atomic_bool stopping; /* no new requests either */
    pthread_t acceptor;   /* without loops */
    bool accepts;
};

/* How many threads read requests where there are no loops. */
static inline size_t server_threads(const struct server *server)
{
    return server->opts.threads > 1 ? server->opts.threads : 1;
}

/* The connection that a request came on. */
static inline struct connection *server_connection(const struct server_request *request)
{
    return (struct connection *)((uintptr_t)request - offsetof(struct connection, request));
}

/* Suspends a connection until its sink takes or its source gives again. */
void server_sleep(struct connection *c);

/* Listens at opts.address and notes the address. 0 or -1. */
int server_listen(struct server *server, struct err *err);
/* Closes the listener, and takes the socket file away. */
void server_unlisten(struct server *server);

/* The thread that takes new connections where there are no loops. Stopping one that was not started is fine. */
int server_accept_start(struct server *server, struct err *err);
void server_accept_stop(struct server *server);

/* From now on the connection waits for that. */
void server_waits(struct connection *c, enum waits waits);

/* Puts a new connection into its lane's list, behind all others as one whose request is over, or takes it out. */
void server_sweep_join(struct connection *c);
void server_sweep_again(struct connection *c);
void server_sweep_leave(struct connection *c);

/*
 * Ends connections of clients that are gone or too slow, if it is time; of a full lane also of those that are only idle.
 * Returns when it is time again; INT64_MAX: when there is a connection.
 */
int64_t server_sweep(struct lane *lane, int64_t now_us, bool full);

/* libmicrohttpd's callbacks on a connection's life. */
void server_on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code);
void *server_on_target(void *arg, const char *target, struct MHD_Connection *mhd);
void server_on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code);
enum MHD_Result server_on_access(void *arg, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **context);

#endif
