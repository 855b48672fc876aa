/* Invitations to organizations: those that members who may manage others send, and those that a user has got. */
#include "sandbox/me.h"
#include "sandbox/org_invitations.h"
#include "sandbox/orgs_front.h"
#include "sandbox/routes.h"

#define BULK_MAX 10

static void answer(struct call *call, const struct entry *invitation, const struct org *org)
{
    struct json_out out = front_open(call);
    if (!org_invitations_write(call, invitation, org, CLERK_FRONTEND, out.to))
        return;
    out.comma = true;
    front_close(call, &out);
}

/* The form's role and inviter; each address becomes one invitation. */
static bool read_form(struct call *call, struct org_invitation_opts *opts)
{
    *opts = (struct org_invitation_opts){.inviter_id = me_account(call)->clerk.id,
                                         .expires_in_days = USER_UNSET};
    opts->silent = text_same(front_param(call, "notify"), TEXT("false"));
    return front_param_needed(call, "email_address", &opts->email_address) &&
           front_param_needed(call, "role", &opts->role);
}

void invitations_front_create(struct call *call)
{
    struct org org;
    struct org_invitation_opts opts;
    struct entry invitation;
    if (keys_ready(call, invitations_front_create) && orgs_front_get(call, ROLE_ELEVATED, &org) &&
        read_form(call, &opts) && call_mark(call) &&
        org_invitations_make(call, &org, &opts, &invitation))
        answer(call, &invitation, NULL);
}

/* All of them or none; clerk-js repeats email_address. */
static bool make_all(struct call *call, const struct org *org, struct org_invitation_opts *opts,
                     struct entry *made, size_t *count)
{
    for (size_t i = 0; i < call->form.count; i++) {
        if (!text_same(call->form.at[i].name, TEXT("email_address")))
            continue;
        if (*count == BULK_MAX)
            return call_fail(call, CLERK_bulk_size_exceeded, NULL,
                             "There may be %d invitations at most.", BULK_MAX);
        opts->email_address = call->form.at[i].value;
        if (!org_invitations_make(call, org, opts, &made[*count]))
            return false;
        ++*count;
    }
    return true;
}

void invitations_front_create_many(struct call *call)
{
    struct org org;
    struct org_invitation_opts opts;
    struct entry made[BULK_MAX];
    size_t count = 0;
    if (!keys_ready(call, invitations_front_create_many) ||
        !orgs_front_get(call, ROLE_ELEVATED, &org) || !read_form(call, &opts) || !call_mark(call) ||
        !make_all(call, &org, &opts, made, &count))
        return;
    struct json_out out = front_open(call);
    json_open(&out, '[');
    for (size_t i = 0; i < count; i++) {
        json_put_raw(&out, TEXT("")); /* a comma, where one is due */
        if (!org_invitations_write(call, &made[i], NULL, CLERK_FRONTEND, out.to))
            return;
    }
    json_close(&out, ']');
    front_close(call, &out);
}

void invitations_front_list(struct call *call)
{
    struct org org;
    if (orgs_front_get(call, ROLE_ELEVATED, &org))
        org_invitations_answer_list(call, &org);
}

void invitations_front_list_pending(struct call *call)
{
    struct org org;
    if (orgs_front_get(call, ROLE_ELEVATED, &org))
        org_invitations_answer_pending(call, &org);
}

void invitations_front_revoke(struct call *call)
{
    struct org org;
    struct entry invitation;
    if (orgs_front_get(call, ROLE_ELEVATED, &org) &&
        resource_get(call, &org_invitation_resource, org.clerk.id, call->ids[1], &invitation) &&
        call_mark(call) && org_invitations_revoke(call, &org, &invitation))
        answer(call, &invitation, NULL);
}

/* ---- the signed-in user's ---- */

void me_invitations(struct call *call)
{
    org_invitations_list_of_user(call);
}

/* Whether the invitation went to a verified address of the user. */
static bool is_mine(struct call *call, const struct entry *invitation)
{
    const struct clerk_user *user = &me_account(call)->clerk;
    for (size_t i = 0; i < user->email_count; i++)
        if (user->emails[i].status == CLERK_VERIFIED &&
            text_same_nocase(user->emails[i].value, invitation->name))
            return true;
    return call_not_found(call, "invitation", call->ids[0]);
}

void me_invitation_accept(struct call *call)
{
    struct text none = {NULL, 0};
    struct org org;
    struct entry invitation;
    struct membership membership;
    if (resource_get(call, &org_invitation_resource, none, call->ids[0], &invitation) &&
        is_mine(call, &invitation) && orgs_get(call, invitation.owner, &org) && call_mark(call) &&
        org_invitations_accept(call, &org, &invitation, me_account(call), &membership))
        answer(call, &invitation, &org);
}
