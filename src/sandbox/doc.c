#include "sandbox/doc.h"

static const struct text *member(const void *content, const struct doc_member *at)
{
    return (const struct text *)((const char *)content + at->offset);
}

bool doc_encode(struct call *call, const struct doc_member *members, size_t count,
                const void *content, struct entry *entry)
{
    struct buf *scratch = &call->desk->scratch;
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    json_open(&out, '{');
    for (size_t i = 0; i < count; i++) {
        const struct text *value = member(content, &members[i]);
        if (members[i].json && value->at)
            json_field_raw(&out, members[i].name, *value);
        else
            json_field_text(&out, members[i].name, *value);
    }
    json_close(&out, '}');
    entry->doc =
        buf_ok(scratch) ? arena_copy(call->arena, buf_text(scratch)) : (struct text){NULL, 0};
    return entry->doc.at || call_fail(call, CLERK_request_body_too_large, NULL, "It is too large.");
}

static bool copy_value(struct call *call, struct json_value value, bool json, struct text *to)
{
    struct buf *scratch = &call->desk->scratch;
    struct text t = json_text(value);
    *to = (struct text){NULL, 0};
    if (json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL)
        return true;
    if (json) {
        buf_reset(scratch);
        json_write(value, scratch);
        t = buf_text(scratch);
    }
    *to = arena_copy(call->arena, t);
    return to->at || call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

bool doc_decode(struct call *call, const struct doc_member *members, size_t count,
                const struct entry *entry, void *content)
{
    struct json_value doc;
    struct err err;
    if (json_parse(call->desk->json, entry->doc, &doc, &err) != 0)
        return call_broken(call, &err);
    for (size_t i = 0; i < count; i++)
        if (!copy_value(call, json_get(doc, text_of(members[i].name)), members[i].json,
                        (struct text *)(uintptr_t)member(content, &members[i])))
            return false;
    return true;
}
