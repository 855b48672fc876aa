/* POST /me/change_password and /me/remove_password. */
#include "sandbox/call.h"
#include "sandbox/draft.h"
#include "sandbox/me.h"
#include "sandbox/password.h"
#include "sandbox/routes.h"

static bool refuse_current(struct call *call)
{
    return call_fail(call, CLERK_form_password_incorrect, "current_password",
                     "The password is not correct.");
}

/* The user as he is now, behind work in the pool. */
static bool reload(struct call *call)
{
    return front_reload_client(call) &&
           call_account(call, me_account(call)->clerk.id, me_account(call));
}

static bool sign_out_others(struct call *call)
{
    struct text wanted = front_param(call, "sign_out_of_other_sessions");
    return !text_same(wanted, TEXT("true")) ||
           session_end_user(call, me_account(call), "revoked", call->front->session.id);
}

static void hashed(struct call *call)
{
    struct account *account = me_account(call);
    struct text digest = password_hashed(call);
    if (!digest.at) {
        call_fail(call, CLERK_internal_clerk_error, NULL, "The password could not be hashed.");
        return;
    }
    if (!reload(call) || !call_mark(call))
        return;
    account->clerk.user.password_hasher = TEXT("bcrypt");
    account->clerk.user.password_digest = digest;
    account->clerk.password_updated_at = call->now_ms;
    if (sign_out_others(call) && me_put(call))
        me_answer(call);
}

static void set_password(struct call *call)
{
    struct text password;
    if (front_param_needed(call, "new_password", &password) &&
        draft_check_password(call, password, "new_password", true))
        password_hash_later(call, password, hashed);
}

/* Runs `next` behind a right current password. */
static void changed_checked(struct call *call)
{
    switch (password_verdict(call)) {
    case DIGEST_MATCH:
        set_password(call);
        return;
    case DIGEST_NO_MATCH:
        refuse_current(call);
        return;
    case DIGEST_CANNOT_TELL:
        return;
    }
}

/* Who has no password yet sets one without the current one. */
void me_change_password(struct call *call)
{
    struct text current;
    if (!me_account(call)->clerk.password_enabled)
        set_password(call);
    else if (front_param_needed(call, "current_password", &current))
        password_verify_later(call, me_account(call), current, changed_checked);
}

static void remove_checked(struct call *call)
{
    struct user *user = &me_account(call)->clerk.user;
    enum digest_answer verdict = password_verdict(call);
    if (verdict == DIGEST_NO_MATCH)
        refuse_current(call);
    if (verdict != DIGEST_MATCH || !reload(call))
        return;
    user->password_hasher = user->password_digest = (struct text){NULL, 0};
    if (me_put(call))
        me_answer(call);
}

void me_remove_password(struct call *call)
{
    struct text current;
    if (call->desk->instance->settings.attributes[SETTINGS_password].required)
        call_fail(call, CLERK_password_required, NULL, "Users of this instance need a password.");
    else if (!me_account(call)->clerk.password_enabled)
        call_fail(call, CLERK_no_password_set, NULL, "The user has no password.");
    else if (front_param_needed(call, "current_password", &current))
        password_verify_later(call, me_account(call), current, remove_checked);
}
