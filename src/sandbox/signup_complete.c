/* What a sign-up becomes once nothing is missing: a user and a session. */
#include "sandbox/call.h"
#include "sandbox/draft.h"
#include "sandbox/enrollment.h"
#include "sandbox/event.h"
#include "sandbox/front.h"
#include "sandbox/guest.h"
#include "sandbox/signup.h"
#include "sandbox/users.h"

static bool identifiers_of(struct call *call, const struct signup *signup,
                           enum signup_contact contact, struct user_identifiers *to)
{
    struct text value = signup_value(signup, contact);
    bool verified;
    if (!value.at)
        return true;
    to->at = call_alloc(call, sizeof(*to->at));
    if (!to->at || !signup_is_verified(call, signup, contact, &verified))
        return false;
    to->at[0] = (struct user_identifier){value, verified};
    to->count = 1;
    return true;
}

static void compose(const struct signup *signup, struct user *user)
{
    user_init(user);
    user->external_id = signup->external_id;
    user->first_name = signup->first_name;
    user->last_name = signup->last_name;
    user->username = signup->username;
    user->public_metadata = signup->public_metadata;
    user->unsafe_metadata = signup->unsafe_metadata;
    user->legal_accepted_at = signup->legal_accepted_at;
    if (signup->password_digest.at) {
        user->password_hasher = TEXT("bcrypt");
        user->password_digest = signup->password_digest;
    }
}

static bool make_account(struct call *call, const struct signup *signup, struct account *account)
{
    struct draft draft = {.email_status = {NULL, 0}};
    struct user *user = &draft.user;
    struct err err;
    compose(signup, user);
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

bool signup_put(struct call *call, const struct signup *signup)
{
    struct err err;
    return call_check(call, row_put(call->desk->store, &signup_table, signup, &err), &err);
}

void signup_answer(struct call *call, const struct signup *signup)
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
    struct guest guest;
    bool invited = signup->invitation.at;
    /* The invitation may have been revoked since the sign-up began. */
    if ((invited && !guest_open(call, signup->invitation, &guest)) ||
        !make_account(call, signup, &account) ||
        (invited && !guest_accept(call, &guest, &account)) || !enrollment_offer(call, &account) ||
        !session_start(
            call, &(struct session_opts){.client = client->id, .account = &account, .first = true},
            &session))
        return;
    signup->status = TEXT("complete");
    signup->user_id = account.clerk.id;
    signup->session = session.id;
    client->session = session.id;
    client->sign_up = (struct text){NULL, 0};
    if (signup_put(call, signup) && client_rotate(call, client) && front_put_client(call))
        signup_answer(call, signup);
}

void signup_settle(struct call *call, struct signup *signup)
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
    if (signup_put(call, signup) && client_put(call, client))
        signup_answer(call, signup);
}
