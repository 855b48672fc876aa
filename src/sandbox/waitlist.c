#include "sandbox/waitlist.h"

#include "sandbox/draft.h"
#include "sandbox/event.h"
#include "sandbox/front.h"
#include "sandbox/invitation.h"
#include "sandbox/outbox.h"
#include "sandbox/routes.h"

#define BULK_MAX 50

/* ---- the resource ---- */

/* The invitation that the entry led to, as an object; null if there is none. */
static bool put_invitation(struct call *call, struct text id, struct json_out *out)
{
    struct entry invitation;
    struct err err;
    enum store_answer got = STORE_NONE;
    if (id.at)
        got = entry_get(call->desk->store, ENTRY_INVITATION, id, call->arena, &invitation, &err);
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    json_key(out, TEXT("invitation"));
    if (got == STORE_NONE) {
        json_put_null(out);
        return true;
    }
    json_put_raw(out, TEXT(""));
    return invitation_write(call, &invitation, out->to);
}

static bool write(struct call *call, const struct entry *entry, struct json_value doc,
                  struct json_out *out)
{
    struct text invitation =
        arena_copy(call->arena, json_text(json_get(doc, TEXT("invitation_id"))));
    bool invited = json_type(json_get(doc, TEXT("invitation_id"))) == JSON_STRING;
    json_field_text(out, "status", entry->status);
    json_field_bool(out, "is_locked", false);
    return put_invitation(call, invited ? invitation : (struct text){NULL, 0}, out);
}

static const struct resource_field fields[] = {
    {"email_address", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_SHOWN, .min = 1, .max = 254},
    {"notify", BODY_BOOL, RESOURCE_GIVEN, .preset = "true"},
    {"invitation_id", BODY_TEXT, 0, .preset = NULL},
};

static bool check(struct call *call, const struct entry *old, struct entry *entry,
                  struct json_value doc)
{
    (void)doc;
    if (old)
        return true;
    entry->status = TEXT("pending");
    return draft_check_email(call, entry->name) && (entry->name = entry->claim).at;
}

static const struct resource waitlist_resource = {
    .kind = ENTRY_WAITLIST,
    .object = "waitlist_entry",
    .what = "waitlist entry",
    .prefix = "wle_",
    .fields = fields,
    .count = ARRAY_COUNT(fields),
    .name = "email_address",
    .unique = true,
    .taken = CLERK_duplicate_record,
    .filters = RESOURCE_BY_STATUS | RESOURCE_BY_QUERY,
    .statuses = "pending|invited|completed|rejected",
    .check = check,
    .write = write,
};

static bool find_by_email(struct call *call, struct text email, struct entry *entry, bool *found)
{
    struct err err;
    enum store_answer got = entry_find(call->desk->store, ENTRY_WAITLIST, (struct text){NULL, 0},
                                       email, call->arena, entry, &err);
    *found = got == STORE_OK;
    return got != STORE_FAILED || call_broken(call, &err);
}

static bool tell(struct call *call, enum event_kind kind, const struct entry *entry)
{
    struct buf json;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&json, 65536);
    bool fine = resource_write(call, &waitlist_resource, entry, &json) &&
                event_put(call, kind, buf_text(&json));
    buf_release(&json);
    return fine;
}

/* ---- joining ---- */

static bool confirm(struct call *call, const struct entry *entry)
{
    struct json_value doc;
    if (!resource_doc(call, entry, &doc))
        return false;
    struct text email = arena_copy(call->arena, json_text(json_get(doc, TEXT("email_address"))));
    return !json_true(json_get(doc, TEXT("notify"))) ||
           outbox_put(call,
                      &(struct outbox_opts){.slug = "waitlist_confirmation", .address = email});
}

/* Puts what a body describes on the list; an address that is there stays as it is. */
static bool join(struct call *call, struct json_value body, struct entry *entry)
{
    struct entry there;
    bool found;
    if (!resource_read(call, &waitlist_resource, body, (struct text){NULL, 0}, NULL, entry) ||
        !find_by_email(call, entry->claim, &there, &found))
        return false;
    if (found) {
        *entry = there;
        return true;
    }
    return resource_keep(call, &waitlist_resource, entry) && confirm(call, entry) &&
           tell(call, EVENT_waitlist_entry_created, entry);
}

void waitlist_create(struct call *call)
{
    struct entry entry;
    if (call_mark(call) && join(call, call->body, &entry))
        resource_show(call, &waitlist_resource, &entry);
}

static bool join_each(struct call *call, struct entry *entries, size_t count)
{
    size_t i = 0;
    for (struct json_walk walk = json_walk(call->body); json_next(&walk); i++) {
        if (!join(call, walk.value, &entries[i]))
            return false;
        for (size_t k = 0; k < i; k++)
            if (text_same(entries[k].id, entries[i].id))
                return call_fail(call, CLERK_duplicate_record, "email_address",
                                 "An email address stands there twice.");
    }
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '[');
    for (i = 0; i < count; i++) {
        json_put_raw(&out, TEXT("")); /* a comma, where one is due */
        if (!resource_write(call, &waitlist_resource, &entries[i], out.to))
            return false;
    }
    json_close(&out, ']');
    return true;
}

void waitlist_create_bulk(struct call *call)
{
    struct entry entries[BULK_MAX];
    size_t count = json_count(call->body);
    if (count == 0)
        call_fail(call, CLERK_request_body_invalid, NULL, "The array is empty.");
    else if (count > BULK_MAX)
        call_fail(call, CLERK_bulk_size_exceeded, NULL, "At most %d entries at once.", BULK_MAX);
    else if (call_mark(call))
        join_each(call, entries, count);
}

/* The Frontend API's: whoever wants to come. */
void waitlist_join(struct call *call)
{
    struct buf *scratch = &call->desk->scratch;
    struct text email;
    struct json_value body;
    struct entry entry;
    struct err err;
    if (!text_same(call->desk->instance->settings.sign_up_mode, TEXT("waitlist"))) {
        call_fail(call, CLERK_waitlist_not_accepting_entries, NULL,
                  "This instance has no waiting list.");
        return;
    }
    if (!front_param_needed(call, "email_address", &email))
        return;
    buf_reset(scratch);
    struct json_out form = json_out(scratch);
    json_open(&form, '{');
    json_field_text(&form, "email_address", email);
    json_close(&form, '}');
    struct text copy = arena_copy(call->arena, buf_text(scratch));
    if (json_parse(call->desk->json, copy, &body, &err) != 0) {
        call_broken(call, &err);
        return;
    }
    if (!call_mark(call) || !join(call, body, &entry))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "object", TEXT("waitlist_entry"));
    json_field_text(&out, "id", entry.id);
    json_close(&out, '}');
}

/* ---- what becomes of an entry ---- */

static bool get(struct call *call, struct entry *entry)
{
    return resource_get(call, &waitlist_resource, (struct text){NULL, 0}, call->ids[0], entry);
}

/* Refuses if the entry has one of these statuses: bits. */
enum { INVITED = 1, COMPLETED = 2, REJECTED = 4 };

static bool check_status(struct call *call, const struct entry *entry, int refused)
{
    static const struct {
        int bit;
        const char *status;
        enum clerk_code code;
    } rows[] = {
        {INVITED, "invited", CLERK_waitlist_entry_already_invited},
        {COMPLETED, "completed", CLERK_waitlist_entry_already_completed},
        {REJECTED, "rejected", CLERK_waitlist_entry_already_rejected},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (refused & rows[i].bit && text_same(entry->status, text_of(rows[i].status)))
            return call_fail(call, rows[i].code, NULL, "The entry is %s already.", rows[i].status);
    return true;
}

static bool put(struct call *call, struct entry *entry, const char *status)
{
    entry->status = text_of(status);
    return resource_put(call, &waitlist_resource, entry) &&
           tell(call, EVENT_waitlist_entry_updated, entry);
}

static bool set_invitation(struct call *call, struct entry *entry, struct text id)
{
    return resource_set(call, entry, "invitation_id",
                        arena_printf(call->arena, "\"%.*s\"", TEXT_ARG(id)));
}

static bool invite(struct call *call, struct entry *entry, bool ignore_existing)
{
    struct entry invitation;
    struct json_value doc;
    if (!resource_doc(call, entry, &doc))
        return false;
    struct invitation_opts opts = {
        .email = arena_copy(call->arena, json_text(json_get(doc, TEXT("email_address")))),
        .template = "waitlist_invitation",
        .notify = true,
        .ignore_existing = ignore_existing,
        .days = INVITATION_DAYS};
    return invitation_make(call, &opts, &invitation) &&
           set_invitation(call, entry, invitation.id) && put(call, entry, "invited");
}

void waitlist_invite(struct call *call)
{
    static const struct body_field form[] = {{"ignore_existing", BODY_BOOL, .offset = 0}};
    struct entry entry;
    uint64_t given;
    bool ignore = false;
    if (keys_ready(call, waitlist_invite) && get(call, &entry) &&
        body_read(call, form, ARRAY_COUNT(form), &ignore, &given) &&
        check_status(call, &entry, ignore ? COMPLETED : INVITED | COMPLETED) && call_mark(call) &&
        invite(call, &entry, ignore))
        resource_show(call, &waitlist_resource, &entry);
}

/* Of an invited one the invitation is void. */
static bool revoke(struct call *call, const struct entry *entry)
{
    struct json_value doc;
    struct entry invitation;
    struct err err;
    if (!resource_doc(call, entry, &doc))
        return false;
    struct text id = arena_copy(call->arena, json_text(json_get(doc, TEXT("invitation_id"))));
    enum store_answer got =
        entry_get(call->desk->store, ENTRY_INVITATION, id, call->arena, &invitation, &err);
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    return got == STORE_NONE || !text_same(invitation.status, TEXT("pending")) ||
           invitation_revoke(call, &invitation);
}

void waitlist_reject(struct call *call)
{
    struct entry entry;
    if (!get(call, &entry) || !check_status(call, &entry, COMPLETED | REJECTED) || !call_mark(call))
        return;
    if (text_same(entry.status, TEXT("invited")) && !revoke(call, &entry))
        return;
    if (put(call, &entry, "rejected"))
        resource_show(call, &waitlist_resource, &entry);
}

void waitlist_delete(struct call *call)
{
    struct entry entry;
    if (get(call, &entry) && check_status(call, &entry, INVITED | COMPLETED | REJECTED))
        resource_delete(call, &waitlist_resource, &entry);
}

/* invited_at is when the latest invitation to the address was made; 6 is ENTRY_INVITATION. */
void waitlist_list(struct call *call)
{
    static const struct paging_order orders[] = {
        {"created_at", "r.created_at"},
        {"email_address", "r.name"},
        {"invited_at", "(SELECT max(i.created_at) FROM entries i WHERE i.kind = 6"
                       " AND i.name = r.name AND r.status <> 'pending')"}};
    resource_list(call, &waitlist_resource,
                  &(struct resource_list){.orders = orders, .order_count = ARRAY_COUNT(orders)});
}

bool waitlist_complete(struct call *call, struct text email)
{
    struct entry entry;
    bool found;
    if (!find_by_email(call, email, &entry, &found))
        return false;
    return !found || put(call, &entry, "completed");
}
