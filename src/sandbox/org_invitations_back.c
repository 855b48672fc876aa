/* Invitations to organizations as the Backend API makes, lists and revokes them. */
#include "sandbox/org_invitations.h"

#include <stdio.h>

#include "sandbox/front.h"
#include "sandbox/routes.h"

#define BULK_MAX     10
#define REDIRECT_MAX 2048

struct form {
    struct org_invitation_opts opts;
    bool notify;
};

#define ROW(member, kind) #member, BODY_##kind, .offset = offsetof(struct form, opts.member)

static bool read_form(struct call *call, struct json_value object, struct form *form)
{
    static const struct body_field fields[] = {
        {ROW(email_address, TEXT), .needed = true, .min = 1},
        {ROW(role, TEXT), .needed = true, .min = 1},
        {"inviter_user_id", BODY_TEXT, .offset = offsetof(struct form, opts.inviter_id)},
        {ROW(public_metadata, OBJECT)},
        {ROW(private_metadata, OBJECT)},
        {ROW(redirect_url, TEXT), .max = REDIRECT_MAX},
        {ROW(expires_in_days, NUMBER), .min = 1, .max = 365},
        {"notify", BODY_BOOL, .offset = offsetof(struct form, notify)},
    };
    uint64_t given;
    *form = (struct form){.opts = {.expires_in_days = USER_UNSET}, .notify = true};
    if (!body_read_object(call, fields, ARRAY_COUNT(fields), object, form, &given))
        return false;
    form->opts.silent = !form->notify;
    return true;
}

void org_invitations_create(struct call *call)
{
    struct org org;
    struct form form;
    struct entry invitation;
    if (keys_ready(call, org_invitations_create) && orgs_get(call, call->ids[0], &org) &&
        read_form(call, call->body, &form) && call_mark(call) &&
        org_invitations_make(call, &org, &form.opts, &invitation))
        org_invitations_write(call, &invitation, NULL, CLERK_BACKEND, call_answer(call, 200));
}

/* All of them or none. */
static bool make_all(struct call *call, const struct org *org, struct entry *made, size_t *count)
{
    struct form form;
    for (struct json_walk walk = json_walk(call->body); json_next(&walk); (*count)++) {
        if (walk.type != JSON_OBJECT)
            return call_fail(call, CLERK_request_body_invalid, NULL,
                             "Every invitation must be an object.");
        if (!read_form(call, walk.value, &form) ||
            !org_invitations_make(call, org, &form.opts, &made[*count]))
            return false;
    }
    return *count > 0 || call_fail(call, CLERK_request_body_invalid, NULL,
                                   "There must be one invitation at least.");
}

void org_invitations_create_many(struct call *call)
{
    struct org org;
    struct entry made[BULK_MAX];
    size_t count = 0;
    if (!keys_ready(call, org_invitations_create_many) || !orgs_get(call, call->ids[0], &org))
        return;
    if (json_count(call->body) > BULK_MAX) {
        call_fail(call, CLERK_bulk_size_exceeded, NULL, "There may be %d invitations at most.",
                  BULK_MAX);
        return;
    }
    if (!call_mark(call) || !make_all(call, &org, made, &count))
        return;
    struct json_out out = resource_begin_list(call);
    for (size_t i = 0; i < count; i++) {
        json_put_raw(&out, TEXT("")); /* a comma, where one is due */
        if (!org_invitations_write(call, &made[i], NULL, CLERK_BACKEND, out.to))
            return;
    }
    resource_end_list(call, &out, (int64_t)count);
}

static bool find(struct call *call, struct org *org, struct entry *invitation)
{
    return orgs_get(call, call->ids[0], org) &&
           resource_get(call, &org_invitation_resource, org->clerk.id, call->ids[1], invitation);
}

void org_invitations_get(struct call *call)
{
    struct org org;
    struct entry invitation;
    if (find(call, &org, &invitation))
        org_invitations_write(call, &invitation, NULL, CLERK_BACKEND, call_answer(call, 200));
}

void org_invitations_revoke_one(struct call *call)
{
    static const struct body_field fields[] = {{"requesting_user_id", BODY_TEXT, .offset = 0}};
    struct text user_id = {NULL, 0};
    struct org org;
    struct account account;
    struct entry invitation;
    uint64_t given;
    if (find(call, &org, &invitation) &&
        body_read(call, fields, ARRAY_COUNT(fields), &user_id, &given) &&
        (!user_id.at || (call_account(call, user_id, &account) &&
                         orgs_need_permission(call, &org, &account, ROLE_ELEVATED))) &&
        call_mark(call) && org_invitations_revoke(call, &org, &invitation))
        org_invitations_write(call, &invitation, NULL, CLERK_BACKEND, call_answer(call, 200));
}

/* ---- lists ---- */

static const struct paging_order orders[] = {{"created_at", "r.created_at"},
                                             {"email_address", "r.name"}};

static bool write_one(struct call *call, const struct resource *resource, const struct entry *entry,
                      struct buf *to)
{
    (void)resource;
    return org_invitations_write(call, entry, NULL, call->front ? CLERK_FRONTEND : CLERK_BACKEND,
                                 to);
}

static bool write_with_org(struct call *call, const struct resource *resource,
                           const struct entry *entry, struct buf *to)
{
    struct org org;
    struct err err;
    (void)resource;
    return call_check(call, org_get(call->desk->store, entry->owner, call->arena, &org, &err),
                      &err) &&
           org_invitations_write(call, entry, &org, call->front ? CLERK_FRONTEND : CLERK_BACKEND,
                                 to);
}

static bool only_pending(struct call *call, struct filter *filter)
{
    return filter_add(call, filter, "r.status = 'pending' AND r.expires_at > %s",
                      (struct filter_bind){.number = call->now_ms});
}

static void list(struct call *call, const struct org *org,
                 bool (*filter)(struct call *call, struct filter *filter))
{
    resource_list(call, &org_invitation_resource,
                  &(struct resource_list){.owner = org->clerk.id,
                                          .orders = orders,
                                          .order_count = ARRAY_COUNT(orders),
                                          .filter = filter,
                                          .write = write_one});
}

void org_invitations_answer_list(struct call *call, const struct org *org)
{
    list(call, org, NULL);
}

void org_invitations_answer_pending(struct call *call, const struct org *org)
{
    list(call, org, only_pending);
}

void org_invitations_list(struct call *call)
{
    struct org org;
    if (orgs_get(call, call->ids[0], &org))
        list(call, &org, NULL);
}

void org_invitations_list_pending(struct call *call)
{
    struct org org;
    if (orgs_get(call, call->ids[0], &org))
        org_invitations_answer_pending(call, &org);
}

void org_invitations_list_all(struct call *call)
{
    if (orgs_enabled(call))
        resource_list(call, &org_invitation_resource,
                      &(struct resource_list){.any_owner = true,
                                              .orders = orders,
                                              .order_count = ARRAY_COUNT(orders),
                                              .write = write_with_org});
}

static bool only_of_user(struct call *call, struct filter *filter)
{
    char condition[256];
    struct text user = call->front ? call->front->account.clerk.id : call->ids[0];
    snprintf(condition, sizeof(condition),
             "r.name IN (SELECT lower(i.value) FROM identifiers i JOIN users u"
             " ON u.seq = i.account WHERE u.id = %%s AND i.kind = %d AND i.status = %d)",
             ACCOUNT_EMAIL, CLERK_VERIFIED);
    return filter_add(call, filter, condition, (struct filter_bind){.t = user});
}

void org_invitations_list_of_user(struct call *call)
{
    if (orgs_enabled(call))
        resource_list(call, &org_invitation_resource,
                      &(struct resource_list){.any_owner = true,
                                              .orders = orders,
                                              .order_count = ARRAY_COUNT(orders),
                                              .filter = only_of_user,
                                              .write = write_with_org});
}

void users_organization_invitations(struct call *call)
{
    struct account account;
    if (call_account(call, call->ids[0], &account))
        org_invitations_list_of_user(call);
}
