/*
 * sandbox/leave: how an answer leaves, once what its handler wrote is durable. Called by whoever has the turn
 * (engine.c); the call is gone afterwards.
 */
#ifndef USHER_SANDBOX_LEAVE_H
#define USHER_SANDBOX_LEAVE_H

#include "sandbox/call.h"

/* Counts it, shows it on the page, and sends it: by way of the signers if it has tokens. */
void leave(struct call *call, struct pool *signers);

/* The same where the commit failed: nothing of the batch has happened, so it becomes a 500. */
void leave_spoiled(struct call *call, const struct err *err, struct pool *signers);

#endif
