/*
 * sandbox/leave: how an answer leaves, once what its handler wrote is durable.
 *
 *     leave_note(call);          // by whoever has the turn (engine.c)
 *     leave(call, signers);      // the same thread, with the turn or without; the call is gone afterwards
 */
#ifndef USHER_SANDBOX_LEAVE_H
#define USHER_SANDBOX_LEAVE_H

#include "sandbox/call.h"

/* Counts it, shows it on the page, and holds the key that its tokens are signed with. */
void leave_note(struct call *call);

/* The same where the commit failed: nothing of the batch has happened, so it becomes a 500. */
void leave_note_spoiled(struct call *call, const struct err *err);

/* Sends it: by way of the signers if it has tokens. Without signers (NULL) they are signed on this thread. */
void leave(struct call *call, struct pool *signers);

#endif
