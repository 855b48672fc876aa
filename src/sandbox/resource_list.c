/* Lists of entries. A pending entry whose time is over counts as expired, in filters and in answers. */
#include <stdio.h>

#include "sandbox/front.h"
#include "sandbox/resource.h"

static const struct paging_order by_created_at[] = {{"created_at", "r.created_at"}};

struct text resource_status(const struct call *call, const struct entry *entry)
{
    bool over = entry->expires_at != USER_UNSET && entry->expires_at <= call->now_ms;
    return over && text_same(entry->status, TEXT("pending")) ? TEXT("expired") : entry->status;
}

/* Any of the statuses that the query names: they are words of the table, so they can stand in the statement. */
static bool add_status(struct call *call, struct filter *filter, const char *statuses)
{
    struct buf condition;
    bool given = false, fine = true;
    buf_init(&condition, 1024);
    buf_add(&condition, TEXT("CASE WHEN r.status = 'pending' AND r.expires_at <= %s THEN 'expired'"
                             " ELSE r.status END IN (''"));
    for (size_t i = 0; fine && i < call->query.count; i++) {
        struct text status = call->query.at[i].value;
        if (!text_same(call->query.at[i].name, TEXT("status")))
            continue;
        given = true;
        fine = body_is_choice(statuses, status) ||
               call_fail(call, CLERK_form_param_value_invalid, "status",
                         "`status` must be one of: %s.", statuses);
        buf_printf(&condition, ", '%.*s'", TEXT_ARG(status));
    }
    buf_byte(&condition, ')');
    if (fine && !buf_ok(&condition))
        fine = call_fail(call, CLERK_form_param_array_size_exceeded, "status",
                         "`status` has too many values.");
    if (fine && given)
        fine = filter_add(call, filter, buf_z(&condition),
                          (struct filter_bind){.number = call->now_ms});
    buf_release(&condition);
    return fine;
}

static bool add_query(struct call *call, struct filter *filter)
{
    struct text query = call_param(call, TEXT("query"));
    if (query.len == 0)
        return true;
    struct text pattern = filter_pattern(query, call->arena);
    if (!pattern.at)
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    /* The pattern of an id is the id itself between two %, its _ escaped. */
    return filter_add(call, filter,
                      "(lower(r.name) LIKE lower(%1$s) ESCAPE '\\'"
                      " OR lower(r.claim) LIKE lower(%1$s) ESCAPE '\\'"
                      " OR '%%' || replace(r.id, '_', '\\_') || '%%' = %1$s)",
                      (struct filter_bind){.t = pattern});
}

static bool read_filters(struct call *call, const struct resource *resource,
                         const struct resource_list *list, struct filter *filter)
{
    struct text email = call_param(call, TEXT("email_address"));
    if (!filter_add(call, filter, "r.kind = %s", (struct filter_bind){.number = resource->kind}))
        return false;
    if (!list->any_owner &&
        !filter_add(call, filter, "r.owner = %s",
                    (struct filter_bind){.t = list->owner.at ? list->owner : TEXT("")}))
        return false;
    if (resource->filters & RESOURCE_BY_STATUS && !add_status(call, filter, resource->statuses))
        return false;
    if (resource->filters & RESOURCE_BY_QUERY && !add_query(call, filter))
        return false;
    if (resource->filters & RESOURCE_BY_EMAIL && email.at &&
        !filter_add(call, filter, "lower(r.name) = lower(%s)", (struct filter_bind){.t = email}))
        return false;
    return !list->filter || list->filter(call, filter);
}

/* Rows are read before they are written, since writing one may ask the store for more. */
static bool read_rows(struct call *call, struct sql_query *query, struct entry *rows, size_t max,
                      size_t *count)
{
    struct err err;
    int got = 0;
    *count = 0;
    while (*count < max && (got = sql_step(query, &err)) > 0)
        if (entry_read(query, call->arena, &rows[(*count)++], &err) != 0)
            return call_broken(call, &err);
    return got >= 0 || call_broken(call, &err);
}

static bool write_rows(struct call *call, const struct resource *resource,
                       const struct resource_list *list, const struct entry *rows, size_t count,
                       bool paginated, int64_t total)
{
    struct json_out out = paginated ? resource_begin_list(call) : json_out(call_answer(call, 200));
    if (!paginated)
        json_open(&out, '[');
    for (size_t i = 0; i < count; i++) {
        json_put_raw(&out, TEXT("")); /* a comma, where one is due */
        if (!(list->write ? list->write : resource_write)(call, resource, &rows[i], out.to))
            return false;
    }
    if (paginated)
        resource_end_list(call, &out, total);
    else
        json_close(&out, ']');
    return true;
}

static bool answer(struct call *call, const struct resource *resource,
                   const struct resource_list *list, const struct filter *filter,
                   const struct paging *page)
{
    char head[256], tail[PAGING_TAIL_MAX];
    struct err err;
    size_t count = 0, max = (size_t)page->limit;
    int64_t total = 0;
    bool paginated;
    struct entry *rows = call_alloc(call, max * sizeof(*rows));
    snprintf(head, sizeof(head), "SELECT %s FROM entries r", entry_columns);
    paging_tail(page, "r.id", tail);
    if (!rows || !paging_flag(call, "paginated", &paginated))
        return false;
    paginated = paginated || !resource->array;
    if (paginated && !filter_count(call, filter, "SELECT count(*) FROM entries r", &total))
        return false;
    struct sql_query *query = filter_query(filter, store_sql(call->desk->store), head, tail, &err);
    bool fine = query ? read_rows(call, query, rows, max, &count) : call_broken(call, &err);
    sql_finish(query);
    return fine && write_rows(call, resource, list, rows, count, paginated, total);
}

bool resource_list(struct call *call, const struct resource *resource,
                   const struct resource_list *list)
{
    struct paging page;
    struct filter filter;
    bool own = list->orders != NULL;
    bool fine =
        filter_begin(call, &filter) &&
        paging_read(call, own ? list->orders : by_created_at, own ? list->order_count : 1, &page) &&
        read_filters(call, resource, list, &filter) && answer(call, resource, list, &filter, &page);
    filter_release(&filter);
    return fine;
}

bool resource_list_keyed(struct call *call, const struct resource *resource)
{
    static const struct paging_order orders[] = {
        {"created_at", "r.created_at"}, {"name", "r.name"}, {"key", "r.claim"}};
    return resource_list(
        call, resource,
        &(struct resource_list){.orders = orders, .order_count = ARRAY_COUNT(orders)});
}

struct json_out resource_begin_list(struct call *call)
{
    struct json_out out = call->front ? front_open(call) : json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("data"));
    json_open(&out, '[');
    return out;
}

void resource_end_list(struct call *call, struct json_out *out, int64_t total)
{
    json_close(out, ']');
    json_field_int(out, "total_count", total);
    json_close(out, '}');
    if (call->front)
        front_close(call, out);
}
