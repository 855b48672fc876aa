/*
 * sandbox/event: what Clerk tells an application's webhooks, one row a kind. An event is written into the
 * transaction of the change that it tells of: it exists if and only if the change was committed. When
 * no endpoint wants it, it costs one comparison.
 *
 *     if (call_check(call, role_add(…), &err)) {
 *         role_write(&role, call_answer(call, 200));
 *         event_put_answer(call, EVENT_role_created);     // last of all: the answer is the event's data
 *     }
 *
 * Payloads are those of Clerk's webhooks OpenAPI file (2025-04-15). hook.h keeps them until they are
 * delivered.
 */
#ifndef USHER_SANDBOX_EVENT_H
#define USHER_SANDBOX_EVENT_H

#include "sandbox/call.h"

/* EVENT(kind, its name in a payload's "type") */
#define EVENTS(EVENT)                                                                              \
    EVENT(user_created, "user.created")                                                            \
    EVENT(user_updated, "user.updated")                                                            \
    EVENT(user_deleted, "user.deleted")                                                            \
    EVENT(session_created, "session.created")                                                      \
    EVENT(session_pending, "session.pending")                                                      \
    EVENT(session_ended, "session.ended")                                                          \
    EVENT(session_removed, "session.removed")                                                      \
    EVENT(session_revoked, "session.revoked")                                                      \
    EVENT(email_created, "email.created")                                                          \
    EVENT(sms_created, "sms.created")                                                              \
    EVENT(organization_created, "organization.created")                                            \
    EVENT(organization_updated, "organization.updated")                                            \
    EVENT(organization_deleted, "organization.deleted")                                            \
    EVENT(organization_domain_created, "organizationDomain.created")                               \
    EVENT(organization_domain_updated, "organizationDomain.updated")                               \
    EVENT(organization_domain_deleted, "organizationDomain.deleted")                               \
    EVENT(organization_invitation_created, "organizationInvitation.created")                       \
    EVENT(organization_invitation_accepted, "organizationInvitation.accepted")                     \
    EVENT(organization_invitation_revoked, "organizationInvitation.revoked")                       \
    EVENT(organization_membership_created, "organizationMembership.created")                       \
    EVENT(organization_membership_updated, "organizationMembership.updated")                       \
    EVENT(organization_membership_deleted, "organizationMembership.deleted")                       \
    EVENT(permission_created, "permission.created")                                                \
    EVENT(permission_updated, "permission.updated")                                                \
    EVENT(permission_deleted, "permission.deleted")                                                \
    EVENT(role_created, "role.created")                                                            \
    EVENT(role_updated, "role.updated")                                                            \
    EVENT(role_deleted, "role.deleted")                                                            \
    EVENT(waitlist_entry_created, "waitlistEntry.created")                                         \
    EVENT(waitlist_entry_updated, "waitlistEntry.updated")

/* An object that is composed for an event alone has at most so many bytes. */
#define EVENT_DATA_MAX ((size_t)1 << 20)

enum event_kind {
#define EVENT(kind, name) EVENT_##kind,
    EVENTS(EVENT)
#undef EVENT
        EVENT_KINDS
};

/* "user.created" */
const char *event_name(enum event_kind kind);
/* The kind of a name; EVENT_KINDS if there is none. */
enum event_kind event_of(struct text name);

/* Whether some endpoint wants such events: ask before composing data that is not there anyway. */
bool event_wanted(const struct call *call, enum event_kind kind);

/*
 * Puts an event; data is its object as JSON. Each of these does nothing when no endpoint wants it, and
 * returns false, after refusing with a 500 that undoes the whole transaction, if the store fails.
 */
bool event_put(struct call *call, enum event_kind kind, struct text data);
/* The data are the answer just written (one object of Clerk's); nothing if the call was refused. */
bool event_put_answer(struct call *call, enum event_kind kind);
bool event_put_user(struct call *call, enum event_kind kind, const struct account *account);
/* The user as stored by now. */
bool event_put_user_of(struct call *call, enum event_kind kind, struct text user_id);
/* session: the Backend API's Session object as JSON, without `tasks`; the event adds its user. */
bool event_put_session(struct call *call, enum event_kind kind, struct text session,
                       const struct account *account);

#endif
