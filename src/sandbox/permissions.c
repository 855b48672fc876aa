/* Permissions of organizations' roles. Clerk's own begin with org:sys_ and stay as they are. */
#include <string.h>

#include "sandbox/role.h"
#include "sandbox/routes.h"

#define PART "abcdefghijklmnopqrstuvwxyz0123456789_"

/* "org:feature:action" */
static bool is_permission_key(struct text key)
{
    struct text rest = key, part;
    size_t parts = 0;
    for (; text_field(&rest, ':', &part); parts++) {
        if (part.len == 0 || (parts == 0 && !text_same(part, TEXT("org"))))
            return false;
        for (size_t i = 0; i < part.len; i++)
            if (!memchr(PART, part.at[i], sizeof(PART) - 1))
                return false;
    }
    return parts == 3;
}

static bool check(struct call *call, const struct entry *old, struct entry *entry,
                  struct json_value doc)
{
    (void)old;
    struct text key = json_text(json_get(doc, TEXT("key")));
    if (!is_permission_key(key))
        return call_fail(call, CLERK_form_param_format_invalid, "key",
                         "A permission's key is org:feature:action, lower-case.");
    if (text_starts(key, TEXT("org:sys_")))
        return call_fail(call, CLERK_form_param_value_invalid, "key",
                         "Keys that begin with org:sys_ are Clerk's own.");
    entry->name = arena_copy(call->arena, json_text(json_get(doc, TEXT("name"))));
    entry->claim = arena_copy(call->arena, key);
    return true;
}

static const struct resource_field fields[] = {
    {"name", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_CHANGED | RESOURCE_SHOWN, .min = 1, .max = 256},
    {"key", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_CHANGED | RESOURCE_SHOWN, .min = 1, .max = 128},
    {"description", BODY_TEXT, RESOURCE_GIVEN | RESOURCE_CHANGED | RESOURCE_SHOWN, .preset = "\"\"",
     .max = 1024},
    {"type", BODY_TEXT, RESOURCE_SHOWN, .preset = "\"user\""},
};

static const struct resource_events events = {EVENT_permission_created, EVENT_permission_updated,
                                              EVENT_permission_deleted};

const struct resource permission_resource = {
    .kind = ENTRY_PERMISSION,
    .object = "permission",
    .what = "permission",
    .prefix = "perm_",
    .fields = fields,
    .count = ARRAY_COUNT(fields),
    .name = "key",
    .unique = true,
    .taken = CLERK_form_identifier_exists,
    .filters = RESOURCE_BY_QUERY,
    .check = check,
    .events = &events,
};

/* One that may be changed. */
static bool find_own(struct call *call, struct entry *entry)
{
    if (!resource_get_path(call, &permission_resource, entry))
        return false;
    return !text_starts(entry->claim, TEXT("org:sys_")) ||
           call_fail(call, CLERK_organization_system_permission_not_modifiable, NULL,
                     "Clerk's own permissions stay as they are.");
}

void permissions_list(struct call *call)
{
    resource_list_keyed(call, &permission_resource);
}

void permissions_create(struct call *call)
{
    resource_create(call, &permission_resource, (struct text){NULL, 0});
}

void permissions_get(struct call *call)
{
    struct entry entry;
    if (resource_get_path(call, &permission_resource, &entry))
        resource_show(call, &permission_resource, &entry);
}

void permissions_update(struct call *call)
{
    struct entry entry;
    if (find_own(call, &entry))
        resource_update(call, &permission_resource, &entry);
}

void permissions_delete(struct call *call)
{
    struct entry entry;
    if (find_own(call, &entry))
        resource_delete(call, &permission_resource, &entry);
}
