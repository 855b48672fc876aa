/*
 * proxy: Clerk's Frontend API behind the application's own host, as Clerk documents it for proxies: the
 * request goes on with Clerk-Proxy-Url, Clerk-Secret-Key and the end user's address; the answer comes back
 * as it is, each Set-Cookie by itself, with redirects to the upstream turned to the proxy.
 *
 *     proxy_open(&proxy, &opts, &err);
 *     proxy_pass(proxy, request);                  // streamed both ways, answered when it is
 *     proxy_ask(proxy, request, &ask);             // the answer is collected for ask.done instead
 *     proxy_reply(request, &reply);                // … which may give it to the browser, or another
 *     proxy_close(proxy);
 *
 * All but opening and closing runs on the request's loop. What is held of a streamed body is bounded
 * (PROXY_WINDOW each way); a collected answer is at most PROXY_ANSWER_MAX.
 */
#ifndef USHER_TRICKLE_PROXY_H
#define USHER_TRICKLE_PROXY_H

#include "clerk/clerk.h"
#include "net/net.h"
#include "trickle/events.h"

#define PROXY_WINDOW     ((size_t)64 * 1024)
#define PROXY_ANSWER_MAX ((size_t)1024 * 1024)
/* Requests with a longer body than this are streamed, and never stepped into. */
#define PROXY_WHOLE_MAX ((size_t)64 * 1024)

struct proxy;

struct proxy_opts {
    const char *url;            /* the public one, "https://app.example.com/__clerk" */
    const char *upstream;       /* "https://frontend-api.clerk.dev" */
    const char *secret_key;     /* Clerk's */
    const char *ca_file;        /* NULL: the system's */
    const char *client_address; /* a header that is trusted; NULL: whoever connects */
    struct loop *const *loops;
    size_t loop_count;
    uint32_t in_flight_max; /* over all loops */
    struct events *events;  /* counts and tells `upstream_failed` with the reason */
};

/* Texts are copied. Returns 0 or -1 (ERR_MEMORY). */
int proxy_open(struct proxy **proxy, const struct proxy_opts *opts, struct err *err);
/* Fails what is in flight, so that it is answered. */
void proxy_give_up(struct proxy *proxy);
/* Drops what is in flight: stop the server first. NULL is fine. */
void proxy_close(struct proxy *proxy);

/*
 * What stands behind the proxy's path: "/v1/client" of "/__clerk/v1/client"; absent if the request is not
 * for the proxy.
 */
struct text proxy_path(const struct proxy *proxy, const struct server_request *request);

/* The end user's address, written to `to`: of the trusted header, else of the connection; "" if unknown. */
void proxy_client_address(const struct proxy *proxy, const struct server_request *request,
                          char to[SERVER_ADDRESS_MAX]);

/* Whether this request's body is to be streamed (server_opts.streams). */
bool proxy_streams(const struct server_request *request);

/* Sends the request on and its answer back. */
void proxy_pass(struct proxy *proxy, struct server_request *request);

/* A collected answer; lives until the request is answered. */
struct proxy_answer {
    int status; /* 0: there was none, and err says why */
    struct server_header *headers;
    size_t header_count;
    struct text body; /* with JSON_PADDING bytes behind it */
    const struct err *err;
};

struct proxy_ask {
    const char *method;       /* NULL: the request's */
    struct text target;       /* path and query at the upstream; absent: the request's */
    struct text body;         /* absent: the request's */
    const char *content_type; /* of that body; NULL: the request's */
    struct text cookie;       /* absent: the request's Cookie header */
    void (*done)(void *arg, const struct proxy_answer *answer);
    void *arg;
};

/* Sends something on in a request's name. done is called once, on the request's loop. */
void proxy_ask(struct proxy *proxy, struct server_request *request, const struct proxy_ask *ask);

/*
 * Answers the request with a collected answer, or what is left of it: its status, or another one; its
 * body, or another one (JSON), which must live in the request. Further headers, at most PROXY_MORE_MAX.
 */
#define PROXY_MORE_MAX 4
struct proxy_reply {
    const struct proxy_answer *answer; /* NULL: nothing of an upstream */
    int status;                        /* 0: the answer's */
    struct text body;                  /* absent: the answer's */
    struct server_header more[PROXY_MORE_MAX];
    size_t more_count;
    int64_t not_before_us; /* as server_answer.not_before_us */
};
void proxy_reply(struct server_request *request, const struct proxy_reply *reply);

/* Answers with an error of the gateway's own, in Clerk's envelope; long_message is for people. */
void proxy_refuse(struct server_request *request, enum clerk_code code, const char *long_message);
/* The answer to a request that Clerk could not be reached for: proxy_request_failed. */
void proxy_refuse_failed(struct server_request *request);
/* proxy_refuse, not before a moment (server_answer.not_before_us). */
void proxy_refuse_at(struct server_request *request, enum clerk_code code, const char *long_message,
                     int64_t not_before_us);

#endif
