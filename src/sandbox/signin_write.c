/* A sign-in attempt as JSON: what can be tried next, and what has been. */
#include <stdio.h>

#include "sandbox/call.h"
#include "sandbox/front.h"
#include "sandbox/routes.h"
#include "sandbox/signin.h"
#include "sandbox/verification.h"

/* "ada@example.com" as "a**@example.com", "+14155552671" as "+1*******71": unless it was typed. */
static struct text mask(struct call *call, struct text value, struct text typed)
{
    struct text copy = arena_copy(call->arena, value);
    char *at = (char *)(uintptr_t)copy.at;
    size_t end = text_find(value, '@', 0);
    if (text_same_nocase(value, typed) || !at)
        return copy;
    bool email = end < value.len;
    size_t from = email ? 1 : 2;
    for (size_t i = from; i < (email ? end : value.len - (value.len > 4 ? 2 : 0)); i++)
        at[i] = '*';
    return copy;
}

static void put_code_factor(struct call *call, const char *strategy,
                            const struct clerk_identifier *identifier, bool phone, bool primary,
                            struct text typed, struct json_out *out)
{
    json_open(out, '{');
    json_field_text(out, "strategy", text_of(strategy));
    json_field_text(out, "safe_identifier", mask(call, identifier->value, typed));
    json_field_text(out, phone ? "phone_number_id" : "email_address_id", identifier->id);
    json_field_bool(out, "primary", primary);
    json_close(out, '}');
}

static void put_plain_factor(const char *strategy, struct json_out *out)
{
    json_open(out, '{');
    json_field_text(out, "strategy", text_of(strategy));
    json_close(out, '}');
}

static void put_code_factors(struct call *call, const struct clerk_user *user, const char *email,
                             const char *phone, struct text typed, struct json_out *out)
{
    const struct settings_attribute *attributes = call->desk->instance->settings.attributes;
    for (size_t i = 0;
         attributes[SETTINGS_email_address].used_for_first_factor && i < user->email_count; i++)
        if (user->emails[i].status != CLERK_UNVERIFIED)
            put_code_factor(call, email, &user->emails[i], false,
                            text_same(user->emails[i].id, user->primary_email_id), typed, out);
    for (size_t i = 0;
         attributes[SETTINGS_phone_number].used_for_first_factor && i < user->phone_count; i++)
        if (user->phones[i].status != CLERK_UNVERIFIED)
            put_code_factor(call, phone, &user->phones[i], true,
                            text_same(user->phones[i].id, user->primary_phone_id), typed, out);
}

/* An address's id for an identifier that nobody has: the same each time, as a real one is. */
static struct text decoy_id(struct call *call, struct text identifier)
{
    static const int64_t at_ms = INT64_C(1767225600000); /* some time */
    struct seal_key key = seal_key_of(text_of(call->desk->instance->secret_key), "usher: decoys");
    uint8_t mark[SEAL_MARK_LEN];
    char id[CLERK_ID_MAX];
    seal_mark(&key, identifier, mark);
    return arena_copy(call->arena,
                      (struct text){id, clerk_id_of("idn_", at_ms - mark[0] * 1000, mark, id)});
}

/* By which id a code goes to what was typed: the account's, if it has it, else a made-up one. */
static struct text id_of_typed(struct call *call, const struct signin *signin,
                               const struct account *account)
{
    for (size_t i = 0; account && i < account->identifier_count; i++) {
        const struct clerk_identifier *one = &account->identifiers[i].clerk;
        if (one->status != CLERK_UNVERIFIED && text_same_nocase(one->value, signin->identifier))
            return one->id;
    }
    return decoy_id(call, signin->identifier);
}

/* What anybody is told who has proven nothing, when it must not be told whether somebody is known. */
static void put_hiding_factors(struct call *call, const struct signin *signin,
                               const struct account *account, struct json_out *out)
{
    const struct settings_attribute *attributes = call->desk->instance->settings.attributes;
    const struct clerk_identifier one = {.id = id_of_typed(call, signin, account),
                                         .value = signin->identifier};
    bool email = text_find(one.value, '@', 0) < one.value.len;
    bool phone = !email && !user_phone_problem(one.value);
    bool password = attributes[SETTINGS_password].enabled;
    if (password)
        put_plain_factor("password", out);
    if (!(email && attributes[SETTINGS_email_address].used_for_first_factor) &&
        !(phone && attributes[SETTINGS_phone_number].used_for_first_factor))
        return;
    put_code_factor(call, phone ? "phone_code" : "email_code", &one, phone, true, one.value, out);
    if (password)
        put_code_factor(call, phone ? "reset_password_phone_code" : "reset_password_email_code",
                        &one, phone, true, one.value, out);
}

/* Whether the attempt must not show whom it found: nothing has been proven yet. */
static bool hides_user(const struct call *call, const struct signin *signin)
{
    return call->desk->instance->settings.enumeration_protection &&
           text_same(signin->status, TEXT("needs_first_factor"));
}

static void put_first_factors(struct call *call, const struct signin *signin,
                              const struct account *account, struct json_out *out)
{
    bool password = call->desk->instance->settings.attributes[SETTINGS_password].enabled;
    json_open(out, '[');
    if (!account || hides_user(call, signin)) {
        put_hiding_factors(call, signin, account, out);
    } else {
        if (password && account->clerk.password_enabled)
            put_plain_factor("password", out);
        put_code_factors(call, &account->clerk, "email_code", "phone_code", signin->identifier,
                         out);
        if (password)
            put_code_factors(call, &account->clerk, "reset_password_email_code",
                             "reset_password_phone_code", signin->identifier, out);
    }
    json_close(out, ']');
}

static void put_second_factors(struct call *call, const struct account *account,
                               struct json_out *out)
{
    const struct clerk_user *user = &account->clerk;
    json_open(out, '[');
    if (user->totp_enabled)
        put_plain_factor("totp", out);
    for (size_t i = 0; i < user->phone_count; i++)
        if (user->phones[i].second_factor)
            put_code_factor(call, "phone_code", &user->phones[i], true,
                            user->phones[i].default_second_factor, (struct text){NULL, 0}, out);
    if (user->backup_code_enabled)
        put_plain_factor("backup_code", out);
    json_close(out, ']');
}

/* A device that is not trusted yet is asked for a code. */
static void put_trust_factors(struct call *call, const struct account *account,
                              struct json_out *out)
{
    json_open(out, '[');
    put_code_factors(call, &account->clerk, "email_code", "phone_code", (struct text){NULL, 0},
                     out);
    json_close(out, ']');
}

static bool put_verification(struct call *call, const char *name, struct text id,
                             struct json_out *out)
{
    struct verification verification;
    bool found;
    if (!verification_get(call, id, &verification, &found))
        return false;
    json_key(out, text_of(name));
    verification_write(found ? &verification : NULL, out);
    return true;
}

static void put_supported_identifiers(const struct call *call, struct json_out *out)
{
    static const struct {
        enum settings_attribute_name attribute;
        const char *name;
    } all[] = {{SETTINGS_email_address, "email_address"},
               {SETTINGS_phone_number, "phone_number"},
               {SETTINGS_username, "username"}};
    json_key(out, TEXT("supported_identifiers"));
    json_open(out, '[');
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        if (call->desk->instance->settings.attributes[all[i].attribute].used_for_first_factor)
            json_put_text(out, text_of(all[i].name));
    json_close(out, ']');
}

static void put_user_data(const struct account *account, struct json_out *out)
{
    const struct user *user = account ? &account->clerk.user : NULL;
    json_key(out, TEXT("user_data"));
    if (!user) {
        json_put_null(out);
        return;
    }
    json_open(out, '{');
    json_field_text(out, "first_name", user->first_name);
    json_field_text(out, "last_name", user->last_name);
    json_field_text(out, "image_url", TEXT(""));
    json_field_bool(out, "has_image", false);
    json_close(out, '}');
}

bool signin_write(struct call *call, const struct signin *signin, const struct account *account,
                  struct json_out *out)
{
    bool trust = text_same(signin->status, TEXT("needs_client_trust"));
    json_open(out, '{');
    json_field_text(out, "object", TEXT("sign_in_attempt"));
    json_field_text(out, "id", signin->id);
    json_field_text(out, "status", signin->status);
    put_supported_identifiers(call, out);
    json_key(out, TEXT("supported_first_factors"));
    if (text_same(signin->status, TEXT("needs_first_factor")))
        put_first_factors(call, signin, account, out);
    else
        json_put_null(out);
    json_key(out, TEXT("supported_second_factors"));
    if (account && text_same(signin->status, TEXT("needs_second_factor")))
        put_second_factors(call, account, out);
    else if (account && trust)
        put_trust_factors(call, account, out);
    else
        json_put_null(out);
    if (!put_verification(call, "first_factor_verification", signin_first_id(call, signin), out) ||
        !put_verification(call, "second_factor_verification", signin_second_id(call, signin), out))
        return false;
    json_field_text(out, "identifier", signin->identifier);
    put_user_data(hides_user(call, signin) ? NULL : account, out);
    json_field_text(out, "created_session_id", signin->session);
    json_field_int(out, "abandon_at", signin->abandon_at);
    json_field_text(out, "client_trust_state", trust ? TEXT("new") : (struct text){NULL, 0});
    json_close(out, '}');
    return true;
}

void signin_answer(struct call *call, const struct signin *signin, const struct account *account)
{
    struct json_out out = front_open(call);
    if (signin_write(call, signin, account, &out))
        front_close(call, &out);
}

bool signin_write_open(struct call *call, struct text id, struct json_out *out)
{
    struct signin signin;
    struct account account;
    struct err err;
    enum store_answer got =
        id.at ? row_get(call->desk->store, &signin_table, id, call->arena, &signin, &err)
              : STORE_NONE;
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    if (got == STORE_NONE || signin.abandon_at <= call->now_ms ||
        text_same(signin.status, TEXT("complete"))) {
        json_put_null(out);
        return true;
    }
    got = signin.account == ROW_NULL ? STORE_NONE
                                     : account_get_seq(call->desk->store, signin.account,
                                                       call->now_ms, call->arena, &account, &err);
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    return signin_write(call, &signin, got == STORE_OK ? &account : NULL, out);
}
