/* POST and PATCH of a sign-up, its codes, and the user that it becomes. */
#include "sandbox/signup.h"

#include "sandbox/call.h"
#include "sandbox/draft.h"
#include "sandbox/event.h"
#include "sandbox/front.h"
#include "sandbox/password.h"
#include "sandbox/restriction.h"
#include "sandbox/routes.h"
#include "sandbox/users.h"
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

static bool is_verified(struct call *call, const struct signup *signup, enum signup_contact contact,
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
    if (!is_verified(call, signup, contact, &verified))
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

/* ---- becoming a user ---- */

static bool identifiers_of(struct call *call, const struct signup *signup,
                           enum signup_contact contact, struct user_identifiers *to)
{
    struct text value = signup_value(signup, contact);
    bool verified;
    if (!value.at)
        return true;
    to->at = call_alloc(call, sizeof(*to->at));
    if (!to->at || !is_verified(call, signup, contact, &verified))
        return false;
    to->at[0] = (struct user_identifier){value, verified};
    to->count = 1;
    return true;
}

static bool make_account(struct call *call, const struct signup *signup, struct account *account)
{
    struct draft draft = {.email_status = {NULL, 0}};
    struct user *user = &draft.user;
    struct err err;
    user_init(user);
    user->first_name = signup->first_name;
    user->last_name = signup->last_name;
    user->username = signup->username;
    user->unsafe_metadata = signup->unsafe_metadata;
    user->legal_accepted_at = signup->legal_accepted_at;
    if (signup->password_digest.at) {
        user->password_hasher = TEXT("bcrypt");
        user->password_digest = signup->password_digest;
    }
    if (!users_check_quota(call) ||
        !identifiers_of(call, signup, SIGNUP_EMAIL, &user->email_address) ||
        !identifiers_of(call, signup, SIGNUP_PHONE, &user->phone_number) ||
        !users_compose(call, &draft, account))
        return false;
    account->clerk.last_sign_in_at = account->clerk.last_active_at = call->now_ms;
    if (!call_check(call, account_add(call->desk->store, account, call->arena, &err), &err))
        return false;
    call->desk->stats.created++;
    return event_put_user(call, EVENT_user_created, account);
}

static bool put(struct call *call, const struct signup *signup)
{
    struct err err;
    return call_check(call, row_put(call->desk->store, &signup_table, signup, &err), &err);
}

static void answer(struct call *call, const struct signup *signup)
{
    struct json_out out = front_open(call);
    if (signup_write(call, signup, &out))
        front_close(call, &out);
}

static void complete(struct call *call, struct signup *signup)
{
    struct client *client = &call->front->client;
    struct account account;
    struct session session;
    if (!make_account(call, signup, &account) ||
        !session_start(
            call, &(struct session_opts){.client = client->id, .account = &account, .first = true},
            &session))
        return;
    signup->status = TEXT("complete");
    signup->user_id = account.clerk.id;
    signup->session = session.id;
    client->session = session.id;
    client->sign_up = (struct text){NULL, 0};
    if (put(call, signup) && client_rotate(call, client) && front_put_client(call))
        answer(call, signup);
}

/* Stores what is there; makes the user if nothing is missing any more. */
static void settle(struct call *call, struct signup *signup)
{
    struct client *client = &call->front->client;
    bool legal = !call->desk->instance->settings.legal_consent_required ||
                 signup->legal_accepted_at != ROW_NULL;
    bool open = signup_missing(call, signup) != 0 || !legal, unverified;
    for (int i = 0; i < SIGNUP_CONTACTS; i++) {
        if (!signup_is_unverified(call, signup, (enum signup_contact)i, &unverified))
            return;
        open |= unverified;
    }
    if (!open) {
        complete(call, signup);
        return;
    }
    client->sign_up = signup->id;
    call->front->cookies_due = true;
    if (put(call, signup) && client_put(call, client))
        answer(call, signup);
}

/* ---- endpoints ---- */

static bool check_mode(struct call *call)
{
    struct text mode = call->desk->instance->settings.sign_up_mode;
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
                            .legal_accepted_at = ROW_NULL,
                            .created_at = call->now_ms,
                            .abandon_at = call->now_ms + LIFE_MS};
    bool first = !call->state;
    if (first && !front_limit(call, call->desk->create_limits, front_param(call, "email_address")))
        return;
    if (!first && call->front->client.id.at && !front_reload_client(call))
        return;
    signup.id = call_new_id(call, "sua_");
    if (!check_mode(call) || !check_signed_out(call) || !read_fields(call, &signup) ||
        needs_hash(call, &signup, signups_create) || !call_mark(call) || !front_client(call))
        return;
    signup.client = call->front->client.id;
    settle(call, &signup);
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
        answer(call, &signup);
}

void signups_update(struct call *call)
{
    struct signup signup;
    if ((call->state && !front_reload_client(call)) || !get_open(call, &signup) ||
        !read_fields(call, &signup) || needs_hash(call, &signup, signups_update) ||
        !call_mark(call))
        return;
    settle(call, &signup);
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
        answer(call, &signup);
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
    else if (verification_try(call, &verification, code) == VERIFICATION_RIGHT)
        settle(call, &signup);
}
