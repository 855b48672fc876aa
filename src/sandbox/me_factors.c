/*
 * The user's second factors. A TOTP secret waits in `totps` until the first right code proves that the app has
 * it; only then it becomes the user's. Backup codes are shown once.
 */
#include "sandbox/me_factors.h"

#include <stdio.h>

#include "sandbox/call.h"
#include "sandbox/me.h"
#include "sandbox/routes.h"
#include "sandbox/totp.h"

#define SECRET_LEN   32 /* base32 characters: 160 bits */
#define BACKUP_CODES 10
#define BACKUP_LEN   8

#define COLUMN_TEXT(name)   {offsetof(struct pending_totp, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct pending_totp, name), true},
ROW_TABLE(pending_totp_table, pending_totp, "totps", PENDING_TOTP_COLUMNS, COLUMN_TEXT,
          COLUMN_NUMBER, "");

static bool check_enabled(struct call *call, enum settings_attribute_name attribute)
{
    return call->desk->instance->settings.attributes[attribute].enabled ||
           call_fail(call, CLERK_feature_not_enabled, NULL,
                     "This second factor is not enabled on this instance.");
}

static void put_totp(struct call *call, const struct pending_totp *totp, bool verified,
                     struct json_out *out)
{
    struct text name = call->desk->instance->settings.application_name;
    struct buf uri;
    buf_init(&uri, 1024);
    buf_add(&uri, TEXT("otpauth://totp/"));
    form_encode(name, &uri);
    buf_byte(&uri, ':');
    form_encode(clerk_identifier_of(&me_account(call)->clerk), &uri);
    buf_printf(&uri,
               "?algorithm=SHA1&digits=6&period=30&secret=%.*s&issuer=", TEXT_ARG(totp->secret));
    form_encode(name, &uri);
    json_open(out, '{');
    json_field_text(out, "object", TEXT("totp"));
    json_field_text(out, "id", totp->totp_id);
    json_field_text(out, "secret", verified ? (struct text){NULL, 0} : totp->secret);
    json_field_text(out, "uri", verified ? (struct text){NULL, 0} : buf_text(&uri));
    json_field_bool(out, "verified", verified);
    json_field_raw(out, "backup_codes", TEXT("null"));
    json_field_int(out, "created_at", totp->created_at);
    json_field_int(out, "updated_at", call->now_ms);
    json_close(out, '}');
    buf_release(&uri);
}

static void answer_totp(struct call *call, const struct pending_totp *totp, bool verified)
{
    struct json_out out = front_open(call);
    put_totp(call, totp, verified, &out);
    front_close(call, &out);
}

void me_totp_create(struct call *call)
{
    struct account *account = me_account(call);
    char secret[SECRET_LEN + 1];
    struct err err;
    if (!check_enabled(call, SETTINGS_authenticator_app))
        return;
    if (account->clerk.totp_enabled) {
        call_fail(call, CLERK_totp_already_enabled, NULL, "The user has TOTP already.");
        return;
    }
    for (size_t i = 0; i < SECRET_LEN; i++)
        secret[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[random_below(32)];
    struct pending_totp totp = {.id = account->clerk.id,
                                .totp_id = call_new_id(call, "totp_"),
                                .secret = {secret, SECRET_LEN},
                                .created_at = call->now_ms};
    if (call_check(call, row_put(call->desk->store, &pending_totp_table, &totp, &err), &err))
        answer_totp(call, &totp, false);
    secret_wipe(secret, sizeof(secret));
}

void me_totp_attempt(struct call *call)
{
    struct account *account = me_account(call);
    struct pending_totp totp;
    struct text code;
    struct err err;
    if (!front_limit(call, call->desk->attempt_limits, account->clerk.id) ||
        !front_param_needed(call, "code", &code))
        return;
    enum store_answer got = row_get(call->desk->store, &pending_totp_table, account->clerk.id,
                                    call->arena, &totp, &err);
    if (got == STORE_NONE) {
        call_fail(call, CLERK_totp_disabled, NULL, "No TOTP waits to be verified.");
        return;
    }
    if (!call_check(call, got, &err))
        return;
    if (!totp_fits(totp.secret, code, call->now_ms)) {
        call_fail(call, CLERK_form_code_incorrect, "code", "The code is not correct.");
        return;
    }
    account->clerk.user.totp_secret = totp.secret;
    account->clerk.mfa_enabled_at = call->now_ms;
    if (me_put(call) &&
        call_check(call, row_delete(call->desk->store, &pending_totp_table, totp.id, &err), &err))
        answer_totp(call, &totp, true);
}

void me_totp_delete(struct call *call)
{
    struct account *account = me_account(call);
    if (!account->clerk.totp_enabled) {
        call_fail(call, CLERK_totp_disabled, NULL, "The user has no TOTP.");
        return;
    }
    account->clerk.user.totp_secret = (struct text){NULL, 0};
    account->clerk.user.backup_codes.count = 0;
    account->clerk.mfa_disabled_at = call->now_ms;
    if (me_put(call))
        me_answer_deleted(call, "totp", account->clerk.id);
}

void me_backup_codes(struct call *call)
{
    struct account *account = me_account(call);
    struct user_texts *codes = &account->clerk.user.backup_codes;
    if (!check_enabled(call, SETTINGS_backup_code))
        return;
    if (!clerk_has_second_factor(&account->clerk)) {
        call_fail(call, CLERK_backup_codes_not_available, NULL,
                  "Backup codes go with another second factor, which the user has not.");
        return;
    }
    struct text *at = call_alloc(call, BACKUP_CODES * sizeof(*at));
    char *room = call_alloc(call, (size_t)BACKUP_CODES * (BACKUP_LEN + 1));
    if (!at || !room)
        return;
    for (size_t i = 0; i < BACKUP_CODES; i++, room += BACKUP_LEN + 1) {
        for (size_t k = 0; k < BACKUP_LEN; k++)
            room[k] = "abcdefghijklmnopqrstuvwxyz0123456789"[random_below(36)];
        at[i] = (struct text){room, BACKUP_LEN};
    }
    *codes = (struct user_texts){at, BACKUP_CODES};
    if (!me_put(call))
        return;
    struct json_out out = front_open(call);
    json_open(&out, '{');
    json_field_text(&out, "object", TEXT("backup_code"));
    json_field_text(&out, "id", call_new_id(call, "bkc_"));
    json_key(&out, TEXT("codes"));
    json_open(&out, '[');
    for (size_t i = 0; i < BACKUP_CODES; i++)
        json_put_text(&out, at[i]);
    json_close(&out, ']');
    json_field_int(&out, "created_at", call->now_ms);
    json_field_int(&out, "updated_at", call->now_ms);
    json_close(&out, '}');
    front_close(call, &out);
}
