/*
 * meter_users says who was counted for which month, meter_months how many that makes: counting ten million
 * rows would take seconds.
 */
#include "sandbox/meter.h"

#include <string.h>

#include "sandbox/routes.h"
#include "sandbox/store_private.h"

#define DAY_MS INT64_C(86400000)

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meter_users (month TEXT NOT NULL, user_id TEXT NOT NULL,"
    " retained BIGINT NOT NULL, PRIMARY KEY (month, user_id));"
    "CREATE TABLE IF NOT EXISTS meter_months (month TEXT PRIMARY KEY, active BIGINT NOT NULL,"
    " retained BIGINT NOT NULL);";

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

/* What the user is counted as already: 0 not, 1 active, 2 retained; -1 with err. */
static int counted(struct store *store, struct text month, struct text user_id, struct err *err)
{
    static const char statement[] =
        "SELECT retained FROM meter_users WHERE month = ?1 AND user_id = ?2";
    struct sql_query *query = sql_query(store_sql(store), statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, month);
    sql_bind_text(query, 2, user_id);
    int got = sql_step(query, err);
    if (got > 0)
        got = sql_int(query, 0) ? 2 : 1;
    sql_reset(query);
    return got;
}

static int mark(struct store *store, struct text month, struct text user_id, bool retained,
                struct err *err)
{
    static const char statement[] =
        "INSERT INTO meter_users (month, user_id, retained) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (month, user_id) DO UPDATE SET retained = excluded.retained";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, month);
    sql_bind_text(query, 2, user_id);
    sql_bind_int(query, 3, retained);
    return sql_run(query, err);
}

static int add(struct store *store, struct text month, bool active, bool retained, struct err *err)
{
    static const char statement[] =
        "INSERT INTO meter_months (month, active, retained) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (month) DO UPDATE SET active = meter_months.active + excluded.active,"
        " retained = meter_months.retained + excluded.retained";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, month);
    sql_bind_int(query, 2, active);
    sql_bind_int(query, 3, retained);
    return sql_run(query, err);
}

int meter_put(struct store *store, struct text user_id, int64_t created_at_ms, int64_t now_ms,
              struct err *err)
{
    char name[DATE_TEXT_MAX];
    struct text month = month_of(now_ms, name);
    bool retained = now_ms - created_at_ms >= DAY_MS;
    int before = counted(store, month, user_id, err);
    if (before < 0)
        return -1;
    if (before >= (retained ? 2 : 1))
        return 0;
    if (mark(store, month, user_id, retained, err) != 0)
        return -1;
    return add(store, month, before == 0, retained, err);
}

bool meter_active(struct call *call, const struct account *account)
{
    struct err err;
    return meter_put(call->desk->store, account->clerk.id, account->clerk.user.created_at,
                     call->now_ms, &err) == 0 ||
           call_broken(call, &err);
}

int meter_list(struct store *store, struct meter_month months[METER_MONTHS_MAX], size_t *count,
               struct err *err)
{
    static const char statement[] =
        "SELECT month, active, retained FROM meter_months ORDER BY month DESC LIMIT ?1";
    struct sql_query *query = sql_query(store_sql(store), statement, err);
    int got = 0;
    *count = 0;
    if (!query)
        return -1;
    sql_bind_int(query, 1, METER_MONTHS_MAX);
    while (*count < METER_MONTHS_MAX && (got = sql_step(query, err)) > 0) {
        struct text name = sql_text(query, 0);
        struct meter_month *month = &months[(*count)++];
        *month = (struct meter_month){.active = sql_int(query, 1), .retained = sql_int(query, 2)};
        memcpy(month->name, name.at, name.len < 7 ? name.len : 7);
    }
    sql_reset(query);
    return got < 0 ? -1 : 0;
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
    json_key(&out, TEXT("object"));
    json_put_text(&out, TEXT("sandbox_metering"));
    json_key(&out, TEXT("data"));
    json_open(&out, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&out, '{');
        json_key(&out, TEXT("month"));
        json_put_text(&out, text_of(months[i].name));
        json_key(&out, TEXT("active_users"));
        json_put_int(&out, months[i].active);
        json_key(&out, TEXT("retained_users"));
        json_put_int(&out, months[i].retained);
        json_close(&out, '}');
    }
    json_close(&out, ']');
    json_close(&out, '}');
}
