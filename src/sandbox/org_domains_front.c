/*
 * Domains of an organization as those of its members who may see and manage them: adding one, verifying it by a code
 * to one of its addresses, choosing what it does for other users, deleting it.
 */
#include "sandbox/draft.h"
#include "sandbox/enrollment.h"
#include "sandbox/me.h"
#include "sandbox/org_domains.h"
#include "sandbox/orgs_front.h"
#include "sandbox/routes.h"

#define MAY_READ   "org:sys_domains:read"
#define MAY_MANAGE "org:sys_domains:manage"

static void answer(struct call *call, const struct org *org, const struct entry *domain)
{
    struct json_out out = front_open(call);
    if (!org_domains_write(call, domain, org, out.to))
        return;
    out.comma = true;
    front_close(call, &out);
}

static bool find_org(struct call *call, const char *permission, struct org *org)
{
    return org_domains_enabled(call) && orgs_front_get(call, permission, org);
}

static bool find(struct call *call, const char *permission, struct org *org, struct entry *domain)
{
    return find_org(call, permission, org) &&
           resource_get(call, &org_domain_resource, org->clerk.id, call->ids[1], domain);
}

void org_domains_front_list(struct call *call)
{
    struct org org;
    if (find_org(call, MAY_READ, &org))
        org_domains_answer_list(call, &org);
}

void org_domains_front_get(struct call *call)
{
    struct org org;
    struct entry domain;
    if (find(call, MAY_READ, &org, &domain))
        answer(call, &org, &domain);
}

void org_domains_front_create(struct call *call)
{
    struct org org;
    struct entry domain;
    struct org_domain_opts opts = {.enrollment_mode = front_param(call, "enrollment_mode")};
    if (find_org(call, MAY_MANAGE, &org) && front_param_needed(call, "name", &opts.name) &&
        org_domains_make(call, &org, &opts, &domain))
        answer(call, &org, &domain);
}

void org_domains_front_delete(struct call *call)
{
    struct org org;
    struct entry domain;
    if (find(call, MAY_MANAGE, &org, &domain) && call_mark(call) &&
        org_domains_remove(call, &org, &domain))
        me_answer_deleted(call, org_domain_resource.object, domain.id);
}

/* A mode other than manual_invitation acts, so the domain must be proven to be theirs. */
void org_domains_front_update_mode(struct call *call)
{
    struct org org;
    struct entry domain;
    struct org_domain_change change = {.verified = USER_FLAG_UNSET};
    bool clear = text_same(front_param(call, "delete_pending"), TEXT("true"));
    if (!find(call, MAY_MANAGE, &org, &domain) ||
        !front_param_needed(call, "enrollment_mode", &change.enrollment_mode))
        return;
    if (!text_same(domain.status, TEXT("verified")) &&
        !text_same(change.enrollment_mode, TEXT("manual_invitation"))) {
        call_fail(call, CLERK_organization_domain_enrollment_mode_invalid, "enrollment_mode",
                  "The domain must be verified before it can do that.");
        return;
    }
    if (call_mark(call) && (!clear || enrollment_withdraw(call, &org, &domain)) &&
        org_domains_change(call, &org, &domain, &change))
        answer(call, &org, &domain);
}

void org_domains_front_prepare(struct call *call)
{
    struct org org;
    struct entry domain;
    struct text email;
    if (find(call, MAY_MANAGE, &org, &domain) &&
        front_param_needed(call, "affiliation_email_address", &email) &&
        draft_check_email(call, email) && org_domains_send_code(call, &org, &domain, email))
        answer(call, &org, &domain);
}

void org_domains_front_attempt(struct call *call)
{
    struct org org;
    struct entry domain;
    struct text code;
    if (find(call, MAY_MANAGE, &org, &domain) &&
        front_limit(call, call->desk->attempt_limits, me_account(call)->clerk.id) &&
        front_param_needed(call, "code", &code) && org_domains_try_code(call, &org, &domain, code))
        answer(call, &org, &domain);
}
