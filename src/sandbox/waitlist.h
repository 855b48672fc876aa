/*
 * sandbox/waitlist: the waiting list of those who cannot sign up yet. An entry is pending, then invited or rejected,
 * and completed once its invitation has made a user. claim and name are the address in lower case.
 */
#ifndef USHER_SANDBOX_WAITLIST_H
#define USHER_SANDBOX_WAITLIST_H

#include "sandbox/call.h"

/* Whoever has that address (in lower case) is a user now; fine if it is not on the list. False after refusing. */
bool waitlist_complete(struct call *call, struct text email);

#endif
