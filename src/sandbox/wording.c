#include "sandbox/wording.h"

#define TEXT_MAX 65536

const struct wording wordings[] = {
#define WORDING(...) {__VA_ARGS__},
    WORDINGS(WORDING)
#undef WORDING
};
const size_t wording_count = ARRAY_COUNT(wordings);

const struct wording *wording_find(bool sms, struct text slug)
{
    for (size_t i = 0; i < wording_count; i++)
        if (wordings[i].sms == sms && text_same(slug, text_of(wordings[i].slug)))
            return &wordings[i];
    return NULL;
}

/* ---- the texts that hold ---- */

static bool compose(struct call *call, const struct wording *wording, struct entry *entry)
{
    struct buf *scratch = &call->desk->scratch;
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    json_open(&out, '{');
    json_field_text(&out, "name", text_of(wording->name));
    json_field_text(&out, "subject", text_of(wording->subject));
    json_field_text(&out, "markup", TEXT(""));
    json_field_text(&out, "body", text_of(wording->body));
    json_field_bool(&out, "delivered_by_clerk", true);
    json_field_text(&out, "from_email_name", wording->sms ? TEXT("") : TEXT("notifications"));
    json_field_text(&out, "reply_to_email_name", TEXT(""));
    json_close(&out, '}');
    *entry = (struct entry){
        .kind = ENTRY_TEMPLATE,
        .id = arena_printf(call->arena, WORDING_DEFAULT "%s_%s", wording->sms ? "sms" : "email",
                           wording->slug),
        .name = text_of(wording->slug),
        .created_at = call->now_ms,
        .updated_at = call->now_ms,
        .expires_at = USER_UNSET,
        .claim = arena_printf(call->arena, "%s/%s", wording->sms ? "sms" : "email", wording->slug),
        .doc = arena_copy(call->arena, buf_text(scratch))};
    return (entry->id.at && entry->claim.at && entry->doc.at) ||
           call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

bool wording_entry(struct call *call, const struct wording *wording, struct entry *entry, bool *own)
{
    struct entry stored;
    struct err err;
    if (!compose(call, wording, entry))
        return false;
    enum store_answer got = entry_find(call->desk->store, ENTRY_TEMPLATE, (struct text){NULL, 0},
                                       entry->claim, call->arena, &stored, &err);
    *own = got == STORE_OK;
    if (*own)
        *entry = stored;
    return got != STORE_FAILED || call_broken(call, &err);
}

static struct text copy_member(struct call *call, struct json_value doc, const char *name)
{
    struct json_value value = json_get(doc, text_of(name));
    if (json_type(value) != JSON_STRING)
        return (struct text){NULL, 0};
    return arena_copy(call->arena, json_text(value));
}

bool wording_get(struct call *call, const struct wording *wording, struct wording_texts *texts)
{
    struct entry entry;
    struct json_value doc;
    bool own;
    if (!wording_entry(call, wording, &entry, &own) || !resource_doc(call, &entry, &doc))
        return false;
    *texts =
        (struct wording_texts){.subject = copy_member(call, doc, "subject"),
                               .body = copy_member(call, doc, "body"),
                               .from_name = copy_member(call, doc, "from_email_name"),
                               .reply_name = copy_member(call, doc, "reply_to_email_name"),
                               .delivered = json_true(json_get(doc, TEXT("delivered_by_clerk")))};
    return true;
}

/* ---- putting values in ---- */

/* Where "{{" or "}}" is next; the length of the text if nowhere. */
static size_t find_pair(struct text t, char c, size_t from)
{
    size_t at = text_find(t, c, from);
    while (at < t.len && (at + 1 == t.len || t.at[at + 1] != c))
        at = text_find(t, c, at + 1);
    return at < t.len ? at : t.len;
}

/*
 * Cuts off the text before the next {{name}}, and the name. Returns false at the end, with the rest in *before;
 * *broken tells that a {{ has no }}.
 */
static bool next_name(struct text *rest, struct text *before, struct text *name, bool *broken)
{
    size_t open = find_pair(*rest, '{', 0);
    size_t close = open < rest->len ? find_pair(*rest, '}', open + 2) : rest->len;
    *broken = open < rest->len && close == rest->len;
    *before = *broken ? *rest : text_part(*rest, 0, open);
    if (open == rest->len || *broken)
        return false;
    *name = text_trim(text_part(*rest, open + 2, close - open - 2));
    *rest = text_part(*rest, close + 2, rest->len);
    return true;
}

bool wording_is_well_formed(struct text source)
{
    struct text before, name;
    bool broken;
    while (next_name(&source, &before, &name, &broken))
        ;
    return !broken;
}

bool wording_uses(struct text source, struct text wanted)
{
    struct text before, name;
    bool broken;
    while (next_name(&source, &before, &name, &broken))
        if (text_same(name, wanted))
            return true;
    return false;
}

static struct text value_of(struct text name, struct text application,
                            const struct wording_value *values, size_t count)
{
    if (text_same(name, TEXT("app.name")))
        return application;
    for (size_t i = 0; i < count; i++)
        if (text_same(name, text_of(values[i].name)))
            return values[i].value;
    return (struct text){NULL, 0};
}

void wording_fill(struct text source, struct text application, const struct wording_value *values,
                  size_t count, struct buf *to)
{
    struct text before, name;
    bool broken;
    while (next_name(&source, &before, &name, &broken)) {
        buf_add(to, before);
        buf_add(to, value_of(name, application, values, count));
    }
    buf_add(to, before);
}

bool wording_render(struct call *call, struct text source, const struct wording_value *values,
                    size_t count, struct text *to)
{
    struct buf out;
    *to = (struct text){NULL, 0};
    if (!source.at)
        return true;
    buf_init(&out, TEXT_MAX);
    wording_fill(source, call->desk->instance->settings.application_name, values, count, &out);
    if (buf_ok(&out))
        *to = arena_copy(call->arena, buf_text(&out));
    buf_release(&out);
    return to->at ||
           call_fail(call, CLERK_form_param_exceeds_allowed_size, "body", "The text is too large.");
}
