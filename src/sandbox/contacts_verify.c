/*
 * Codes that an application's server has sent to an address and checks itself: POST …/prepare_verification and
 * …/attempt_verification of email addresses and phone numbers. Each is a verification of its own, by its id; a wrong or
 * late code is told by the status, not as an error.
 */
#include "sandbox/body.h"
#include "sandbox/contacts.h"
#include "sandbox/routes.h"
#include "sandbox/verification.h"

static const char *strategy_of(enum account_kind kind)
{
    return kind == ACCOUNT_EMAIL ? "email_code" : "phone_code";
}

static void answer(struct call *call, enum account_kind kind,
                   const struct verification *verification)
{
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "object", TEXT("verification_otp"));
    json_field_text(&out, "id", verification->id);
    json_field_text(&out, "status", verification->status);
    json_field_text(&out, "strategy", verification->strategy);
    json_field_int(&out, "attempts", verification->attempts);
    json_field_int(&out, "expire_at", verification->expire_at);
    if (kind == ACCOUNT_PHONE)
        json_field_text(&out, "channel", TEXT("sms"));
    json_close(&out, '}');
}

static void prepare(struct call *call, enum account_kind kind)
{
    struct account account;
    struct account_identifier identifier;
    struct verification verification;
    if (!contacts_find(call, kind, &identifier, &account))
        return;
    struct verification_opts opts = {.id = call_new_id(call, "ver_"),
                                     .strategy = text_of(strategy_of(kind)),
                                     .address = identifier.clerk.value,
                                     .target = identifier.clerk.id,
                                     .user_id = account.clerk.id};
    if (verification_begin(call, &opts, &verification))
        answer(call, kind, &verification);
}

/* Tries the code unless the verification is over. Returns false after refusing; what is wrong is in the status. */
static bool try_code(struct call *call, struct verification *verification, struct text code)
{
    if (text_same(verification->status, TEXT("expired")) ||
        text_same(verification->status, TEXT("failed")))
        return true;
    return verification_try(call, verification, code) != VERIFICATION_REFUSED;
}

static bool settle(struct call *call, const struct verification *verification,
                   struct account *account, struct account_identifier *identifier)
{
    return !text_same(verification->status, TEXT("verified")) ||
           identifier->clerk.status == CLERK_VERIFIED ||
           (contacts_verify(call, account, identifier) && contacts_put_account(call, account));
}

static void attempt(struct call *call, enum account_kind kind)
{
    struct form {
        struct text id, code;
    } form = {{NULL, 0}, {NULL, 0}};
    static const struct body_field fields[] = {
        {"verification_id", BODY_TEXT, offsetof(struct form, id), .needed = true, .max = 64},
        {"code", BODY_TEXT, offsetof(struct form, code), .needed = true, .max = 64},
    };
    struct account account;
    struct account_identifier identifier;
    struct verification verification;
    uint64_t given;
    bool found;
    if (!contacts_find(call, kind, &identifier, &account) ||
        !body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        !verification_get(call, form.id, &verification, &found))
        return;
    /* Only those that were prepared here have such an id. */
    if (!found || !text_starts(form.id, TEXT("ver_")) ||
        !text_same(verification.target, identifier.clerk.id)) {
        call_not_found(call, "verification", form.id);
        return;
    }
    if (call_mark(call) && try_code(call, &verification, form.code) &&
        settle(call, &verification, &account, &identifier))
        answer(call, kind, &verification);
}

void emails_prepare(struct call *call)
{
    prepare(call, ACCOUNT_EMAIL);
}

void emails_attempt(struct call *call)
{
    attempt(call, ACCOUNT_EMAIL);
}

void phones_prepare(struct call *call)
{
    prepare(call, ACCOUNT_PHONE);
}

void phones_attempt(struct call *call)
{
    attempt(call, ACCOUNT_PHONE);
}
