#include "sandbox/paging.h"

#include <stdio.h>
#include <string.h>

#define LIMIT_DEFAULT 10
#define LIMIT_MAX     500

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

static bool read_order(struct call *call, const struct paging_order *orders, size_t count,
                       struct paging *page)
{
    struct text value = call_param(call, TEXT("order_by"));
    page->order = orders;
    page->down = !value.at || text_starts(value, TEXT("-"));
    if (!value.at)
        return true;
    if (page->down || text_starts(value, TEXT("+")))
        value = text_part(value, 1, value.len);
    for (size_t i = 0; i < count; i++) {
        page->order = &orders[i];
        if (text_same(value, text_of(orders[i].name)))
            return true;
    }
    return call_fail(call, CLERK_form_param_value_invalid, "order_by",
                     "This list cannot be ordered by that.");
}

bool paging_read(struct call *call, const struct paging_order *orders, size_t count,
                 struct paging *page)
{
    *page = (struct paging){.limit = LIMIT_DEFAULT};
    return read_number(call, "limit", 1, LIMIT_MAX, &page->limit) &&
           read_number(call, "offset", 0, INT64_MAX, &page->offset) &&
           (count == 0 || read_order(call, orders, count, page));
}

void paging_tail(const struct paging *page, const char *tie, char to[PAGING_TAIL_MAX])
{
    const char *way = page->down ? "DESC" : "ASC";
    /* The creation time is never NULL, and its index is in the order that a database has by itself. */
    bool never = strcmp(page->order->name, "created_at") == 0;
    const char *nulls = never ? "" : page->down ? " NULLS LAST" : " NULLS FIRST";
    if (strcmp(page->order->expression, tie) == 0) {
        snprintf(to, PAGING_TAIL_MAX, " ORDER BY %s %s LIMIT %lld OFFSET %lld", tie, way,
                 (long long)page->limit, (long long)page->offset);
        return;
    }
    snprintf(to, PAGING_TAIL_MAX, " ORDER BY %s %s%s, %s %s LIMIT %lld OFFSET %lld",
             page->order->expression, way, nulls, tie, way, (long long)page->limit,
             (long long)page->offset);
}

bool paging_flag(struct call *call, const char *param, bool *to)
{
    struct text value = call_param(call, text_of(param));
    *to = text_same(value, TEXT("true"));
    return !value.at || *to || text_same(value, TEXT("false")) ||
           call_fail(call, CLERK_form_param_type_invalid, param, "`%s` must be true or false.",
                     param);
}
