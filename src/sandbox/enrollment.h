/*
 * sandbox/enrollment: what an organization's verified domain does for the users who have a verified address there, by its
 * enrollment mode: they are invited (automatic_invitation), or told that they may ask to join (automatic_suggestion). A user
 * who accepts a suggestion becomes a membership request, which those who manage the members accept or reject.
 *
 * A user is offered that when signing in or up, touching a session, or verifying an address, so that changing a mode
 * costs nothing, however many users there are.
 *
 * Both are entries (entry.h): the owner is the organization, name and claim the user's id. A suggestion is "pending"
 * or "accepted" and keeps its domain; a request is "pending", "accepted" or "rejected", and has its claim while it is pending.
 */
#ifndef USHER_SANDBOX_ENROLLMENT_H
#define USHER_SANDBOX_ENROLLMENT_H

#include "sandbox/orgs.h"

/* For resource_get, resource_list and resource_write. */
extern const struct resource suggestion_resource;
extern const struct resource membership_request_resource;

/* Makes what is due to the user and not there yet. Returns false after refusing. */
bool enrollment_offer(struct call *call, const struct account *account);

/* How many invitations and suggestions of a domain are pending. Returns false after refusing. */
bool enrollment_count(struct call *call, const struct entry *domain, int64_t *invitations,
                      int64_t *suggestions);

/* Takes back those that are pending. Asks for call_mark before. Returns false after refusing. */
bool enrollment_withdraw(struct call *call, const struct org *org, const struct entry *domain);

/* Turns a suggestion into a request; the user is no member yet. Returns false after refusing. */
bool enrollment_accept(struct call *call, struct entry *suggestion, const struct account *account);

/* Ends a pending request; accepted: the user becomes a member. Asks for call_mark before. Returns false after refusing. */
bool enrollment_settle(struct call *call, const struct org *org, struct entry *request,
                       bool accepted);

#endif
