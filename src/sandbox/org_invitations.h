/*
 * sandbox/org_invitations: invitations to organizations, for the handlers of either API. An invitation is an entry
 * (entry.h): its owner is the organization, its name the email address in lower case, its status "pending",
 * "accepted" or "revoked"; a pending one whose time is over counts as "expired". While it is pending no other one of
 * the organization has the address. It keeps the ticket that its link redeems (ticket.h).
 *
 *     if (keys_ready(call, handler) && orgs_get(call, id, &org) && call_mark(call) &&
 *         org_invitations_make(call, &org, &opts, &invitation))
 *         org_invitations_write(call, &invitation, NULL, CLERK_BACKEND, call_answer(call, 200));
 *
 * Where an organization has a limit of members, its pending invitations count as such.
 */
#ifndef USHER_SANDBOX_ORG_INVITATIONS_H
#define USHER_SANDBOX_ORG_INVITATIONS_H

#include "sandbox/orgs.h"

/* The claim `st` of their tickets. */
#define ORG_INVITATION_TICKET "organization_invitation"

struct org_invitation_opts {
    struct text email_address, role;               /* the role's key or id */
    struct text inviter_id;                        /* absent: nobody in particular */
    struct text public_metadata, private_metadata; /* JSON objects; absent: {} */
    struct text redirect_url;                      /* absent: the application's own pages */
    struct text
        domain_id; /* absent; else that domain invites: no email, no ticket, accepted in the application */
    int64_t expires_in_days; /* USER_UNSET: 30 */
    bool silent;             /* no email */
};

/* For resource_get and resource_list. */
extern const struct resource org_invitation_resource;

/*
 * Makes one, sends its email, tells of it; the inviter must be allowed to manage members. Refuses if the address is a
 * member's or invited already, the role is unknown, or the organization full. Asks for keys_ready and call_mark
 * before. Returns false after refusing.
 */
bool org_invitations_make(struct call *call, const struct org *org,
                          const struct org_invitation_opts *opts, struct entry *invitation);

/* The pending one of an id. Refuses any other; with ticket_invalid_code if there is none. */
bool org_invitations_open(struct call *call, struct text id, struct entry *invitation);

/* Makes it void; refuses if it is not pending. Returns false after refusing. */
bool org_invitations_revoke(struct call *call, const struct org *org, struct entry *invitation);

/*
 * Makes the user a member, with the invitation's role and metadata, and tells of both. Refuses an invitation that is
 * not pending; whose it is, is the caller's to know. Asks for call_mark before. Returns false after refusing.
 */
bool org_invitations_accept(struct call *call, const struct org *org, struct entry *invitation,
                            const struct account *account, struct membership *membership);

/* The pages that its link leads to; absent if it has none of its own. Returns false after refusing. */
bool org_invitations_redirect_url(struct call *call, const struct entry *invitation,
                                  struct text *url);

/* Appends the object; org: with public_organization_data, or NULL. Returns false after refusing. */
bool org_invitations_write(struct call *call, const struct entry *invitation, const struct org *org,
                           enum clerk_audience audience, struct buf *to);

/* Whether one more may be invited, as pending ones count like members. Returns false after refusing. */
bool org_invitations_room(struct call *call, const struct org *org, bool *room);

/* Lists an organization's, filtered by the query; or those that are pending. */
void org_invitations_answer_list(struct call *call, const struct org *org);
void org_invitations_answer_pending(struct call *call, const struct org *org);

/*
 * Lists those to the user's verified email addresses, with their organizations: the signed-in user's on a route of
 * the Frontend API, else that of the path.
 */
void org_invitations_list_of_user(struct call *call);

#endif
