/*
 * own: the gateway's own endpoints (owns.h). A handler answers the request in the end, on its loop.
 */
#ifndef USHER_TRICKLE_OWN_H
#define USHER_TRICKLE_OWN_H

#include "trickle/core.h"
#include "trickle/owns.h"

/* Answers the request if it is for one of them. False: it is not. */
bool own_handle(struct core *core, struct server_request *request);

/* Answers with JSON that lies in request->out. */
void own_answer(struct server_request *request, int status);

/* Whether the request brings this key as a bearer token; compared in constant time. */
bool own_has_key(const struct server_request *request, const char *key);

#define OWN(method, path, handler) void handler(struct core *core, struct server_request *request);
OWNS(OWN)
#undef OWN

#endif
