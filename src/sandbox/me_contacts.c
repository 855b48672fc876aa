/* The user's own email addresses and phone numbers: adding, verifying by code, deleting. */
#include "sandbox/call.h"
#include "sandbox/contacts.h"
#include "sandbox/draft.h"
#include "sandbox/enrollment.h"
#include "sandbox/me.h"
#include "sandbox/restriction.h"
#include "sandbox/routes.h"
#include "sandbox/verification.h"

struct contact {
    enum account_kind kind;
    const char *object; /* also the parameter with the value */
    const char *strategy;
    bool (*check)(struct call *call, struct text value);
    void (*write)(const struct clerk_identifier *identifier, struct buf *to);
};

static const struct contact email = {ACCOUNT_EMAIL, "email_address", "email_code",
                                     draft_check_email, clerk_write_email};
static const struct contact phone = {ACCOUNT_PHONE, "phone_number", "phone_code", draft_check_phone,
                                     clerk_write_phone};

static void answer(struct call *call, const struct contact *contact,
                   const struct account_identifier *identifier)
{
    struct json_out out = front_open(call);
    contact->write(&identifier->clerk, out.to);
    out.comma = true;
    front_close(call, &out);
}

/* The path's identifier, if it is the user's. */
static bool find(struct call *call, const struct contact *contact,
                 struct account_identifier *identifier)
{
    const struct account *account = me_account(call);
    for (size_t i = 0; i < account->identifier_count; i++) {
        *identifier = account->identifiers[i];
        if (identifier->kind == contact->kind && text_same(identifier->clerk.id, call->ids[0]))
            return true;
    }
    return call_not_found(call, contact->object, call->ids[0]);
}

static void list(struct call *call, const struct contact *contact)
{
    const struct account *account = me_account(call);
    struct buf *to = call_answer(call, 200);
    bool first = true;
    buf_byte(to, '[');
    for (size_t i = 0; i < account->identifier_count; i++) {
        if (account->identifiers[i].kind != contact->kind)
            continue;
        if (!first)
            buf_byte(to, ',');
        contact->write(&account->identifiers[i].clerk, to);
        first = false;
    }
    buf_byte(to, ']');
}

static void create(struct call *call, const struct contact *contact)
{
    struct account *account = me_account(call);
    struct account other;
    struct account_identifier identifier;
    struct text value;
    struct err err;
    if (!front_param_needed(call, contact->object, &value) || !contact->check(call, value) ||
        !restriction_check_new(call, contact->object, value))
        return;
    if (account_find(call->desk->store, value, call->now_ms, call->arena, &other, &err) !=
        STORE_NONE) {
        call_fail(call, CLERK_form_identifier_exists, contact->object,
                  "That %s is taken. Please try another.", contact->object);
        return;
    }
    identifier = (struct account_identifier){.account = account->seq,
                                             .kind = contact->kind,
                                             .clerk = {.id = call_new_id(call, "idn_"),
                                                       .value = value,
                                                       .status = CLERK_UNVERIFIED,
                                                       .created_at = call->now_ms,
                                                       .updated_at = call->now_ms}};
    if (call_check(call, account_identifier_add(call->desk->store, &identifier, &err), &err) &&
        me_put(call))
        answer(call, contact, &identifier);
}

static void get(struct call *call, const struct contact *contact)
{
    struct account_identifier identifier;
    if (find(call, contact, &identifier))
        answer(call, contact, &identifier);
}

static void prepare(struct call *call, const struct contact *contact)
{
    struct account_identifier identifier;
    struct verification verification;
    struct text strategy;
    if (!find(call, contact, &identifier) || !front_param_needed(call, "strategy", &strategy))
        return;
    if (!text_same(strategy, text_of(contact->strategy))) {
        call_fail(call, CLERK_verification_strategy_invalid, "strategy",
                  "It is verified with the strategy %s.", contact->strategy);
        return;
    }
    if (identifier.clerk.status == CLERK_VERIFIED) {
        call_fail(call, CLERK_verification_already_verified, NULL, "It is verified already.");
        return;
    }
    struct verification_opts opts = {.id = identifier.clerk.id,
                                     .strategy = strategy,
                                     .address = identifier.clerk.value,
                                     .target = identifier.clerk.id,
                                     .user_id = me_account(call)->clerk.id};
    if (verification_begin(call, &opts, &verification))
        answer(call, contact, &identifier);
}

static void attempt(struct call *call, const struct contact *contact)
{
    struct account_identifier identifier;
    struct verification verification;
    struct text code;
    bool sent;
    if (!find(call, contact, &identifier) ||
        !front_limit(call, call->desk->attempt_limits, me_account(call)->clerk.id) ||
        !front_param_needed(call, "code", &code) ||
        !verification_get(call, identifier.clerk.id, &verification, &sent))
        return;
    if (!sent)
        call_fail(call, CLERK_verification_missing, NULL, "No code has been sent yet.");
    else if (verification_try(call, &verification, code) == VERIFICATION_RIGHT &&
             contacts_verify(call, me_account(call), &identifier) && me_put(call) &&
             enrollment_offer(call, me_account(call)))
        answer(call, contact, &identifier);
}

static void delete (struct call *call, const struct contact *contact)
{
    struct account_identifier identifier;
    if (find(call, contact, &identifier) && call_mark(call) &&
        contacts_delete(call, me_account(call), &identifier) && me_put(call))
        me_answer_deleted(call, contact->object, identifier.clerk.id);
}

void me_emails(struct call *call)
{
    list(call, &email);
}

void me_emails_create(struct call *call)
{
    create(call, &email);
}

void me_emails_get(struct call *call)
{
    get(call, &email);
}

void me_emails_delete(struct call *call)
{
    delete (call, &email);
}

void me_emails_prepare(struct call *call)
{
    prepare(call, &email);
}

void me_emails_attempt(struct call *call)
{
    attempt(call, &email);
}

void me_phones(struct call *call)
{
    list(call, &phone);
}

void me_phones_create(struct call *call)
{
    create(call, &phone);
}

void me_phones_get(struct call *call)
{
    get(call, &phone);
}

void me_phones_delete(struct call *call)
{
    delete (call, &phone);
}

void me_phones_prepare(struct call *call)
{
    prepare(call, &phone);
}

void me_phones_attempt(struct call *call)
{
    attempt(call, &phone);
}

/* A phone number that is verified can be the second factor. */
void me_phones_update(struct call *call)
{
    struct account_identifier identifier;
    struct text reserved = front_param(call, "reserved_for_second_factor");
    struct text preferred = front_param(call, "default_second_factor");
    struct err err;
    if (!find(call, &phone, &identifier))
        return;
    if (text_same(reserved, TEXT("true")) && identifier.clerk.status != CLERK_VERIFIED) {
        call_fail(call, CLERK_form_param_value_invalid, "reserved_for_second_factor",
                  "A second factor must be verified.");
        return;
    }
    if (reserved.at)
        identifier.clerk.second_factor = text_same(reserved, TEXT("true"));
    if (preferred.at || !identifier.clerk.second_factor)
        identifier.clerk.default_second_factor =
            identifier.clerk.second_factor && text_same(preferred, TEXT("true"));
    identifier.clerk.updated_at = call->now_ms;
    if (call_check(call, account_identifier_put(call->desk->store, &identifier, &err), &err) &&
        me_put(call))
        answer(call, &phone, &identifier);
}
