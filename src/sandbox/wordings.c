/*
 * /v1/templates: the wording of emails and text messages, as an application sees and changes it. What was never
 * changed is not stored.
 */
#include "sandbox/page.h"
#include "sandbox/routes.h"
#include "sandbox/wording.h"

static const struct resource_field fields[] = {
    {"name", BODY_TEXT, RESOURCE_CHANGED | RESOURCE_SHOWN, .min = 1, .max = 256},
    {"subject", BODY_TEXT, RESOURCE_CHANGED | RESOURCE_SHOWN, .max = 1024},
    {"markup", BODY_TEXT, RESOURCE_CHANGED | RESOURCE_SHOWN, .preset = "\"\"", .max = 100000},
    {"body", BODY_TEXT, RESOURCE_CHANGED | RESOURCE_SHOWN, .min = 1, .max = 50000},
    {"delivered_by_clerk", BODY_BOOL, RESOURCE_CHANGED | RESOURCE_SHOWN, .preset = "true"},
    {"from_email_name", BODY_TEXT, RESOURCE_CHANGED | RESOURCE_SHOWN, .preset = "\"\"", .max = 64},
    {"reply_to_email_name", BODY_TEXT, RESOURCE_CHANGED | RESOURCE_SHOWN, .preset = "\"\"",
     .max = 64},
};

static const struct wording *wording_of(const struct entry *entry)
{
    return wording_find(text_starts(entry->claim, TEXT("sms/")), entry->name);
}

static void put_names(struct json_out *out, const char *key, const char *more, const char *names)
{
    struct text rest = text_of(names), name;
    json_key(out, text_of(key));
    json_open(out, '[');
    if (more)
        json_put_text(out, text_of(more));
    while (text_field(&rest, '|', &name))
        if (name.len > 0)
            json_put_text(out, name);
    json_close(out, ']');
}

static bool write(struct call *call, const struct entry *entry, struct json_value doc,
                  struct json_out *out)
{
    const struct wording *wording = wording_of(entry);
    bool own = !text_starts(entry->id, TEXT(WORDING_DEFAULT));
    (void)doc;
    json_field_text(out, "instance_id",
                    own ? text_of(call->desk->instance->id) : (struct text){NULL, 0});
    json_field_text(out, "resource_type", own ? TEXT("user") : TEXT("system"));
    json_field_text(out, "template_type", wording->sms ? TEXT("sms") : TEXT("email"));
    json_field_text(out, "slug", text_of(wording->slug));
    json_field_int(out, "position", wording - wordings);
    json_field_bool(out, "can_revert", own);
    json_field_bool(out, "can_delete", false);
    json_field_bool(out, "can_edit_body", true);
    json_field_bool(out, "can_toggle", false);
    put_names(out, "available_variables", "app.name", wording->variables);
    put_names(out, "required_variables", NULL, wording->required);
    json_field_bool(out, "enabled", true);
    json_field_bool(out, "flagged_as_suspicious", false);
    return true;
}

static bool check_text(struct call *call, const char *param, struct json_value value)
{
    return json_type(value) != JSON_STRING || wording_is_well_formed(json_text(value)) ||
           call_fail(call, CLERK_invalid_template_body, param, "A {{ has no }}.");
}

static bool check_required(struct call *call, const struct wording *wording, struct text body)
{
    struct text rest = text_of(wording->required), name;
    while (text_field(&rest, '|', &name))
        if (name.len > 0 && !wording_uses(body, name))
            return call_fail(call, CLERK_required_variable_missing, "body",
                             "The body must have {{%.*s}}.", TEXT_ARG(name));
    return true;
}

static bool check(struct call *call, const struct entry *old, struct entry *entry,
                  struct json_value doc)
{
    struct json_value subject = json_get(doc, TEXT("subject"));
    (void)old;
    if (wording_of(entry)->sms && json_type(subject) != JSON_NULL)
        return call_fail(call, CLERK_form_conditional_param_disallowed, "subject",
                         "A text message has no subject.");
    return check_text(call, "subject", subject) &&
           check_text(call, "body", json_get(doc, TEXT("body"))) &&
           check_required(call, wording_of(entry), json_text(json_get(doc, TEXT("body"))));
}

static const struct resource template_resource = {
    .kind = ENTRY_TEMPLATE,
    .object = "template",
    .what = "template",
    .prefix = "tmpl_",
    .fields = fields,
    .count = ARRAY_COUNT(fields),
    .taken = CLERK_form_already_exists,
    .check = check,
    .write = write,
};

/* ---- which one ---- */

static bool read_type(struct call *call, bool *sms)
{
    *sms = text_same(call->ids[0], TEXT("sms"));
    return *sms || text_same(call->ids[0], TEXT("email")) ||
           call_fail(call, CLERK_template_type_unsupported, NULL,
                     "A template's type is email or sms.");
}

static bool find(struct call *call, struct entry *entry, bool *own)
{
    bool sms;
    if (!read_type(call, &sms))
        return false;
    const struct wording *wording = wording_find(sms, call->ids[1]);
    return wording ? wording_entry(call, wording, entry, own)
                   : call_not_found(call, "template", call->ids[1]);
}

static bool put_one(struct call *call, const struct wording *wording, struct json_out *out)
{
    struct entry entry;
    bool own;
    json_put_raw(out, TEXT("")); /* a comma, where one is due */
    return wording_entry(call, wording, &entry, &own) &&
           resource_write(call, &template_resource, &entry, out->to);
}

void templates_list(struct call *call)
{
    const struct wording *found[16];
    size_t count = 0;
    struct page page;
    bool sms;
    if (!read_type(call, &sms))
        return;
    for (size_t i = 0; i < wording_count && count < ARRAY_COUNT(found); i++)
        if (wordings[i].sms == sms)
            found[count++] = &wordings[i];
    if (!page_open(call, count, &page))
        return;
    for (size_t i = page.from; i < page.to; i++)
        if (!put_one(call, found[i], &page.out))
            return;
    page_close(&page);
}

void templates_get(struct call *call)
{
    struct entry entry;
    bool own;
    if (find(call, &entry, &own))
        resource_show(call, &template_resource, &entry);
}

/* ---- changing one ---- */

/* Stores an entry, with an id if it was none of the application's own so far. */
static bool keep(struct call *call, struct entry *entry, bool own)
{
    if (own)
        return resource_put(call, &template_resource, entry);
    entry->id = call_new_id(call, template_resource.prefix);
    return resource_keep(call, &template_resource, entry);
}

void templates_update(struct call *call)
{
    struct entry old, entry;
    bool own;
    if (find(call, &old, &own) &&
        resource_read(call, &template_resource, call->body, (struct text){NULL, 0}, &old, &entry) &&
        keep(call, &entry, own))
        resource_show(call, &template_resource, &entry);
}

void templates_revert(struct call *call)
{
    struct entry entry;
    struct err err;
    bool own;
    if (!find(call, &entry, &own))
        return;
    if (!own)
        call_fail(call, CLERK_template_revert_error, NULL, "The template was never changed.");
    else if (call_check(call, entry_delete(call->desk->store, &entry, &err), &err))
        templates_get(call);
}

void templates_toggle_delivery(struct call *call)
{
    static const struct body_field body[] = {
        {"delivered_by_clerk", BODY_BOOL, .offset = 0, .needed = true}};
    struct entry entry;
    bool own, delivered = true;
    uint64_t given;
    if (find(call, &entry, &own) && body_read(call, body, ARRAY_COUNT(body), &delivered, &given) &&
        resource_set(call, &entry, "delivered_by_clerk",
                     delivered ? TEXT("true") : TEXT("false")) &&
        keep(call, &entry, own))
        resource_show(call, &template_resource, &entry);
}

/* ---- the preview ---- */

static bool preview(struct call *call, const struct entry *entry, struct text from,
                    struct text reply)
{
    const struct wording_value examples[] = {{"otp_code", TEXT("123456")},
                                             {"action_url", TEXT("https://example.com/action")},
                                             {"org.name", TEXT("Example organization")}};
    struct text host = text_of(call->desk->instance->frontend_host), subject, body;
    struct json_value doc;
    if (!resource_doc(call, entry, &doc) ||
        !wording_render(call, json_text(json_get(doc, TEXT("subject"))), examples,
                        ARRAY_COUNT(examples), &subject) ||
        !wording_render(call, json_text(json_get(doc, TEXT("body"))), examples,
                        ARRAY_COUNT(examples), &body))
        return false;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "subject", subject);
    json_field_text(&out, "body", body);
    if (!wording_of(entry)->sms) {
        json_field_text(&out, "from_email_address",
                        arena_printf(call->arena, "%.*s@%.*s", TEXT_ARG(from), TEXT_ARG(host)));
        json_field_text(
            &out, "reply_to_email_address",
            reply.len > 0 ? arena_printf(call->arena, "%.*s@%.*s", TEXT_ARG(reply), TEXT_ARG(host))
                          : (struct text){NULL, 0});
    }
    json_close(&out, '}');
    return true;
}

/* The texts of the body over those that hold, as an update would have it. */
void templates_preview(struct call *call)
{
    struct entry old, entry;
    struct json_value doc;
    bool own;
    if (!find(call, &old, &own))
        return;
    for (struct json_walk walk = json_walk(call->body); json_next(&walk);)
        if (!body_is_choice("subject|body|from_email_name|reply_to_email_name", walk.key)) {
            body_unknown(call, walk.key);
            return;
        }
    if (!resource_read(call, &template_resource, call->body, (struct text){NULL, 0}, &old,
                       &entry) ||
        !resource_doc(call, &entry, &doc))
        return;
    struct text from = arena_copy(call->arena, json_text(json_get(doc, TEXT("from_email_name"))));
    struct text reply =
        arena_copy(call->arena, json_text(json_get(doc, TEXT("reply_to_email_name"))));
    preview(call, &entry, from, reply);
}
