/* GET, PATCH and DELETE /me, and its metadata: the user as he sees and changes himself. */
#include "sandbox/me.h"

#include "sandbox/call.h"
#include "sandbox/draft.h"
#include "sandbox/event.h"
#include "sandbox/metadata.h"
#include "sandbox/orgs_front.h"
#include "sandbox/routes.h"
#include "sandbox/users.h"

struct account *me_account(struct call *call)
{
    return &call->front->account;
}

bool me_put(struct call *call)
{
    struct account *account = me_account(call);
    struct err err;
    account->clerk.updated_at = call->now_ms;
    return call_check(call, account_put(call->desk->store, account, call->arena, &err), &err) &&
           call_account(call, account->clerk.id, account) &&
           event_put_user(call, EVENT_user_updated, account);
}

void me_answer(struct call *call)
{
    struct account *account = me_account(call);
    if (!call_account(call, account->clerk.id, account))
        return;
    struct json_out out = front_open(call);
    if (orgs_put_user(call, account, &out))
        front_close(call, &out);
}

void me_answer_deleted(struct call *call, const char *object, struct text id)
{
    struct json_out out = front_open(call);
    json_open(&out, '{');
    json_field_text(&out, "object", text_of(object));
    json_field_text(&out, "id", id);
    json_field_bool(&out, "deleted", true);
    json_close(&out, '}');
    front_close(call, &out);
}

void me_get(struct call *call)
{
    me_answer(call);
}

/* A name of the form; given and empty takes it away. */
static bool read_name(struct call *call, const char *param, struct text *to)
{
    struct text value = form_get(&call->form, text_of(param));
    if (!value.at)
        return true;
    *to = value.len > 0 ? value : (struct text){NULL, 0};
    return value.len == 0 || draft_check_name(call, param, value);
}

static bool read_username(struct call *call, struct text *to)
{
    struct text value = form_get(&call->form, TEXT("username"));
    if (!value.at)
        return true;
    *to = value.len > 0 ? value : (struct text){NULL, 0};
    return value.len == 0 || draft_check_username(call, value);
}

static bool read_primary(struct call *call, const char *param, enum account_kind kind,
                         int64_t *number)
{
    struct text id = front_param(call, param);
    return !id.at || users_set_primary(call, param, id, kind, me_account(call), number);
}

/* Given as JSON text it replaces what there was. */
static bool read_metadata(struct call *call, struct text *to)
{
    struct text given = front_param(call, "unsafe_metadata");
    return !given.at || metadata_merge(call, "unsafe_metadata", TEXT("{}"), given, to);
}

void me_update(struct call *call)
{
    struct account *account = me_account(call);
    struct user *user = &account->clerk.user;
    if (read_name(call, "first_name", &user->first_name) &&
        read_name(call, "last_name", &user->last_name) && read_username(call, &user->username) &&
        read_primary(call, "primary_email_address_id", ACCOUNT_EMAIL, &account->primary_email) &&
        read_primary(call, "primary_phone_number_id", ACCOUNT_PHONE, &account->primary_phone) &&
        read_metadata(call, &user->unsafe_metadata) && me_put(call))
        me_answer(call);
}

void me_update_metadata(struct call *call)
{
    struct text *stored = &me_account(call)->clerk.user.unsafe_metadata, given;
    if (front_param_needed(call, "unsafe_metadata", &given) &&
        metadata_merge(call, "unsafe_metadata", *stored, given, stored) && me_put(call))
        me_answer(call);
}

static bool tell_deleted(struct call *call, const struct account *account)
{
    struct buf json;
    buf_init(&json, 4096);
    clerk_write_deleted("user", account->clerk.id, account->clerk.user.external_id, &json);
    bool ok = event_put(call, EVENT_user_deleted, buf_text(&json));
    buf_release(&json);
    return ok;
}

void me_delete(struct call *call)
{
    struct account *account = me_account(call);
    struct client *client = &call->front->client;
    struct err err;
    if (!call->desk->instance->settings.delete_self_enabled ||
        account->clerk.user.delete_self_enabled == USER_FLAG_FALSE) {
        call_fail(call, CLERK_user_delete_self_not_enabled, NULL,
                  "Users of this instance cannot delete themselves.");
        return;
    }
    client->session = (struct text){NULL, 0};
    if (session_end_user(call, account, "removed", (struct text){NULL, 0}) &&
        call_check(call, account_delete(call->desk->store, account, &err), &err) &&
        tell_deleted(call, account) && front_put_client(call))
        me_answer_deleted(call, "user", account->clerk.id);
}

/* ---- sessions ---- */

static bool list_sessions(struct call *call, struct session **sessions, size_t *count)
{
    static const char statement[] =
        ROW_SELECT("sessions", SESSION_COLUMNS) " WHERE user_id = ?1 ORDER BY created_at DESC, id";
    return session_list(call, statement, me_account(call)->clerk.id, sessions, count);
}

void me_sessions(struct call *call)
{
    struct session *sessions;
    size_t count;
    if (!list_sessions(call, &sessions, &count))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '[');
    for (size_t i = 0; i < count; i++)
        if (!session_write_front(call, &sessions[i], &out))
            return;
    json_close(&out, ']');
}

void me_sessions_active(struct call *call)
{
    struct session *sessions;
    size_t count;
    if (!list_sessions(call, &sessions, &count))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '[');
    for (size_t i = 0; i < count; i++)
        if (text_same(sessions[i].status, TEXT("active")))
            session_write_activity(call, &sessions[i], &out);
    json_close(&out, ']');
}

void me_revoke_session(struct call *call)
{
    struct session session;
    if (!session_get(call, call->ids[0], &session))
        return;
    if (!text_same(session.user_id, me_account(call)->clerk.id)) {
        call_not_found(call, "session", call->ids[0]);
        return;
    }
    if (text_same(session.status, TEXT("active")) && !session_end(call, &session, "revoked"))
        return;
    struct json_out out = front_open(call);
    if (session_write_front(call, &session, &out))
        front_close(call, &out);
}
