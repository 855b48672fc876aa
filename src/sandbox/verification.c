#include "sandbox/verification.h"

#include <stdio.h>

#include "sandbox/call.h"
#include "sandbox/outbox.h"
#include "sandbox/wording.h"

/* The code of test addresses, which are sent nothing. */
#define TEST_CODE "424242"

#define COLUMN_TEXT(name)   {offsetof(struct verification, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct verification, name), true},
ROW_TABLE(verification_table, verification, "verifications", VERIFICATION_COLUMNS, COLUMN_TEXT,
          COLUMN_NUMBER, "");

enum channel { CHANNEL_NONE, CHANNEL_EMAIL, CHANNEL_SMS };

static const struct strategy {
    const char *name, *object;
    enum channel channel;
    const char *slug; /* of the message */
} strategies[] = {
    {"password", "verification_password", CHANNEL_NONE, NULL},
    {"email_code", "verification_otp", CHANNEL_EMAIL, "verification_code"},
    {"phone_code", "verification_otp", CHANNEL_SMS, "verification_code"},
    {"reset_password_email_code", "verification_otp", CHANNEL_EMAIL, "reset_password_code"},
    {"reset_password_phone_code", "verification_otp", CHANNEL_SMS, "reset_password_code"},
    {"affiliation_email_code", "verification_otp", CHANNEL_EMAIL, "affiliation_code"},
    {"totp", "verification_totp", CHANNEL_NONE, NULL},
    {"backup_code", "verification_backup_code", CHANNEL_NONE, NULL},
    {"ticket", "verification_ticket", CHANNEL_NONE, NULL},
    {"admin", "verification_admin", CHANNEL_NONE, NULL},
};

static const struct strategy *find(struct text name)
{
    for (size_t i = 0; i < ARRAY_COUNT(strategies); i++)
        if (text_same(name, text_of(strategies[i].name)))
            return &strategies[i];
    return NULL;
}

bool verification_is_sms(struct text strategy)
{
    const struct strategy *found = find(strategy);
    return found && found->channel == CHANNEL_SMS;
}

bool verification_is_email(struct text strategy)
{
    const struct strategy *found = find(strategy);
    return found && found->channel == CHANNEL_EMAIL;
}

/* "ada+clerk_test@example.com", and +1 … 555 0100 to 0199: the numbers of fiction. */
static bool is_test_address(struct text address)
{
    size_t at = text_find(address, '@', 0);
    if (at < address.len)
        return text_ends(text_part(address, 0, at), TEXT("+clerk_test"));
    return address.len == 12 && text_starts(address, TEXT("+1")) &&
           text_same(text_part(address, 5, 5), TEXT("55501"));
}

static bool put(struct call *call, const struct verification *verification)
{
    struct err err;
    return call_check(call, row_put(call->desk->store, &verification_table, verification, &err),
                      &err);
}

bool verification_begin(struct call *call, const struct verification_opts *opts,
                        struct verification *verification)
{
    const struct strategy *strategy = find(opts->strategy);
    bool test = call->desk->instance->settings.test_mode && is_test_address(opts->address);
    struct text code =
        test ? TEXT(TEST_CODE) : arena_printf(call->arena, "%06u", (unsigned)random_below(1000000));
    *verification = (struct verification){.id = opts->id,
                                          .strategy = opts->strategy,
                                          .status = TEXT("unverified"),
                                          .code = code,
                                          .target = opts->target,
                                          .expire_at = call->now_ms + VERIFICATION_LIFE_MS};
    if (!code.at)
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    if (!put(call, verification))
        return false;
    const struct wording_value values[] = {{"otp_code", code}};
    return test || opts->silent || !strategy || strategy->channel == CHANNEL_NONE ||
           outbox_put(call, &(struct outbox_opts){.sms = strategy->channel == CHANNEL_SMS,
                                                  .slug = strategy->slug,
                                                  .address = opts->address,
                                                  .user_id = opts->user_id,
                                                  .values = values,
                                                  .count = ARRAY_COUNT(values)});
}

bool verification_done(struct call *call, struct text id, struct text strategy,
                       struct verification *verification)
{
    *verification = (struct verification){
        .id = id, .strategy = strategy, .status = TEXT("verified"), .expire_at = ROW_NULL};
    return put(call, verification);
}

bool verification_get(struct call *call, struct text id, struct verification *verification,
                      bool *found)
{
    struct err err;
    enum store_answer got =
        row_get(call->desk->store, &verification_table, id, call->arena, verification, &err);
    *found = got == STORE_OK;
    if (got == STORE_OK && text_same(verification->status, TEXT("unverified")) &&
        verification->expire_at != ROW_NULL && verification->expire_at <= call->now_ms)
        verification->status = TEXT("expired");
    return got == STORE_NONE || call_check(call, got, &err);
}

static bool refuse_closed(struct call *call, const struct verification *verification)
{
    if (text_same(verification->status, TEXT("verified")))
        return call_fail(call, CLERK_verification_already_verified, NULL,
                         "This has been verified already.");
    if (text_same(verification->status, TEXT("expired")))
        return call_fail(call, CLERK_verification_expired, NULL,
                         "The code has expired. Ask for a new one.");
    return call_fail(call, CLERK_verification_failed, NULL,
                     "Too many wrong codes. Ask for a new one.");
}

enum verification_answer verification_try(struct call *call, struct verification *verification,
                                          struct text code)
{
    if (!text_same(verification->status, TEXT("unverified"))) {
        refuse_closed(call, verification);
        return VERIFICATION_REFUSED;
    }
    bool right =
        code.len == verification->code.len && secret_same(code.at, verification->code.at, code.len);
    if (!right && ++verification->attempts >= VERIFICATION_ATTEMPTS_MAX)
        verification->status = TEXT("failed");
    if (right)
        verification->status = TEXT("verified");
    if (!put(call, verification))
        return VERIFICATION_REFUSED;
    if (right)
        return VERIFICATION_RIGHT;
    call_fail(call, CLERK_form_code_incorrect, "code", "The code is not correct.");
    return VERIFICATION_WRONG;
}

void verification_write(const struct verification *verification, struct json_out *out)
{
    const struct strategy *strategy = verification ? find(verification->strategy) : NULL;
    if (!strategy) {
        json_put_null(out);
        return;
    }
    bool counted = strategy->channel != CHANNEL_NONE;
    json_open(out, '{');
    json_field_text(out, "object", text_of(strategy->object));
    json_field_text(out, "status", verification->status);
    json_field_text(out, "strategy", verification->strategy);
    json_field_int(out, "attempts", counted ? verification->attempts : ROW_NULL);
    json_field_int(out, "expire_at", verification->expire_at);
    json_close(out, '}');
}
