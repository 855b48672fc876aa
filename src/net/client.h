/*
 * client: HTTP/1.1 exchanges with one server on an event loop, as many at a time as wanted, with bodies streamed both
 * ways: what a proxy needs. All of it runs on the loop's thread.
 *
 *     client_open(&client, &opts, &err);
 *     call = client_send(client, &request, &err);
 *     … request.on.header(…)* → begin(status) → piece(…)* → done(NULL), or done(failure) at any point …
 *     client_close(client);
 *
 * http:// and https://, connections kept between exchanges, one exchange at a time on each. Redirects are not followed
 * and nothing is sent twice, but for what keep-alive implies: when the server closes a connection at rest just as a
 * request goes out on it, so that not one byte of an answer came, the request is sent once more on a new connection if
 * nothing can be done twice by that: not one byte of it had left, or it is a GET, HEAD or OPTIONS without a streamed
 * body.
 */
#ifndef USHER_NET_CLIENT_H
#define USHER_NET_CLIENT_H

#include <sys/types.h>

#include "base/base.h"
#include "net/loop.h"

struct client;
struct client_call;

#define CLIENT_UPLOAD_LATER   ((ssize_t)-1)
#define CLIENT_UPLOAD_BROKEN  ((ssize_t)-2)
#define CLIENT_LENGTH_UNKNOWN UINT64_MAX
#define CLIENT_PIECE_MAX      ((size_t)16 << 10)

/* Why there is no whole answer. */
struct client_failure {
    struct err err; /* ERR_NETWORK, ERR_MEMORY */
    bool sent;      /* whether a byte of the request may have left */
};

/* What is told about an exchange. Each may be NULL but done. */
struct client_handler {
    void (*header)(void *arg, struct text name, struct text value);
    void (*begin)(void *arg, int status); /* all headers have come */
    void (*lull)(void *arg);              /* begun, and nothing more has come so far; once */
    /* A piece of the body, at most CLIENT_PIECE_MAX. false: not taken; it comes again after client_resume. */
    bool (*piece)(void *arg, struct text piece);
    /*
     * More of the request's body: how many bytes were put, 0 at its end, CLIENT_UPLOAD_LATER until
     * client_resume, CLIENT_UPLOAD_BROKEN. Instead of request.body. An answer that is whole before ends the exchange.
     */
    ssize_t (*upload)(void *arg, char *to, size_t room);
    void (*done)(void *arg, const struct client_failure *failure); /* once, last; NULL: whole */
    void *arg;
};

struct client_request {
    const char *method; /* "GET", … */
    struct text target; /* "/v1/client?…", sent as it is: never leads to another server */
    struct text
        headers; /* "Name: value\r\n" each; Host and the body's length are added, nothing else */
    struct text body;       /* absent: none, not even a length of 0 */
    uint64_t upload_length; /* of on.upload's body, or CLIENT_LENGTH_UNKNOWN: in chunks */
    int64_t timeout_ms;     /* of the whole exchange; 0: only a stall ends it (opts.stall_s) */
    struct client_handler on;
};

struct client_opts {
    struct loop *loop;
    const char *server;     /* "https://host[:port]" */
    uint32_t in_flight_max; /* exchanges at a time; as many connections may be open */
    int64_t connect_ms;     /* to connect, TLS included; 0: 10 s */
    int64_t
        stall_s; /* an exchange in which nothing moves for so long fails, unless its reader waits; 0: 60 */
    const char *ca_file; /* who signs https servers; NULL: the system's list */
};

/*
 * Makes a client, from any thread but a running loop's. Its options are copied. Returns 0 or -1: ERR_USAGE for a server
 * that is none, ERR_IO for a ca_file without certificates, ERR_MEMORY.
 */
int client_open(struct client **client, const struct client_opts *opts, struct err *err);
/* Whether a file has certificates to trust, as client_open would find. Returns 0 or -1 (ERR_IO, ERR_MEMORY). */
int client_check_ca(const char *ca_file, struct err *err);
/* Ends all that is in flight as failed, calling done. From any thread but a running loop's. */
void client_give_up(struct client *client);
/* Drops what is in flight without calling done. From any thread but a running loop's. NULL is fine. */
void client_close(struct client *client);

/*
 * Puts an exchange in flight. NULL with err: ERR_MEMORY, ERR_INPUT for a target with blanks or control
 * characters, ERR_UNUSABLE as too many are in flight. Nothing of request is needed afterwards. Calls no handler but
 * upload.
 */
struct client_call *client_send(struct client *client, const struct client_request *request,
                                struct err *err);

/* Goes on with an exchange that piece or upload has held up, in the loop's next turn. */
void client_resume(struct client_call *call);

/* Ends an exchange without calling done. Not from inside its handlers. */
void client_cancel(struct client_call *call);

#endif
