/*
 * sandbox/guest: who comes with the ticket of an invitation, to the instance (invitation.h) or to an organization
 * (org_invitations.h). A sign-up or a sign-in redeems it; the address is proven by having the link.
 *
 *     if (guest_has_ticket(kind) && guest_open(call, id, &guest)) … guest.email …
 *     guest_accept(call, &guest, &account);        // once there is a user; asks for call_mark before
 */
#ifndef USHER_SANDBOX_GUEST_H
#define USHER_SANDBOX_GUEST_H

#include "sandbox/resource.h"

struct guest {
    struct entry invitation;
    bool organization;           /* that it leads to; else to the instance alone */
    struct text email;           /* as it was given */
    struct text public_metadata; /* of the user to be, JSON; absent: none */
    struct text redirect_url;    /* where the link leads; absent: the application's own pages */
};

/* Whether a ticket of that kind (ticket.h) is an invitation's. */
bool guest_has_ticket(struct text kind);

/*
 * What the pending invitation of an id says, in the call's arena. Refuses one that was accepted, revoked or is over, and
 * with ticket_invalid_code if there is none.
 */
bool guest_open(struct call *call, struct text id, struct guest *guest);

/* The user with the address; *known tells whether there is one. Returns false after refusing. */
bool guest_account(struct call *call, const struct guest *guest, struct account *account,
                   bool *known);

/* Notes that the user came, and makes it a member of the organization. Returns false after refusing. */
bool guest_accept(struct call *call, struct guest *guest, const struct account *account);

#endif
