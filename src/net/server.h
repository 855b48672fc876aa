/*
 * server: a thin face over libmicrohttpd. A few threads read whole requests; whoever answers may take
 * its time on any other thread, as the connection sleeps meanwhile.
 *
 *     server_start(&server, &opts, &err);            // opts.handle is called for every whole request
 *     server_address(server, text);                  // "127.0.0.1:41237"
 *     … handle(arg, request): hands the request to some queue …
 *     … later, on any thread: server_answer(request, &answer);
 *     server_stop(server);                           // answers first, then closes
 *
 * A request belongs to whoever handles it from the call of opts.handle to its server_answer, which must
 * come exactly once. Requests of one connection share one memory, one after another.
 *
 * Two ways to run: on threads of its own, or (opts.loops) on event loops that clients share, so that a
 * proxy needs no locks: then handle, server_answer and all else about a request stay on request->loop's
 * thread. Only there may bodies be streamed:
 *  - a request's: opts.streams says yes when the headers have come; handle is called at once and sets
 *    request->sink, which takes the body piece by piece, or a part of a piece, until server_take_more;
 *  - an answer's: answer->source gives it piece by piece, or nothing yet, until server_give_more.
 * So what is held in between is bounded by whoever streams, and a slow reader slows its writer.
 */
#ifndef USHER_NET_SERVER_H
#define USHER_NET_SERVER_H

#include <sys/types.h>

#include "base/base.h"
#include "net/loop.h"

/* Bytes behind a request's body that may be read, whatever they hold (a parser may want that). */
#define SERVER_BODY_PADDING 64
/* Bytes a second at which a client must send or take what is long: opts.patience_ms. */
#define SERVER_RATE 1024

struct server;

/* Where the body of a streamed request goes. */
struct server_sink {
    /* Takes some or all of a piece and returns how much; less than all: server_take_more will come. */
    size_t (*take)(void *arg, struct text piece);
    void (*end)(void *arg); /* the body is whole */
    void (*gone)(
        void *arg); /* the connection broke before that: the request is gone, never answered */
    void *arg;
};

struct server_request {
    const char *method;  /* "GET" … as sent */
    struct text path;    /* from "/" to before "?", still percent-encoded */
    struct text query;   /* behind "?", still percent-encoded; absent without one */
    struct text body;    /* whole; absent without one */
    bool body_too_large; /* more than opts.body_max came: body is absent */
    int64_t arrived_us;  /* when the last byte had come (clock_now_us) */
    struct arena arena;  /* for whoever handles the request; reset behind the answer */
    struct buf out;      /* room for the answer's body, empty at first; lives as long as needed */
    void *tag;           /* the handler's own, NULL at first: see opts.ended */
    struct loop *loop;   /* the loop that the connection lives on; NULL without opts.loops */
    bool streamed;       /* opts.streams said so: no body yet, sink is to be set by handle */
    struct server_sink sink;
};

struct server_header {
    const char *name;  /* a string constant */
    const char *value; /* lives until server_answer returns */
};

#define SERVER_LENGTH_UNKNOWN UINT64_MAX
#define SERVER_BODY_END       ((ssize_t)-1)
#define SERVER_BODY_BROKEN    ((ssize_t)-2)

/* A body that is made while it is sent. */
struct server_source {
    uint64_t length; /* or SERVER_LENGTH_UNKNOWN: sent in chunks */
    /*
     * Puts at most room bytes and returns how many; 0: none yet, server_give_more will come;
     * SERVER_BODY_END; SERVER_BODY_BROKEN: the connection is to be cut, as the body is not whole.
     */
    ssize_t (*next)(void *arg, char *to, size_t room);
    void (*ended)(void *arg); /* sent, or the reader is gone; the request is gone afterwards */
    void *arg;
};

#define SERVER_HEADERS_MAX 12

struct server_answer {
    int status;
    const char *content_type;           /* a string constant, or NULL */
    struct text body;                   /* in request->out, request->arena or a constant */
    const struct server_source *source; /* instead of body; copied */
    struct server_header headers[SERVER_HEADERS_MAX];
    size_t header_count;
    const struct server_header *more; /* further ones; names may be repeated (Set-Cookie) */
    size_t more_count;
    int64_t
        not_before_us; /* 0, or when the answer may leave (clock_now_us); nothing waits for it */
    bool drop;         /* no answer at all: the connection is closed */
    uint32_t pieces;   /* 0, or into how many pieces the body is cut, with a pause before each */
    int64_t pause_us;
};

struct server_opts {
    /* "127.0.0.1:8080"; port 0 takes a free one; "[::1]:0"; "unix:/run/usher.sock" (mode 0660) */
    const char *address;
    const char *tls_cert, *tls_key; /* PEM files: TLS; both NULL: plain */
    unsigned threads;               /* 0: one; with loops: as many as there are loops */
    struct loop *const *loops;      /* NULL: threads of its own */
    size_t loop_count;
    unsigned connections_max; /* when so many are open, the longest idle make room for others */
    /* bytes for a request's target and headers together with those of its answer; 0: 24 KiB */
    size_t headers_max;
    /* without loops: connections beyond so many have headers_crowd bytes instead; 0: all are alike */
    unsigned roomy;
    size_t headers_crowd;
    size_t body_max;   /* bytes */
    size_t memory_max; /* of a request's arena and answer, bytes each */
    int64_t idle_ms;   /* an idle connection is closed after it; 0: never */
    /*
     * So long may a client take for a request's head. Of a body that it sends, or an answer that it takes, either all
     * or SERVER_RATE bytes a second must pass within it, again and again. Else its connection is closed. 0: a minute.
     */
    int64_t patience_ms;
    int64_t drain_ms; /* server_stop waits so long for answers to be sent; 0: two seconds */
    /* Optional: how many bytes the body of this request may have; what is beyond body_max is too large anyway. */
    size_t (*room)(void *arg, const struct server_request *request);
    /* With loops: whether the body of this request, whose headers have come, is to be streamed. */
    bool (*streams)(void *arg, struct server_request *request);
    /*
     * Called on one of the server's threads for each whole request. Must not block: it answers at
     * once or hands the request on.
     */
    void (*handle)(void *arg, struct server_request *request);
    /* Optional. A request that was handled is over: its answer sent, or the connection gone. */
    void (*ended)(void *arg, struct server_request *request);
    void *arg;
};

/*
 * Starts listening. Returns 0, or -1: ERR_USAGE for an address that is none, ERR_NETWORK, ERR_IO for a
 * certificate or key that cannot be read or is none. A socket file that nobody listens at is replaced.
 */
int server_start(struct server **server, const struct server_opts *opts, struct err *err);

/*
 * Stops listening, sends the answers that wait for their time at once, and closes every connection.
 * Every request must have been answered, or be about to be. NULL is fine.
 */
void server_stop(struct server *server);

/*
 * Takes no new connections from now on; requests of open ones still come, and each connection is closed behind
 * its next answer.
 */
void server_quiesce(struct server *server);

/*
 * Takes no requests either: connections on which one comes are closed. On loops, when this returns no handler
 * runs any more. Requests that have been handed over must still be answered.
 */
void server_shut(struct server *server);

/*
 * Reads certificate and key, from the same files or others: new connections get them, open ones stay. Of a
 * server without TLS nothing is changed. With opts.loops only. Returns 0, or -1 with all as it was (ERR_IO).
 */
int server_reload_tls(struct server *server, const char *cert, const char *key, struct err *err);

/* How many requests are being answered now. */
size_t server_active(const struct server *server);

/* How many connections are open on the thread that read the request, its own included. Without loops only. */
size_t server_neighbours(const struct server_request *request);

/*
 * Raises the soft limit of open files for that many connections, as far as the hard limit allows. Returns for how many
 * it is enough.
 */
size_t server_allow_files(size_t connections);

#define SERVER_ADDRESS_MAX 128
/* Where the server listens: "127.0.0.1:41237", "unix:/run/usher.sock". */
void server_address(const struct server *server, char to[SERVER_ADDRESS_MAX]);

/* The value of a header, absent if it was not sent; lives until the request is answered. */
struct text server_header(const struct server_request *request, const char *name);

/* Calls each for every header of the request, in order, until it returns false. */
void server_each_header(const struct server_request *request,
                        bool (*each)(void *arg, struct text name, struct text value), void *arg);

/* Writes the address of whoever connected, without port ("192.0.2.7"); "" over a Unix socket. */
void server_peer(const struct server_request *request, char to[SERVER_ADDRESS_MAX]);

/* The sink of a streamed request takes again, or the source of its answer has more to give. */
void server_take_more(struct server_request *request);
void server_give_more(struct server_request *request);

/*
 * Answers the request, exactly once: from any thread, or on request->loop's. The request is gone afterwards,
 * but for one with a source, which lives until ended.
 */
void server_answer(struct server_request *request, const struct server_answer *answer);

/* Whether an address can be listened on, as far as its looks tell. Returns 0 or -1 (ERR_USAGE). */
int server_check_address(const char *address, struct err *err);

/* Splits "host:port" or "[v6]:port". Returns false if it is none. Host gets no brackets. */
bool server_split_address(struct text address, struct text *host, uint16_t *port);

/* Whether that host is this machine only: 127.0.0.0/8, ::1, localhost. */
bool server_is_loopback(struct text host);

#endif
