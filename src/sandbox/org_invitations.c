/*
 * An invitation's doc: {"email_address","role","role_id","inviter_id","redirect_url","public_metadata",
 * "private_metadata","ticket","domain"}. The role is known by its id, so that renaming it changes nothing here; its key is what
 * is told once it is gone.
 */
#include "sandbox/org_invitations.h"

#include <stdio.h>

#include "sandbox/doc.h"
#include "sandbox/draft.h"
#include "sandbox/event.h"
#include "sandbox/front.h"
#include "sandbox/outbox.h"
#include "sandbox/ticket.h"
#include "sandbox/wording.h"

#define DAY_MS       INT64_C(86400000)
#define DAYS_DEFAULT 30

const struct resource org_invitation_resource = {
    .kind = ENTRY_ORG_INVITATION,
    .object = "organization_invitation",
    .what = "organization invitation",
    .prefix = "orginv_",
    .taken = CLERK_organization_invitation_not_unique,
    .filters = RESOURCE_BY_STATUS | RESOURCE_BY_QUERY | RESOURCE_BY_EMAIL,
    .statuses = "pending|accepted|revoked|expired",
};

/* ---- the doc ---- */

struct content {
    struct text email_address, role, role_id, inviter_id, redirect_url;
    struct text public_metadata, private_metadata, ticket, domain;
};

static const struct doc_member members[] = {
    {"email_address", offsetof(struct content, email_address), false},
    {"role", offsetof(struct content, role), false},
    {"role_id", offsetof(struct content, role_id), false},
    {"inviter_id", offsetof(struct content, inviter_id), false},
    {"redirect_url", offsetof(struct content, redirect_url), false},
    {"public_metadata", offsetof(struct content, public_metadata), true},
    {"private_metadata", offsetof(struct content, private_metadata), true},
    {"ticket", offsetof(struct content, ticket), false},
    {"domain", offsetof(struct content, domain), false},
};

static bool decode(struct call *call, const struct entry *invitation, struct content *content)
{
    return doc_decode(call, members, ARRAY_COUNT(members), invitation, content);
}

/* ---- writing ---- */

static bool put_role(struct call *call, const struct content *content, struct json_out *out)
{
    struct role role;
    struct err err;
    enum store_answer answer = role_get(call, content->role_id, &role, &err);
    if (answer != STORE_NONE && !call_check(call, answer, &err))
        return false;
    json_field_text(out, "role", answer == STORE_OK ? role.key : content->role);
    json_field_text(out, "role_name", answer == STORE_OK ? role.name : content->role);
    return true;
}

static bool put_inviter(struct call *call, const struct content *content, struct json_out *out)
{
    struct account account;
    struct err err;
    enum store_answer answer = STORE_NONE;
    if (content->inviter_id.at)
        answer = account_get(call->desk->store, content->inviter_id, call->now_ms, call->arena,
                             &account, &err);
    if (answer != STORE_NONE && !call_check(call, answer, &err))
        return false;
    json_field_text(out, "inviter_id", content->inviter_id);
    json_key(out, TEXT("public_inviter_data"));
    if (answer == STORE_NONE) {
        json_put_null(out);
        return true;
    }
    clerk_write_inviter(&account.clerk, out->to);
    out->comma = true; /* the object has written itself */
    return true;
}

static void put_organization(const struct org *org, struct json_out *out)
{
    json_key(out, TEXT("public_organization_data"));
    clerk_write_public_organization(&org->clerk, out->to);
    out->comma = true;
}

/* All members but public_organization_data. */
static bool put_members(struct call *call, const struct entry *invitation,
                        enum clerk_audience audience, struct json_out *out)
{
    struct content content;
    struct text status = resource_status(call, invitation), url = {NULL, 0};
    if (!decode(call, invitation, &content))
        return false;
    if (text_same(status, TEXT("pending")) && content.ticket.at &&
        !(url = ticket_url(call, content.ticket)).at)
        return false;
    json_field_text(out, "object", text_of(org_invitation_resource.object));
    json_field_text(out, "id", invitation->id);
    json_field_text(out, "email_address", content.email_address);
    if (!put_role(call, &content, out))
        return false;
    json_field_text(out, "organization_id", invitation->owner);
    if (audience == CLERK_BACKEND && !put_inviter(call, &content, out))
        return false;
    json_field_text(out, "status", status);
    json_field_raw(out, "public_metadata", content.public_metadata);
    if (audience == CLERK_BACKEND)
        json_field_raw(out, "private_metadata", content.private_metadata);
    json_field_text(out, "url", audience == CLERK_BACKEND ? url : (struct text){NULL, 0});
    json_field_int(out, "expires_at", invitation->expires_at);
    json_field_int(out, "created_at", invitation->created_at);
    json_field_int(out, "updated_at", invitation->updated_at);
    return true;
}

bool org_invitations_write(struct call *call, const struct entry *invitation, const struct org *org,
                           enum clerk_audience audience, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    if (!put_members(call, invitation, audience, &out))
        return false;
    if (org)
        put_organization(org, &out);
    json_close(&out, '}');
    return true;
}

/* user: who accepted it, or NULL. Webhooks have the organization under `data`. */
static bool tell(struct call *call, enum event_kind kind, const struct org *org,
                 const struct entry *invitation, const struct account *user)
{
    struct buf data;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&data, EVENT_DATA_MAX);
    struct json_out out = json_out(&data);
    json_open(&out, '{');
    bool fine = put_members(call, invitation, CLERK_BACKEND, &out);
    if (user)
        json_field_text(&out, "user_id", user->clerk.id);
    json_key(&out, TEXT("data"));
    json_open(&out, '{');
    put_organization(org, &out);
    json_close(&out, '}');
    json_close(&out, '}');
    fine = fine && event_put(call, kind, buf_text(&data));
    buf_release(&data);
    return fine;
}

/* ---- making ---- */

static bool count_pending(struct call *call, const struct org *org, int64_t *count)
{
    static const char statement[] =
        "SELECT count(*) FROM entries WHERE owner = ?1 AND kind = ?2 AND status = 'pending'"
        " AND expires_at > ?3";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_text(query, 1, org->clerk.id);
    sql_bind_int(query, 2, ENTRY_ORG_INVITATION);
    sql_bind_int(query, 3, call->now_ms);
    int got = sql_step(query, &err);
    *count = got > 0 ? sql_int(query, 0) : 0;
    sql_reset(query);
    return got >= 0 || call_broken(call, &err);
}

bool org_invitations_room(struct call *call, const struct org *org, bool *room)
{
    int64_t pending, max = org->clerk.max_allowed_memberships;
    *room = true;
    if (max == 0)
        return true;
    if (!count_pending(call, org, &pending))
        return false;
    *room = org->members + pending < max;
    return true;
}

static bool check_room(struct call *call, const struct org *org)
{
    bool room;
    return org_invitations_room(call, org, &room) &&
           (room || call_fail(call, CLERK_organization_membership_quota_exceeded, NULL,
                              "This organization may have %lld members at most, pending "
                              "invitations included.",
                              (long long)org->clerk.max_allowed_memberships));
}

/* Nobody who is a member already is invited. */
static bool check_stranger(struct call *call, const struct org *org, struct text email)
{
    struct store *store = call->desk->store;
    struct account account;
    struct membership membership;
    struct err err;
    enum store_answer answer =
        account_find(store, email, call->now_ms, call->arena, &account, &err);
    if (answer == STORE_OK)
        answer = membership_get(store, org->seq, account.seq, call->arena, &membership, &err);
    if (answer == STORE_OK)
        return call_fail(call, CLERK_already_a_member_in_organization, NULL,
                         "Whoever has this address is a member already.");
    return answer == STORE_NONE || call_broken(call, &err);
}

static bool check_inviter(struct call *call, const struct org *org, struct text id)
{
    struct account account;
    return !id.at || (call_account(call, id, &account) &&
                      orgs_need_permission(call, org, &account, ROLE_ELEVATED));
}

static bool check(struct call *call, const struct org *org, const struct org_invitation_opts *opts,
                  struct role *role)
{
    if (!draft_check_email(call, opts->email_address))
        return false;
    if (opts->redirect_url.at && !front_origin_of(opts->redirect_url).at)
        return call_fail(call, CLERK_form_param_format_invalid, "redirect_url",
                         "`redirect_url` must be a URL: https://app.example.com/welcome.");
    return role_need(call, opts->role, "role", role) &&
           check_inviter(call, org, opts->inviter_id) &&
           check_stranger(call, org, opts->email_address) && check_room(call, org);
}

/* An invitation that nobody accepted in time no longer holds its address. */
static bool release_address(struct call *call, const struct entry *invitation)
{
    struct entry older;
    struct err err;
    enum store_answer answer =
        entry_find(call->desk->store, ENTRY_ORG_INVITATION, invitation->owner, invitation->claim,
                   call->arena, &older, &err);
    if (answer == STORE_NONE)
        return true;
    if (!call_check(call, answer, &err))
        return false;
    if (text_same(resource_status(call, &older), TEXT("pending")))
        return true; /* keeping the new one is refused */
    older.claim = (struct text){NULL, 0};
    return call_check(call, entry_put(call->desk->store, &older, &err), &err);
}

static bool send(struct call *call, const struct org *org, const struct content *content)
{
    const struct wording_value values[] = {{"action_url", ticket_url(call, content->ticket)},
                                           {"org.name", org->clerk.name}};
    return values[0].value.at &&
           outbox_put(call, &(struct outbox_opts){.slug = "organization_invitation",
                                                  .address = content->email_address,
                                                  .values = values,
                                                  .count = ARRAY_COUNT(values)});
}

static struct text or_empty(struct text object)
{
    return object.at ? object : TEXT("{}");
}

static bool compose(struct call *call, const struct org_invitation_opts *opts,
                    const struct role *role, struct entry *invitation, struct content *content)
{
    *content = (struct content){.email_address = opts->email_address,
                                .role = role->key,
                                .role_id = role->id,
                                .inviter_id = opts->inviter_id,
                                .redirect_url = opts->redirect_url,
                                .public_metadata = or_empty(opts->public_metadata),
                                .private_metadata = or_empty(opts->private_metadata),
                                .domain = opts->domain_id};
    if (!opts->domain_id.at)
        content->ticket =
            ticket_sign(call, ORG_INVITATION_TICKET, invitation->id, invitation->expires_at);
    return (content->ticket.at || opts->domain_id.at) &&
           doc_encode(call, members, ARRAY_COUNT(members), content, invitation);
}

bool org_invitations_make(struct call *call, const struct org *org,
                          const struct org_invitation_opts *opts, struct entry *invitation)
{
    int64_t days = opts->expires_in_days == USER_UNSET ? DAYS_DEFAULT : opts->expires_in_days;
    struct text address = resource_fold(call->arena, opts->email_address);
    struct content content;
    struct role role;
    *invitation = (struct entry){.kind = ENTRY_ORG_INVITATION,
                                 .id = call_new_id(call, org_invitation_resource.prefix),
                                 .owner = org->clerk.id,
                                 .name = address,
                                 .claim = address,
                                 .status = TEXT("pending"),
                                 .created_at = call->now_ms,
                                 .updated_at = call->now_ms,
                                 .expires_at = call->now_ms + days * DAY_MS};
    return check(call, org, opts, &role) && compose(call, opts, &role, invitation, &content) &&
           release_address(call, invitation) &&
           resource_keep(call, &org_invitation_resource, invitation) &&
           (opts->silent || opts->domain_id.at || send(call, org, &content)) &&
           tell(call, EVENT_organization_invitation_created, org, invitation, NULL);
}

/* ---- what becomes of them ---- */

/* Ends it; its address may be invited again. */
static bool settle(struct call *call, struct entry *invitation, struct text status)
{
    invitation->status = status;
    invitation->claim = (struct text){NULL, 0};
    return resource_put(call, &org_invitation_resource, invitation);
}

bool org_invitations_revoke(struct call *call, const struct org *org, struct entry *invitation)
{
    struct text status = resource_status(call, invitation);
    if (!text_same(status, TEXT("pending")))
        return call_fail(call, CLERK_organization_invitation_not_pending, NULL,
                         "The invitation is %.*s.", TEXT_ARG(status));
    return settle(call, invitation, TEXT("revoked")) &&
           tell(call, EVENT_organization_invitation_revoked, org, invitation, NULL);
}

static bool check_pending(struct call *call, const struct entry *invitation)
{
    struct text status = resource_status(call, invitation);
    if (text_same(status, TEXT("accepted")))
        return call_fail(call, CLERK_organization_invitation_already_accepted, NULL,
                         "The invitation has been accepted already.");
    if (text_same(status, TEXT("revoked")))
        return call_fail(call, CLERK_organization_invitation_revoked_code, NULL,
                         "The invitation has been revoked.");
    return text_same(status, TEXT("pending")) ||
           call_fail(call, CLERK_organization_invitation_not_pending, NULL,
                     "The invitation has expired.");
}

bool org_invitations_open(struct call *call, struct text id, struct entry *invitation)
{
    struct err err;
    enum store_answer got =
        entry_get(call->desk->store, ENTRY_ORG_INVITATION, id, call->arena, invitation, &err);
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    if (got == STORE_NONE)
        return call_fail(call, CLERK_ticket_invalid_code, "ticket", "The ticket is not valid.");
    return check_pending(call, invitation);
}

bool org_invitations_accept(struct call *call, const struct org *org, struct entry *invitation,
                            const struct account *account, struct membership *membership)
{
    struct content content;
    if (!check_pending(call, invitation) || !decode(call, invitation, &content))
        return false;
    const struct text metadata[] = {content.public_metadata, content.private_metadata};
    return orgs_join(call, org, account, content.role_id, metadata, membership) &&
           settle(call, invitation, TEXT("accepted")) &&
           orgs_tell_membership(call, EVENT_organization_membership_created, org, account,
                                membership) &&
           tell(call, EVENT_organization_invitation_accepted, org, invitation, account);
}

bool org_invitations_redirect_url(struct call *call, const struct entry *invitation,
                                  struct text *url)
{
    struct content content;
    if (!decode(call, invitation, &content))
        return false;
    *url = content.redirect_url;
    return true;
}
