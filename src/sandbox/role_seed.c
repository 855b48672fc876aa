/* The roles and permissions that Clerk brings along, made when the data are new. */
#include <stdio.h>

#include "sandbox/role_set.h"
#include "sandbox/store_private.h"

static const struct {
    const char *key, *name;
    bool member; /* members have it too, not admins alone */
} own_permissions[] = {
    {"org:sys_profile:manage", "Manage organization", false},
    {"org:sys_profile:delete", "Delete organization", false},
    {"org:sys_memberships:read", "Read members", true},
    {"org:sys_memberships:manage", "Manage members", false},
    {"org:sys_domains:read", "Read domains", false},
    {"org:sys_domains:manage", "Manage domains", false},
    {"org:sys_billing:read", "Read billing", true},
    {"org:sys_billing:manage", "Manage billing", false},
};

/* Adds one of Clerk's own; doc is what stands behind its name and key. */
static int seed(struct store *store, struct clerk_ids *ids, int64_t now_ms,
                const struct resource *resource, const char *name, const char *key,
                const struct buf *rest, char id[CLERK_ID_MAX], struct err *err)
{
    struct buf doc;
    buf_init(&doc, 64 * 1024);
    clerk_id_new(ids, resource->prefix, now_ms, id);
    buf_printf(&doc, "{\"name\":\"%s\",\"key\":\"%s\",%s}", name, key, buf_text(rest).at);
    struct entry entry = {.kind = resource->kind,
                          .id = text_of(id),
                          .name = text_of(name),
                          .claim = text_of(key),
                          .created_at = now_ms,
                          .updated_at = now_ms,
                          .expires_at = USER_UNSET,
                          .doc = buf_text(&doc)};
    enum store_answer answer = entry_add(store, &entry, err);
    buf_release(&doc);
    return answer == STORE_OK ? 0 : -1;
}

/* The members of a role's doc behind its key: those permissions that it has. */
static void put_role_rest(struct buf *rest, char ids[][CLERK_ID_MAX], bool member)
{
    buf_reset(rest);
    buf_add(rest, TEXT("\"description\":\"\",\"permissions\":["));
    for (size_t i = 0, count = 0; i < ARRAY_COUNT(own_permissions); i++)
        if (!member || own_permissions[i].member)
            buf_printf(rest, "%s\"%s\"", count++ ? "," : "", ids[i]);
    buf_add(rest, TEXT("],\"include_in_initial_role_set\":true"));
    buf_z(rest);
}

int roles_seed(struct store *store, struct clerk_ids *ids, int64_t now_ms, struct err *err)
{
    char permissions[ARRAY_COUNT(own_permissions)][CLERK_ID_MAX], id[CLERK_ID_MAX];
    struct text none = {NULL, 0};
    struct buf rest;
    int64_t count;
    if (entry_count(store, ENTRY_ROLE, none, none, &count, err) != 0)
        return -1;
    if (count > 0)
        return 0;
    buf_init(&rest, 64 * 1024);
    buf_add(&rest, TEXT("\"description\":\"\",\"type\":\"system\""));
    buf_z(&rest);
    int status = 0;
    for (size_t i = 0; status == 0 && i < ARRAY_COUNT(own_permissions); i++)
        status = seed(store, ids, now_ms, &permission_resource, own_permissions[i].name,
                      own_permissions[i].key, &rest, permissions[i], err);
    put_role_rest(&rest, permissions, true);
    if (status == 0)
        status = seed(store, ids, now_ms, &role_resource, "Member", "org:member", &rest, id, err);
    put_role_rest(&rest, permissions, false);
    if (status == 0)
        status = seed(store, ids, now_ms, &role_resource, "Admin", "org:admin", &rest, id, err);
    buf_release(&rest);
    return status;
}

/* The ids of all roles, oldest first, and of the two that matter, as the members of a set's doc. */
static int put_set(struct store *store, struct buf *doc, struct err *err)
{
    static const char statement[] = "SELECT id, claim FROM entries WHERE kind = ?1 AND owner = ''"
                                    " ORDER BY created_at, id LIMIT 10";
    char member[CLERK_ID_MAX] = "", admin[CLERK_ID_MAX] = "";
    struct sql_query *query = sql_query(store_sql(store), statement, err);
    int got = 0;
    if (!query)
        return -1;
    sql_bind_int(query, 1, ENTRY_ROLE);
    buf_add(doc, TEXT("{\"description\":null,\"roles\":["));
    for (int i = 0; (got = sql_step(query, err)) > 0; i++) {
        struct text id = sql_text(query, 0), key = sql_text(query, 1);
        buf_printf(doc, "%s\"%.*s\"", i ? "," : "", TEXT_ARG(id));
        if (!member[0] || text_same(key, TEXT("org:member")))
            snprintf(member, sizeof(member), "%.*s", TEXT_ARG(id));
        if (!admin[0] || text_same(key, TEXT("org:admin")))
            snprintf(admin, sizeof(admin), "%.*s", TEXT_ARG(id));
    }
    sql_reset(query);
    buf_printf(doc, "],\"default_role\":\"%s\",\"creator_role\":\"%s\"}", member, admin);
    return got;
}

static int add_set(struct store *store, struct clerk_ids *ids, int64_t now_ms, struct text doc,
                   struct err *err)
{
    static const char statement[] =
        "UPDATE organizations SET role_set_key = ?1 WHERE role_set_key IS NULL";
    char id[CLERK_ID_MAX];
    clerk_id_new(ids, role_set_resource.prefix, now_ms, id);
    struct entry entry = {.kind = ENTRY_ROLE_SET,
                          .id = text_of(id),
                          .name = TEXT("Default role set"),
                          .claim = TEXT(ROLE_SET_KEY "default"),
                          .status = TEXT("initial"),
                          .created_at = now_ms,
                          .updated_at = now_ms,
                          .expires_at = USER_UNSET,
                          .doc = doc};
    if (entry_add(store, &entry, err) != STORE_OK)
        return -1;
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, entry.claim);
    return sql_run(query, err);
}

int role_sets_seed(struct store *store, struct clerk_ids *ids, int64_t now_ms, struct err *err)
{
    struct text none = {NULL, 0};
    struct buf doc;
    int64_t count;
    if (entry_count(store, ENTRY_ROLE_SET, none, none, &count, err) != 0)
        return -1;
    if (count > 0)
        return 0;
    buf_init(&doc, 4096);
    int status = put_set(store, &doc, err);
    if (status == 0)
        status = add_set(store, ids, now_ms, buf_text(&doc), err);
    buf_release(&doc);
    return status;
}
