#include "sandbox/invitation.h"

#include "sandbox/draft.h"
#include "sandbox/outbox.h"
#include "sandbox/redirect_url.h"
#include "sandbox/restriction.h"
#include "sandbox/routes.h"
#include "sandbox/ticket.h"
#include "sandbox/waitlist.h"
#include "sandbox/wording.h"

#define DAY_MS   INT64_C(86400000)
#define DAYS_MAX 365
#define BULK_MAX 10

/* ---- the resource ---- */

static bool write(struct call *call, const struct entry *entry, struct json_value doc,
                  struct json_out *out)
{
    struct text status = resource_status(call, entry);
    json_field_bool(out, "revoked", text_same(status, TEXT("revoked")));
    json_field_text(out, "status", status);
    if (text_same(status, TEXT("pending"))) {
        struct text url = ticket_url(call, json_text(json_get(doc, TEXT("ticket"))));
        if (!url.at)
            return false;
        json_field_text(out, "url", url);
    }
    json_field_int(out, "expires_at", entry->expires_at);
    return true;
}

static const struct resource_field fields[] = {
    {"email_address", BODY_TEXT, RESOURCE_SHOWN, .preset = NULL},
    {"public_metadata", BODY_OBJECT, RESOURCE_SHOWN, .preset = "{}"},
    {"redirect_url", BODY_TEXT, 0, .preset = NULL},
    {"ticket", BODY_TEXT, 0, .preset = NULL},
};

static const struct resource invitation_resource = {
    .kind = ENTRY_INVITATION,
    .object = "invitation",
    .what = "invitation",
    .prefix = "inv_",
    .fields = fields,
    .count = ARRAY_COUNT(fields),
    .filters = RESOURCE_BY_STATUS | RESOURCE_BY_QUERY,
    .statuses = "pending|accepted|revoked|expired",
    .array = true,
    .write = write,
};

bool invitation_write(struct call *call, const struct entry *entry, struct buf *to)
{
    return resource_write(call, &invitation_resource, entry, to);
}

/* ---- making one ---- */

static bool check_no_user(struct call *call, struct text email)
{
    struct account account;
    struct err err;
    enum store_answer got =
        account_find(call->desk->store, email, call->now_ms, call->arena, &account, &err);
    if (got == STORE_NONE)
        return true;
    if (got != STORE_OK)
        return call_broken(call, &err);
    call->desk->stats.duplicates++;
    return call_fail(call, CLERK_form_identifier_exists, "email_address",
                     "There already is a user with this email address.");
}

static bool check_not_invited(struct call *call, struct text name)
{
    static const char statement[] =
        "SELECT count(*) FROM entries WHERE kind = ?1 AND name = ?2 AND status = 'pending'"
        " AND expires_at > ?3";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_int(query, 1, ENTRY_INVITATION);
    sql_bind_text(query, 2, name);
    sql_bind_int(query, 3, call->now_ms);
    int got = sql_step(query, &err);
    bool invited = got > 0 && sql_int(query, 0) > 0;
    sql_reset(query);
    if (got < 0)
        return call_broken(call, &err);
    return !invited || call_fail(call, CLERK_duplicate_record, "email_address",
                                 "This email address is invited already. Revoke that invitation, "
                                 "or send `ignore_existing`.");
}

static bool check_redirect(struct call *call, struct text url)
{
    return !url.at || redirect_url_is_whole(url) ||
           call_fail(call, CLERK_form_param_format_invalid, "redirect_url",
                     "`redirect_url` must be a URL with its scheme.");
}

static bool check_new(struct call *call, const struct invitation_opts *opts,
                      const struct entry *entry)
{
    if (!call->desk->instance->settings.attributes[SETTINGS_email_address].enabled)
        return call_fail(call, CLERK_invitations_not_supported, NULL,
                         "Without email addresses this instance has no invitations.");
    return draft_check_email(call, opts->email) && check_redirect(call, opts->redirect_url) &&
           (opts->ignore_existing ||
            (check_no_user(call, opts->email) && check_not_invited(call, entry->name)));
}

static bool compose(struct call *call, const struct invitation_opts *opts, struct text ticket,
                    struct entry *entry)
{
    struct buf *scratch = &call->desk->scratch;
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    json_open(&out, '{');
    json_field_text(&out, "email_address", opts->email);
    json_field_raw(&out, "public_metadata",
                   opts->public_metadata.at ? opts->public_metadata : TEXT("{}"));
    json_field_text(&out, "redirect_url", opts->redirect_url);
    json_field_text(&out, "ticket", ticket);
    json_close(&out, '}');
    entry->doc =
        buf_ok(scratch) ? arena_copy(call->arena, buf_text(scratch)) : (struct text){NULL, 0};
    return entry->doc.at ||
           call_fail(call, CLERK_request_body_too_large, NULL, "The invitation is too large.");
}

static bool send(struct call *call, const struct invitation_opts *opts, struct text ticket)
{
    const struct wording_value values[] = {{"action_url", ticket_url(call, ticket)}};
    return values[0].value.at &&
           outbox_put(call, &(struct outbox_opts){.slug = opts->template,
                                                  .address = opts->email,
                                                  .values = values,
                                                  .count = ARRAY_COUNT(values)});
}

bool invitation_make(struct call *call, const struct invitation_opts *opts, struct entry *entry)
{
    *entry = (struct entry){.kind = ENTRY_INVITATION,
                            .id = call_new_id(call, invitation_resource.prefix),
                            .name = resource_fold(call->arena, opts->email),
                            .status = TEXT("pending"),
                            .created_at = call->now_ms,
                            .updated_at = call->now_ms,
                            .expires_at = call->now_ms + opts->days * DAY_MS};
    if (!entry->id.at || !entry->name.at)
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    if (!check_new(call, opts, entry) || !restriction_check_invited(call, opts->email, entry->id))
        return false;
    struct text ticket = ticket_sign(call, INVITATION_TICKET, entry->id, entry->expires_at);
    return ticket.at && compose(call, opts, ticket, entry) &&
           resource_keep(call, &invitation_resource, entry) &&
           (!opts->notify || send(call, opts, ticket));
}

/* ---- its life ---- */

static bool put_status(struct call *call, struct entry *entry, const char *status)
{
    entry->status = text_of(status);
    return resource_put(call, &invitation_resource, entry);
}

bool invitation_open(struct call *call, struct text id, struct entry *entry)
{
    struct err err;
    enum store_answer got =
        entry_get(call->desk->store, ENTRY_INVITATION, id, call->arena, entry, &err);
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    if (got == STORE_NONE)
        return call_fail(call, CLERK_ticket_invalid_code, "ticket", "The ticket is not valid.");
    struct text status = resource_status(call, entry);
    if (text_same(status, TEXT("revoked")))
        return call_fail(call, CLERK_revoked_invitation, NULL, "The invitation was revoked.");
    if (text_same(status, TEXT("accepted")))
        return call_fail(call, CLERK_invitation_already_accepted, NULL,
                         "The invitation was accepted already. Sign in instead.");
    return text_same(status, TEXT("pending")) ||
           call_fail(call, CLERK_ticket_expired_code, "ticket", "The invitation has expired.");
}

bool invitation_accept(struct call *call, struct entry *entry)
{
    return put_status(call, entry, "accepted") && waitlist_complete(call, entry->name);
}

bool invitation_revoke(struct call *call, struct entry *entry)
{
    if (text_same(entry->status, TEXT("accepted")))
        return call_fail(call, CLERK_invitation_already_accepted, NULL,
                         "The invitation was accepted already.");
    if (text_same(entry->status, TEXT("revoked")))
        return call_fail(call, CLERK_invitation_already_revoked, NULL,
                         "The invitation was revoked already.");
    return put_status(call, entry, "revoked");
}

/* ---- endpoints ---- */

struct form {
    struct invitation_opts opts;
    struct text template;
};

#define ROW(name, kind, member)                                                                    \
    {                                                                                              \
        name, BODY_##kind, .offset = offsetof(struct form, member)                                 \
    }

static const struct body_field form_fields[] = {
    {"email_address", BODY_TEXT, offsetof(struct form, opts.email), .needed = true, .max = 254},
    ROW("public_metadata", OBJECT, opts.public_metadata),
    {"redirect_url", BODY_TEXT, .offset = offsetof(struct form, opts.redirect_url), .max = 2048},
    ROW("notify", BOOL, opts.notify),
    ROW("ignore_existing", BOOL, opts.ignore_existing),
    {"expires_in_days", BODY_NUMBER, .offset = offsetof(struct form, opts.days), .min = 1,
     .max = DAYS_MAX},
    {"template_slug", BODY_TEXT, .offset = offsetof(struct form, template),
     .choices = "invitation|waitlist_invitation"},
};

static bool make(struct call *call, struct json_value body, struct entry *entry)
{
    struct form form = {.opts = {.template = "invitation", .notify = true, .days = USER_UNSET}};
    uint64_t given;
    if (!body_read_object(call, form_fields, ARRAY_COUNT(form_fields), body, &form, &given))
        return false;
    if (form.opts.days == USER_UNSET)
        form.opts.days = INVITATION_DAYS;
    if (text_same(form.template, TEXT("waitlist_invitation")))
        form.opts.template = "waitlist_invitation";
    return invitation_make(call, &form.opts, entry);
}

void invitations_create(struct call *call)
{
    struct entry entry;
    if (keys_ready(call, invitations_create) && call_mark(call) && make(call, call->body, &entry))
        invitation_write(call, &entry, call_answer(call, 200));
}

static bool make_each(struct call *call, struct entry *entries, size_t count)
{
    size_t i = 0;
    for (struct json_walk walk = json_walk(call->body); json_next(&walk); i++) {
        if (json_type(walk.value) != JSON_OBJECT)
            return call_fail(call, CLERK_request_body_invalid, NULL,
                             "The body must be an array of objects.");
        if (!make(call, walk.value, &entries[i]))
            return false;
    }
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '[');
    for (i = 0; i < count; i++) {
        json_put_raw(&out, TEXT("")); /* a comma, where one is due */
        if (!invitation_write(call, &entries[i], out.to))
            return false;
    }
    json_close(&out, ']');
    return true;
}

void invitations_create_bulk(struct call *call)
{
    struct entry entries[BULK_MAX];
    size_t count = json_count(call->body);
    if (count == 0)
        call_fail(call, CLERK_request_body_invalid, NULL, "The array is empty.");
    else if (count > BULK_MAX)
        call_fail(call, CLERK_bulk_size_exceeded, NULL, "At most %d invitations at once.",
                  BULK_MAX);
    else if (keys_ready(call, invitations_create_bulk) && call_mark(call))
        make_each(call, entries, count);
}

/* Without a status, all but those that were revoked. */
static bool leave_revoked_out(struct call *call, struct filter *filter)
{
    return call_param(call, TEXT("status")).at ||
           filter_add(call, filter, "r.status <> %s", (struct filter_bind){.t = TEXT("revoked")});
}

void invitations_list(struct call *call)
{
    static const struct paging_order orders[] = {{"created_at", "r.created_at"},
                                                 {"email_address", "r.name"},
                                                 {"expires_at", "r.expires_at"}};
    resource_list(call, &invitation_resource,
                  &(struct resource_list){.orders = orders,
                                          .order_count = ARRAY_COUNT(orders),
                                          .filter = leave_revoked_out});
}

/* Not in the OpenAPI file, but in Clerk's SDK: what is left of somebody who never came goes, whatever its status. */
void invitations_delete(struct call *call)
{
    struct entry entry;
    if (resource_get(call, &invitation_resource, (struct text){NULL, 0}, call->ids[0], &entry))
        resource_delete(call, &invitation_resource, &entry);
}

void invitations_revoke(struct call *call)
{
    struct entry entry;
    if (resource_get(call, &invitation_resource, (struct text){NULL, 0}, call->ids[0], &entry) &&
        invitation_revoke(call, &entry))
        resource_show(call, &invitation_resource, &entry);
}
