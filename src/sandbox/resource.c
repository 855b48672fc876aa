#include "sandbox/resource.h"

#include <stdio.h>
#include <string.h>

static struct body_field body_field_of(const struct resource_field *field)
{
    return (struct body_field){field->name,
                               field->kind,
                               .needed = (field->ways & RESOURCE_NEEDED) == RESOURCE_NEEDED,
                               .choices = field->choices,
                               .min = field->min,
                               .max = field->max};
}

/* Whether each member of the body is a field that may be given here, of the right kind. */
static bool check_body(struct call *call, const struct resource *resource, struct json_value body,
                       bool update)
{
    union {
        struct text text;
        struct user_texts texts;
        int64_t number;
        bool flag;
    } ignored;
    int way = update ? RESOURCE_CHANGED : RESOURCE_GIVEN;
    for (struct json_walk walk = json_walk(body); json_next(&walk);) {
        size_t at = 0;
        while (at < resource->count && !(resource->fields[at].ways & way &&
                                         text_same(text_of(resource->fields[at].name), walk.key)))
            at++;
        if (at == resource->count)
            return body_unknown(call, walk.key);
        struct body_field field = body_field_of(&resource->fields[at]);
        if (!body_read_value(call, &field, walk.value, &ignored))
            return false;
    }
    return true;
}

static bool is_given(struct json_value value)
{
    return json_type(value) != JSON_ABSENT && json_type(value) != JSON_NULL;
}

/* Appends what a field holds from now on: as given, as it was, or its preset. */
static bool compose_field(struct call *call, const struct resource_field *field,
                          struct json_value given, struct json_value before, struct json_out *out)
{
    if (json_type(given) == JSON_ABSENT && json_type(before) == JSON_ABSENT &&
        (field->ways & RESOURCE_NEEDED) == RESOURCE_NEEDED)
        return call_fail(call, CLERK_form_param_missing, field->name, "`%s` is missing.",
                         field->name);
    json_key(out, text_of(field->name));
    if (is_given(given))
        json_put_value(out, given);
    else if (json_type(given) == JSON_ABSENT && json_type(before) != JSON_ABSENT)
        json_put_value(out, before);
    else
        json_put_raw(out, text_of(field->preset ? field->preset : "null"));
    return true;
}

/* Composes the doc of what a body makes of the entry. */
static bool compose(struct call *call, const struct resource *resource, struct json_value body,
                    const struct entry *old, struct entry *entry)
{
    struct buf *scratch = &call->desk->scratch;
    struct json_value before = {0};
    if (old && !resource_doc(call, old, &before))
        return false;
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    json_open(&out, '{');
    for (size_t i = 0; i < resource->count; i++) {
        struct text name = text_of(resource->fields[i].name);
        if (!compose_field(call, &resource->fields[i], json_get(body, name), json_get(before, name),
                           &out))
            return false;
    }
    json_close(&out, '}');
    entry->doc =
        buf_ok(scratch) ? arena_copy(call->arena, buf_text(scratch)) : (struct text){NULL, 0};
    return entry->doc.at || call_fail(call, CLERK_request_body_too_large, NULL,
                                      "The %s is too large.", resource->what);
}

struct text resource_fold(struct arena *arena, struct text t)
{
    struct text copy = arena_copy(arena, t);
    char *at = (char *)(uintptr_t)copy.at;
    for (size_t i = 0; at && i < copy.len; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] |= 0x20;
    return copy;
}

bool resource_doc(struct call *call, const struct entry *entry, struct json_value *doc)
{
    struct err err;
    return json_parse(call->desk->json, entry->doc, doc, &err) == 0 || call_broken(call, &err);
}

bool resource_read(struct call *call, const struct resource *resource, struct json_value body,
                   struct text owner, const struct entry *old, struct entry *entry)
{
    struct json_value doc;
    *entry = old ? *old
                 : (struct entry){.kind = resource->kind,
                                  .id = call_new_id(call, resource->prefix),
                                  .owner = owner,
                                  .created_at = call->now_ms,
                                  .expires_at = USER_UNSET};
    entry->updated_at = call->now_ms;
    if (json_type(body) != JSON_OBJECT && json_type(body) != JSON_ABSENT)
        return call_fail(call, CLERK_request_body_invalid, NULL, "The body must be an object.");
    if (!check_body(call, resource, body, old != NULL) ||
        !compose(call, resource, body, old, entry) || !resource_doc(call, entry, &doc))
        return false;
    if (resource->name)
        entry->name = arena_copy(call->arena, json_text(json_get(doc, text_of(resource->name))));
    if (resource->unique)
        entry->claim = resource_fold(call->arena, entry->name);
    return !resource->check || resource->check(call, old, entry, doc);
}

static bool check_kept(struct call *call, const struct resource *resource, enum store_answer answer,
                       const struct err *err)
{
    if (answer == STORE_TAKEN)
        return call_fail(call, resource->taken, resource->name, "There already is such a %s.",
                         resource->what);
    return call_check(call, answer, err);
}

bool resource_keep(struct call *call, const struct resource *resource, const struct entry *entry)
{
    struct err err;
    return check_kept(call, resource, entry_add(call->desk->store, entry, &err), &err);
}

bool resource_put(struct call *call, const struct resource *resource, struct entry *entry)
{
    struct err err;
    entry->updated_at = call->now_ms;
    return check_kept(call, resource, entry_put(call->desk->store, entry, &err), &err);
}

bool resource_get(struct call *call, const struct resource *resource, struct text owner,
                  struct text id, struct entry *entry)
{
    struct err err;
    enum store_answer answer =
        entry_get(call->desk->store, resource->kind, id, call->arena, entry, &err);
    if (answer == STORE_NONE || (answer == STORE_OK && owner.at && !text_same(owner, entry->owner)))
        return call_not_found(call, resource->what, id);
    return call_check(call, answer, &err);
}

bool resource_get_path(struct call *call, const struct resource *resource, struct entry *entry)
{
    return resource_get(call, resource, (struct text){NULL, 0}, call->ids[0], entry);
}

bool resource_check_room(struct call *call, const struct resource *resource, struct text owner,
                         int64_t max, enum clerk_code code)
{
    struct err err;
    int64_t count;
    if (entry_count(call->desk->store, resource->kind, owner, (struct text){NULL, 0}, &count,
                    &err) != 0)
        return call_broken(call, &err);
    return count < max || call_fail(call, code, NULL, "There may be %lld of the kind %s at most.",
                                    (long long)max, resource->what);
}

bool resource_set(struct call *call, struct entry *entry, const char *member, struct text json)
{
    struct buf *scratch = &call->desk->scratch;
    struct json_value doc;
    if (!resource_doc(call, entry, &doc))
        return false;
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    json_open(&out, '{');
    for (struct json_walk walk = json_walk(doc); json_next(&walk);) {
        if (text_same(walk.key, text_of(member)))
            continue;
        json_key(&out, walk.key);
        json_put_value(&out, walk.value);
    }
    if (json.at) {
        json_key(&out, text_of(member));
        json_put_raw(&out, json);
    }
    json_close(&out, '}');
    entry->doc = arena_copy(call->arena, buf_text(scratch));
    return (buf_ok(scratch) && entry->doc.at) ||
           call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

bool resource_write(struct call *call, const struct resource *resource, const struct entry *entry,
                    struct buf *to)
{
    struct json_out out = json_out(to);
    struct json_value doc;
    if (!resource_doc(call, entry, &doc))
        return false;
    json_open(&out, '{');
    json_key(&out, TEXT("object"));
    json_put_text(&out, text_of(resource->object));
    json_key(&out, TEXT("id"));
    json_put_text(&out, entry->id);
    for (size_t i = 0; i < resource->count; i++) {
        if (!(resource->fields[i].ways & RESOURCE_SHOWN))
            continue;
        json_key(&out, text_of(resource->fields[i].name));
        json_put_value(&out, json_get(doc, text_of(resource->fields[i].name)));
    }
    if (resource->write && !resource->write(call, entry, doc, &out))
        return false;
    if (!resource->no_times) {
        json_key(&out, TEXT("created_at"));
        json_put_int(&out, entry->created_at);
        json_key(&out, TEXT("updated_at"));
        json_put_int(&out, entry->updated_at);
    }
    json_close(&out, '}');
    return true;
}

bool resource_show(struct call *call, const struct resource *resource, const struct entry *entry)
{
    return resource_write(call, resource, entry, call_answer(call, 200));
}

/* Tells of the answer. */
static bool tell(struct call *call, const struct resource *resource, size_t offset)
{
    if (!resource->events)
        return true;
    const char *events = (const char *)resource->events;
    return event_put_answer(call, *(const enum event_kind *)(events + offset));
}

bool resource_create(struct call *call, const struct resource *resource, struct text owner)
{
    struct entry entry;
    return resource_read(call, resource, call->body, owner, NULL, &entry) &&
           resource_keep(call, resource, &entry) && resource_show(call, resource, &entry) &&
           tell(call, resource, offsetof(struct resource_events, created));
}

bool resource_update(struct call *call, const struct resource *resource, const struct entry *old)
{
    struct entry entry;
    return resource_read(call, resource, call->body, old->owner, old, &entry) &&
           resource_put(call, resource, &entry) && resource_show(call, resource, &entry) &&
           tell(call, resource, offsetof(struct resource_events, updated));
}

bool resource_delete(struct call *call, const struct resource *resource, const struct entry *entry)
{
    struct err err;
    if (!call_check(call, entry_delete(call->desk->store, entry, &err), &err))
        return false;
    clerk_write_deleted(resource->object, entry->id, (struct text){NULL, 0},
                        call_answer(call, 200));
    return tell(call, resource, offsetof(struct resource_events, deleted));
}
