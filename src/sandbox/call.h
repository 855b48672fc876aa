/*
 * sandbox/call: one request on its way through the sandbox, and what a handler does with it.
 *
 * A handler is a plain function, run by one thread at a time inside the transaction that it shares with
 * others: it reads call->ids, call->query and call->body, uses call->desk->store, and either writes its
 * answer (call_answer, then onto the returned buf) or refuses (call_fail). One that may refuse after it has
 * written something calls call_mark first: what it wrote since is then undone, and nothing else of the
 * transaction. Nothing leaves before the commit.
 *
 * Slow work (hashing) is asked for with call_later: work runs on a pool thread and may touch nothing
 * but call->state; then runs as a handler afterwards, with body and query as before.
 */
#ifndef USHER_SANDBOX_CALL_H
#define USHER_SANDBOX_CALL_H

#include "clerk/clerk.h"
#include "net/net.h"
#include "sandbox/fault.h"
#include "sandbox/instance.h"
#include "sandbox/limit.h"
#include "sandbox/ring.h"
#include "sandbox/route.h"
#include "sandbox/routes.h"
#include "sandbox/store.h"

/* Counters since the start, for GET /v1/sandbox/stats. */
struct stats {
    uint64_t requests, created, duplicates, limited, refused, failed;
    uint64_t passwords_right, passwords_wrong, passwords_moved;
    uint64_t transactions;
    uint64_t calls[ROUTE_COUNT]; /* of each row of routes.h */
};

/* How many users there were when they were counted. */
struct census {
    int64_t users, next_us; /* not before that are they counted again (clock_now_us) */
    uint64_t created;       /* stats.created at that time */
};

/* What all handlers share. */
struct desk {
    struct store *store;
    struct instance *instance;
    struct hooks *hooks; /* who is told of events; see event.h */
    struct clerk_ids ids;
    struct stats stats;
    struct faults faults;
    _Atomic int64_t latency_us; /* each answer leaves so long after its request came */
    const struct limit *limit;  /* per key; NULL: none */
    struct ring ring;           /* the latest requests */
    struct census census;
    uint32_t indexed; /* which orders of the list of users are known to have their index: bits */
    const struct console *console;
    struct json *json;  /* for what is not the body: stored metadata */
    struct buf scratch; /* for the length of one handler */
    /* per user and address, of the Frontend API; NULL: none */
    struct user_limits *create_limits, *attempt_limits;
};

#define CALL_HEADERS_MAX    12
#define CALL_SIGNATURES_MAX 16

/* A JWT in the answer's body that still lacks its signature. */
struct call_signature {
    size_t at,
        len; /* header and payload; behind them a dot and room for the signature, if the instance's key signs */
    struct text algorithm,
        key; /* of a template with a key of its own (jwt_signature.h); else absent */
};

struct front;

struct call {
    struct call *next; /* of whoever queues it */
    struct desk *desk;
    struct server_request *request;
    struct arena *arena; /* of the request */
    const struct route *route;
    struct text ids[ROUTE_IDS_MAX]; /* what stands for the {} of the path, decoded */
    struct form_fields query;
    struct json_value body;  /* absent without one, and on FRONTEND routes */
    struct form_fields form; /* of a FRONTEND route */
    struct front *front;     /* of a FRONTEND route, see front.h; NULL otherwise */
    int64_t now_ms;

    int status;            /* of the answer; 0: none yet */
    int64_t retry_after_s; /* -1: no such header */
    const char *content_type;
    struct server_header headers[CALL_HEADERS_MAX];
    size_t header_count;
    struct call_signature signatures[CALL_SIGNATURES_MAX];
    size_t signature_count;
    struct key_signer *signer; /* held while the answer waits for its signatures */
    bool drop, slow;           /* faults that befall the answer */
    bool marked;               /* call_mark */
    bool broken;               /* the store failed: nothing of the transaction may stay */

    void (*work)(struct call *call); /* call_later */
    bool urgent; /* work is not to wait behind passwords, nor at their priority */
    void (*then)(struct call *call);
    void *state;
};

/* Starts an answer without headers; what is appended to the returned buf is its body, JSON. */
struct buf *call_answer(struct call *call, int status);

/* Adds a header to the answer that was started; the value is copied. A name may come several times. */
void call_header(struct call *call, const char *name, struct text value);

/*
 * Appends a JWT to the body: input is header and payload ("a.b"). Its signature is made after the commit, off the
 * store's thread, with the instance's current key. Returns false, with nothing appended, beyond
 * CALL_SIGNATURES_MAX.
 */
bool call_sign(struct call *call, struct text input);
/* The same with another key (jwt_signature.h), in the call's arena. */
bool call_sign_with(struct call *call, struct text input, struct text algorithm, struct text key);

/* Refuses. param: meta.param_name, or NULL. The sentence is printf-like. Always returns false. */
bool call_fail(struct call *call, enum clerk_code code, const char *param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Refuses with form_data_missing; params is a JSON array of names. Always returns false. */
bool call_fail_missing(struct call *call, const char *params);
/* Refuses with meta.session_id. Always returns false. */
bool call_fail_session(struct call *call, enum clerk_code code, struct text session,
                       const char *sentence);
/* Refuses with missing_organization_permission ("org:sys_memberships:manage"). Always returns false. */
bool call_fail_permission(struct call *call, const char *permission);
/* Refuses with a 404. Always returns false. */
bool call_not_found(struct call *call, const char *what, struct text id);
/* Refuses with a 429 and counts it. Always returns false. */
bool call_limited(struct call *call, int64_t retry_after_s);
/* Refuses with a 500 and logs err. Always returns false. */
bool call_broken(struct call *call, const struct err *err);

/* What is written from here on is undone if the call is refused. Returns false after refusing. */
bool call_mark(struct call *call);

/* Memory for the call's length; refuses when there is none left. */
void *call_alloc(struct call *call, size_t size);

/* Asks for work, then for a call of then. */
void call_later(struct call *call, void (*work)(struct call *call),
                void (*then)(struct call *call));

/* A fresh id ("user_"), in the call's arena. */
struct text call_new_id(struct call *call, const char *prefix);

/* The first value of a query parameter; absent if there is none. */
struct text call_param(const struct call *call, struct text name);

/* The user of that id; refuses and returns false if there is none. */
bool call_account(struct call *call, struct text id, struct account *account);
/* Writes the account's row, answers with the user, tells of it (user.updated). Returns false after refusing. */
bool call_put_account(struct call *call, struct account *account);
/* Answers 200 with the user. */
void call_answer_account(struct call *call, const struct account *account);
/* What an answer of the store means: true for STORE_OK, else refuses. */
bool call_check(struct call *call, enum store_answer answer, const struct err *err);

/* Reads the query string, and a body that is a form. Each refuses what is malformed. */
bool call_read_query(struct call *call);
bool call_read_form(struct call *call);

#endif
