#include "sandbox/session.h"

#include <string.h>

#include "sandbox/call.h"
#include "sandbox/device.h"
#include "sandbox/event.h"
#include "sandbox/front.h"
#include "sandbox/meter.h"
#include "sandbox/orgs_front.h"
#include "sandbox/token.h"

#define COLUMN_TEXT(name)   {offsetof(struct session, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct session, name), true},
ROW_TABLE(session_table, session, "sessions", SESSION_COLUMNS, COLUMN_TEXT, COLUMN_NUMBER,
          "CREATE INDEX IF NOT EXISTS sessions_client ON sessions (client);"
          "CREATE INDEX IF NOT EXISTS sessions_user ON sessions (user_id);"
          "CREATE INDEX IF NOT EXISTS sessions_organization ON sessions (organization)"
          " WHERE organization IS NOT NULL;");

static bool is_live(const struct session *session)
{
    return text_same(session->status, TEXT("active"));
}

/* Whether it still has to choose an organization: the one task that there is. */
static bool is_pending(const struct call *call, const struct session *session)
{
    const struct settings *settings = &call->desk->instance->settings;
    return is_live(session) && settings->org_enabled && settings->org_force_selection &&
           !session->organization.at;
}

struct text session_status(const struct call *call, const struct session *session)
{
    return is_pending(call, session) ? TEXT("pending") : session->status;
}

static void put_tasks(const struct call *call, const struct session *session, struct json_out *out)
{
    json_field_raw(out, "tasks",
                   is_pending(call, session) ? TEXT("[{\"key\":\"choose-organization\"}]")
                                             : TEXT("null"));
}

static void put_common(const struct call *call, const struct session *session, struct json_out *out)
{
    json_field_text(out, "object", TEXT("session"));
    json_field_text(out, "id", session->id);
    json_field_text(out, "status", session_status(call, session));
    json_field_int(out, "expire_at", session->expire_at);
    json_field_int(out, "abandon_at", session->abandon_at);
    json_field_int(out, "last_active_at", session->active_at);
    json_field_raw(out, "actor", session->actor);
}

static void put_rest(const struct session *session, struct json_out *out)
{
    json_field_text(out, "last_active_organization_id", session->organization);
    json_field_int(out, "created_at", session->created_at);
    json_field_int(out, "updated_at", session->updated_at);
}

static void put_owner(const struct session *session, struct json_out *out)
{
    put_rest(session, out);
    json_field_text(out, "user_id", session->user_id);
    json_field_text(out, "client_id", session->client);
}

/* Tells the webhooks. */
static bool tell(struct call *call, const struct session *session, enum event_kind event)
{
    struct account account;
    struct buf json;
    struct err err;
    if (!event_wanted(call, event))
        return true;
    if (!call_check(call,
                    account_get_seq(call->desk->store, session->account, call->now_ms, call->arena,
                                    &account, &err),
                    &err))
        return false;
    buf_init(&json, 65536);
    struct json_out out = json_out(&json);
    json_open(&out, '{');
    put_common(call, session, &out);
    put_owner(session, &out);
    json_close(&out, '}');
    bool ok = event_put_session(call, event, buf_text(&json), &account);
    buf_release(&json);
    return ok;
}

static struct text known(const char *z)
{
    return z ? text_of(z) : (struct text){NULL, 0};
}

/* Keeps where a session began; a proxy may call anything an address. */
static void put_device(const struct call *call, struct session *session)
{
    struct device device = device_of(server_header(call->request, "User-Agent"));
    struct text address = call->front->address;
    session->device = known(device.type);
    session->browser = known(device.browser);
    session->browser_version = device.version.len > 0 ? device.version : known(NULL);
    session->mobile = device.mobile;
    if (address.len < SERVER_ADDRESS_MAX && text_is_utf8(address) && !text_has_nul(address))
        session->address = address;
}

bool session_start(struct call *call, const struct session_opts *opts, struct session *session)
{
    int64_t now = call->now_ms, life = opts->life_ms ? opts->life_ms : SESSION_LIFE_MS;
    *session = (struct session){.id = call_new_id(call, "sess_"),
                                .client = opts->client,
                                .user_id = opts->account->clerk.id,
                                .account = opts->account->seq,
                                .status = TEXT("active"),
                                .actor = opts->actor,
                                .created_at = now,
                                .updated_at = now,
                                .active_at = now,
                                .expire_at = now + life,
                                .abandon_at = now + SESSION_ABANDON_MS,
                                .first_factor_at = opts->first ? now : ROW_NULL,
                                .second_factor_at = opts->second ? now : ROW_NULL};
    if (call->front)
        put_device(call, session);
    return session_put(call, session) && tell(call, session, EVENT_session_created) &&
           (!is_pending(call, session) || tell(call, session, EVENT_session_pending)) &&
           meter_active(call, opts->account);
}

bool session_put(struct call *call, struct session *session)
{
    struct err err;
    session->updated_at = call->now_ms;
    return call_check(call, row_put(call->desk->store, &session_table, session, &err), &err);
}

/* A session whose time is over says so, whatever is stored. */
static void settle(const struct call *call, struct session *session)
{
    if (!is_live(session))
        return;
    if (session->expire_at <= call->now_ms)
        session->status = TEXT("expired");
    else if (session->abandon_at <= call->now_ms)
        session->status = TEXT("abandoned");
}

bool session_get(struct call *call, struct text id, struct session *session)
{
    struct err err;
    enum store_answer got =
        row_get(call->desk->store, &session_table, id, call->arena, session, &err);
    if (got == STORE_NONE)
        return call_not_found(call, "session", id);
    if (!call_check(call, got, &err))
        return false;
    settle(call, session);
    return true;
}

bool session_get_live(struct call *call, struct text id, struct session *session,
                      struct account *account)
{
    struct err err;
    if (!call->front->client.id.at)
        return call_fail(call, CLERK_signed_out, NULL, "You are signed out.");
    if (!id.at)
        return call_fail(call, CLERK_authentication_invalid, NULL, "Nobody is signed in here.");
    if (!session_get(call, id, session))
        return false;
    if (!text_same(session->client, call->front->client.id))
        return call_not_found(call, "session", id);
    if (!is_live(session))
        return call_fail(call, CLERK_authentication_invalid, NULL, "The session is %.*s.",
                         TEXT_ARG(session->status));
    enum store_answer got = account_get_seq(call->desk->store, session->account, call->now_ms,
                                            call->arena, account, &err);
    if (got == STORE_NONE)
        return call_fail(call, CLERK_authentication_invalid, NULL, "The user is gone.");
    return call_check(call, got, &err);
}

bool session_list(struct call *call, const char *statement, struct text key,
                  struct session **sessions, size_t *count)
{
    struct err err;
    void *rows = NULL;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    *count = 0;
    *sessions = NULL;
    if (query)
        sql_bind_text(query, 1, key);
    if (!query || row_list(&session_table, query, call->arena, &rows, count, &err) != 0)
        return call_broken(call, &err);
    *sessions = rows;
    for (size_t i = 0; i < *count; i++)
        settle(call, &(*sessions)[i]);
    return true;
}

static void keep_live(struct session *sessions, size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (is_live(&sessions[i]))
            sessions[kept++] = sessions[i];
    *count = kept;
}

bool session_list_live(struct call *call, struct text client, struct session **sessions,
                       size_t *count)
{
    static const char statement[] = ROW_SELECT(
        "sessions",
        SESSION_COLUMNS) " WHERE client = ?1 AND status = 'active' ORDER BY created_at, id";
    if (!session_list(call, statement, client, sessions, count))
        return false;
    keep_live(*sessions, count);
    return true;
}

static const struct {
    const char *status;
    enum event_kind event;
} ends[] = {{"ended", EVENT_session_ended},
            {"removed", EVENT_session_removed},
            {"revoked", EVENT_session_revoked}};

bool session_end(struct call *call, struct session *session, const char *status)
{
    session->status = text_of(status);
    if (!session_put(call, session))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
        if (strcmp(ends[i].status, status) == 0)
            return tell(call, session, ends[i].event);
    return true;
}

bool session_end_user(struct call *call, const struct account *account, const char *status,
                      struct text besides)
{
    static const char statement[] =
        ROW_SELECT("sessions", SESSION_COLUMNS) " WHERE user_id = ?1 AND status = 'active'";
    struct session *sessions;
    size_t count;
    if (!session_list(call, statement, account->clerk.id, &sessions, &count))
        return false;
    keep_live(sessions, &count);
    for (size_t i = 0; i < count; i++)
        if (!text_same(sessions[i].id, besides) && !session_end(call, &sessions[i], status))
            return false;
    return true;
}

void session_write_back(const struct call *call, const struct session *session,
                        struct json_out *out)
{
    json_open(out, '{');
    put_common(call, session, out);
    put_owner(session, out);
    put_tasks(call, session, out);
    json_close(out, '}');
}

void session_write_activity(const struct call *call, const struct session *session,
                            struct json_out *out)
{
    const struct {
        const char *name;
        struct text value;
    } parts[] = {{"device_type", session->device},
                 {"browser_name", session->browser},
                 {"browser_version", session->browser_version},
                 {"ip_address", session->address}};
    json_open(out, '{');
    put_common(call, session, out);
    json_key(out, TEXT("latest_activity"));
    json_open(out, '{');
    json_field_text(out, "object", TEXT("session_activity"));
    json_field_text(out, "id", session->id);
    json_field_bool(out, "is_mobile", session->mobile > 0);
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        if (parts[i].value.at)
            json_field_text(out, parts[i].name, parts[i].value);
    json_close(out, '}');
    json_close(out, '}');
}

static int64_t minutes_since(const struct call *call, int64_t then)
{
    return then == ROW_NULL ? -1 : (call->now_ms - then) / 60000;
}

static bool put_token(struct call *call, const struct session *session,
                      const struct account *account, struct json_out *out)
{
    json_key(out, TEXT("last_active_token"));
    if (!text_same(session->client, call->front->client.id) || !is_live(session)) {
        json_put_null(out);
        return true;
    }
    json_open(out, '{');
    json_field_text(out, "object", TEXT("token"));
    json_key(out, TEXT("jwt"));
    if (!token_put(call, &(struct token_opts){.session = session, .account = account}, out))
        return false;
    json_close(out, '}');
    return true;
}

bool session_write_front(struct call *call, const struct session *session, struct json_out *out)
{
    struct account account;
    struct err err;
    if (!call_check(call,
                    account_get_seq(call->desk->store, session->account, call->now_ms, call->arena,
                                    &account, &err),
                    &err))
        return false;
    json_open(out, '{');
    put_common(call, session, out);
    put_rest(session, out);
    put_tasks(call, session, out);
    if (!put_token(call, session, &account, out))
        return false;
    json_key(out, TEXT("user"));
    if (!orgs_put_user(call, &account, out))
        return false;
    json_key(out, TEXT("public_user_data"));
    clerk_write_public_user(&account.clerk, out->to);
    out->comma = true;
    json_key(out, TEXT("factor_verification_age"));
    json_open(out, '[');
    json_put_int(out, minutes_since(call, session->first_factor_at));
    json_put_int(out, minutes_since(call, session->second_factor_at));
    json_close(out, ']');
    json_close(out, '}');
    return true;
}
