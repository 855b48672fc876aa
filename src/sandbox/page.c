#include "sandbox/page.h"

#include "sandbox/paging.h"

bool page_open(struct call *call, size_t total, struct page *page)
{
    struct paging part;
    if (!paging_read(call, NULL, 0, &part) || !paging_flag(call, "paginated", &page->paginated))
        return false;
    size_t limit = (size_t)part.limit, offset = (size_t)part.offset;
    page->from = offset < total ? offset : total;
    page->to = total - page->from > limit ? page->from + limit : total;
    page->total = total;
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
