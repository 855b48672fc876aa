/*
 * sandbox/active: the organization that a session is active in: chosen by `touch`, carried by session tokens as the
 * claim `o`, named by the shortcodes `org.*` and `org_membership.*`.
 *
 * A session stores the organization's id alone. What the user may do there is read when it is asked for, so a token
 * never tells of a role that is gone.
 */
#ifndef USHER_SANDBOX_ACTIVE_H
#define USHER_SANDBOX_ACTIVE_H

#include "sandbox/org.h"
#include "sandbox/role.h"
#include "sandbox/session.h"

struct active {
    bool is; /* there is one; nothing else is set if not */
    struct org org;
    struct membership membership;
    struct role role;
};

/* The session's; none if organizations are off or the user is no member any more. Returns false after refusing. */
bool active_get(struct call *call, const struct session *session, struct active *active);

/*
 * Makes the session active in an organization of its user, by id or slug; empty: in none, unless the instance forces
 * one (org_force_selection). Stores nothing. Refuses with organization_not_found_or_unauthorized.
 */
bool active_set(struct call *call, struct session *session, struct text organization);
/* The same without refusing: *may tells whether it was done. */
bool active_try(struct call *call, struct session *session, struct text organization, bool *may);

/* Sessions of the user (absent id: of anybody) are no longer active in that organization. */
bool active_forget(struct call *call, struct text organization, struct text user_id);

/* Appends the claims `fea` and `o` of a session token (version 2); nothing without an organization. */
void active_write_claims(const struct active *active, struct json_out *out);

/* Appends the members `org` and `org_membership` of what shortcodes name. */
void active_write_data(const struct active *active, struct json_out *out);

#endif
