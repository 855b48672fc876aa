/* Email addresses and phone numbers as resources of their own, and replacing all of a user's. */
#include <string.h>

#include "sandbox/body.h"
#include "sandbox/contacts.h"
#include "sandbox/draft.h"
#include "sandbox/event.h"
#include "sandbox/routes.h"

/* How many of them a user may have. */
#define CONTACTS_MAX 200

struct form {
    struct text user_id, value, status;
    enum user_flag verified, primary, second_factor, notify;
};

#define ROW(name, kind, member, must)                                                              \
    {                                                                                              \
        name, BODY_##kind, offsetof(struct form, member), .needed = must                           \
    }

struct resource {
    enum account_kind kind;
    const char *object; /* also the parameter with the value */
    bool (*check)(struct call *call, struct text value);
    void (*write)(const struct clerk_identifier *identifier, struct buf *to);
};

static const struct resource email = {ACCOUNT_EMAIL, "email_address", draft_check_email,
                                      clerk_write_email};
static const struct resource phone = {ACCOUNT_PHONE, "phone_number", draft_check_phone,
                                      clerk_write_phone};

static void answer(struct call *call, const struct resource *resource,
                   const struct account_identifier *identifier)
{
    resource->write(&identifier->clerk, call_answer(call, 200));
}

static const struct resource *resource_of(enum account_kind kind)
{
    return kind == ACCOUNT_EMAIL ? &email : &phone;
}

bool contacts_find(struct call *call, enum account_kind kind, struct account_identifier *identifier,
                   struct account *account)
{
    struct err err;
    enum store_answer got = account_identifier_get(call->desk->store, kind, call->ids[0],
                                                   call->arena, identifier, &err);
    if (got == STORE_NONE)
        return call_not_found(call, resource_of(kind)->object, call->ids[0]);
    if (!call_check(call, got, &err))
        return false;
    return call_check(call,
                      account_get_seq(call->desk->store, identifier->account, call->now_ms,
                                      call->arena, account, &err),
                      &err);
}

static int64_t *primary_of(struct account *account, const struct resource *resource)
{
    return resource->kind == ACCOUNT_EMAIL ? &account->primary_email : &account->primary_phone;
}

/* Behind the identifiers: the user is then whole. */
bool contacts_put_account(struct call *call, struct account *account)
{
    struct err err;
    account->clerk.updated_at = call->now_ms;
    return call_check(call, account_put(call->desk->store, account, call->arena, &err), &err) &&
           event_put_user_of(call, EVENT_user_updated, account->clerk.id);
}

bool contacts_verify(struct call *call, struct account *account,
                     struct account_identifier *identifier)
{
    int64_t *primary = primary_of(account, resource_of(identifier->kind));
    struct err err;
    identifier->clerk.status = CLERK_VERIFIED;
    identifier->clerk.updated_at = call->now_ms;
    if (*primary == USER_UNSET)
        *primary = identifier->number;
    return call_check(call, account_identifier_put(call->desk->store, identifier, &err), &err);
}

/* Whether another of the user's phone numbers is the default second factor already. */
static bool has_default_factor(const struct account *account,
                               const struct account_identifier *besides)
{
    for (size_t i = 0; i < account->identifier_count; i++)
        if (account->identifiers[i].clerk.default_second_factor &&
            account->identifiers[i].number != besides->number)
            return true;
    return false;
}

static bool set_second_factor(struct call *call, const struct form *form,
                              const struct account *account, struct account_identifier *identifier)
{
    bool wanted = form->second_factor == USER_FLAG_TRUE;
    if (form->second_factor == USER_FLAG_UNSET)
        return true;
    if (wanted && identifier->clerk.status != CLERK_VERIFIED)
        return call_fail(call, CLERK_form_param_value_invalid, "reserved_for_second_factor",
                         "A second factor must be verified.");
    identifier->clerk.second_factor = wanted;
    identifier->clerk.default_second_factor = wanted && !has_default_factor(account, identifier);
    return true;
}

/* Adds one with that status; the account's row is written by the caller. */
static bool add(struct call *call, const struct resource *resource, const struct form *form,
                enum clerk_status status, const struct account *account,
                struct account_identifier *identifier)
{
    struct err err;
    *identifier = (struct account_identifier){
        .account = account->seq,
        .number = -1,
        .kind = resource->kind,
        .clerk = {.id = call_new_id(call, "idn_"),
                  .value = form->value,
                  .status = status,
                  .created_at = call->now_ms,
                  .updated_at = call->now_ms},
    };
    if (account->identifier_count >= CONTACTS_MAX)
        return call_fail(call, CLERK_form_param_array_size_exceeded, resource->object,
                         "A user may have %d of them at most.", CONTACTS_MAX);
    return set_second_factor(call, form, account, identifier) &&
           call_check(call, account_identifier_add(call->desk->store, identifier, &err), &err);
}

/* The user has it already: unverified ones do not collide in the store. */
static bool check_own(struct call *call, const struct resource *resource,
                      const struct account *account, struct text value)
{
    for (size_t i = 0; i < account->identifier_count; i++)
        if (account->identifiers[i].kind == resource->kind &&
            text_same_nocase(account->identifiers[i].clerk.value, value)) {
            call->desk->stats.duplicates++;
            return call_fail(call, CLERK_form_identifier_exists, resource->object,
                             "The user has this %s already.", resource->object);
        }
    return true;
}

static void create(struct call *call, const struct resource *resource,
                   const struct body_field *fields, size_t field_count)
{
    struct form form = {0};
    struct account account;
    struct account_identifier identifier;
    uint64_t given;
    if (!body_read(call, fields, field_count, &form, &given) ||
        !resource->check(call, form.value) || !call_account(call, form.user_id, &account) ||
        !check_own(call, resource, &account, form.value))
        return;
    enum clerk_status status = form.verified == USER_FLAG_TRUE ? CLERK_VERIFIED : CLERK_UNVERIFIED;
    int64_t *primary = primary_of(&account, resource);
    bool becomes_primary = form.primary == USER_FLAG_TRUE || *primary == USER_UNSET;
    if (!call_mark(call) || !add(call, resource, &form, status, &account, &identifier))
        return;
    if (becomes_primary)
        *primary = identifier.number;
    if (contacts_put_account(call, &account))
        answer(call, resource, &identifier);
}

void emails_create(struct call *call)
{
    static const struct body_field fields[] = {
        ROW("user_id", TEXT, user_id, true),
        ROW("email_address", TEXT, value, true),
        ROW("verified", FLAG, verified, false),
        ROW("primary", FLAG, primary, false),
        ROW("notify_primary_email_address_changed", FLAG, notify, false),
    };
    create(call, &email, fields, ARRAY_COUNT(fields));
}

void phones_create(struct call *call)
{
    static const struct body_field fields[] = {
        ROW("user_id", TEXT, user_id, true),
        ROW("phone_number", TEXT, value, true),
        ROW("verified", FLAG, verified, false),
        ROW("primary", FLAG, primary, false),
        ROW("reserved_for_second_factor", FLAG, second_factor, false),
    };
    create(call, &phone, fields, ARRAY_COUNT(fields));
}

static void get(struct call *call, const struct resource *resource)
{
    struct account_identifier identifier;
    struct account account;
    if (contacts_find(call, resource->kind, &identifier, &account))
        answer(call, resource, &identifier);
}

void emails_get(struct call *call)
{
    get(call, &email);
}

void phones_get(struct call *call)
{
    get(call, &phone);
}

static void update(struct call *call, const struct resource *resource,
                   const struct body_field *fields, size_t field_count)
{
    struct form form = {0};
    struct account account;
    struct account_identifier identifier;
    struct err err;
    uint64_t given;
    if (!contacts_find(call, resource->kind, &identifier, &account) ||
        !body_read(call, fields, field_count, &form, &given))
        return;
    if (form.verified != USER_FLAG_UNSET)
        identifier.clerk.status =
            form.verified == USER_FLAG_TRUE ? CLERK_VERIFIED : CLERK_UNVERIFIED;
    if (form.primary == USER_FLAG_TRUE) {
        if (identifier.clerk.status != CLERK_VERIFIED) {
            call_fail(call, CLERK_identification_update_failed, "primary",
                      "The primary %s must be verified.", resource->object);
            return;
        }
        *primary_of(&account, resource) = identifier.number;
    }
    identifier.clerk.updated_at = call->now_ms;
    if (set_second_factor(call, &form, &account, &identifier) && call_mark(call) &&
        call_check(call, account_identifier_put(call->desk->store, &identifier, &err), &err) &&
        contacts_put_account(call, &account))
        answer(call, resource, &identifier);
}

void emails_update(struct call *call)
{
    static const struct body_field fields[] = {
        ROW("verified", FLAG, verified, false),
        ROW("primary", FLAG, primary, false),
        ROW("notify_primary_email_address_changed", FLAG, notify, false),
    };
    update(call, &email, fields, ARRAY_COUNT(fields));
}

void phones_update(struct call *call)
{
    static const struct body_field fields[] = {
        ROW("verified", FLAG, verified, false),
        ROW("primary", FLAG, primary, false),
        ROW("reserved_for_second_factor", FLAG, second_factor, false),
    };
    update(call, &phone, fields, ARRAY_COUNT(fields));
}

/* What becomes the primary one when the primary one goes: the first verified one of the kind. */
static int64_t next_primary(const struct account *account, const struct resource *resource,
                            int64_t gone)
{
    for (size_t i = 0; i < account->identifier_count; i++) {
        const struct account_identifier *other = &account->identifiers[i];
        if (other->kind == resource->kind && other->number != gone &&
            other->clerk.status == CLERK_VERIFIED)
            return other->number;
    }
    return USER_UNSET;
}

bool contacts_delete(struct call *call, struct account *account,
                     const struct account_identifier *identifier)
{
    const struct resource *resource = resource_of(identifier->kind);
    int64_t *primary = primary_of(account, resource);
    struct err err;
    if (account->identifier_count == 1 && !account->clerk.user.username.at)
        return call_fail(call, CLERK_last_required_identification_deletion_failed, NULL,
                         "It is the user's last way to sign in.");
    if (*primary == identifier->number)
        *primary = next_primary(account, resource, identifier->number);
    return call_check(call, account_identifier_delete(call->desk->store, identifier, &err), &err);
}

static void delete (struct call *call, const struct resource *resource)
{
    struct account_identifier identifier;
    struct account account;
    if (contacts_find(call, resource->kind, &identifier, &account) && call_mark(call) &&
        contacts_delete(call, &account, &identifier) && contacts_put_account(call, &account))
        clerk_write_deleted(resource->object, identifier.clerk.id, (struct text){NULL, 0},
                            call_answer(call, 200));
}

void emails_delete(struct call *call)
{
    delete (call, &email);
}

void phones_delete(struct call *call)
{
    delete (call, &phone);
}

static bool read_status(struct call *call, struct text name, enum clerk_status *status)
{
    *status = CLERK_VERIFIED;
    if (!name.at || text_same(name, TEXT("verified")))
        return true;
    *status = CLERK_RESERVED;
    if (text_same(name, TEXT("reserved")))
        return true;
    *status = CLERK_UNVERIFIED;
    return text_same(name, TEXT("unverified")) ||
           call_fail(call, CLERK_form_param_value_invalid, "identification_status",
                     "`identification_status` must be verified, reserved or unverified.");
}

static bool delete_all(struct call *call, const struct resource *resource, struct account *account)
{
    struct err err;
    size_t kept = 0;
    for (size_t i = 0; i < account->identifier_count; i++) {
        struct account_identifier *identifier = &account->identifiers[i];
        if (identifier->kind != resource->kind)
            account->identifiers[kept++] = *identifier;
        else if (!call_check(call, account_identifier_delete(call->desk->store, identifier, &err),
                             &err))
            return false;
    }
    account->identifier_count = kept;
    return true;
}

/* All of a kind go, and one comes, the primary one. */
static void replace(struct call *call, const struct resource *resource,
                    const struct body_field *fields, size_t field_count)
{
    struct form form = {0};
    struct account account;
    struct account_identifier identifier;
    enum clerk_status status;
    uint64_t given;
    if (!call_account(call, call->ids[0], &account) ||
        !body_read(call, fields, field_count, &form, &given) ||
        !resource->check(call, form.value) || !read_status(call, form.status, &status) ||
        !call_mark(call) || !delete_all(call, resource, &account) ||
        !add(call, resource, &form, status, &account, &identifier))
        return;
    *primary_of(&account, resource) = identifier.number;
    if (contacts_put_account(call, &account))
        answer(call, resource, &identifier);
}

void emails_replace(struct call *call)
{
    static const struct body_field fields[] = {
        ROW("email_address", TEXT, value, true),
        ROW("identification_status", TEXT, status, false),
        ROW("notify_primary_email_address_changed", FLAG, notify, false),
    };
    replace(call, &email, fields, ARRAY_COUNT(fields));
}

void phones_replace(struct call *call)
{
    static const struct body_field fields[] = {
        ROW("phone_number", TEXT, value, true),
        ROW("identification_status", TEXT, status, false),
    };
    replace(call, &phone, fields, ARRAY_COUNT(fields));
}
