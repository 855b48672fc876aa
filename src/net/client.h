/*
 * client: HTTP exchanges with other servers on an event loop, as many at a time as wanted, with bodies
 * streamed both ways: what a proxy needs. All of it runs on the loop's thread.
 *
 *     client_open(&client, &opts, &err);
 *     call = client_send(client, &request, &err);
 *     … request.on.header(…)* → begin(status) → piece(…)* → done(NULL), or done(err) at any point …
 *     client_close(client);
 *
 * HTTP/1.1 with keep-alive, http:// and https://. Redirects are not followed and nothing is retried, but
 * for what HTTP/1.1 keep-alive implies: when the server closes an idle connection just as a request goes
 * out on it, and not one byte of an answer came, libcurl sends that request once more.
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

/* What is told about an exchange. Each may be NULL but done. */
struct client_handler {
    void (*header)(void *arg, struct text name, struct text value);
    void (*begin)(void *arg, int status); /* all headers have come */
    void (*lull)(void *arg);              /* begun, and nothing more has come so far; once */
    /* A piece of the body. false: not taken; the same comes again after client_resume. */
    bool (*piece)(void *arg, struct text piece);
    /*
     * More of the request's body: how many bytes were put, 0 at its end, CLIENT_UPLOAD_LATER until
     * client_resume, CLIENT_UPLOAD_BROKEN. Instead of request.body.
     */
    ssize_t (*upload)(void *arg, char *to, size_t room);
    void (*done)(void *arg, const struct err *err); /* once, last; err NULL: the answer is whole */
    void *arg;
};

struct client_request {
    const char *method;         /* "GET", … */
    const char *server;         /* "https://host[:port]" */
    const char *target;         /* "/v1/client?…", sent as it is: never leads to another server */
    const char *const *headers; /* "Name: value"; libcurl adds Host and lengths, nothing else */
    size_t header_count;
    struct text body;       /* lives until done */
    uint64_t upload_length; /* of on.upload's body, or CLIENT_LENGTH_UNKNOWN */
    int64_t timeout_ms;     /* of the whole exchange; 0: only a stall ends it (opts.stall_s) */
    struct client_handler on;
};

struct client_opts {
    struct loop *loop;
    uint32_t in_flight_max; /* exchanges at a time */
    int64_t connect_ms;     /* to connect, TLS included; 0: 10 s */
    int64_t stall_s;        /* an exchange in which nothing moves for so long fails; 0: 60 */
    const char *ca_file;    /* who signs https servers; NULL: the system's list */
};

/* Makes a client on a running loop, from any other thread. Returns 0 or -1 (ERR_MEMORY). */
int client_open(struct client **client, const struct client_opts *opts, struct err *err);
/* Ends all that is in flight as failed, calling done. From any thread but the loop's. */
void client_give_up(struct client *client);
/* Drops what is in flight without calling done. From any thread but the loop's. NULL is fine. */
void client_close(struct client *client);

/*
 * Puts an exchange in flight. NULL with err: ERR_MEMORY, ERR_INPUT for a target with blanks or control
 * characters, ERR_UNUSABLE as too many are in flight. Nothing of request but body is needed afterwards.
 */
struct client_call *client_send(struct client *client, const struct client_request *request,
                                struct err *err);

/* Goes on with an exchange that piece or upload has held up. Not from inside its handlers. */
void client_resume(struct client_call *call);

/* Ends an exchange without calling done. Not from inside its handlers. */
void client_cancel(struct client_call *call);

#endif
