/*
 * What the domains of organizations suggest to the signed-in user, and the requests that members who manage others
 * decide; also what a new organization of the user's could be called.
 */
#include "sandbox/cookie.h"
#include "sandbox/enrollment.h"
#include "sandbox/me.h"
#include "sandbox/org_domains.h"
#include "sandbox/orgs_front.h"
#include "sandbox/routes.h"

static void answer(struct call *call, const struct resource *resource, const struct entry *entry)
{
    struct json_out out = front_open(call);
    if (!resource_write(call, resource, entry, out.to))
        return;
    out.comma = true;
    front_close(call, &out);
}

/* ---- suggestions ---- */

static bool only_mine(struct call *call, struct filter *filter)
{
    return filter_add(call, filter, "r.name = %s",
                      (struct filter_bind){.t = me_account(call)->clerk.id});
}

void me_suggestions(struct call *call)
{
    if (orgs_enabled(call))
        resource_list(call, &suggestion_resource,
                      &(struct resource_list){.any_owner = true, .filter = only_mine});
}

void me_suggestion_accept(struct call *call)
{
    const struct account *account = me_account(call);
    struct entry suggestion;
    if (!orgs_enabled(call) || !resource_get_path(call, &suggestion_resource, &suggestion))
        return;
    if (!text_same(suggestion.name, account->clerk.id))
        call_not_found(call, suggestion_resource.what, suggestion.id);
    else if (call_mark(call) && enrollment_accept(call, &suggestion, account))
        answer(call, &suggestion_resource, &suggestion);
}

/* ---- requests ---- */

void membership_requests_list(struct call *call)
{
    struct org org;
    if (orgs_front_get(call, ROLE_ELEVATED, &org))
        resource_list(call, &membership_request_resource,
                      &(struct resource_list){.owner = org.clerk.id});
}

static void settle(struct call *call, bool accepted)
{
    struct org org;
    struct entry request;
    if (orgs_front_get(call, ROLE_ELEVATED, &org) &&
        resource_get(call, &membership_request_resource, org.clerk.id, call->ids[1], &request) &&
        call_mark(call) && enrollment_settle(call, &org, &request, accepted))
        answer(call, &membership_request_resource, &request);
}

void membership_requests_accept(struct call *call)
{
    settle(call, true);
}

void membership_requests_reject(struct call *call)
{
    settle(call, false);
}

/* ---- defaults ---- */

/* "acme" of "ada@mail.acme.co.uk", with a capital: absent for a mail service, where anybody has an address. */
static struct text name_of_address(struct call *call, struct text address)
{
    struct text host =
        resource_fold(call->arena, text_part(address, text_find(address, '@', 0) + 1, address.len));
    struct text domain = cookie_domain(host);
    if (!domain.at || org_domains_is_common(domain))
        return (struct text){NULL, 0};
    struct text name = arena_copy(call->arena, text_part(domain, 0, text_find(domain, '.', 0)));
    char *at = (char *)(uintptr_t)name.at;
    if (at && at[0] >= 'a' && at[0] <= 'z')
        at[0] = (char)(at[0] - 'a' + 'A');
    return name;
}

static struct text default_name(struct call *call, const struct clerk_user *user)
{
    struct text name = {NULL, 0};
    for (size_t i = 0; i < user->email_count && !name.at; i++)
        if (text_same(user->emails[i].id, user->primary_email_id))
            name = name_of_address(call, user->emails[i].value);
    if (!name.at && user->user.first_name.at)
        name =
            arena_printf(call->arena, "%.*s\u2019s organization", TEXT_ARG(user->user.first_name));
    return name;
}

/* Somebody's verified domain is the user's: perhaps the organization is there already. */
static bool put_advisory(struct call *call, const struct clerk_user *user, struct json_out *out)
{
    struct entry domain;
    struct text mode = {NULL, 0};
    for (size_t i = 0; i < user->email_count && !mode.at; i++) {
        struct text address = user->emails[i].value;
        struct text host = text_part(address, text_find(address, '@', 0) + 1, address.len);
        if (user->emails[i].status == CLERK_VERIFIED &&
            !org_domains_find(call, resource_fold(call->arena, host), &domain, &mode))
            return false;
    }
    json_field_raw(out, "advisory",
                   mode.at
                       ? TEXT("{\"type\":\"warning\",\"message\":\"An organization has verified "
                              "the domain of your address.\"}")
                       : TEXT("null"));
    return true;
}

void me_organization_defaults(struct call *call)
{
    const struct clerk_user *user = &me_account(call)->clerk;
    if (!orgs_enabled(call))
        return;
    struct json_out out = front_open(call);
    json_open(&out, '{');
    json_key(&out, TEXT("form"));
    json_open(&out, '{');
    json_field_text(&out, "name", default_name(call, user));
    json_field_raw(&out, "logo", TEXT("null"));
    json_close(&out, '}');
    if (!put_advisory(call, user, &out))
        return;
    json_close(&out, '}');
    front_close(call, &out);
}
