/*
 * step: the requests that the gateway looks into, on a loop: it tells which they are, asks Clerk first where
 * Clerk may know better, has a worker find out the rest (mover.h), and answers as was decided.
 *
 *     if (!step_in(core, request)) proxy_pass(core->proxy, request);
 */
#ifndef USHER_TRICKLE_STEP_H
#define USHER_TRICKLE_STEP_H

#include "trickle/core.h"

/* Takes a whole request if it is one to look into; answers it in the end. False: it is not. */
bool step_in(struct core *core, struct server_request *request);

/*
 * When a refusal of this request may leave (server_answer.not_before_us): at the next tick of a clock that
 * began with it, so that its time does not tell an unknown user from a wrong password.
 */
int64_t step_tick(const struct server_request *request);

#endif
