/*
 * admin: the operator's side of the gateway, on an address of its own: GET /health, /metrics (Prometheus' text
 * format), /state.json, and / the live page.
 *
 *     admin_open(&admin, address, &source, &err);
 *     admin_close(admin);
 */
#ifndef USHER_TRICKLE_ADMIN_H
#define USHER_TRICKLE_ADMIN_H

#include "trickle/core.h"

struct admin;

/* Where the current core comes from: get and put are called in pairs, on the admin's thread. */
struct admin_source {
    struct core *(*get)(void *arg);
    void (*put)(void *arg, struct core *core);
    void *arg;
};

/* Listens. Returns 0 or -1 as server_start. */
int admin_open(struct admin **admin, const char *address, const struct admin_source *source,
               struct err *err);
/* NULL is fine. */
void admin_close(struct admin *admin);

/* Where it listens. */
void admin_address(const struct admin *admin, char to[SERVER_ADDRESS_MAX]);

/* The live page, a constant. */
struct text admin_page(void);

#endif
