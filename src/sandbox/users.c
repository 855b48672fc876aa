/* POST /users, GET, PATCH and DELETE /users/{id}. */
#include <string.h>

#include "sandbox/call.h"
#include "sandbox/draft.h"
#include "sandbox/event.h"
#include "sandbox/password.h"
#include "sandbox/routes.h"
#include "sandbox/session.h"
#include "sandbox/users.h"

static void set_identifier(struct call *call, struct account_identifier *to, enum account_kind kind,
                           const struct user_identifier *from)
{
    *to = (struct account_identifier){
        .kind = kind,
        .clerk = {.id = call_new_id(call, "idn_"),
                  .value = from->value,
                  .status = from->verified ? CLERK_VERIFIED : CLERK_RESERVED,
                  .created_at = call->now_ms,
                  .updated_at = call->now_ms},
    };
}

/* Gives the account its identifiers, emails first; the first of each kind is the primary one. */
static bool set_identifiers(struct call *call, struct account *account)
{
    const struct user_identifiers *emails = &account->clerk.user.email_address;
    const struct user_identifiers *phones = &account->clerk.user.phone_number;
    size_t count = emails->count + phones->count;
    account->identifiers = call_alloc(call, (count + 1) * sizeof(*account->identifiers));
    struct clerk_identifier *room = call_alloc(call, (count + 1) * sizeof(*room));
    if (!account->identifiers || !room)
        return false;
    account->identifier_count = count;
    for (size_t i = 0; i < count; i++) {
        bool email = i < emails->count;
        set_identifier(call, &account->identifiers[i], email ? ACCOUNT_EMAIL : ACCOUNT_PHONE,
                       email ? &emails->at[i] : &phones->at[i - emails->count]);
        account->identifiers[i].number = (int64_t)i;
        if (!account->identifiers[i].clerk.id.at)
            return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    }
    account->primary_email = emails->count > 0 ? 0 : USER_UNSET;
    account->primary_phone = phones->count > 0 ? (int64_t)emails->count : USER_UNSET;
    account_arrange(account, room);
    return true;
}

/* The whole account that a draft becomes. */
bool users_compose(struct call *call, const struct draft *draft, struct account *account)
{
    int64_t now = call->now_ms;
    memset(account, 0, sizeof(*account));
    account->clerk.user = draft->user;
    struct user *user = &account->clerk.user;
    if (user->created_at == USER_UNSET)
        user->created_at = now;
    bool locked = user->locked == USER_FLAG_TRUE, totp = user->totp_secret.at;
    bool password = user->password_digest.at;
    account->password_compromised_at = USER_UNSET;
    account->image = USER_UNSET;
    account->locked_until =
        locked ? settings_lock_end(&call->desk->instance->settings, now) : USER_UNSET;
    account->clerk.id = call_new_id(call, "user_");
    account->clerk.updated_at = now;
    account->clerk.password_enabled = password;
    account->clerk.password_updated_at = password ? now : USER_UNSET;
    account->clerk.totp_enabled = totp;
    account->clerk.backup_code_enabled = user->backup_codes.count > 0;
    account->clerk.last_sign_in_at = account->clerk.last_active_at = USER_UNSET;
    account->clerk.mfa_enabled_at = totp ? now : USER_UNSET;
    account->clerk.mfa_disabled_at = USER_UNSET;
    account_tell_lock(call->desk->store, account, now);
    return set_identifiers(call, account);
}

bool users_check_quota(struct call *call)
{
    int64_t max = call->desk->instance->limits.users_max, count;
    struct err err;
    if (max == 0)
        return true;
    if (account_count(call->desk->store, max, &count, &err) != 0)
        return call_broken(call, &err);
    return count < max ||
           call_fail(call, CLERK_user_quota_exceeded, NULL,
                     "A development instance holds %lld users at most.", (long long)max);
}

/* A plain password is hashed in the pool first; the handler then runs a second time. */
static bool needs_hash(struct call *call, struct draft *draft, void (*handler)(struct call *call))
{
    if (!draft->password.at)
        return false;
    if (!call->state) {
        password_hash_later(call, draft->password, handler);
        return true;
    }
    draft->user.password_hasher = TEXT("bcrypt");
    draft->user.password_digest = password_hashed(call);
    if (draft->user.password_digest.at)
        return false;
    call_fail(call, CLERK_internal_clerk_error, NULL, "The password could not be hashed.");
    return true;
}

void users_create(struct call *call)
{
    struct draft draft;
    struct account account;
    struct err err;
    if (!draft_read_create(call, &draft) || !users_check_quota(call) ||
        needs_hash(call, &draft, users_create) || !users_compose(call, &draft, &account) ||
        !call_check(call, account_add(call->desk->store, &account, call->arena, &err), &err))
        return;
    call->desk->stats.created++;
    call_answer_account(call, &account);
    event_put_answer(call, EVENT_user_created);
}

void users_get(struct call *call)
{
    struct account account;
    if (call_account(call, call->ids[0], &account))
        call_answer_account(call, &account);
}

void users_delete(struct call *call)
{
    struct account account;
    struct err err;
    if (!call_account(call, call->ids[0], &account) ||
        !session_end_user(call, &account, "removed", (struct text){NULL, 0}) ||
        !call_check(call, account_delete(call->desk->store, &account, &err), &err))
        return;
    clerk_write_deleted("user", account.clerk.id, account.clerk.user.external_id,
                        call_answer(call, 200));
    event_put_answer(call, EVENT_user_deleted);
}

/* A primary identifier must be the user's own and verified. */
bool users_set_primary(struct call *call, const char *param, struct text id, enum account_kind kind,
                       const struct account *account, int64_t *number)
{
    if (id.len == 0) {
        *number = USER_UNSET;
        return true;
    }
    for (size_t i = 0; i < account->identifier_count; i++) {
        const struct account_identifier *identifier = &account->identifiers[i];
        if (identifier->kind != kind || !text_same(identifier->clerk.id, id))
            continue;
        if (identifier->clerk.status != CLERK_VERIFIED)
            return call_fail(call, CLERK_identification_update_failed, param,
                             "`%s` is not verified.", param);
        *number = identifier->number;
        return true;
    }
    return call_fail(call, CLERK_form_resource_not_found, param, "The user has no such `%s`.",
                     param);
}

static void copy_texts(const struct draft *draft, struct user *to)
{
    const struct user *from = &draft->user;
    if (draft_gave(draft, "external_id"))
        to->external_id = from->external_id;
    if (draft_gave(draft, "first_name"))
        to->first_name = from->first_name;
    if (draft_gave(draft, "last_name"))
        to->last_name = from->last_name;
    if (draft_gave(draft, "locale"))
        to->locale = from->locale;
    if (draft_gave(draft, "username"))
        to->username = from->username;
    if (draft_gave(draft, "legal_accepted_at"))
        to->legal_accepted_at = from->legal_accepted_at;
    if (draft_gave(draft, "create_organizations_limit"))
        to->create_organizations_limit = from->create_organizations_limit;
    if (from->created_at != USER_UNSET)
        to->created_at = from->created_at;
    if (from->delete_self_enabled != USER_FLAG_UNSET)
        to->delete_self_enabled = from->delete_self_enabled;
    if (from->create_organization_enabled != USER_FLAG_UNSET)
        to->create_organization_enabled = from->create_organization_enabled;
    if (from->bypass_client_trust != USER_FLAG_UNSET)
        to->bypass_client_trust = from->bypass_client_trust;
}

static void copy_credentials(const struct call *call, const struct draft *draft,
                             struct account *account)
{
    struct user *to = &account->clerk.user;
    if (draft->user.password_digest.at) {
        to->password_hasher = draft->user.password_hasher;
        to->password_digest = draft->user.password_digest;
        account->clerk.password_updated_at = call->now_ms;
    }
    if (draft->user.totp_secret.at) {
        to->totp_secret = draft->user.totp_secret;
        account->clerk.mfa_enabled_at = call->now_ms;
    }
    if (draft->user.backup_codes.count > 0)
        to->backup_codes = draft->user.backup_codes;
}

void users_update(struct call *call)
{
    struct draft draft;
    struct account account;
    if (!call_account(call, call->ids[0], &account) || !draft_read_update(call, &draft) ||
        needs_hash(call, &draft, users_update))
        return;
    if (draft_gave(&draft, "primary_email_address_id") &&
        !users_set_primary(call, "primary_email_address_id", draft.primary_email_id, ACCOUNT_EMAIL,
                           &account, &account.primary_email))
        return;
    if (draft_gave(&draft, "primary_phone_number_id") &&
        !users_set_primary(call, "primary_phone_number_id", draft.primary_phone_id, ACCOUNT_PHONE,
                           &account, &account.primary_phone))
        return;
    copy_texts(&draft, &account.clerk.user);
    copy_credentials(call, &draft, &account);
    call_put_account(call, &account);
}
