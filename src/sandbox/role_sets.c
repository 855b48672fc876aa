/* Role sets as the Backend API makes, changes and lists them. */
#include <string.h>

#include "sandbox/role_set.h"
#include "sandbox/routes.h"
#include "sandbox/store_private.h"

struct form {
    struct text name, key, description, default_role_key, creator_role_key, type;
    struct user_texts roles;
};

#define ROW(member, kind) #member, BODY_##kind, .offset = offsetof(struct form, member)

static bool is_key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool check_key(struct call *call, struct text key)
{
    size_t start = sizeof(ROLE_SET_KEY) - 1, i = start;
    while (i < key.len && is_key_byte(key.at[i]))
        i++;
    return (text_starts(key, TEXT(ROLE_SET_KEY)) && key.len > start && i == key.len) ||
           call_fail(call, CLERK_form_param_format_invalid, "key",
                     "A role set's key is %s and lower-case letters, digits and underscores.",
                     ROLE_SET_KEY);
}

/* "Team leads" gives "role_set:team_leads". */
static struct text make_key(struct call *call, struct text name)
{
    struct text key =
        resource_fold(call->arena, arena_printf(call->arena, ROLE_SET_KEY "%.*s", TEXT_ARG(name)));
    char *at = (char *)(uintptr_t)key.at;
    for (size_t i = sizeof(ROLE_SET_KEY) - 1; i < key.len; i++)
        if (!is_key_byte(at[i]))
            at[i] = '_';
    return key;
}

/* Adds the roles of those keys. */
static bool add_roles(struct call *call, const struct user_texts *keys, const char *param,
                      struct role_set *set)
{
    struct text id;
    for (size_t i = 0; i < keys->count; i++) {
        if (!role_set_role(call, keys->at[i], param, &id))
            return false;
        if (role_set_index(set, id) < set->roles.count)
            return call_fail(call, CLERK_form_param_value_invalid, param,
                             "%.*s is in the set already.", TEXT_ARG(keys->at[i]));
        if (set->roles.count == ROLE_SET_MAX)
            return call_fail(call, CLERK_form_param_array_size_exceeded, param,
                             "A set has %d roles at most.", ROLE_SET_MAX);
        set->roles.at[set->roles.count++] = id;
    }
    return true;
}

/* The default and the creator's role, each if it is given. */
static bool pick_roles(struct call *call, const struct form *form, struct role_set *set)
{
    return (!form->default_role_key.at || role_set_pick(call, set, form->default_role_key,
                                                        "default_role_key", &set->default_role)) &&
           (!form->creator_role_key.at || role_set_pick(call, set, form->creator_role_key,
                                                        "creator_role_key", &set->creator_role)) &&
           role_set_check_creator(call, set);
}

void role_sets_create(struct call *call)
{
    static const struct body_field fields[] = {
        {ROW(name, TEXT), .needed = true, .min = 1, .max = 256},
        {ROW(key, TEXT), .max = 128},
        {ROW(description, TEXT), .max = 1024},
        {ROW(default_role_key, TEXT), .needed = true},
        {ROW(creator_role_key, TEXT), .needed = true},
        {ROW(type, TEXT), .choices = "initial|custom"},
        {ROW(roles, TEXTS), .needed = true, .min = 1, .max = ROLE_SET_MAX},
    };
    struct form form = {.key = {NULL, 0}};
    uint64_t given;
    if (!body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        (form.key.at && !check_key(call, form.key)))
        return;
    struct role_set set = {.entry = {.kind = ENTRY_ROLE_SET,
                                     .id = call_new_id(call, role_set_resource.prefix),
                                     .name = form.name,
                                     .claim = form.key.at ? form.key : make_key(call, form.name),
                                     .status = form.type.at ? form.type : TEXT("custom"),
                                     .created_at = call->now_ms,
                                     .updated_at = call->now_ms,
                                     .expires_at = USER_UNSET},
                           .description = form.description,
                           .roles = {call_alloc(call, ROLE_SET_MAX * sizeof(struct text)), 0}};
    if (set.roles.at && add_roles(call, &form.roles, "roles", &set) &&
        pick_roles(call, &form, &set) &&
        resource_check_room(call, &role_set_resource, (struct text){NULL, 0},
                            call->desk->instance->settings.org_max_role_sets_allowed,
                            CLERK_organization_instance_role_sets_quota_exceeded) &&
        call_mark(call) && role_set_put(call, &set, true))
        role_set_write(call, &set, call_answer(call, 200));
}

void role_sets_list(struct call *call)
{
    resource_list_keyed(call, &role_set_resource);
}

void role_sets_get(struct call *call)
{
    struct role_set set;
    if (role_set_get(call, call->ids[0], NULL, &set))
        role_set_write(call, &set, call_answer(call, 200));
}

/* Organizations follow a set's new key. */
static bool rename_set(struct call *call, struct text from, struct text to)
{
    static const char statement[] =
        "UPDATE organizations SET role_set_key = ?2 WHERE role_set_key = ?1";
    struct err err;
    if (text_same(from, to))
        return true;
    struct sql_query *query = store_writes(call->desk->store, statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_text(query, 1, from);
    sql_bind_text(query, 2, to);
    return sql_run(query, &err) == 0 || call_broken(call, &err);
}

static void apply(const struct form *form, bool description, struct role_set *set)
{
    if (form->name.at)
        set->entry.name = form->name;
    if (form->key.at)
        set->entry.claim = form->key;
    if (form->type.at)
        set->entry.status = form->type;
    if (description)
        set->description = form->description;
}

void role_sets_update(struct call *call)
{
    static const struct body_field fields[] = {
        {ROW(description, TEXT), .max = 1024},  {ROW(name, TEXT), .min = 1, .max = 256},
        {ROW(key, TEXT), .min = 1, .max = 128}, {ROW(type, TEXT), .choices = "initial"},
        {ROW(default_role_key, TEXT)},          {ROW(creator_role_key, TEXT)},
    };
    struct form form = {.key = {NULL, 0}};
    struct role_set set;
    uint64_t given;
    if (!role_set_get(call, call->ids[0], NULL, &set) ||
        !body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        (form.key.at && !check_key(call, form.key)) || !pick_roles(call, &form, &set))
        return;
    struct text before = set.entry.claim;
    apply(&form, given & 1, &set);
    if (call_mark(call) && role_set_put(call, &set, false) &&
        rename_set(call, before, set.entry.claim))
        role_set_write(call, &set, call_answer(call, 200));
}

void role_sets_add_roles(struct call *call)
{
    static const struct body_field fields[] = {
        {"role_keys", BODY_TEXTS, offsetof(struct form, roles), .needed = true, .min = 1,
         .max = ROLE_SET_MAX},
        {ROW(default_role_key, TEXT)},
        {ROW(creator_role_key, TEXT)},
    };
    struct form form = {.key = {NULL, 0}};
    struct role_set set;
    uint64_t given;
    if (role_set_get(call, call->ids[0], NULL, &set) &&
        body_read(call, fields, ARRAY_COUNT(fields), &form, &given) &&
        add_roles(call, &form.roles, "role_keys", &set) && pick_roles(call, &form, &set) &&
        role_set_put(call, &set, false))
        role_set_write(call, &set, call_answer(call, 200));
}
