/* Replacing a role in a set, or a set by another one: members get the roles that take the place of theirs. */
#include "sandbox/role_set.h"
#include "sandbox/routes.h"
#include "sandbox/store_private.h"

/* Runs a statement with up to three texts. */
static bool run(struct call *call, const char *statement, const struct text *texts, int count)
{
    struct err err;
    struct sql_query *query = store_writes(call->desk->store, statement, &err);
    if (!query)
        return call_broken(call, &err);
    for (int i = 0; i < count; i++)
        sql_bind_text(query, i + 1, texts[i]);
    return sql_run(query, &err) == 0 || call_broken(call, &err);
}

/* Gives every member of an organization with the set who has a role another one; both by key. */
static bool reassign(struct call *call, struct text set, struct text from, struct text to)
{
    const struct text texts[] = {from, to, set};
    return run(call,
               "UPDATE memberships SET role = ?2 WHERE role = ?1 AND org IN"
               " (SELECT seq FROM organizations WHERE role_set_key = ?3)",
               texts, 3);
}

void role_sets_replace_role(struct call *call)
{
    struct form {
        struct text role_key, to_role_key;
    } form = {{NULL, 0}, {NULL, 0}};
    static const struct body_field fields[] = {
        {"role_key", BODY_TEXT, offsetof(struct form, role_key), .needed = true},
        {"to_role_key", BODY_TEXT, offsetof(struct form, to_role_key), .needed = true},
    };
    struct role_set set;
    struct text from, to;
    uint64_t given;
    if (!role_set_get(call, call->ids[0], NULL, &set) ||
        !body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        !role_set_pick(call, &set, form.role_key, "role_key", &from) ||
        !role_set_pick(call, &set, form.to_role_key, "to_role_key", &to))
        return;
    if (text_same(from, to)) {
        call_fail(call, CLERK_form_param_value_invalid, "to_role_key",
                  "A role cannot be replaced by itself.");
        return;
    }
    set.roles.at[role_set_index(&set, from)] = set.roles.at[set.roles.count - 1];
    set.roles.count--;
    if (text_same(set.default_role, from))
        set.default_role = to;
    if (text_same(set.creator_role, from))
        set.creator_role = to;
    if (role_set_check_creator(call, &set) && call_mark(call) && role_set_put(call, &set, false) &&
        reassign(call, set.entry.claim, form.role_key, form.to_role_key))
        role_set_write(call, &set, call_answer(call, 200));
}

/* ---- a whole set ---- */

/* The keys of roles that members of organizations with the set have. */
static bool list_used(struct call *call, struct text set, struct user_texts *keys)
{
    static const char statement[] =
        "SELECT DISTINCT m.role FROM memberships m JOIN organizations o ON o.seq = m.org"
        " WHERE o.role_set_key = ?1";
    struct err err;
    size_t room = 256;
    int got = 0;
    *keys = (struct user_texts){call_alloc(call, room * sizeof(struct text)), 0};
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!keys->at || !query)
        return keys->at ? call_broken(call, &err) : false;
    sql_bind_text(query, 1, set);
    while (keys->count < room && (got = sql_step(query, &err)) > 0)
        keys->at[keys->count++] = arena_copy(call->arena, sql_text(query, 0));
    sql_reset(query);
    return got >= 0 || call_broken(call, &err);
}

/* Whether a role, by key, is in a set. */
static bool is_in(struct call *call, const struct role_set *set, struct text key, bool *is)
{
    struct role role;
    struct err err;
    enum store_answer answer = role_get(call, key, &role, &err);
    *is = answer == STORE_OK && role_set_index(set, role.id) < set->roles.count;
    return answer != STORE_FAILED || call_broken(call, &err);
}

/* What stands for a role in the other set: what the mappings say, or the role itself. */
static bool map_role(struct call *call, const struct role_set *other, struct text role,
                     struct json_value mappings, struct text *to)
{
    struct json_value given = json_get(mappings, role);
    bool is;
    *to = json_type(given) == JSON_STRING ? json_text(given) : role;
    if (!is_in(call, other, *to, &is))
        return false;
    if (!is && json_type(given) != JSON_ABSENT)
        return call_fail(call, CLERK_organization_role_set_reassignment_mappings_invalid,
                         "reassignment_mappings",
                         "%.*s is not mapped onto a role of the other set.",
                         TEXT_ARG(text_part(role, 0, 64)));
    return is || call_fail(call, CLERK_organization_role_set_reassignment_mappings_missing,
                           "reassignment_mappings",
                           "Members have the role %.*s, which the other set has not.",
                           TEXT_ARG(text_part(role, 0, 64)));
}

/* In two steps, as mappings may swap roles: no key begins with '>'. */
static bool move_roles(struct call *call, struct text set, const struct user_texts *from,
                       const struct text *to)
{
    for (int step = 0; step < 2; step++)
        for (size_t i = 0; i < from->count; i++) {
            struct text between = arena_printf(call->arena, ">%.*s", TEXT_ARG(to[i]));
            if (!between.at)
                return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
            if (!reassign(call, set, step ? between : from->at[i], step ? to[i] : between))
                return false;
        }
    return true;
}

static bool move_all(struct call *call, const struct role_set *set, const struct role_set *other,
                     struct json_value mappings)
{
    const struct text texts[] = {set->entry.claim, other->entry.claim};
    struct user_texts used;
    if (!list_used(call, set->entry.claim, &used))
        return false;
    struct text *to = call_alloc(call, (used.count + 1) * sizeof(*to));
    for (size_t i = 0; to && i < used.count; i++)
        if (!map_role(call, other, used.at[i], mappings, &to[i]))
            return false;
    return to && move_roles(call, set->entry.claim, &used, to) &&
           run(call, "UPDATE organizations SET role_set_key = ?2 WHERE role_set_key = ?1", texts,
               2);
}

void role_sets_replace(struct call *call)
{
    struct form {
        struct text dest_role_set_key, mappings;
    } form = {{NULL, 0}, {NULL, 0}};
    static const struct body_field fields[] = {
        {"dest_role_set_key", BODY_TEXT, offsetof(struct form, dest_role_set_key), .needed = true},
        {"reassignment_mappings", BODY_OBJECT, .offset = offsetof(struct form, mappings)},
    };
    struct role_set set, other;
    uint64_t given;
    if (!role_set_get(call, call->ids[0], NULL, &set) ||
        !body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        !role_set_get(call, form.dest_role_set_key, "dest_role_set_key", &other))
        return;
    if (text_same(set.entry.id, other.entry.id))
        call_fail(call, CLERK_form_param_value_invalid, "dest_role_set_key",
                  "A set cannot be replaced by itself.");
    else if (text_same(set.entry.status, TEXT("initial")))
        call_fail(call, CLERK_cannot_delete_initial_role_set, NULL,
                  "New organizations get this set; make another one initial first.");
    else if (call_mark(call) &&
             move_all(call, &set, &other, json_get(call->body, TEXT("reassignment_mappings"))))
        resource_delete(call, &role_set_resource, &set.entry);
}
