/* sandbox/orgs: organizations and memberships as answers, for the handlers of either API. */
#ifndef USHER_SANDBOX_ORGS_H
#define USHER_SANDBOX_ORGS_H

#include "sandbox/event.h"
#include "sandbox/org.h"
#include "sandbox/role.h"

/* Each refuses and returns false if organizations are off, or there is none of that id (or slug). */
bool orgs_enabled(struct call *call);
bool orgs_get(struct call *call, struct text id, struct org *org);
bool orgs_get_by_id_or_slug(struct call *call, struct text id, struct org *org);
/* The user's membership; refuses with a 404 if the user has none. */
bool orgs_get_membership(struct call *call, const struct org *org, struct text user_id,
                         struct membership *membership, struct account *account);

/*
 * Refuses if the user is not a member, or its role lacks the permission ("org:sys_memberships:manage"; NULL: every
 * member may).
 */
bool orgs_need_permission(struct call *call, const struct org *org, const struct account *account,
                          const char *permission);

/* Makes one whose creator is its first member; slug: absent for one out of the name. Answers nothing. */
bool orgs_make(struct call *call, struct text name, struct text slug, const struct account *creator,
               struct org *org);
bool orgs_check_slug(struct call *call, struct text slug);
/* With memberships and all that belongs to it. */
bool orgs_remove(struct call *call, const struct org *org);

/*
 * Makes the user a member; refuses if it is one, the organization is full, or the role (a key or an id)
 * unknown. metadata: public and private, or NULL.
 */
bool orgs_join(struct call *call, const struct org *org, const struct account *account,
               struct text role, const struct text *metadata, struct membership *membership);
/* Gives a member another role (a key or an id); refuses for the last one who may manage members. */
bool orgs_set_role(struct call *call, const struct org *org, struct membership *membership,
                   struct text key);
/* Ends a membership; refuses for the last one who may manage members. */
bool orgs_leave(struct call *call, const struct org *org, const struct membership *membership,
                const struct account *account);
/* Whether some other member than this account has the permission to manage members. */
bool orgs_has_other_admin(struct call *call, const struct org *org, int64_t account, bool *has);

/*
 * Appends a membership. *role is a memory of the last one asked for: zeroed at first. account NULL: without
 * public_user_data.
 */
bool orgs_write_membership(struct call *call, const struct membership *membership,
                           const struct org *org, const struct account *account, struct role *role,
                           enum clerk_audience audience, struct buf *to);

/* Tells of it; kind: EVENT_organization_membership_… Returns false after refusing. */
bool orgs_tell_membership(struct call *call, enum event_kind kind, const struct org *org,
                          const struct account *account, const struct membership *membership);

/*
 * A user's memberships, newest first, at most `max`: arrays in the call's arena, one place a membership.
 * Returns false after refusing.
 */
struct orgs_of_user {
    struct membership *memberships;
    struct org *orgs;
    size_t count;
};
bool orgs_of_user(struct call *call, int64_t account, int64_t max, int64_t offset,
                  struct orgs_of_user *to);

/* Answers with a list that the query filters and pages: an organization's members, a user's memberships. */
void orgs_answer_members(struct call *call, const struct org *org);
void orgs_answer_memberships(struct call *call, const struct account *account);

#endif
