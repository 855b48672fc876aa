/* GET /users and GET /users/count. */
#include <stdio.h>
#include <string.h>

#include "sandbox/filter.h"
#include "sandbox/paging.h"
#include "sandbox/routes.h"

#define TIE "u.seq"

static const struct paging_order orders[] = {
    {"created_at", "u.created_at"},
    {"updated_at", "u.updated_at"},
    {"email_address", "u.primary_email_value COLLATE NOCASE"},
    {"phone_number", "u.primary_phone_value"},
    {"web3wallet", "u.seq"}, /* nobody has one: the tie decides */
    {"first_name", "u.first_name COLLATE NOCASE"},
    {"last_name", "u.last_name COLLATE NOCASE"},
    {"username", "u.username COLLATE NOCASE"},
    {"last_active_at", "u.last_active_at"},
    {"last_sign_in_at", "u.last_sign_in_at"},
};

/*
 * The users behind that one are those of its creation time that come later, then those of later times: two ranges of
 * the index, as SQLite takes (a, b) > (x, y) for a >= x and would walk over all of one time.
 */
struct cursor {
    bool given;
    int64_t created_at, seq;
};

static bool read_cursor(struct call *call, const struct paging *page, struct cursor *cursor)
{
    struct text id = call_param(call, TEXT("starting_after"));
    struct account last;
    struct err err;
    *cursor = (struct cursor){.given = id.at};
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
    cursor->created_at = last.clerk.user.created_at;
    cursor->seq = last.seq;
    return call_check(call, answer, &err);
}

/*
 * Without an index all users are sorted for each page; an index for each order would make every create dearer. So an
 * order gets its index when it is first asked for; of several sandboxes that ask at once on shared data, one makes it while
 * the others wait for their turn. Who has no value is first going up, which PostgreSQL's indexes must be told.
 */
static bool need_index(struct call *call, const struct paging_order *order)
{
    struct desk *desk = call->desk;
    uint32_t bit = UINT32_C(1) << (order - orders);
    char statement[256];
    struct err err;
    if (order == orders || strcmp(order->expression, TIE) == 0 || desk->indexed & bit)
        return true;
    snprintf(statement, sizeof(statement),
             "CREATE INDEX IF NOT EXISTS users_by_%s ON users (%s%s, seq)", order->name,
             order->expression + 2, store_is_shared(desk->store) ? " NULLS FIRST" : "");
    if (store_define(desk->store, statement, &err) != 0)
        return call_broken(call, &err);
    desk->indexed |= bit;
    return true;
}

/* Appends the rows to the list; *count goes up by them. Returns false after refusing. */
static bool write_rows(struct call *call, struct sql_query *query, int64_t *count)
{
    struct store *store = call->desk->store;
    struct buf *out = &call->request->out;
    struct account account;
    struct err err;
    int got;
    while ((got = sql_step(query, &err)) > 0) {
        if (account_read(store, query, call->now_ms, call->arena, &account, &err) != 0 ||
            account_fill(store, call->arena, &account, &err) != 0)
            return call_broken(call, &err);
        if ((*count)++ > 0)
            buf_byte(out, ',');
        clerk_write_user(&account.clerk, out);
    }
    return got == 0 || call_broken(call, &err);
}

/* Appends what the filter lets through, as the page wants it. Returns false after refusing. */
static bool write_range(struct call *call, const struct paging *page, const struct filter *filter,
                        int64_t *count)
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
    own.limit -= *count;
    snprintf(head, sizeof(head), "SELECT %s FROM users u", account_columns);
    paging_tail(&own, TIE, tail);
    struct sql_query *query = filter_query(filter, sql, head, tail, &err);
    bool ok = query ? write_rows(call, query, count) : call_broken(call, &err);
    sql_finish(query);
    return ok;
}

static bool write_behind(struct call *call, const struct paging *page, const struct cursor *cursor,
                         bool same_time, int64_t *count)
{
    struct filter filter;
    char range[64];
    const char *way = page->down ? "<" : ">";
    bool ok = filter_read(call, &filter);
    if (same_time)
        snprintf(range, sizeof(range), "u.created_at = %%s AND u.seq %s %lld", way,
                 (long long)cursor->seq);
    else
        snprintf(range, sizeof(range), "u.created_at %s %%s", way);
    ok = ok &&
         filter_add(call, &filter, range, (struct filter_bind){.number = cursor->created_at}) &&
         write_range(call, page, &filter, count);
    filter_release(&filter);
    return ok;
}

static void list(struct call *call, const struct paging *page, const struct filter *filter,
                 const struct cursor *cursor)
{
    int64_t count = 0;
    buf_byte(call_answer(call, 200), '[');
    bool ok = cursor->given
                  ? write_behind(call, page, cursor, true, &count) &&
                        (count == page->limit || write_behind(call, page, cursor, false, &count))
                  : write_range(call, page, filter, &count);
    if (ok)
        buf_byte(&call->request->out, ']');
}

void users_list(struct call *call)
{
    struct paging page;
    struct filter filter;
    struct cursor cursor;
    if (filter_read(call, &filter) && paging_read(call, orders, ARRAY_COUNT(orders), &page) &&
        read_cursor(call, &page, &cursor) && need_index(call, page.order))
        list(call, &page, &filter, &cursor);
    filter_release(&filter);
}

/* Those of some time are counted in the index of its order. */
static bool need_moments(struct call *call)
{
    static const char *const ends[] = {"_before", "_after", "_since"};
    char param[64];
    for (size_t i = 0; i < ARRAY_COUNT(orders) * ARRAY_COUNT(ends); i++) {
        const struct paging_order *order = &orders[i / ARRAY_COUNT(ends)];
        snprintf(param, sizeof(param), "%s%s", order->name, ends[i % ARRAY_COUNT(ends)]);
        if (call_param(call, text_of(param)).at && !need_index(call, order))
            return false;
    }
    return true;
}

static bool count_found(struct call *call, const struct filter *filter, int64_t *count)
{
    struct err err;
    if (filter->where.len > 0)
        return filter_count(call, filter, "SELECT count(*) FROM users u", count);
    return account_count(call->desk->store, 0, count, &err) == 0 || call_broken(call, &err);
}

void users_count(struct call *call)
{
    struct filter filter;
    int64_t count;
    if (filter_read(call, &filter) && need_moments(call) && count_found(call, &filter, &count))
        clerk_write_count(count, call_answer(call, 200));
    filter_release(&filter);
}
