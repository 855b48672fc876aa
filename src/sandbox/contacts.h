/* sandbox/contacts: email addresses and phone numbers of users. */
#ifndef USHER_SANDBOX_CONTACTS_H
#define USHER_SANDBOX_CONTACTS_H

#include "sandbox/call.h"

/*
 * Deletes one, unless it is the user's last way to sign in; another verified one becomes primary. The account's row is
 * written by the caller. Returns false after refusing.
 */
bool contacts_delete(struct call *call, struct account *account,
                     const struct account_identifier *identifier);

#endif
