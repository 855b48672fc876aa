/* sandbox/route: which handler a request belongs to. The tables are routes.h and, of what has none, unserved.h. */
#ifndef USHER_SANDBOX_ROUTE_H
#define USHER_SANDBOX_ROUTE_H

#include "base/base.h"

/* How many {} a path has at most. */
#define ROUTE_IDS_MAX 2

enum route_auth {
    ROUTE_KEY,    /* the instance's secret key */
    ROUTE_PUBLIC, /* anybody */
    /* the Frontend API, see front.h: */
    ROUTE_OPEN,   /* any browser */
    ROUTE_CLIENT, /* a browser; of a development instance one with a known dev browser */
    ROUTE_SESSION /* one that is signed in */
};

enum route_limit {
    ROUTE_FREE,     /* not limited, no faults either */
    ROUTE_BROWSER,  /* not limited per key; handlers ask for the limits per user */
    ROUTE_INSTANCE, /* the limit per key */
    ROUTE_USER,     /* that, and one per user or organization: the path's first {} */
    ROUTE_MEMBER,   /* that, and one per membership: both {} of the path */
    /* that, and one an hour: */
    ROUTE_INVITE,         /* invitations to the instance, 100 */
    ROUTE_INVITE_MANY,    /* several at once, 25 */
    ROUTE_ORG_INVITE,     /* invitations to organizations, 250 */
    ROUTE_ORG_INVITE_MANY /* several at once, 50 */
};

struct call;

struct route {
    struct text method;
    struct text path; /* {} stands for an id */
    enum route_auth auth;
    enum route_limit limit;
    void (*handle)(struct call *call); /* NULL: Clerk has it, the sandbox has not (unserved.h) */
    const char *operation;             /* what Clerk calls it, of such a one */
};

/* Those that are served: ROUTE_COUNT rows, in the order of routes.h. */
extern const struct route routes[];

/* What a request asks for. */
struct route_query {
    struct text method, path;
    bool keyed; /* it has an Authorization header: the Backend API's, where both have such a path */
};

/* The route of a request; ids get what stands for each {}, still percent-encoded. NULL if there is none. */
const struct route *route_find(const struct route_query *query, struct text ids[ROUTE_IDS_MAX]);

/* Whether the path has a route under some method. */
bool route_has_path(struct text path);

/* Whether it only reads, as a rule: a GET, or a request for a session's token. */
bool route_reads(const struct route *route);

/* Whether it is the Frontend API's. */
bool route_is_front(const struct route *route);

#endif
