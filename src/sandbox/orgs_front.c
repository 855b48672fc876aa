/* The organizations of the signed-in user, and what members may do with one: GET, POST, PATCH, DELETE. */
#include "sandbox/orgs_front.h"

#include "sandbox/draft.h"
#include "sandbox/event.h"
#include "sandbox/image.h"
#include "sandbox/me.h"
#include "sandbox/routes.h"

#define MEMBERSHIPS_BYTES ((size_t)8 << 20)

/* Appends the memberships as elements of an array. */
static bool put_memberships(struct call *call, const struct orgs_of_user *of,
                            const struct account *account, struct json_out *out)
{
    struct role role = {0};
    for (size_t i = 0; i < of->count; i++) {
        json_put_raw(out, TEXT("")); /* a comma, where one is due */
        if (!orgs_write_membership(call, &of->memberships[i], &of->orgs[i], account, &role,
                                   CLERK_FRONTEND, out->to))
            return false;
    }
    return true;
}

bool orgs_put_user(struct call *call, const struct account *account, struct json_out *out)
{
    struct orgs_of_user of = {.count = 0};
    struct buf list;
    if (call->desk->instance->settings.org_enabled &&
        !orgs_of_user(call, account->seq, ORGS_OF_USER_MAX, 0, &of))
        return false;
    buf_init(&list, MEMBERSHIPS_BYTES);
    struct json_out to = json_out(&list);
    json_open(&to, '[');
    bool fine = put_memberships(call, &of, account, &to);
    json_close(&to, ']');
    if (fine)
        clerk_write_client_user(&account->clerk, buf_text(&list), out->to);
    out->comma = true;
    buf_release(&list);
    return fine;
}

bool orgs_front_get(struct call *call, const char *permission, struct org *org)
{
    return orgs_get(call, call->ids[0], org) &&
           orgs_need_permission(call, org, me_account(call), permission);
}

/* ---- one organization ---- */

static void answer(struct call *call, const struct org *org)
{
    struct json_out out = front_open(call);
    clerk_write_organization(&org->clerk, CLERK_FRONTEND, out.to);
    out.comma = true;
    front_close(call, &out);
}

/* Events have the organization as the Backend API shows it. */
static bool tell(struct call *call, enum event_kind kind, const struct org *org)
{
    struct buf data;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&data, EVENT_DATA_MAX);
    clerk_write_organization(&org->clerk, CLERK_BACKEND, &data);
    bool fine = event_put(call, kind, buf_text(&data));
    buf_release(&data);
    return fine;
}

static bool may_create(struct call *call)
{
    return (call->desk->instance->settings.create_organization_enabled &&
            me_account(call)->clerk.user.create_organization_enabled != USER_FLAG_FALSE) ||
           call_fail(call, CLERK_user_create_organization_not_enabled, NULL,
                     "Users of this instance cannot create organizations.");
}

void orgs_front_create(struct call *call)
{
    struct text name, slug = front_param(call, "slug");
    struct org org;
    if (orgs_enabled(call) && may_create(call) && front_param_needed(call, "name", &name) &&
        draft_check_name(call, "name", name) &&
        orgs_make(call, name, slug, me_account(call), &org) &&
        tell(call, EVENT_organization_created, &org))
        answer(call, &org);
}

void orgs_front_show(struct call *call)
{
    struct org org;
    if (orgs_front_get(call, NULL, &org))
        answer(call, &org);
}

#define MAY_CHANGE "org:sys_profile:manage"

/* Stores what has changed, tells of it, and reads what is stored. */
static bool put(struct call *call, struct org *org)
{
    struct err err;
    org->clerk.updated_at = call->now_ms;
    return call_check(call, org_put(call->desk->store, org, &err), &err) &&
           orgs_get(call, org->clerk.id, org) && tell(call, EVENT_organization_updated, org);
}

void orgs_front_update(struct call *call)
{
    struct text name = front_param(call, "name"), slug = front_param(call, "slug");
    struct org org;
    if (!orgs_front_get(call, MAY_CHANGE, &org) ||
        (name.at && !draft_check_name(call, "name", name)) ||
        (slug.at && !orgs_check_slug(call, slug)))
        return;
    if (name.at)
        org.clerk.name = name;
    if (slug.at)
        org.clerk.slug = slug;
    if (put(call, &org))
        answer(call, &org);
}

void orgs_front_set_logo(struct call *call)
{
    struct org org;
    if (orgs_front_get(call, MAY_CHANGE, &org) && call_mark(call) &&
        image_take(call, org.clerk.id, &org.image) && put(call, &org))
        answer(call, &org);
}

void orgs_front_delete_logo(struct call *call)
{
    struct org org;
    if (orgs_front_get(call, MAY_CHANGE, &org) && call_mark(call) &&
        image_drop(call, org.clerk.id, &org.image) && put(call, &org))
        me_answer_deleted(call, "organization_logo", org.clerk.id);
}

static bool may_delete(struct call *call, const struct org *org)
{
    return (call->desk->instance->settings.org_admin_delete_enabled &&
            org->clerk.admin_delete_enabled) ||
           call_fail(call, CLERK_organization_admin_delete_not_enabled, NULL,
                     "Members cannot delete this organization.");
}

static bool tell_deleted(struct call *call, const struct org *org)
{
    struct buf data;
    buf_init(&data, EVENT_DATA_MAX);
    clerk_write_deleted("organization", org->clerk.id, (struct text){NULL, 0}, &data);
    bool fine = event_put(call, EVENT_organization_deleted, buf_text(&data));
    buf_release(&data);
    return fine;
}

void orgs_front_delete(struct call *call)
{
    struct org org;
    if (orgs_front_get(call, "org:sys_profile:delete", &org) && may_delete(call, &org) &&
        call_mark(call) && orgs_remove(call, &org) && tell_deleted(call, &org))
        me_answer_deleted(call, "organization", org.clerk.id);
}
