/* POST and PATCH of a sign-up, and its codes. */
#include "sandbox/signup.h"

#include "sandbox/call.h"
#include "sandbox/draft.h"
#include "sandbox/front.h"
#include "sandbox/guest.h"
#include "sandbox/password.h"
#include "sandbox/restriction.h"
#include "sandbox/routes.h"
#include "sandbox/ticket.h"
#include "sandbox/verification.h"

/* A sign-up is forgotten after a day. */
#define LIFE_MS INT64_C(86400000)

#define COLUMN_TEXT(name)   {offsetof(struct signup, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct signup, name), true},
ROW_TABLE(signup_table, signup, "sign_ups", SIGNUP_COLUMNS, COLUMN_TEXT, COLUMN_NUMBER, "");

const struct signup_contact_info signup_contacts[SIGNUP_CONTACTS] = {
    {"email_address", "email_code", ACCOUNT_EMAIL, offsetof(struct signup, email_address)},
    {"phone_number", "phone_code", ACCOUNT_PHONE, offsetof(struct signup, phone_number)},
};

/* The texts of the form: which attribute, where it goes, who checks it. */
static const struct field {
    enum settings_attribute_name attribute;
    const char *name;
    size_t offset;
    bool (*check)(struct call *call, struct text value);
} fields[] = {
    {SETTINGS_email_address, "email_address", offsetof(struct signup, email_address),
     draft_check_email},
    {SETTINGS_phone_number, "phone_number", offsetof(struct signup, phone_number),
     draft_check_phone},
    {SETTINGS_username, "username", offsetof(struct signup, username), draft_check_username},
    {SETTINGS_first_name, "first_name", offsetof(struct signup, first_name), NULL},
    {SETTINGS_last_name, "last_name", offsetof(struct signup, last_name), NULL},
    {SETTINGS_password, NULL, offsetof(struct signup, password_digest), NULL},
};

static struct text *member(const struct signup *signup, size_t offset)
{
    return (struct text *)(uintptr_t)((const char *)signup + offset);
}

struct text signup_value(const struct signup *signup, enum signup_contact contact)
{
    return *member(signup, signup_contacts[contact].offset);
}

struct text signup_verification_id(struct call *call, const struct signup *signup,
                                   enum signup_contact contact)
{
    return arena_printf(call->arena, "%.*s:%d", TEXT_ARG(signup->id), contact + 1);
}

bool signup_has(const struct signup *signup, unsigned attribute)
{
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
        if (fields[i].attribute == attribute)
            return member(signup, fields[i].offset)->at;
    return false;
}

uint32_t signup_missing(struct call *call, const struct signup *signup)
{
    const struct settings_attribute *attributes = call->desk->instance->settings.attributes;
    bool identified = signup->email_address.at || signup->phone_number.at || signup->username.at;
    uint32_t missing = 0;
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
        if (attributes[fields[i].attribute].enabled && attributes[fields[i].attribute].required &&
            !signup_has(signup, fields[i].attribute))
            missing |= 1U << fields[i].attribute;
    if (!identified && attributes[SETTINGS_email_address].enabled)
        missing |= 1U << SETTINGS_email_address;
    return missing;
}

bool signup_is_verified(struct call *call, const struct signup *signup, enum signup_contact contact,
                        bool *verified)
{
    struct verification verification;
    bool found;
    if (!verification_get(call, signup_verification_id(call, signup, contact), &verification,
                          &found))
        return false;
    *verified = found && text_same(verification.status, TEXT("verified"));
    return true;
}

bool signup_is_unverified(struct call *call, const struct signup *signup,
                          enum signup_contact contact, bool *unverified)
{
    static const enum settings_attribute_name attributes[] = {SETTINGS_email_address,
                                                              SETTINGS_phone_number};
    const struct settings *settings = &call->desk->instance->settings;
    bool verified = false;
    *unverified = false;
    if (!signup_value(signup, contact).at ||
        !settings->attributes[attributes[contact]].verify_at_sign_up)
        return true;
    if (!signup_is_verified(call, signup, contact, &verified))
        return false;
    *unverified = !verified;
    return true;
}

/* ---- reading the form ---- */

static bool check_free(struct call *call, const struct field *field, struct text value)
{
    struct account account;
    struct err err;
    if (field->attribute > SETTINGS_username)
        return true;
    enum store_answer got =
        account_find(call->desk->store, value, call->now_ms, call->arena, &account, &err);
    if (got == STORE_NONE)
        return true;
    if (got != STORE_OK)
        return call_broken(call, &err);
    call->desk->stats.duplicates++;
    return call_fail(call, CLERK_form_identifier_exists, field->name,
                     "That %s is taken. Please try another.", field->name);
}

static bool is_contact(const struct field *field)
{
    return field->attribute == SETTINGS_email_address || field->attribute == SETTINGS_phone_number;
}

/* One that changes has to be verified anew. */
static bool forget_verification(struct call *call, const struct signup *signup,
                                const struct field *field)
{
    struct err err;
    for (int i = 0; i < SIGNUP_CONTACTS; i++)
        if (signup_contacts[i].offset == field->offset &&
            row_delete(call->desk->store, &verification_table,
                       signup_verification_id(call, signup, (enum signup_contact)i),
                       &err) != STORE_OK)
            return call_broken(call, &err);
    return true;
}

static bool read_field(struct call *call, const struct field *field, struct signup *signup)
{
    struct text value = field->name ? front_param(call, field->name) : (struct text){NULL, 0};
    struct text *to = member(signup, field->offset);
    if (!value.at || text_same(*to, value))
        return true;
    if (!call->desk->instance->settings.attributes[field->attribute].enabled)
        return call_fail(call, CLERK_form_param_unknown, field->name,
                         "`%s` is not enabled on this instance.", field->name);
    if (field->attribute == SETTINGS_email_address && signup->invitation.at)
        return call_fail(call, CLERK_form_param_value_conflict, field->name,
                         "The invitation is for another email address.");
    if ((field->check && !field->check(call, value)) ||
        (is_contact(field) && !restriction_check_new(call, field->name, value)) ||
        !check_free(call, field, value) || !forget_verification(call, signup, field))
        return false;
    *to = value;
    return true;
}

static bool read_metadata(struct call *call, struct signup *signup)
{
    struct text json = front_param(call, "unsafe_metadata");
    struct json_value root;
    struct err err;
    if (!json.at)
        return true;
    if (json_parse(call->desk->json, json, &root, &err) != 0 || json_type(root) != JSON_OBJECT)
        return call_fail(call, CLERK_form_param_format_invalid, "unsafe_metadata",
                         "`unsafe_metadata` must be a JSON object.");
    signup->unsafe_metadata = json;
    return true;
}

/* Nobody signs up with an invitation who is a user already: such a one signs in with it. */
static bool check_no_account(struct call *call, const struct guest *guest)
{
    struct account account;
    bool known;
    if (!guest_account(call, guest, &account, &known))
        return false;
    return !known || call_fail(call, CLERK_invitation_account_exists, NULL,
                               "The invited user exists already. Sign in instead.");
}

/* A ticket stands for an invitation, which gives the email address. */
static bool read_ticket(struct call *call, struct signup *signup)
{
    struct text ticket, kind, id;
    struct guest guest;
    if (!text_same(front_param(call, "strategy"), TEXT("ticket")) &&
        !front_param(call, "ticket").at)
        return true;
    if (!front_param_needed(call, "ticket", &ticket) || !ticket_open(call, ticket, &kind, &id))
        return false;
    if (!guest_has_ticket(kind))
        return call_fail(call, CLERK_ticket_invalid_code, "ticket",
                         "The ticket is not for signing up.");
    if (!guest_open(call, id, &guest))
        return false;
    signup->invitation = id;
    signup->email_address = guest.email;
    signup->public_metadata = guest.public_metadata;
    return check_no_account(call, &guest);
}

/* Who has the link has proven the address. */
static bool verify_invited(struct call *call, const struct signup *signup)
{
    struct verification verification;
    return !signup->invitation.at ||
           verification_done(call, signup_verification_id(call, signup, SIGNUP_EMAIL),
                             TEXT("ticket"), &verification);
}

/* Everything but the password, which becomes a digest in the pool. */
static bool read_fields(struct call *call, struct signup *signup)
{
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
        if (!read_field(call, &fields[i], signup))
            return false;
    if (text_same(front_param(call, "legal_accepted"), TEXT("true")))
        signup->legal_accepted_at = call->now_ms;
    return read_metadata(call, signup);
}

/* Runs the handler a second time, with the digest. Returns true if it is not to go on now. */
static bool needs_hash(struct call *call, struct signup *signup, void (*handler)(struct call *call))
{
    struct text password = front_param(call, "password");
    if (!password.at)
        return false;
    if (!call->state) {
        if (draft_check_password(call, password, "password", true))
            password_hash_later(call, password, handler);
        return true;
    }
    signup->password_digest = password_hashed(call);
    return !signup->password_digest.at &&
           !call_fail(call, CLERK_internal_clerk_error, NULL, "The password could not be hashed.");
}

/* ---- endpoints ---- */

static bool check_mode(struct call *call, const struct signup *signup)
{
    struct text mode = call->desk->instance->settings.sign_up_mode;
    if (signup->invitation.at)
        return true;
    if (text_same(mode, TEXT("restricted")))
        return call_fail(call, CLERK_sign_up_mode_restricted, NULL,
                         "Nobody can sign up on this instance.");
    return !text_same(mode, TEXT("waitlist")) ||
           call_fail(call, CLERK_sign_up_restricted_waitlist, NULL,
                     "Sign-ups are by the waiting list only.");
}

static bool check_signed_out(struct call *call)
{
    struct session *sessions;
    size_t count;
    if (!call->desk->instance->settings.single_session_mode)
        return true;
    if (!session_list_live(call, call->front->client.id, &sessions, &count))
        return false;
    return count == 0 || call_fail(call, CLERK_session_exists, NULL, "You are already signed in.");
}

void signups_create(struct call *call)
{
    struct signup signup = {.status = TEXT("missing_requirements"),
                            .custom_action = ROW_NULL,
                            .legal_accepted_at = ROW_NULL,
                            .created_at = call->now_ms,
                            .abandon_at = call->now_ms + LIFE_MS};
    bool first = !call->state;
    if (first && !front_limit(call, call->desk->create_limits, front_param(call, "email_address")))
        return;
    if (!first && call->front->client.id.at && !front_reload_client(call))
        return;
    signup.id = call_new_id(call, "sua_");
    if (!read_ticket(call, &signup) || !check_mode(call, &signup) || !check_signed_out(call) ||
        !read_fields(call, &signup) || needs_hash(call, &signup, signups_create) ||
        !call_mark(call) || !front_client(call) || !verify_invited(call, &signup))
        return;
    signup.client = call->front->client.id;
    signup_settle(call, &signup);
}

/* The sign-up of the path, if it is this client's and still open. */
static bool get(struct call *call, struct signup *signup)
{
    struct err err;
    enum store_answer got =
        row_get(call->desk->store, &signup_table, call->ids[0], call->arena, signup, &err);
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    if (got == STORE_NONE || !text_same(signup->client, call->front->client.id))
        return call_not_found(call, "sign-up attempt", call->ids[0]);
    return true;
}

static bool get_open(struct call *call, struct signup *signup)
{
    if (!get(call, signup))
        return false;
    return !text_same(signup->status, TEXT("complete")) ||
           call_fail(call, CLERK_sign_up_cannot_be_updated, NULL, "The sign-up is complete.");
}

void signups_get(struct call *call)
{
    struct signup signup;
    if (get(call, &signup))
        signup_answer(call, &signup);
}

void signups_update(struct call *call)
{
    struct signup signup;
    if ((call->state && !front_reload_client(call)) || !get_open(call, &signup) ||
        !read_ticket(call, &signup) || !read_fields(call, &signup) ||
        needs_hash(call, &signup, signups_update) || !call_mark(call) ||
        !verify_invited(call, &signup))
        return;
    signup_settle(call, &signup);
}

/* The contact that a strategy verifies, if the sign-up has it. */
static bool contact_of(struct call *call, const struct signup *signup, enum signup_contact *contact)
{
    struct text strategy;
    if (!front_param_needed(call, "strategy", &strategy))
        return false;
    for (int i = 0; i < SIGNUP_CONTACTS; i++) {
        *contact = (enum signup_contact)i;
        if (text_same(strategy, text_of(signup_contacts[i].strategy)) &&
            signup_value(signup, *contact).at)
            return true;
    }
    return call_fail(call, CLERK_verification_strategy_invalid, "strategy",
                     "This sign-up has nothing that is verified so.");
}

void signups_prepare_verification(struct call *call)
{
    struct signup signup;
    struct verification verification;
    enum signup_contact contact;
    if (!get_open(call, &signup) || !contact_of(call, &signup, &contact))
        return;
    struct verification_opts opts = {.id = signup_verification_id(call, &signup, contact),
                                     .strategy = text_of(signup_contacts[contact].strategy),
                                     .address = signup_value(&signup, contact)};
    if (verification_begin(call, &opts, &verification))
        signup_answer(call, &signup);
}

void signups_attempt_verification(struct call *call)
{
    struct signup signup;
    struct verification verification;
    enum signup_contact contact;
    struct text code;
    bool sent;
    if (!get_open(call, &signup) || !front_limit(call, call->desk->attempt_limits, signup.id) ||
        !contact_of(call, &signup, &contact) || !front_param_needed(call, "code", &code) ||
        !verification_get(call, signup_verification_id(call, &signup, contact), &verification,
                          &sent))
        return;
    if (!sent)
        call_fail(call, CLERK_verification_missing, NULL, "No code has been sent yet.");
    else if (verification_try(call, &verification, code) == VERIFICATION_RIGHT && call_mark(call))
        signup_settle(call, &signup);
}
