#include "sandbox/restriction.h"

#include <string.h>

#include "sandbox/invitation.h"
#include "sandbox/routes.h"

/* Domains of addresses to be thrown away. The real list is Clerk's own and much longer. */
static const char *const disposable[] = {
    "10minutemail.com",  "dispostable.com", "fakeinbox.com", "getnada.com",     "guerrillamail.com",
    "maildrop.cc",       "mailinator.com",  "mailnesia.com", "sharklasers.com", "temp-mail.org",
    "throwawaymail.com", "trashmail.com",   "yopmail.com",
};

/* ---- the lists ---- */

static bool is_wallet(struct text t)
{
    size_t i = 2;
    if (t.len != 42 || !text_starts(t, TEXT("0x")))
        return false;
    while (i < t.len && memchr("0123456789abcdefABCDEF", t.at[i], 22))
        i++;
    return i == t.len;
}

/* "*@example.com" as an address of that domain. */
static bool is_email(struct call *call, struct text t)
{
    if (text_starts(t, TEXT("*@")))
        t = arena_printf(call->arena, "any%.*s", TEXT_ARG(text_part(t, 1, t.len)));
    return t.at && !user_email_problem(t);
}

/* What kind of identifier it is; NULL: none. */
static const char *type_of(struct call *call, struct text t)
{
    if (text_find(t, '@', 0) < t.len)
        return is_email(call, t) ? "email_address" : NULL;
    if (text_starts(t, TEXT("+")))
        return user_phone_problem(t) ? NULL : "phone_number";
    return is_wallet(t) ? "web3_wallet" : NULL;
}

static bool check(struct call *call, const struct entry *old, struct entry *entry,
                  struct json_value doc)
{
    (void)old;
    (void)doc;
    return type_of(call, entry->name) ||
           call_fail(call, CLERK_form_param_format_invalid, "identifier",
                     "`identifier` must be an email address, *@ and a domain, a phone number in "
                     "E.164, or a web3 wallet.");
}

static bool write(struct call *call, const struct entry *entry, struct json_value doc,
                  struct json_out *out)
{
    struct json_value invitation = json_get(doc, TEXT("invitation_id"));
    const char *type = type_of(call, entry->name);
    json_field_text(out, "identifier_type", text_of(type ? type : "email_address"));
    json_field_text(out, "instance_id", text_of(call->desk->instance->id));
    if (json_type(invitation) == JSON_STRING)
        json_field_text(out, "invitation_id", json_text(invitation));
    return true;
}

static const struct resource_field allow_fields[] = {
    {"identifier", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_SHOWN, .min = 1, .max = 254},
    {"notify", BODY_BOOL, RESOURCE_GIVEN, .preset = "false"},
    {"invitation_id", BODY_TEXT, 0, .preset = NULL},
};

static const struct resource_field block_fields[] = {
    {"identifier", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_SHOWN, .min = 1, .max = 254},
};

static const struct resource allowlist = {
    .kind = ENTRY_ALLOWLIST,
    .object = "allowlist_identifier",
    .what = "allowlist identifier",
    .prefix = "alid_",
    .fields = allow_fields,
    .count = ARRAY_COUNT(allow_fields),
    .name = "identifier",
    .unique = true,
    .taken = CLERK_form_identifier_exists,
    .array = true,
    .check = check,
    .write = write,
};

static const struct resource blocklist = {
    .kind = ENTRY_BLOCKLIST,
    .object = "blocklist_identifier",
    .what = "blocklist identifier",
    .prefix = "blid_",
    .fields = block_fields,
    .count = ARRAY_COUNT(block_fields),
    .name = "identifier",
    .unique = true,
    .taken = CLERK_form_identifier_exists,
    .check = check,
    .write = write,
};

static void delete (struct call *call, const struct resource *resource)
{
    struct entry entry;
    if (resource_get(call, resource, (struct text){NULL, 0}, call->ids[0], &entry))
        resource_delete(call, resource, &entry);
}

void allowlist_list(struct call *call)
{
    resource_list(call, &allowlist, &(struct resource_list){.any_owner = false});
}

/* Whoever is to be told gets an invitation; only an email address can. */
static bool notify(struct call *call, struct entry *entry)
{
    struct invitation_opts opts = {.email = entry->name,
                                   .template = "invitation",
                                   .notify = true,
                                   .ignore_existing = true,
                                   .days = INVITATION_DAYS};
    struct entry invitation;
    struct json_value doc;
    if (!resource_doc(call, entry, &doc))
        return false;
    if (!json_true(json_get(doc, TEXT("notify"))) || text_starts(entry->name, TEXT("*@")) ||
        user_email_problem(entry->name))
        return true;
    return invitation_make(call, &opts, &invitation) &&
           resource_set(call, entry, "invitation_id",
                        arena_printf(call->arena, "\"%.*s\"", TEXT_ARG(invitation.id))) &&
           resource_put(call, &allowlist, entry);
}

void allowlist_create(struct call *call)
{
    struct entry entry;
    if (keys_ready(call, allowlist_create) && call_mark(call) &&
        resource_read(call, &allowlist, call->body, (struct text){NULL, 0}, NULL, &entry) &&
        resource_keep(call, &allowlist, &entry) && notify(call, &entry))
        resource_show(call, &allowlist, &entry);
}

void allowlist_delete(struct call *call)
{
    delete (call, &allowlist);
}

void blocklist_list(struct call *call)
{
    resource_list(call, &blocklist, &(struct resource_list){.any_owner = false});
}

void blocklist_create(struct call *call)
{
    resource_create(call, &blocklist, (struct text){NULL, 0});
}

void blocklist_delete(struct call *call)
{
    delete (call, &blocklist);
}

/* ---- what they do ---- */

static bool find(struct call *call, enum entry_kind kind, struct text claim, bool *found)
{
    struct entry entry;
    struct err err;
    if (!claim.at)
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    enum store_answer got = entry_find(call->desk->store, kind, (struct text){NULL, 0}, claim,
                                       call->arena, &entry, &err);
    *found = got == STORE_OK;
    return got != STORE_FAILED || call_broken(call, &err);
}

/* Whether a list has the identifier itself, or its domain. */
static bool is_listed(struct call *call, enum entry_kind kind, struct text identifier, bool *listed)
{
    struct text claim = resource_fold(call->arena, identifier);
    size_t at = text_find(claim, '@', 0);
    if (!find(call, kind, claim, listed))
        return false;
    if (*listed || at == claim.len)
        return true;
    struct text domain =
        arena_printf(call->arena, "*%.*s", TEXT_ARG(text_part(claim, at, claim.len)));
    return find(call, kind, domain, listed);
}

static bool refuse(struct call *call, const char *param, struct text identifier)
{
    return call_fail(call, CLERK_not_allowed_access, param,
                     "%.*s is not allowed to access this application.",
                     TEXT_ARG(text_part(identifier, 0, 254)));
}

/* What the lists that count say of an identifier. */
static bool judge(struct call *call, struct text identifier, bool *allowed, bool *blocked)
{
    const struct settings *settings = &call->desk->instance->settings;
    *allowed = *blocked = false;
    if (settings->allowlist && !is_listed(call, ENTRY_ALLOWLIST, identifier, allowed))
        return false;
    return *allowed || !settings->blocklist ||
           is_listed(call, ENTRY_BLOCKLIST, identifier, blocked);
}

static bool check_lists(struct call *call, const char *param, struct text identifier)
{
    bool allowed, blocked;
    if (!judge(call, identifier, &allowed, &blocked))
        return false;
    blocked |= call->desk->instance->settings.allowlist && !allowed;
    return !blocked || refuse(call, param, identifier);
}

bool restriction_is_disposable(struct text domain)
{
    for (size_t i = 0; i < ARRAY_COUNT(disposable); i++)
        if (text_same_nocase(domain, text_of(disposable[i])))
            return true;
    return false;
}

bool restriction_check_new(struct call *call, const char *param, struct text identifier)
{
    const struct settings *settings = &call->desk->instance->settings;
    size_t at = text_find(identifier, '@', 0);
    struct text local = text_part(identifier, 0, at);
    bool email = at < identifier.len;
    if (!check_lists(call, param, identifier))
        return false;
    if (email && settings->block_email_subaddresses &&
        (text_find(local, '+', 0) < at || text_find(local, '=', 0) < at ||
         text_find(local, '#', 0) < at))
        return call_fail(call, CLERK_not_allowed_access, param,
                         "Email addresses with +, = or # are not allowed here.");
    return !email || !settings->block_disposable_email_domains ||
           !restriction_is_disposable(text_part(identifier, at + 1, identifier.len)) ||
           call_fail(call, CLERK_form_email_address_blocked, param,
                     "Addresses of disposable email services are not allowed here.");
}

bool restriction_check_known(struct call *call, struct text identifier,
                             const struct account *account)
{
    bool address =
        text_find(identifier, '@', 0) < identifier.len || text_starts(identifier, TEXT("+"));
    if (call->desk->instance->settings.allowlist_blocklist_disabled_on_sign_in)
        return true;
    for (size_t i = 0; !address && i < account->identifier_count; i++) {
        const struct account_identifier *one = &account->identifiers[i];
        if (one->number != account->primary_email && one->number != account->primary_phone)
            continue;
        identifier = one->clerk.value;
        address = true;
    }
    return !address || check_lists(call, "identifier", identifier);
}

static bool allow(struct call *call, struct text email, struct text invitation)
{
    struct buf *scratch = &call->desk->scratch;
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    json_open(&out, '{');
    json_field_text(&out, "identifier", email);
    json_field_bool(&out, "notify", false);
    json_field_text(&out, "invitation_id", invitation);
    json_close(&out, '}');
    struct entry entry = {.kind = ENTRY_ALLOWLIST,
                          .id = call_new_id(call, allowlist.prefix),
                          .name = email,
                          .claim = resource_fold(call->arena, email),
                          .created_at = call->now_ms,
                          .updated_at = call->now_ms,
                          .expires_at = USER_UNSET,
                          .doc = arena_copy(call->arena, buf_text(scratch))};
    return resource_keep(call, &allowlist, &entry);
}

bool restriction_check_invited(struct call *call, struct text email, struct text invitation)
{
    bool allowed, blocked;
    if (!judge(call, email, &allowed, &blocked))
        return false;
    if (blocked)
        return refuse(call, "email_address", email);
    return !call->desk->instance->settings.allowlist || allowed || allow(call, email, invitation);
}
