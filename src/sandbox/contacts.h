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

/* One of that kind by the path's id, and its user. Refuses with a 404. */
bool contacts_find(struct call *call, enum account_kind kind, struct account_identifier *identifier,
                   struct account *account);

/*
 * Notes that it is proven; the first verified one of its kind becomes primary. The account's row is written by the
 * caller. Returns false after refusing.
 */
bool contacts_verify(struct call *call, struct account *account,
                     struct account_identifier *identifier);

/* Writes the account's row behind its identifiers, and tells of it. Returns false after refusing. */
bool contacts_put_account(struct call *call, struct account *account);

#endif
