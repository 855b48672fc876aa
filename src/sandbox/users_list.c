/* GET /users and GET /users/count. */
#include <stdio.h>
#include <string.h>

#include "sandbox/filter.h"
#include "sandbox/paging.h"
#include "sandbox/routes.h"

static const struct paging_order orders[] = {
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

/* A cursor page: the users behind that one in the order of the list. */
static bool read_cursor(struct call *call, const struct paging *page, struct filter *filter)
{
    struct text id = call_param(call, TEXT("starting_after"));
    struct account last;
    struct err err;
    if (!id.at)
        return true;
    if (page->order != orders)
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

/*
 * Without an index all users are sorted for each page; an index for each order would make every create dearer. So an
 * order that is a column gets its index when it is first asked for.
 */
static bool need_index(struct call *call, const struct paging_order *order)
{
    struct desk *desk = call->desk;
    uint32_t bit = UINT32_C(1) << (order - orders);
    char statement[256];
    struct err err;
    if (order == orders || !text_starts(text_of(order->expression), TEXT("u.")) ||
        store_is_shared(desk->store) || desk->indexed & bit)
        return true;
    snprintf(statement, sizeof(statement),
             "CREATE INDEX IF NOT EXISTS users_by_%s ON users (%s, seq)", order->name,
             order->expression + 2);
    if (store_define(desk->store, statement, &err) != 0)
        return call_broken(call, &err);
    desk->indexed |= bit;
    return true;
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

static void list(struct call *call, const struct paging *page, const struct filter *filter)
{
    char head[2048], tail[PAGING_TAIL_MAX], order[256];
    struct err err;
    struct sql *sql = store_sql(call->desk->store);
    /* With a list of values SQLite had better sort the few that match than walk in order. */
    const char *plus = filter->selective && sql_kind(sql) == SQL_SQLITE ? "+" : "";
    struct paging_order sorted = {page->order->name, order};
    struct paging own = *page;
    snprintf(order, sizeof(order), "%s%s", plus, page->order->expression);
    own.order = &sorted;
    snprintf(head, sizeof(head), "SELECT %s FROM users u", account_columns);
    paging_tail(&own, "u.seq", tail);
    struct sql_query *query = filter_query(filter, sql, head, tail, &err);
    if (query)
        write_rows(call, query);
    else
        call_broken(call, &err);
    sql_finish(query);
}

void users_list(struct call *call)
{
    struct paging page;
    struct filter filter;
    if (filter_read(call, &filter) && paging_read(call, orders, ARRAY_COUNT(orders), &page) &&
        read_cursor(call, &page, &filter) && need_index(call, page.order))
        list(call, &page, &filter);
    filter_release(&filter);
}

void users_count(struct call *call)
{
    struct filter filter;
    int64_t count;
    if (filter_read(call, &filter) &&
        filter_count(call, &filter, "SELECT count(*) FROM users u", &count))
        clerk_write_count(count, call_answer(call, 200));
    filter_release(&filter);
}
