/* GET /users and GET /users/count. */
#include <stdio.h>
#include <string.h>

#include "sandbox/filter.h"
#include "sandbox/routes.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX     500

struct page {
    int64_t limit, offset;
    const char *order; /* an SQL expression */
    bool down, by_created_at;
};

static const struct {
    const char *name, *expression;
} orders[] = {
    {"created_at", "u.created_at"},
    {"updated_at", "u.updated_at"},
    {"email_address", "(SELECT value FROM identifiers i WHERE i.account = u.seq AND"
                      " i.number = u.primary_email) COLLATE NOCASE"},
    {"phone_number", "(SELECT value FROM identifiers i WHERE i.account = u.seq AND"
                     " i.number = u.primary_phone)"},
    {"web3wallet", "NULL"},
    {"first_name", "u.first_name COLLATE NOCASE"},
    {"last_name", "u.last_name COLLATE NOCASE"},
    {"username", "u.username COLLATE NOCASE"},
    {"last_active_at", "u.last_active_at"},
    {"last_sign_in_at", "u.last_sign_in_at"},
};

static bool read_number(struct call *call, const char *param, uint64_t min, uint64_t max,
                        int64_t *to)
{
    struct text value = call_param(call, text_of(param));
    uint64_t number;
    if (!value.at)
        return true;
    if (!text_u64(value, INT64_MAX, &number))
        return call_fail(call, CLERK_form_param_type_invalid, param, "`%s` must be a whole number.",
                         param);
    if (number < min || number > max)
        return call_fail(call, CLERK_form_param_value_invalid, param,
                         "`%s` must be from %llu to %llu.", param, (unsigned long long)min,
                         (unsigned long long)max);
    *to = (int64_t)number;
    return true;
}

static bool read_order(struct call *call, struct page *page)
{
    struct text value = call_param(call, TEXT("order_by"));
    if (!value.at)
        value = TEXT("-created_at");
    page->down = text_starts(value, TEXT("-"));
    if (page->down || text_starts(value, TEXT("+")))
        value = text_part(value, 1, value.len);
    for (size_t i = 0; i < ARRAY_COUNT(orders); i++) {
        if (!text_same(value, text_of(orders[i].name)))
            continue;
        page->order = orders[i].expression;
        page->by_created_at = i == 0;
        return true;
    }
    return call_fail(call, CLERK_form_param_value_invalid, "order_by",
                     "Users cannot be ordered by that.");
}

/* A cursor page: the users behind that one in the order of the list. */
static bool read_cursor(struct call *call, const struct page *page, struct filter *filter)
{
    struct text id = call_param(call, TEXT("starting_after"));
    struct account last;
    struct err err;
    if (!id.at)
        return true;
    if (!page->by_created_at)
        return call_fail(call, CLERK_form_conditional_param_disallowed, "order_by",
                         "`starting_after` needs the order by created_at.");
    if (page->offset > 0)
        return call_fail(call, CLERK_form_conditional_param_disallowed, "offset",
                         "`starting_after` and `offset` exclude each other.");
    enum store_answer answer =
        account_get(call->desk->store, id, call->now_ms, call->arena, &last, &err);
    if (answer == STORE_NONE)
        return call_fail(call, CLERK_form_resource_not_found, "starting_after",
                         "There is no user with the id in `starting_after`.");
    if (!call_check(call, answer, &err))
        return false;
    char condition[64];
    snprintf(condition, sizeof(condition), "(u.created_at, u.seq) %s (%%s, %lld)",
             page->down ? "<" : ">", (long long)last.seq);
    return filter_add(call, filter, condition,
                      (struct filter_bind){.number = last.clerk.user.created_at});
}

static bool write_rows(struct call *call, struct sql_query *query)
{
    struct store *store = call->desk->store;
    struct account account;
    struct err err;
    struct buf *out = call_answer(call, 200);
    int got;
    buf_byte(out, '[');
    while ((got = sql_step(query, &err)) > 0) {
        if (account_read(store, query, call->now_ms, call->arena, &account, &err) != 0 ||
            account_fill(store, call->arena, &account, &err) != 0)
            return call_broken(call, &err);
        if (out->len > 1)
            buf_byte(out, ',');
        clerk_write_user(&account.clerk, out);
    }
    buf_byte(out, ']');
    return got == 0 || call_broken(call, &err);
}

static void list(struct call *call, const struct page *page, const struct filter *filter)
{
    char head[2048], tail[512];
    struct err err;
    struct sql *sql = store_sql(call->desk->store);
    /* With a list of values SQLite had better sort the few that match than walk in order. */
    const char *plus = filter->selective && sql_kind(sql) == SQL_SQLITE ? "+" : "";
    const char *way = page->down ? "DESC" : "ASC";
    /* The creation time is never NULL, and its index is in the order that a database has by itself. */
    const char *nulls = page->by_created_at ? "" : page->down ? "NULLS LAST" : "NULLS FIRST";
    snprintf(head, sizeof(head), "SELECT %s FROM users u", account_columns);
    snprintf(tail, sizeof(tail), " ORDER BY %s%s %s %s, u.seq %s LIMIT %lld OFFSET %lld", plus,
             page->order, way, nulls, way, (long long)page->limit, (long long)page->offset);
    struct sql_query *query = filter_query(filter, sql, head, tail, &err);
    if (query)
        write_rows(call, query);
    else
        call_broken(call, &err);
    sql_finish(query);
}

void users_list(struct call *call)
{
    struct page page = {.limit = LIMIT_DEFAULT};
    struct filter filter;
    if (filter_read(call, &filter) && read_number(call, "limit", 1, LIMIT_MAX, &page.limit) &&
        read_number(call, "offset", 0, INT64_MAX, &page.offset) && read_order(call, &page) &&
        read_cursor(call, &page, &filter))
        list(call, &page, &filter);
    filter_release(&filter);
}

static void count(struct call *call, const struct filter *filter)
{
    struct err err;
    struct sql_query *query = filter_query(filter, store_sql(call->desk->store),
                                           "SELECT count(*) FROM users u", "", &err);
    if (query && sql_step(query, &err) > 0)
        clerk_write_count(sql_int(query, 0), call_answer(call, 200));
    else
        call_broken(call, &err);
    sql_finish(query);
}

void users_count(struct call *call)
{
    struct filter filter;
    if (filter_read(call, &filter))
        count(call, &filter);
    filter_release(&filter);
}
