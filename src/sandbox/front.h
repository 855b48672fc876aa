/*
 * sandbox/front: the Frontend API's side of a call: which browser it is, from where, by which proxy; the
 * answer's envelope {"response":…,"client":…}, its cookies and CORS headers.
 *
 * A browser is known by the cookie `__client`, or, where the instance has dev browsers, by the parameter
 * `__clerk_db_jwt`. A request with Clerk-Proxy-Url must prove with Clerk-Secret-Key that a proxy of the
 * application sent it; then X-Forwarded-For tells the end user's address.
 */
#ifndef USHER_SANDBOX_FRONT_H
#define USHER_SANDBOX_FRONT_H

#include "sandbox/call.h"
#include "sandbox/client.h"
#include "sandbox/session.h"

struct front {
    struct text origin;    /* of the page: "https://app.example.com"; absent if nothing tells it */
    struct text proxy_url; /* absent: no proxy */
    struct text host;      /* that the browser talks to, without port: cookies belong to it */
    struct text address;   /* the end user's */
    bool secure;           /* the browser talks https */
    struct text dev_browser;
    struct client client;   /* id absent: none yet */
    bool stale;             /* the cookie names a client that is not there */
    bool cookies_due;       /* the client's cookies go with the answer */
    struct session session; /* of a ROUTE_SESSION, with its user */
    struct account account;
};

/* Reads all that from the request. Returns false after refusing. */
bool front_admit(struct call *call);

/* Adds cookies and CORS headers to the answer, whatever it is. For the engine. Fine without a front. */
void front_finish(struct call *call);

/* Asks one of the limits per user and address; `who` names the user. Returns false after refusing. */
bool front_limit(struct call *call, struct user_limits *limits, struct text who);

/* The call's client, made if there is none yet. Returns false after refusing. */
bool front_client(struct call *call);

/* Behind work in the pool: the client as it is now. Returns false after refusing. */
bool front_reload_client(struct call *call);

/* Writes the client, changed now, and sends its cookies with the answer. Returns false after refusing. */
bool front_put_client(struct call *call);

/* Starts {"response": … of an answer; front_close adds the client. */
struct json_out front_open(struct call *call);
void front_close(struct call *call, struct json_out *out);

/* Answers {"response":null,"client":…}. */
void front_answer_client(struct call *call);

/* A text of the form; absent if it is not there or empty. */
struct text front_param(const struct call *call, const char *name);
/* The same; refuses with form_param_missing without it. */
bool front_param_needed(struct call *call, const char *name, struct text *value);

/* Whether the browser may be sent to that URL: one of the instance's own origins. */
bool front_may_redirect(const struct call *call, struct text url);

/* "https://host" of a URL: scheme and authority; absent if it is no http URL. */
struct text front_origin_of(struct text url);
/* "host" of an origin or of a Host header, without port. */
struct text front_host_of(struct text origin);

/* Appends the pair of `__client_uat` cookies and, last, `__client`, as Set-Cookie values or headers. */
void front_write_cookies(struct call *call);

/* When the client signed in or out, in seconds as `__client_uat` has it; 0 if it has no live session. */
bool front_client_uat(struct call *call, int64_t *seconds);

#endif
