#include "sandbox/page.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX     500

static bool read_number(struct call *call, const char *name, uint64_t min, uint64_t max,
                        size_t *number)
{
    struct text value = call_param(call, text_of(name));
    uint64_t read;
    if (!value.at)
        return true;
    if (!text_u64(value, max, &read) || read < min)
        return call_fail(call, CLERK_form_param_value_invalid, name,
                         "`%s` must be a number from %d to %d.", name, (int)min, (int)max);
    *number = read;
    return true;
}

bool page_open(struct call *call, size_t total, struct page *page)
{
    size_t limit = LIMIT_DEFAULT, offset = 0;
    if (!read_number(call, "limit", 1, LIMIT_MAX, &limit) ||
        !read_number(call, "offset", 0, INT32_MAX, &offset))
        return false;
    page->from = offset < total ? offset : total;
    page->to = total - page->from > limit ? page->from + limit : total;
    page->total = total;
    page->paginated = text_same(call_param(call, TEXT("paginated")), TEXT("true"));
    page->out = json_out(call_answer(call, 200));
    if (page->paginated) {
        json_open(&page->out, '{');
        json_key(&page->out, TEXT("data"));
    }
    json_open(&page->out, '[');
    return true;
}

void page_close(struct page *page)
{
    json_close(&page->out, ']');
    if (!page->paginated)
        return;
    json_field_int(&page->out, "total_count", (int64_t)page->total);
    json_close(&page->out, '}');
}
