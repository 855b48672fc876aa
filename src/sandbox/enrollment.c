/*
 * A suggestion's doc, as an invitation's, has the member "domain": the id of the domain that it comes from, by which
 * they are counted and taken back. Whoever was invited once by an address is not invited again by its domain.
 */
#include "sandbox/enrollment.h"

#include "sandbox/org_domains.h"
#include "sandbox/org_invitations.h"

/* ---- the objects ---- */

static bool put_suggestion(struct call *call, const struct entry *suggestion, struct json_value doc,
                           struct json_out *out)
{
    struct org org;
    (void)doc;
    if (!orgs_get(call, suggestion->owner, &org))
        return false;
    json_field_text(out, "status", suggestion->status);
    json_key(out, TEXT("public_organization_data"));
    clerk_write_public_organization(&org.clerk, out->to);
    out->comma = true; /* the object has written itself */
    return true;
}

static bool put_request(struct call *call, const struct entry *request, struct json_value doc,
                        struct json_out *out)
{
    struct account account;
    (void)doc;
    if (!call_account(call, request->name, &account))
        return false;
    json_field_text(out, "organization_id", request->owner);
    json_field_text(out, "status", request->status);
    json_key(out, TEXT("public_user_data"));
    clerk_write_public_user(&account.clerk, out->to);
    out->comma = true;
    return true;
}

const struct resource suggestion_resource = {
    .kind = ENTRY_ORG_SUGGESTION,
    .object = "organization_suggestion",
    .what = "organization suggestion",
    .prefix = "orgsug_",
    .taken = CLERK_organization_suggestion_already_accepted,
    .filters = RESOURCE_BY_STATUS,
    .statuses = "pending|accepted",
    .write = put_suggestion,
};

const struct resource membership_request_resource = {
    .kind = ENTRY_ORG_REQUEST,
    .object = "organization_membership_request",
    .what = "membership request",
    .prefix = "orgmemreq_",
    .taken = CLERK_organization_suggestion_already_accepted,
    .filters = RESOURCE_BY_STATUS,
    .statuses = "pending|accepted|rejected",
    .write = put_request,
};

/* ---- offering ---- */

static bool is_enabled(const struct settings *settings)
{
    const struct user_texts *modes = &settings->org_domains_enrollment_modes;
    if (!settings->org_enabled || !settings->org_domains_enabled)
        return false;
    for (size_t i = 0; i < modes->count; i++)
        if (text_starts(modes->at[i], TEXT("automatic_")))
            return true;
    return false;
}

/* Whether the organization has ever invited that address. */
static bool was_invited(struct call *call, const struct org *org, struct text address, bool *was)
{
    static const char statement[] =
        "SELECT 1 FROM entries WHERE owner = ?1 AND kind = ?2 AND name = ?3 LIMIT 1";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_text(query, 1, org->clerk.id);
    sql_bind_int(query, 2, ENTRY_ORG_INVITATION);
    sql_bind_text(query, 3, address);
    int got = sql_step(query, &err);
    *was = got > 0;
    sql_reset(query);
    return got >= 0 || call_broken(call, &err);
}

static bool invite(struct call *call, const struct org *org, const struct entry *domain,
                   struct text address)
{
    struct entry invitation;
    bool was = true, room = false;
    if (!was_invited(call, org, resource_fold(call->arena, address), &was) ||
        !org_invitations_room(call, org, &room))
        return false;
    struct org_invitation_opts opts = {.email_address = address,
                                       .role =
                                           call->desk->instance->settings.org_domains_default_role,
                                       .domain_id = domain->id,
                                       .expires_in_days = USER_UNSET};
    return was || !room || org_invitations_make(call, org, &opts, &invitation);
}

static struct entry fresh(struct call *call, const struct resource *resource, struct text owner,
                          struct text user_id)
{
    return (struct entry){.kind = resource->kind,
                          .id = call_new_id(call, resource->prefix),
                          .owner = owner,
                          .name = user_id,
                          .claim = user_id,
                          .status = TEXT("pending"),
                          .created_at = call->now_ms,
                          .updated_at = call->now_ms,
                          .expires_at = USER_UNSET,
                          .doc = TEXT("{}")};
}

static bool suggest(struct call *call, const struct entry *domain, struct text user_id)
{
    struct entry older, suggestion = fresh(call, &suggestion_resource, domain->owner, user_id);
    struct err err;
    enum store_answer answer = entry_find(call->desk->store, ENTRY_ORG_SUGGESTION, domain->owner,
                                          user_id, call->arena, &older, &err);
    if (answer != STORE_NONE)
        return call_check(call, answer, &err);
    suggestion.doc = arena_printf(call->arena, "{\"domain\":\"%.*s\"}", TEXT_ARG(domain->id));
    return resource_keep(call, &suggestion_resource, &suggestion);
}

/* What the domain of an address does for its user, who is no member. */
static bool offer(struct call *call, const struct account *account, struct text address)
{
    struct text mode, host = text_part(address, text_find(address, '@', 0) + 1, address.len);
    struct entry domain;
    struct org org;
    struct membership membership;
    struct err err;
    if (!org_domains_find(call, resource_fold(call->arena, host), &domain, &mode))
        return false;
    bool invites = text_same(mode, TEXT("automatic_invitation"));
    if (!invites && !text_same(mode, TEXT("automatic_suggestion")))
        return true;
    if (!orgs_get(call, domain.owner, &org))
        return false;
    enum store_answer answer =
        membership_get(call->desk->store, org.seq, account->seq, call->arena, &membership, &err);
    if (answer != STORE_NONE)
        return call_check(call, answer, &err);
    return invites ? invite(call, &org, &domain, address)
                   : suggest(call, &domain, account->clerk.id);
}

bool enrollment_offer(struct call *call, const struct account *account)
{
    const struct clerk_user *user = &account->clerk;
    if (!is_enabled(&call->desk->instance->settings))
        return true;
    for (size_t i = 0; i < user->email_count; i++)
        if (user->emails[i].status == CLERK_VERIFIED &&
            !offer(call, account, user->emails[i].value))
            return false;
    return true;
}

/* ---- what is pending ---- */

#define PENDING                                                                                    \
    " FROM entries WHERE owner = ?1 AND kind = ?2 AND status = 'pending' AND doc LIKE ?3"          \
    " AND (expires_at IS NULL OR expires_at > ?4)"

static struct sql_query *pending(struct call *call, const char *statement,
                                 const struct entry *domain, enum entry_kind kind, struct err *err)
{
    struct text pattern =
        arena_printf(call->arena, "%%\"domain\":\"%.*s\"%%", TEXT_ARG(domain->id));
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, err);
    if (!query)
        return NULL;
    sql_bind_text(query, 1, domain->owner);
    sql_bind_int(query, 2, kind);
    sql_bind_text(query, 3, pattern);
    sql_bind_int(query, 4, call->now_ms);
    return query;
}

static bool count(struct call *call, const struct entry *domain, enum entry_kind kind, int64_t *to)
{
    struct err err;
    struct sql_query *query = pending(call, "SELECT count(*)" PENDING, domain, kind, &err);
    int got = query ? sql_step(query, &err) : -1;
    *to = got > 0 ? sql_int(query, 0) : 0;
    if (query)
        sql_reset(query);
    return got >= 0 || call_broken(call, &err);
}

bool enrollment_count(struct call *call, const struct entry *domain, int64_t *invitations,
                      int64_t *suggestions)
{
    return count(call, domain, ENTRY_ORG_INVITATION, invitations) &&
           count(call, domain, ENTRY_ORG_SUGGESTION, suggestions);
}

/* The pending ones of a kind: their ids, in the call's arena. */
static bool list(struct call *call, const struct entry *domain, enum entry_kind kind,
                 struct user_texts *ids)
{
    struct err err;
    int64_t total;
    int got = 0;
    *ids = (struct user_texts){NULL, 0};
    if (!count(call, domain, kind, &total) ||
        !(ids->at = call_alloc(call, ((size_t)total + 1) * sizeof(*ids->at))))
        return false;
    struct sql_query *query = pending(call, "SELECT id" PENDING, domain, kind, &err);
    if (!query)
        return call_broken(call, &err);
    while (ids->count < (size_t)total && (got = sql_step(query, &err)) > 0)
        ids->at[ids->count++] = arena_copy(call->arena, sql_text(query, 0));
    sql_reset(query);
    return got >= 0 || call_broken(call, &err);
}

static bool withdraw_invitations(struct call *call, const struct org *org,
                                 const struct user_texts *ids)
{
    struct entry invitation;
    for (size_t i = 0; i < ids->count; i++)
        if (!resource_get(call, &org_invitation_resource, org->clerk.id, ids->at[i], &invitation) ||
            !org_invitations_revoke(call, org, &invitation))
            return false;
    return true;
}

static bool withdraw_suggestions(struct call *call, const struct user_texts *ids)
{
    struct err err;
    for (size_t i = 0; i < ids->count; i++)
        if (!call_check(call,
                        entry_delete(call->desk->store, &(struct entry){.id = ids->at[i]}, &err),
                        &err))
            return false;
    return true;
}

bool enrollment_withdraw(struct call *call, const struct org *org, const struct entry *domain)
{
    struct user_texts invitations, suggestions;
    return list(call, domain, ENTRY_ORG_INVITATION, &invitations) &&
           list(call, domain, ENTRY_ORG_SUGGESTION, &suggestions) &&
           withdraw_invitations(call, org, &invitations) &&
           withdraw_suggestions(call, &suggestions);
}

/* ---- asking to join ---- */

bool enrollment_accept(struct call *call, struct entry *suggestion, const struct account *account)
{
    struct entry request =
        fresh(call, &membership_request_resource, suggestion->owner, account->clerk.id);
    if (!text_same(suggestion->status, TEXT("pending")))
        return call_fail(call, CLERK_organization_suggestion_already_accepted, NULL,
                         "The suggestion has been accepted already.");
    suggestion->status = TEXT("accepted");
    return resource_put(call, &suggestion_resource, suggestion) &&
           resource_keep(call, &membership_request_resource, &request);
}

bool enrollment_settle(struct call *call, const struct org *org, struct entry *request,
                       bool accepted)
{
    struct text role = call->desk->instance->settings.org_domains_default_role;
    struct account account;
    struct membership membership;
    if (!text_same(request->status, TEXT("pending")))
        return call_not_found(call, "pending membership request", request->id);
    request->status = accepted ? TEXT("accepted") : TEXT("rejected");
    request->claim = (struct text){NULL, 0};
    return call_account(call, request->name, &account) &&
           (!accepted || (orgs_join(call, org, &account, role, NULL, &membership) &&
                          orgs_tell_membership(call, EVENT_organization_membership_created, org,
                                               &account, &membership))) &&
           resource_put(call, &membership_request_resource, request);
}
