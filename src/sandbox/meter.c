/*
 * meter_users and meter_orgs say who was counted for which month, meter_months and meter_org_months how many that
 * makes: counting ten million rows would take seconds.
 */
#include "sandbox/meter.h"

#include <string.h>

#include "sandbox/active.h"
#include "sandbox/routes.h"
#include "sandbox/store_private.h"

#define DAY_MS      INT64_C(86400000)
#define MEMBERS_MIN 2

#define TABLES(things, id, months)                                                                 \
    "CREATE TABLE IF NOT EXISTS " things " (month TEXT NOT NULL, " id " TEXT NOT NULL,"            \
    " retained BIGINT NOT NULL, PRIMARY KEY (month, " id "));"                                     \
    "CREATE TABLE IF NOT EXISTS " months " (month TEXT PRIMARY KEY, active BIGINT NOT NULL,"       \
    " retained BIGINT NOT NULL);"

static const char schema[] = TABLES("meter_users", "user_id", "meter_months")
    TABLES("meter_orgs", "org_id", "meter_org_months");

#define STATEMENTS(things, id, months)                                                             \
    {                                                                                              \
        "SELECT retained FROM " things " WHERE month = ?1 AND " id " = ?2",                        \
            "INSERT INTO " things " (month, " id ", retained) VALUES (?1, ?2, ?3)"                 \
            " ON CONFLICT (month, " id ") DO UPDATE SET retained = excluded.retained",             \
            "INSERT INTO " months " (month, active, retained) VALUES (?1, ?2, ?3)"                 \
            " ON CONFLICT (month) DO UPDATE SET active = " months ".active + excluded.active,"     \
            " retained = " months ".retained + excluded.retained",                                 \
    }

static const struct {
    const char *counted, *mark, *add;
} statements[] = {
    [METER_USERS] = STATEMENTS("meter_users", "user_id", "meter_months"),
    [METER_ORGANIZATIONS] = STATEMENTS("meter_orgs", "org_id", "meter_org_months"),
};

int meter_open(struct store *store, struct err *err)
{
    return store_define(store, schema, err);
}

/* "2026-11" */
static struct text month_of(int64_t now_ms, char to[DATE_TEXT_MAX])
{
    date_format(now_ms, to);
    return (struct text){to, 7};
}

/* What it is counted as already: 0 not, 1 active, 2 retained; -1 with err. */
static int counted(struct store *store, enum meter_kind kind, struct text month, struct text id,
                   struct err *err)
{
    struct sql_query *query = sql_query(store_sql(store), statements[kind].counted, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, month);
    sql_bind_text(query, 2, id);
    int got = sql_step(query, err);
    if (got > 0)
        got = sql_int(query, 0) ? 2 : 1;
    sql_reset(query);
    return got;
}

static int mark(struct store *store, enum meter_kind kind, struct text month, struct text id,
                bool retained, struct err *err)
{
    struct sql_query *query = store_writes(store, statements[kind].mark, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, month);
    sql_bind_text(query, 2, id);
    sql_bind_int(query, 3, retained);
    return sql_run(query, err);
}

static int add(struct store *store, enum meter_kind kind, struct text month, bool active,
               bool retained, struct err *err)
{
    struct sql_query *query = store_writes(store, statements[kind].add, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, month);
    sql_bind_int(query, 2, active);
    sql_bind_int(query, 3, retained);
    return sql_run(query, err);
}

int meter_put(struct store *store, enum meter_kind kind, struct text id, int64_t created_at_ms,
              int64_t now_ms, struct err *err)
{
    char name[DATE_TEXT_MAX];
    struct text month = month_of(now_ms, name);
    bool retained = now_ms - created_at_ms >= DAY_MS;
    int before = counted(store, kind, month, id, err);
    if (before < 0)
        return -1;
    if (before >= (retained ? 2 : 1))
        return 0;
    if (mark(store, kind, month, id, retained, err) != 0)
        return -1;
    return add(store, kind, month, before == 0, retained, err);
}

bool meter_active(struct call *call, const struct account *account)
{
    struct err err;
    return meter_put(call->desk->store, METER_USERS, account->clerk.id,
                     account->clerk.user.created_at, call->now_ms, &err) == 0 ||
           call_broken(call, &err);
}

bool meter_active_in(struct call *call, const struct session *session)
{
    struct active active;
    struct err err;
    if (!active_get(call, session, &active))
        return false;
    return !active.is || active.org.members < MEMBERS_MIN ||
           meter_put(call->desk->store, METER_ORGANIZATIONS, active.org.clerk.id,
                     active.org.clerk.created_at, call->now_ms, &err) == 0 ||
           call_broken(call, &err);
}

int meter_list(struct store *store, struct meter_month months[METER_MONTHS_MAX], size_t *count,
               struct err *err)
{
    static const char statement[] =
        "SELECT m.month, m.active, m.retained, coalesce(o.active, 0), coalesce(o.retained, 0)"
        " FROM meter_months m LEFT JOIN meter_org_months o ON o.month = m.month"
        " ORDER BY m.month DESC LIMIT ?1";
    struct sql_query *query = sql_query(store_sql(store), statement, err);
    int got = 0;
    *count = 0;
    if (!query)
        return -1;
    sql_bind_int(query, 1, METER_MONTHS_MAX);
    while (*count < METER_MONTHS_MAX && (got = sql_step(query, err)) > 0) {
        struct text name = sql_text(query, 0);
        struct meter_month *month = &months[(*count)++];
        *month = (struct meter_month){.active = {sql_int(query, 1), sql_int(query, 3)},
                                      .retained = {sql_int(query, 2), sql_int(query, 4)}};
        memcpy(month->name, name.at, name.len < 7 ? name.len : 7);
    }
    sql_reset(query);
    return got < 0 ? -1 : 0;
}

static void put_month(const struct meter_month *month, struct json_out *out)
{
    json_open(out, '{');
    json_field_text(out, "month", text_of(month->name));
    json_field_int(out, "active_users", month->active[METER_USERS]);
    json_field_int(out, "retained_users", month->retained[METER_USERS]);
    json_field_int(out, "active_organizations", month->active[METER_ORGANIZATIONS]);
    json_field_int(out, "retained_organizations", month->retained[METER_ORGANIZATIONS]);
    json_close(out, '}');
}

void meter_get(struct call *call)
{
    struct meter_month months[METER_MONTHS_MAX];
    size_t count;
    struct err err;
    if (meter_list(call->desk->store, months, &count, &err) != 0) {
        call_broken(call, &err);
        return;
    }
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "object", TEXT("sandbox_metering"));
    json_key(&out, TEXT("data"));
    json_open(&out, '[');
    for (size_t i = 0; i < count; i++)
        put_month(&months[i], &out);
    json_close(&out, ']');
    json_close(&out, '}');
}
