/* Members of an organization as its members see and change them, and the signed-in user's own memberships. */
#include "sandbox/event.h"
#include "sandbox/me.h"
#include "sandbox/orgs_front.h"
#include "sandbox/routes.h"

#define MAY_READ   "org:sys_memberships:read"
#define MAY_MANAGE "org:sys_memberships:manage"

static void answer(struct call *call, const struct org *org, const struct account *account,
                   const struct membership *membership)
{
    struct json_out out = front_open(call);
    struct role role = {0};
    if (!orgs_write_membership(call, membership, org, account, &role, CLERK_FRONTEND, out.to))
        return;
    out.comma = true;
    front_close(call, &out);
}

/* The organization and the member of the path, for someone who may manage members. */
static bool find(struct call *call, struct org *org, struct membership *membership,
                 struct account *account)
{
    return orgs_front_get(call, MAY_MANAGE, org) &&
           orgs_get_membership(call, org, call->ids[1], membership, account);
}

void members_front_list(struct call *call)
{
    struct org org;
    if (orgs_front_get(call, MAY_READ, &org))
        orgs_answer_members(call, &org);
}

void members_front_create(struct call *call)
{
    struct text user_id, role;
    struct org org;
    struct account account;
    struct membership membership;
    if (orgs_front_get(call, MAY_MANAGE, &org) && front_param_needed(call, "user_id", &user_id) &&
        front_param_needed(call, "role", &role) && call_account(call, user_id, &account) &&
        orgs_join(call, &org, &account, role, NULL, &membership) &&
        orgs_tell_membership(call, EVENT_organization_membership_created, &org, &account,
                             &membership))
        answer(call, &org, &account, &membership);
}

void members_front_update(struct call *call)
{
    struct text role;
    struct org org;
    struct account account;
    struct membership membership;
    if (find(call, &org, &membership, &account) && front_param_needed(call, "role", &role) &&
        orgs_set_role(call, &org, &membership, role) &&
        orgs_tell_membership(call, EVENT_organization_membership_updated, &org, &account,
                             &membership))
        answer(call, &org, &account, &membership);
}

void members_front_delete(struct call *call)
{
    struct org org;
    struct account account;
    struct membership membership;
    if (find(call, &org, &membership, &account) && orgs_leave(call, &org, &membership, &account) &&
        orgs_tell_membership(call, EVENT_organization_membership_deleted, &org, &account,
                             &membership))
        answer(call, &org, &account, &membership);
}

/* The roles that members can be given. */
void members_front_roles(struct call *call)
{
    struct org org;
    if (orgs_front_get(call, MAY_READ, &org))
        roles_list(call);
}

/* ---- the signed-in user's ---- */

void me_memberships(struct call *call)
{
    orgs_answer_memberships(call, me_account(call));
}

/* Leaves the organization of the path. */
void me_membership_delete(struct call *call)
{
    struct account *account = me_account(call);
    struct org org;
    struct membership membership;
    if (orgs_get(call, call->ids[0], &org) &&
        orgs_get_membership(call, &org, account->clerk.id, &membership, account) &&
        orgs_leave(call, &org, &membership, account) &&
        orgs_tell_membership(call, EVENT_organization_membership_deleted, &org, account,
                             &membership))
        me_answer_deleted(call, "organization_membership", membership.clerk.id);
}
