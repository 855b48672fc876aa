/*
 * Roles. A role's doc holds the ids of its permissions, so that renaming one changes nothing here; the answer
 * shows them whole. Memberships hold the role's key, which they are given anew when it changes.
 */
#include "sandbox/role_set.h"

#include <string.h>

#include "sandbox/org.h"
#include "sandbox/routes.h"

#define PERMISSIONS_MAX 100

static bool is_role_key(struct text key)
{
    if (!text_starts(key, TEXT("org:")) || key.len == 4)
        return false;
    for (size_t i = 4; i < key.len; i++)
        if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789_", key.at[i], 37))
            return false;
    return true;
}

/* Every permission of the list must be there. */
static bool check_permissions(struct call *call, const struct user_texts *ids)
{
    struct entry permission;
    struct err err;
    for (size_t i = 0; i < ids->count; i++) {
        enum store_answer answer = entry_get(call->desk->store, ENTRY_PERMISSION, ids->at[i],
                                             call->arena, &permission, &err);
        if (answer == STORE_NONE)
            return call_fail(call, CLERK_form_resource_not_found, "permissions",
                             "There is no permission with the id %.*s.",
                             TEXT_ARG(text_part(ids->at[i], 0, 64)));
        if (!call_check(call, answer, &err))
            return false;
    }
    return true;
}

/* A list of texts out of a doc, copied, since the doc goes with the next parse. */
static bool copy_texts(struct call *call, struct json_value list, struct user_texts *to)
{
    to->count = 0;
    to->at = call_alloc(call, (json_count(list) + 1) * sizeof(*to->at));
    for (struct json_walk walk = json_walk(list); to->at && json_next(&walk);)
        to->at[to->count++] = arena_copy(call->arena, json_text(walk.value));
    return to->at != NULL;
}

/* Whoever creates an organization must be able to run it. */
static bool check_creator(struct call *call, const struct entry *role, const struct user_texts *ids)
{
    const struct settings *settings = &call->desk->instance->settings;
    struct entry permission;
    struct err err;
    if (!text_same(role->claim, settings->org_creator_role))
        return true;
    for (size_t i = 0; i < ids->count; i++) {
        enum store_answer answer = entry_get(call->desk->store, ENTRY_PERMISSION, ids->at[i],
                                             call->arena, &permission, &err);
        if (answer == STORE_OK && text_same(permission.claim, TEXT(ROLE_ELEVATED)))
            return true;
        if (answer == STORE_FAILED)
            return call_broken(call, &err);
    }
    return call_fail(call, CLERK_organization_missing_creator_role_permissions, NULL,
                     "Whoever creates an organization gets this role, so it needs %s.",
                     ROLE_ELEVATED);
}

static bool check(struct call *call, const struct entry *old, struct entry *entry,
                  struct json_value doc)
{
    struct text key = arena_copy(call->arena, json_text(json_get(doc, TEXT("key"))));
    struct user_texts permissions;
    entry->name = arena_copy(call->arena, json_text(json_get(doc, TEXT("name"))));
    entry->claim = key;
    if (!is_role_key(key))
        return call_fail(call, CLERK_form_param_format_invalid, "key",
                         "A role's key is org: and lower-case letters, digits and underscores.");
    if (!copy_texts(call, json_get(doc, TEXT("permissions")), &permissions) ||
        !check_permissions(call, &permissions))
        return false;
    if (old)
        return check_creator(call, old, &permissions);
    return resource_check_room(call, &role_resource, (struct text){NULL, 0},
                               call->desk->instance->settings.org_max_allowed_roles,
                               CLERK_organization_instance_roles_quota_exceeded);
}

static bool write_permissions(struct call *call, const struct entry *entry, struct json_value doc,
                              struct json_out *out)
{
    struct user_texts ids;
    struct entry permission;
    struct err err;
    bool eligible = false;
    (void)entry;
    if (!copy_texts(call, json_get(doc, TEXT("permissions")), &ids))
        return false;
    json_key(out, TEXT("permissions"));
    json_open(out, '[');
    for (size_t i = 0; i < ids.count; i++) {
        enum store_answer answer = entry_get(call->desk->store, ENTRY_PERMISSION, ids.at[i],
                                             call->arena, &permission, &err);
        if (answer == STORE_NONE)
            continue;
        if (!call_check(call, answer, &err))
            return false;
        eligible = eligible || text_same(permission.claim, TEXT(ROLE_ELEVATED));
        if (out->comma)
            buf_byte(out->to, ',');
        if (!resource_write(call, &permission_resource, &permission, out->to))
            return false;
        out->comma = true;
    }
    json_close(out, ']');
    json_key(out, TEXT("is_creator_eligible"));
    json_put_bool(out, eligible);
    return true;
}

static const struct resource_field fields[] = {
    {"name", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_CHANGED | RESOURCE_SHOWN, .min = 1, .max = 256},
    {"key", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_CHANGED | RESOURCE_SHOWN, .min = 1, .max = 128},
    {"description", BODY_TEXT, RESOURCE_GIVEN | RESOURCE_CHANGED | RESOURCE_SHOWN, .preset = "\"\"",
     .max = 1024},
    {"permissions", BODY_TEXTS, RESOURCE_GIVEN | RESOURCE_CHANGED, .preset = "[]",
     .max = PERMISSIONS_MAX},
    {"include_in_initial_role_set", BODY_BOOL, RESOURCE_GIVEN, .preset = "true"},
};

static const struct resource_events events = {EVENT_role_created, EVENT_role_updated,
                                              EVENT_role_deleted};

const struct resource role_resource = {
    .kind = ENTRY_ROLE,
    .object = "role",
    .what = "role",
    .prefix = "role_",
    .fields = fields,
    .count = ARRAY_COUNT(fields),
    .name = "key",
    .unique = true,
    .taken = CLERK_form_identifier_exists,
    .filters = RESOURCE_BY_QUERY,
    .check = check,
    .write = write_permissions,
    .events = &events,
};

void roles_list(struct call *call)
{
    resource_list_keyed(call, &role_resource);
}

void roles_create(struct call *call)
{
    struct entry entry;
    struct json_value doc;
    if (!resource_read(call, &role_resource, call->body, (struct text){NULL, 0}, NULL, &entry) ||
        !call_mark(call) || !resource_keep(call, &role_resource, &entry) ||
        !resource_doc(call, &entry, &doc))
        return;
    if ((!json_true(json_get(doc, TEXT("include_in_initial_role_set"))) ||
         role_set_admit(call, entry.id)) &&
        resource_show(call, &role_resource, &entry))
        event_put_answer(call, EVENT_role_created);
}

void roles_get(struct call *call)
{
    struct entry entry;
    if (resource_get_path(call, &role_resource, &entry))
        resource_show(call, &role_resource, &entry);
}

/* Memberships and settings follow a role's new key. */
static bool rename_role(struct call *call, struct text from, struct text to)
{
    struct instance *instance = call->desk->instance;
    struct settings draft = instance->settings;
    struct err err;
    if (text_same(from, to))
        return true;
    if (text_same(draft.org_creator_role, from))
        draft.org_creator_role = to;
    if (text_same(draft.org_domains_default_role, from))
        draft.org_domains_default_role = to;
    if (membership_rename_role(call->desk->store, from, to, &err) != 0 ||
        settings_put(&instance->settings, call->desk->store, &draft, &err) != 0)
        return call_broken(call, &err);
    return true;
}

void roles_update(struct call *call)
{
    struct entry old, entry;
    if (!resource_get_path(call, &role_resource, &old) ||
        !resource_read(call, &role_resource, call->body, (struct text){NULL, 0}, &old, &entry) ||
        !call_mark(call) || !resource_put(call, &role_resource, &entry) ||
        !rename_role(call, old.claim, entry.claim) || !resource_show(call, &role_resource, &entry))
        return;
    event_put_answer(call, EVENT_role_updated);
}

/* Whether an invitation that can still be accepted gives the role. */
static bool is_in_invitations(struct call *call, const struct entry *role, bool *is)
{
    static const char statement[] = "SELECT 1 FROM entries WHERE kind = ?1 AND status = 'pending'"
                                    " AND expires_at > ?3 AND doc LIKE ?2 LIMIT 1";
    struct err err;
    struct text pattern = arena_printf(call->arena, "%%\"role_id\":\"%.*s\"%%", TEXT_ARG(role->id));
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_int(query, 1, ENTRY_ORG_INVITATION);
    sql_bind_text(query, 2, pattern);
    sql_bind_int(query, 3, call->now_ms);
    int got = sql_step(query, &err);
    *is = got > 0;
    sql_reset(query);
    return got >= 0 || call_broken(call, &err);
}

static bool check_unused(struct call *call, const struct entry *role)
{
    const struct settings *settings = &call->desk->instance->settings;
    struct err err;
    bool used;
    if (text_same(role->claim, settings->org_creator_role))
        return call_fail(call, CLERK_organization_role_default_creator_role, NULL,
                         "Whoever creates an organization gets this role.");
    if (text_same(role->claim, settings->org_domains_default_role))
        return call_fail(call, CLERK_organization_role_domain_default_role, NULL,
                         "Whoever joins by a domain gets this role.");
    if (membership_has_role(call->desk->store, role->claim, &used, &err) != 0)
        return call_broken(call, &err);
    if (used)
        return call_fail(call, CLERK_organization_role_assigned_members, NULL,
                         "Members have this role.");
    if (!is_in_invitations(call, role, &used))
        return false;
    return !used || call_fail(call, CLERK_organization_role_exists_in_invitations, NULL,
                              "Invitations give this role.");
}

void roles_delete(struct call *call)
{
    struct entry entry;
    if (resource_get_path(call, &role_resource, &entry) && check_unused(call, &entry))
        resource_delete(call, &role_resource, &entry);
}

/* Stores the role with these permissions and answers with it. */
static bool put_permissions(struct call *call, struct entry *entry, const struct user_texts *ids)
{
    struct buf json;
    buf_init(&json, 64 * 1024);
    struct json_out out = json_out(&json);
    json_open(&out, '[');
    for (size_t i = 0; i < ids->count; i++)
        json_put_text(&out, ids->at[i]);
    json_close(&out, ']');
    bool fine = check_creator(call, entry, ids) &&
                resource_set(call, entry, "permissions", buf_text(&json)) &&
                resource_put(call, &role_resource, entry) &&
                resource_show(call, &role_resource, entry) &&
                event_put_answer(call, EVENT_role_updated);
    buf_release(&json);
    return fine;
}

/* The role of the path, the ids of its permissions, and where among them the path's permission is. */
static bool find_both(struct call *call, struct entry *role, struct user_texts *ids, size_t *at)
{
    struct entry permission;
    struct json_value doc;
    if (!resource_get_path(call, &role_resource, role) ||
        !resource_get(call, &permission_resource, (struct text){NULL, 0}, call->ids[1],
                      &permission) ||
        !resource_doc(call, role, &doc) ||
        !copy_texts(call, json_get(doc, TEXT("permissions")), ids))
        return false;
    for (*at = 0; *at < ids->count; (*at)++)
        if (text_same(ids->at[*at], permission.id))
            break;
    return true;
}

void roles_assign(struct call *call)
{
    struct entry role;
    struct user_texts ids;
    size_t at;
    if (!find_both(call, &role, &ids, &at))
        return;
    if (at < ids.count) {
        call_fail(call, CLERK_organization_role_permission_association_exists, NULL,
                  "The role has this permission already.");
        return;
    }
    ids.at[ids.count++] = call->ids[1]; /* copy_texts left room for one more */
    put_permissions(call, &role, &ids);
}

void roles_unassign(struct call *call)
{
    struct entry role;
    struct user_texts ids;
    size_t at;
    if (!find_both(call, &role, &ids, &at))
        return;
    if (at == ids.count) {
        call_fail(call, CLERK_organization_role_permission_association_not_found, NULL,
                  "The role does not have this permission.");
        return;
    }
    ids.at[at] = ids.at[--ids.count];
    put_permissions(call, &role, &ids);
}

static bool fill(struct call *call, const struct entry *entry, struct role *role)
{
    struct user_texts ids;
    struct json_value doc;
    struct err err;
    if (!resource_doc(call, entry, &doc) ||
        !copy_texts(call, json_get(doc, TEXT("permissions")), &ids))
        return false;
    *role = (struct role){entry->id, entry->claim, entry->name, ids};
    role->permissions.count = 0;
    for (size_t i = 0; i < ids.count; i++) {
        struct entry permission;
        enum store_answer answer = entry_get(call->desk->store, ENTRY_PERMISSION, ids.at[i],
                                             call->arena, &permission, &err);
        if (answer == STORE_OK)
            role->permissions.at[role->permissions.count++] = permission.claim;
        else if (answer != STORE_NONE)
            return call_broken(call, &err);
    }
    return true;
}

enum store_answer role_get(struct call *call, struct text key, struct role *role, struct err *err)
{
    struct store *store = call->desk->store;
    struct entry entry;
    enum store_answer answer =
        text_starts(key, TEXT("role_"))
            ? entry_get(store, ENTRY_ROLE, key, call->arena, &entry, err)
            : entry_find(store, ENTRY_ROLE, (struct text){NULL, 0}, key, call->arena, &entry, err);
    if (answer != STORE_OK)
        return answer;
    if (fill(call, &entry, role))
        return STORE_OK;
    err_set(err, ERR_UNUSABLE, "a role cannot be read");
    return STORE_FAILED;
}

bool role_need(struct call *call, struct text key, const char *param, struct role *role)
{
    struct err err;
    enum store_answer answer = role_get(call, key, role, &err);
    if (answer == STORE_NONE)
        return call_fail(call, CLERK_form_resource_not_found, param, "There is no role %.*s.",
                         TEXT_ARG(text_part(key, 0, 64)));
    return call_check(call, answer, &err);
}

bool role_again(struct call *call, struct text key, struct role *role)
{
    struct err err;
    if (role->key.at && text_same(role->key, key))
        return true;
    enum store_answer answer = role_get(call, key, role, &err);
    if (answer == STORE_NONE)
        *role = (struct role){.key = key, .name = key};
    return answer == STORE_NONE || call_check(call, answer, &err);
}

bool role_has(const struct role *role, struct text permission)
{
    for (size_t i = 0; i < role->permissions.count; i++)
        if (text_same(role->permissions.at[i], permission))
            return true;
    return false;
}
