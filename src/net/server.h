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
 */
#ifndef USHER_NET_SERVER_H
#define USHER_NET_SERVER_H

#include "base/base.h"

/* Bytes behind a request's body that may be read, whatever they hold (a parser may want that). */
#define SERVER_BODY_PADDING 64

struct server;

struct server_request {
    const char *method;  /* "GET" … as sent */
    struct text path;    /* from "/" to before "?", still percent-encoded */
    struct text query;   /* behind "?", still percent-encoded; absent without one */
    struct text body;    /* whole; absent without one */
    bool body_too_large; /* more than opts.body_max came: body is absent */
    int64_t arrived_us;  /* when the last byte had come (clock_now_us) */
    struct arena arena;  /* for whoever handles the request; reset behind the answer */
    struct buf out;      /* room for the answer's body, empty at first; lives as long as needed */
};

struct server_header {
    const char *name;  /* a string constant */
    const char *value; /* lives until server_answer returns */
};

#define SERVER_HEADERS_MAX 6

struct server_answer {
    int status;
    const char *content_type; /* a string constant, or NULL */
    struct text body;         /* in request->out, request->arena or a constant */
    struct server_header headers[SERVER_HEADERS_MAX];
    size_t header_count;
    int64_t
        not_before_us; /* 0, or when the answer may leave (clock_now_us); nothing waits for it */
    bool drop;         /* no answer at all: the connection is closed */
    uint32_t pieces;   /* 0, or into how many pieces the body is cut, with a pause before each */
    int64_t pause_us;
};

struct server_opts {
    const char *address; /* "127.0.0.1:8080"; port 0 takes a free one; "[::1]:0" */
    unsigned threads;    /* 0: one */
    unsigned connections_max;
    size_t body_max;   /* bytes */
    size_t memory_max; /* of a request's arena and answer, bytes each */
    int64_t idle_ms;   /* an idle connection is closed after it; 0: never */
    /*
     * Called on one of the server's threads for each whole request. Must not block: it answers at
     * once or hands the request on.
     */
    void (*handle)(void *arg, struct server_request *request);
    void *arg;
};

/* Starts listening. Returns 0, or -1: ERR_USAGE for an address that is none, ERR_NETWORK. */
int server_start(struct server **server, const struct server_opts *opts, struct err *err);

/*
 * Stops listening, sends the answers that wait for their time at once, and closes every connection.
 * Every request must have been answered; those that come meanwhile must still be. NULL is fine.
 */
void server_stop(struct server *server);

/* Takes no new connections from now on; requests of open ones still come. */
void server_quiesce(struct server *server);

#define SERVER_ADDRESS_MAX 64
/* Where the server listens: "127.0.0.1:41237". */
void server_address(const struct server *server, char to[SERVER_ADDRESS_MAX]);

/* The value of a header, absent if it was not sent; lives until the request is answered. */
struct text server_header(const struct server_request *request, const char *name);

/* Answers the request. From any thread, exactly once a request; request is gone afterwards. */
void server_answer(struct server_request *request, const struct server_answer *answer);

/* Splits "host:port" or "[v6]:port". Returns false if it is none. Host gets no brackets. */
bool server_split_address(struct text address, struct text *host, uint16_t *port);

/* Whether that host is this machine only: 127.0.0.0/8, ::1, localhost. */
bool server_is_loopback(struct text host);

#endif
