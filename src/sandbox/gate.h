/*
 * sandbox/gate: what a request must pass before its handler runs: its route, the secret key or the browser's
 * credentials, limits, faults, and a query and body that can be read. Runs with the handlers' turn (engine.c).
 */
#ifndef USHER_SANDBOX_GATE_H
#define USHER_SANDBOX_GATE_H

#include "sandbox/call.h"
#include "sandbox/sandbox.h"

/* How many classes of endpoints have a limit an hour. */
#define GATE_HOURLY 4

struct gate {
    struct json *json;  /* for request bodies */
    struct limit limit; /* of the secret key */
    int64_t *limit_log;
    struct user_limits *user_limits;
    struct limit hourly[GATE_HOURLY]; /* from ROUTE_INVITE on */
    int64_t *hourly_log;
};

/* Prepares limits and parser. Returns 0 or -1; gate_release is due in any case. */
int gate_init(struct gate *gate, const struct sandbox_opts *opts, const struct instance *instance,
              struct err *err);
void gate_release(struct gate *gate);

/* Finds the route of a new call, which stays NULL if there is none. Needs no turn: on any thread. */
void gate_find(struct call *call);

/* Everything but the body. Returns false after refusing. */
bool gate_admit(struct gate *gate, struct call *call);

/* Reads the body: again for each handler of a call, as the parser is shared. Returns false after refusing. */
bool gate_body(struct gate *gate, struct call *call);

#endif
