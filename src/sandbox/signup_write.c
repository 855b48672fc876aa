/* A sign-up as JSON: what it has, lacks, and still has to verify. */
#include "sandbox/call.h"
#include "sandbox/front.h"
#include "sandbox/signup.h"
#include "sandbox/verification.h"

/* The attributes that a sign-up asks for, in the order of the form. */
static const enum settings_attribute_name asked[] = {SETTINGS_email_address, SETTINGS_phone_number,
                                                     SETTINGS_username,      SETTINGS_first_name,
                                                     SETTINGS_last_name,     SETTINGS_password};

static void put_fields(struct call *call, bool required, struct json_out *out)
{
    const struct settings *settings = &call->desk->instance->settings;
    json_open(out, '[');
    for (size_t i = 0; i < ARRAY_COUNT(asked); i++) {
        const struct settings_attribute *attribute = &settings->attributes[asked[i]];
        if (attribute->enabled && attribute->required == required)
            json_put_text(out, text_of(settings_attribute_text(asked[i])));
    }
    if (settings->legal_consent_required && required)
        json_put_text(out, TEXT("legal_accepted"));
    json_close(out, ']');
}

static void put_missing(struct call *call, const struct signup *signup, struct json_out *out)
{
    uint32_t missing = signup_missing(call, signup);
    json_open(out, '[');
    for (size_t i = 0; i < ARRAY_COUNT(asked); i++)
        if (missing >> asked[i] & 1)
            json_put_text(out, text_of(settings_attribute_text(asked[i])));
    if (call->desk->instance->settings.legal_consent_required &&
        signup->legal_accepted_at == ROW_NULL)
        json_put_text(out, TEXT("legal_accepted"));
    json_close(out, ']');
}

static bool put_unverified(struct call *call, const struct signup *signup, struct json_out *out)
{
    json_open(out, '[');
    for (int i = 0; i < SIGNUP_CONTACTS; i++) {
        bool unverified;
        if (!signup_is_unverified(call, signup, (enum signup_contact)i, &unverified))
            return false;
        if (unverified)
            json_put_text(out, text_of(signup_contacts[i].name));
    }
    json_close(out, ']');
    return true;
}

/* A verification with what to do next: until a code was sent, it has no strategy to speak of. */
static bool put_verification(struct call *call, const struct signup *signup,
                             enum signup_contact contact, struct json_out *out)
{
    const struct signup_contact_info *info = &signup_contacts[contact];
    struct verification verification;
    bool sent;
    json_key(out, text_of(info->name));
    if (!signup_value(signup, contact).at) {
        json_put_null(out);
        return true;
    }
    if (!verification_get(call, signup_verification_id(call, signup, contact), &verification,
                          &sent))
        return false;
    bool verified = sent && text_same(verification.status, TEXT("verified"));
    bool ticket = sent && text_same(verification.strategy, TEXT("ticket"));
    json_open(out, '{');
    json_field_text(out, "object", ticket ? TEXT("verification_ticket") : TEXT("verification_otp"));
    json_field_text(out, "status", sent ? verification.status : TEXT("unverified"));
    json_field_text(out, "strategy", sent ? verification.strategy : (struct text){NULL, 0});
    json_field_int(out, "attempts", sent && !ticket ? verification.attempts : ROW_NULL);
    json_field_int(out, "expire_at", sent ? verification.expire_at : signup->abandon_at);
    json_field_text(out, "next_action",
                    verified ? TEXT("")
                    : sent   ? TEXT("needs_attempt")
                             : TEXT("needs_prepare"));
    json_key(out, TEXT("supported_strategies"));
    json_open(out, '[');
    json_put_text(out, text_of(info->strategy));
    json_close(out, ']');
    json_close(out, '}');
    return true;
}

static bool put_verifications(struct call *call, const struct signup *signup, struct json_out *out)
{
    json_key(out, TEXT("verifications"));
    json_open(out, '{');
    for (int i = 0; i < SIGNUP_CONTACTS; i++)
        if (!put_verification(call, signup, (enum signup_contact)i, out))
            return false;
    json_field_raw(out, "web3_wallet", TEXT("null"));
    json_field_raw(out, "external_account", TEXT("null"));
    json_close(out, '}');
    return true;
}

static void put_values(const struct signup *signup, bool front, struct json_out *out)
{
    json_field_text(out, "username", signup->username);
    json_field_text(out, "email_address", signup->email_address);
    json_field_text(out, "phone_number", signup->phone_number);
    json_field_raw(out, "web3_wallet", TEXT("null"));
    json_field_bool(out, "password_enabled", signup->password_digest.at);
    if (front)
        json_field_bool(out, "has_password", signup->password_digest.at);
    json_field_text(out, "first_name", signup->first_name);
    json_field_text(out, "last_name", signup->last_name);
    json_field_raw(out, "unsafe_metadata",
                   signup->unsafe_metadata.at ? signup->unsafe_metadata : TEXT("{}"));
    json_field_raw(out, "public_metadata",
                   signup->public_metadata.at ? signup->public_metadata : TEXT("{}"));
    json_field_bool(out, "custom_action", signup->custom_action == 1);
    json_field_text(out, "external_id", signup->external_id);
    json_field_text(out, "created_session_id", signup->session);
    json_field_text(out, "created_user_id", signup->user_id);
    json_field_int(out, "abandon_at", signup->abandon_at);
    json_field_int(out, "legal_accepted_at", signup->legal_accepted_at);
}

bool signup_write(struct call *call, const struct signup *signup, struct json_out *out)
{
    json_open(out, '{');
    json_field_text(out, "object", TEXT("sign_up_attempt"));
    json_field_text(out, "id", signup->id);
    json_field_text(out, "status", signup->status);
    json_key(out, TEXT("required_fields"));
    put_fields(call, true, out);
    json_key(out, TEXT("optional_fields"));
    put_fields(call, false, out);
    json_key(out, TEXT("missing_fields"));
    put_missing(call, signup, out);
    json_key(out, TEXT("unverified_fields"));
    if (!put_unverified(call, signup, out) || !put_verifications(call, signup, out))
        return false;
    put_values(signup, call->front, out);
    json_close(out, '}');
    return true;
}

bool signup_write_open(struct call *call, struct text id, struct json_out *out)
{
    struct signup signup;
    struct err err;
    enum store_answer got =
        id.at ? row_get(call->desk->store, &signup_table, id, call->arena, &signup, &err)
              : STORE_NONE;
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    if (got == STORE_OK && signup.abandon_at > call->now_ms &&
        !text_same(signup.status, TEXT("complete")))
        return signup_write(call, &signup, out);
    json_put_null(out);
    return true;
}
