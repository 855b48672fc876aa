/* The factors of a sign-in: prepare sends a code, attempt tries a password or a code. */
#include "sandbox/signin_factor.h"

#include "sandbox/call.h"
#include "sandbox/draft.h"
#include "sandbox/front.h"
#include "sandbox/password.h"
#include "sandbox/routes.h"
#include "sandbox/totp.h"
#include "sandbox/verification.h"

static bool refuse_strategy(struct call *call)
{
    return call_fail(call, CLERK_strategy_for_user_invalid, "strategy",
                     "This way of signing in is not available for this account.");
}

static bool check_status(struct call *call, const struct signin *signin, const char *status)
{
    return text_same(signin->status, text_of(status)) ||
           call_fail(call, CLERK_client_state_invalid, NULL,
                     "The sign-in attempt is in the state %.*s, not %s.", TEXT_ARG(signin->status),
                     status);
}

/* ---- password ---- */

static bool refuse_password(struct call *call)
{
    if (call->desk->instance->settings.enumeration_protection)
        return call_fail(call, CLERK_form_password_or_identifier_incorrect, "password",
                         "The identifier or the password is not correct.");
    return call_fail(call, CLERK_form_password_incorrect, "password",
                     "The password is not correct. Try again, or use another method.");
}

/* One that others know signs nobody in: the user resets it by a code. */
static bool check_not_compromised(struct call *call, const struct account *account)
{
    bool compromised = account->password_compromised_at != USER_UNSET &&
                       account->password_compromised_at >= account->clerk.password_updated_at;
    return !compromised ||
           call_fail(call, CLERK_form_password_compromised, "password",
                     "The password may be known to others. Reset it, or use another method.");
}

/* Behind the pool: the attempt and its user as they are now. The attempt's id is the call's state's. */
static void password_checked(struct call *call)
{
    struct signin signin;
    struct account account;
    struct verification verification;
    bool known;
    enum digest_answer verdict = password_verdict(call);
    if (verdict == DIGEST_CANNOT_TELL)
        return;
    if (!call->ids[0].at)
        call->ids[0] = call->front->client.sign_in;
    if (!front_reload_client(call) || !signin_get(call, &signin, &account, &known))
        return;
    if (verdict == DIGEST_NO_MATCH) {
        refuse_password(call);
        if (known)
            signin_count_failure(call, &account);
        return;
    }
    password_move(call, &account);
    if (known && signin_check_state(call, &account) && check_not_compromised(call, &account) &&
        verification_done(call, signin_first_id(call, &signin), TEXT("password"), &verification))
        signin_advance(call, &signin, &account, TEXT("password"), true);
}

void signin_attempt_password(struct call *call, struct signin *signin, struct account *account)
{
    struct text password;
    (void)signin;
    if (!front_param_needed(call, "password", &password))
        return;
    if (account && !signin_check_state(call, account))
        return;
    bool has = account && account->clerk.password_enabled;
    if (account && !has && !call->desk->instance->settings.enumeration_protection)
        refuse_strategy(call);
    else
        password_verify_later(call, has ? account : NULL, password, password_checked);
}

/* ---- codes ---- */

/* The identifier that a code goes to: by the form's id, else by what was typed, else the primary one. */
static const struct account_identifier *target_of(struct call *call, const struct signin *signin,
                                                  const struct account *account,
                                                  enum account_kind kind)
{
    struct text id =
        front_param(call, kind == ACCOUNT_EMAIL ? "email_address_id" : "phone_number_id");
    int64_t primary = kind == ACCOUNT_EMAIL ? account->primary_email : account->primary_phone;
    const struct account_identifier *found = NULL;
    for (size_t i = 0; i < account->identifier_count; i++) {
        const struct account_identifier *one = &account->identifiers[i];
        if (one->kind != kind || one->clerk.status == CLERK_UNVERIFIED)
            continue;
        if (id.at ? text_same(one->clerk.id, id)
                  : text_same_nocase(one->clerk.value, signin->identifier))
            return one;
        if (!id.at && one->number == primary)
            found = one;
    }
    return found;
}

static bool send_code(struct call *call, const struct signin *signin, const struct account *account,
                      struct text strategy, struct text id)
{
    enum account_kind kind = verification_is_sms(strategy) ? ACCOUNT_PHONE : ACCOUNT_EMAIL;
    struct verification verification;
    struct verification_opts opts = {.id = id, .strategy = strategy};
    const struct account_identifier *target =
        account ? target_of(call, signin, account, kind) : NULL;
    opts.silent = !target;
    if (account && !target && !call->desk->instance->settings.enumeration_protection)
        return call_fail(call, CLERK_sign_in_no_identification_for_user, NULL,
                         "The account has no such address.");
    if (target) {
        opts.address = target->clerk.value;
        opts.target = target->clerk.id;
        opts.user_id = account->clerk.id;
    }
    return verification_begin(call, &opts, &verification);
}

static bool sends_codes(struct text strategy)
{
    return verification_is_sms(strategy) || verification_is_email(strategy);
}

void signin_prepare_code(struct call *call, struct signin *signin, struct account *account,
                         struct text strategy)
{
    if (!sends_codes(strategy)) {
        refuse_strategy(call);
        return;
    }
    if ((!account || signin_check_state(call, account)) &&
        send_code(call, signin, account, strategy, signin_first_id(call, signin)))
        signin_answer(call, signin, account);
}

void signins_prepare_first_factor(struct call *call)
{
    struct signin signin;
    struct account account;
    struct text strategy;
    bool known;
    if (signin_get(call, &signin, &account, &known) &&
        check_status(call, &signin, "needs_first_factor") &&
        front_param_needed(call, "strategy", &strategy))
        signin_prepare_code(call, &signin, known ? &account : NULL, strategy);
}

/* The code of the first or second factor. Goes on behind a right one. */
static void try_code(struct call *call, struct signin *signin, struct account *account,
                     struct text strategy, bool first)
{
    struct text id = first ? signin_first_id(call, signin) : signin_second_id(call, signin), code;
    struct verification verification;
    bool found;
    if (!front_param_needed(call, "code", &code) ||
        !verification_get(call, id, &verification, &found))
        return;
    if (!found || !text_same(verification.strategy, strategy)) {
        call_fail(call, CLERK_verification_missing, NULL, "No code has been sent yet.");
        return;
    }
    switch (verification_try(call, &verification, code)) {
    case VERIFICATION_RIGHT:
        if (account)
            signin_advance(call, signin, account, strategy, first);
        else
            call_fail(call, CLERK_form_code_incorrect, "code", "The code is not correct.");
        return;
    case VERIFICATION_WRONG:
        if (account)
            signin_count_failure(call, account);
        return;
    case VERIFICATION_REFUSED:
        return;
    }
}

void signins_attempt_first_factor(struct call *call)
{
    struct signin signin;
    struct account account;
    struct text strategy;
    bool known;
    if (!signin_get(call, &signin, &account, &known) ||
        !check_status(call, &signin, "needs_first_factor") ||
        !front_limit(call, call->desk->attempt_limits, known ? account.clerk.id : signin.id) ||
        !front_param_needed(call, "strategy", &strategy))
        return;
    if (text_same(strategy, TEXT("password")))
        signin_attempt_password(call, &signin, known ? &account : NULL);
    else if (sends_codes(strategy) && (!known || signin_check_state(call, &account)))
        try_code(call, &signin, known ? &account : NULL, strategy, true);
    else if (!sends_codes(strategy))
        refuse_strategy(call);
}

/* ---- second factor ---- */

static bool get_second(struct call *call, struct signin *signin, struct account *account)
{
    bool known;
    if (!signin_get(call, signin, account, &known))
        return false;
    if (text_same(signin->status, TEXT("needs_client_trust")))
        return signin_check_state(call, account);
    return check_status(call, signin, "needs_second_factor") && signin_check_state(call, account);
}

void signins_prepare_second_factor(struct call *call)
{
    struct signin signin;
    struct account account;
    struct text strategy = front_param(call, "strategy");
    if (!get_second(call, &signin, &account))
        return;
    if (!strategy.at)
        strategy = TEXT("phone_code");
    if (!sends_codes(strategy))
        refuse_strategy(call);
    else if (send_code(call, &signin, &account, strategy, signin_second_id(call, &signin)))
        signin_answer(call, &signin, &account);
}

static void second_proven(struct call *call, struct signin *signin, struct account *account,
                          struct text strategy)
{
    struct verification verification;
    if (verification_done(call, signin_second_id(call, signin), strategy, &verification))
        signin_advance(call, signin, account, strategy, false);
}

static void refuse_code(struct call *call, struct account *account)
{
    call_fail(call, CLERK_form_code_incorrect, "code", "The code is not correct.");
    signin_count_failure(call, account);
}

static void backup_code_tried(struct call *call)
{
    struct signin signin;
    struct account account;
    if (!front_reload_client(call) || !get_second(call, &signin, &account))
        return;
    if (totp_use_backup_code(call, &account))
        second_proven(call, &signin, &account, TEXT("backup_code"));
    else
        refuse_code(call, &account);
}

void signins_attempt_second_factor(struct call *call)
{
    struct signin signin;
    struct account account;
    struct text strategy, code;
    if (!get_second(call, &signin, &account) ||
        !front_limit(call, call->desk->attempt_limits, account.clerk.id) ||
        !front_param_needed(call, "strategy", &strategy) ||
        !front_param_needed(call, "code", &code))
        return;
    bool trust = text_same(signin.status, TEXT("needs_client_trust"));
    if (sends_codes(strategy))
        try_code(call, &signin, &account, strategy, false);
    else if (!trust && text_same(strategy, TEXT("totp")) && account.clerk.totp_enabled) {
        if (totp_fits(account.clerk.user.totp_secret, code, call->now_ms))
            second_proven(call, &signin, &account, strategy);
        else
            refuse_code(call, &account);
    } else if (!trust && text_same(strategy, TEXT("backup_code")) &&
               account.clerk.backup_code_enabled)
        totp_find_backup_code(call, &account, code, backup_code_tried);
    else
        refuse_strategy(call);
}

/* ---- a new password ---- */

static void new_password_hashed(struct call *call)
{
    struct signin signin;
    struct account account;
    struct text digest = password_hashed(call);
    struct err err;
    bool known;
    if (!digest.at) {
        call_fail(call, CLERK_internal_clerk_error, NULL, "The password could not be hashed.");
        return;
    }
    if (!front_reload_client(call) || !signin_get(call, &signin, &account, &known) ||
        !call_mark(call))
        return;
    account.clerk.user.password_hasher = TEXT("bcrypt");
    account.clerk.user.password_digest = digest;
    account.clerk.password_updated_at = call->now_ms;
    if (text_same(front_param(call, "sign_out_of_other_sessions"), TEXT("true")) &&
        !session_end_user(call, &account, "revoked", (struct text){NULL, 0}))
        return;
    if (clerk_has_second_factor(&account.clerk)) {
        signin.status = TEXT("needs_second_factor");
        if (call_check(call, account_put(call->desk->store, &account, call->arena, &err), &err) &&
            signin_put(call, &signin))
            signin_answer(call, &signin, &account);
        return;
    }
    signin_advance(call, &signin, &account, TEXT("password"), false);
}

void signins_reset_password(struct call *call)
{
    struct signin signin;
    struct account account;
    struct text password;
    bool known;
    if (signin_get(call, &signin, &account, &known) &&
        check_status(call, &signin, "needs_new_password") &&
        front_param_needed(call, "password", &password) &&
        draft_check_password(call, password, "password", true))
        password_hash_later(call, password, new_password_hashed);
}
