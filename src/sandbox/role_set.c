#include "sandbox/role_set.h"

#include "sandbox/store_private.h"

static bool write_entry(struct call *call, const struct entry *entry, struct json_value doc,
                        struct json_out *out);

const struct resource role_set_resource = {
    .kind = ENTRY_ROLE_SET,
    .object = "role_set",
    .what = "role set",
    .prefix = "rset_",
    .name = "key",
    .taken = CLERK_form_identifier_exists,
    .filters = RESOURCE_BY_QUERY,
    .write = write_entry,
};

/* ---- the doc ---- */

static bool decode(struct call *call, const struct entry *entry, struct role_set *set)
{
    struct json_value doc;
    *set = (struct role_set){.entry = *entry};
    if (!resource_doc(call, entry, &doc))
        return false;
    set->description = json_text(json_get(doc, TEXT("description")));
    set->default_role = json_text(json_get(doc, TEXT("default_role")));
    set->creator_role = json_text(json_get(doc, TEXT("creator_role")));
    struct text *const texts[] = {&set->description, &set->default_role, &set->creator_role};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        if (texts[i]->at && !(*texts[i] = arena_copy(call->arena, *texts[i])).at)
            return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    set->roles.at = call_alloc(call, ROLE_SET_MAX * sizeof(*set->roles.at));
    if (!set->roles.at)
        return false;
    for (struct json_walk walk = json_walk(json_get(doc, TEXT("roles"))); json_next(&walk);)
        if (set->roles.count < ROLE_SET_MAX)
            set->roles.at[set->roles.count++] = arena_copy(call->arena, json_text(walk.value));
    return true;
}

static bool encode(struct call *call, struct role_set *set)
{
    struct buf *scratch = &call->desk->scratch;
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    json_open(&out, '{');
    json_field_text(&out, "description", set->description);
    json_key(&out, TEXT("roles"));
    json_open(&out, '[');
    for (size_t i = 0; i < set->roles.count; i++)
        json_put_text(&out, set->roles.at[i]);
    json_close(&out, ']');
    json_field_text(&out, "default_role", set->default_role);
    json_field_text(&out, "creator_role", set->creator_role);
    json_close(&out, '}');
    set->entry.doc = arena_copy(call->arena, buf_text(scratch));
    return (buf_ok(scratch) && set->entry.doc.at) ||
           call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

/* ---- finding ---- */

bool role_set_get(struct call *call, struct text key, const char *param, struct role_set *set)
{
    struct store *store = call->desk->store;
    struct entry entry;
    struct err err;
    enum store_answer answer =
        text_starts(key, TEXT(ROLE_SET_KEY))
            ? entry_find(store, ENTRY_ROLE_SET, (struct text){NULL, 0}, key, call->arena, &entry,
                         &err)
            : entry_get(store, ENTRY_ROLE_SET, key, call->arena, &entry, &err);
    if (answer == STORE_NONE && param)
        return call_fail(call, CLERK_form_resource_not_found, param, "There is no role set %.*s.",
                         TEXT_ARG(text_part(key, 0, 64)));
    if (answer == STORE_NONE)
        return call_not_found(call, role_set_resource.what, key);
    return call_check(call, answer, &err) && decode(call, &entry, set);
}

bool role_set_initial(struct call *call, struct text *key)
{
    static const char statement[] =
        "SELECT claim FROM entries WHERE kind = ?1 AND owner = '' AND status = 'initial' LIMIT 1";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_int(query, 1, ENTRY_ROLE_SET);
    int got = sql_step(query, &err);
    *key = got > 0 ? arena_copy(call->arena, sql_text(query, 0)) : (struct text){NULL, 0};
    sql_reset(query);
    return got >= 0 || call_broken(call, &err);
}

size_t role_set_index(const struct role_set *set, struct text id)
{
    size_t i = 0;
    while (i < set->roles.count && !text_same(set->roles.at[i], id))
        i++;
    return i;
}

bool role_set_role(struct call *call, struct text key, const char *param, struct text *id)
{
    struct role role;
    if (!role_need(call, key, param, &role))
        return false;
    *id = role.id;
    return true;
}

bool role_set_pick(struct call *call, const struct role_set *set, struct text key,
                   const char *param, struct text *id)
{
    return role_set_role(call, key, param, id) &&
           (role_set_index(set, *id) < set->roles.count ||
            call_fail(call, CLERK_form_param_value_invalid, param,
                      "`%s` must be a role of the set.", param));
}

bool role_set_check_creator(struct call *call, const struct role_set *set)
{
    struct role role;
    return role_need(call, set->creator_role, "creator_role_key", &role) &&
           (role_has(&role, TEXT(ROLE_ELEVATED)) ||
            call_fail(call, CLERK_organization_missing_creator_role_permissions, "creator_role_key",
                      "Whoever creates an organization needs %s.", ROLE_ELEVATED));
}

/* ---- storing ---- */

static bool demote_other(struct call *call, const struct role_set *set)
{
    static const char statement[] = "UPDATE entries SET status = 'custom' WHERE kind = ?1 AND"
                                    " status = 'initial' AND id <> ?2";
    struct err err;
    struct sql_query *query = store_writes(call->desk->store, statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_int(query, 1, ENTRY_ROLE_SET);
    sql_bind_text(query, 2, set->entry.id);
    return sql_run(query, &err) == 0 || call_broken(call, &err);
}

bool role_set_put(struct call *call, struct role_set *set, bool fresh)
{
    if (!encode(call, set) ||
        (text_same(set->entry.status, TEXT("initial")) && !demote_other(call, set)))
        return false;
    return fresh ? resource_keep(call, &role_set_resource, &set->entry)
                 : resource_put(call, &role_set_resource, &set->entry);
}

bool role_set_admit(struct call *call, struct text role_id)
{
    struct role_set set;
    struct text key;
    if (!role_set_initial(call, &key))
        return false;
    if (!key.at)
        return true;
    if (!role_set_get(call, key, NULL, &set))
        return false;
    if (set.roles.count == ROLE_SET_MAX || role_set_index(&set, role_id) < set.roles.count)
        return true;
    set.roles.at[set.roles.count++] = role_id;
    return role_set_put(call, &set, false);
}

/* ---- writing ---- */

/* Whether a member of an organization with the set has the role. */
static bool has_members(struct call *call, const struct role_set *set, struct text role, bool *has)
{
    static const char statement[] =
        "SELECT 1 FROM memberships m JOIN organizations o ON o.seq = m.org"
        " WHERE m.role = ?1 AND o.role_set_key = ?2 LIMIT 1";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_text(query, 1, role);
    sql_bind_text(query, 2, set->entry.claim);
    int got = sql_step(query, &err);
    *has = got > 0;
    sql_reset(query);
    return got >= 0 || call_broken(call, &err);
}

/* Counting the members of a role would read millions of them: whether there are any must do. */
static bool put_role(struct call *call, const struct role_set *set, const struct entry *role,
                     struct json_out *out)
{
    struct json_value doc;
    bool has = false;
    if (!has_members(call, set, role->claim, &has) || !resource_doc(call, role, &doc))
        return false;
    json_open(out, '{');
    json_field_text(out, "object", TEXT("role_set_item"));
    json_field_text(out, "id", role->id);
    json_field_text(out, "name", role->name);
    json_field_text(out, "key", role->claim);
    json_field_text(out, "description", json_text(json_get(doc, TEXT("description"))));
    json_field_raw(out, "members_count", TEXT("null"));
    json_field_bool(out, "has_members", has);
    json_field_int(out, "created_at", role->created_at);
    json_field_int(out, "updated_at", role->updated_at);
    json_close(out, '}');
    return true;
}

/* A role that is gone is left out of a list, and else null. */
static bool put_role_of(struct call *call, const struct role_set *set, struct text id, bool in_list,
                        struct json_out *out)
{
    struct entry role;
    struct err err;
    enum store_answer answer =
        entry_get(call->desk->store, ENTRY_ROLE, id, call->arena, &role, &err);
    if (answer == STORE_NONE && !in_list)
        json_put_null(out);
    return answer == STORE_NONE ||
           (call_check(call, answer, &err) && put_role(call, set, &role, out));
}

static bool put_members(struct call *call, const struct role_set *set, struct json_out *out)
{
    json_field_text(out, "name", set->entry.name);
    json_field_text(out, "key", set->entry.claim);
    json_field_text(out, "description", set->description);
    json_key(out, TEXT("roles"));
    json_open(out, '[');
    for (size_t i = 0; i < set->roles.count; i++)
        if (!put_role_of(call, set, set->roles.at[i], true, out))
            return false;
    json_close(out, ']');
    json_key(out, TEXT("default_role"));
    if (!put_role_of(call, set, set->default_role, false, out))
        return false;
    json_key(out, TEXT("creator_role"));
    if (!put_role_of(call, set, set->creator_role, false, out))
        return false;
    json_field_text(out, "type", set->entry.status);
    return true;
}

static bool write_entry(struct call *call, const struct entry *entry, struct json_value doc,
                        struct json_out *out)
{
    struct role_set set;
    (void)doc;
    return decode(call, entry, &set) && put_members(call, &set, out);
}

bool role_set_write(struct call *call, const struct role_set *set, struct buf *to)
{
    return resource_write(call, &role_set_resource, &set->entry, to);
}
