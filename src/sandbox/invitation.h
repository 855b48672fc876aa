/*
 * sandbox/invitation: invitations to sign up. The link in the email is a ticket (ticket.h) of the kind
 * INVITATION_TICKET; a sign-up with the strategy "ticket" redeems it: the address is verified, the user gets the
 * invitation's public metadata, and neither sign-up mode nor allowlist stand in the way.
 *
 * Invitations are entries; name is the address in lower case. status: "pending", "accepted", "revoked".
 */
#ifndef USHER_SANDBOX_INVITATION_H
#define USHER_SANDBOX_INVITATION_H

#include "sandbox/resource.h"

/* What a ticket's claim `st` says. */
#define INVITATION_TICKET "invitation"

/* How long an invitation holds unless told otherwise. */
#define INVITATION_DAYS 30

struct invitation_opts {
    struct text email, redirect_url;
    struct text public_metadata; /* JSON; absent: {} */
    const char *template;        /* "invitation", "waitlist_invitation" */
    bool notify;                 /* an email is sent */
    bool ignore_existing;        /* although there is one already, or such a user */
    int64_t days;
};

/*
 * Stores an invitation and sends its email; keys_ready must have said so. Returns false after refusing:
 * form_identifier_exists (there is such a user), duplicate_record (it is invited already), not_allowed_access.
 */
bool invitation_make(struct call *call, const struct invitation_opts *opts, struct entry *entry);

/*
 * The pending invitation of an id. Refuses with revoked_invitation, invitation_already_accepted,
 * ticket_expired_code, or ticket_invalid_code if there is none.
 */
bool invitation_open(struct call *call, struct text id, struct entry *entry);

/* Notes that it made a user; its address leaves the waiting list. Returns false after refusing. */
bool invitation_accept(struct call *call, struct entry *entry);

/* Revokes a pending one. Refuses with invitation_already_accepted or invitation_already_revoked. */
bool invitation_revoke(struct call *call, struct entry *entry);

/* Appends the Invitation object. Returns false after refusing. */
bool invitation_write(struct call *call, const struct entry *entry, struct buf *to);

#endif
