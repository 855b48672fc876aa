/* Rows of the tables `organizations` and `memberships`. */
#include "sandbox/org.h"

#include <stdio.h>

#include "sandbox/entry.h"
#include "sandbox/store_private.h"

#define ORG_LIST                                                                                   \
    "o.seq, o.members, o.id, o.name, o.slug, o.image_url, o.created_by, o.role_set_key,"           \
    " o.public_metadata, o.private_metadata, o.admin_delete_enabled, o.max_allowed_memberships,"   \
    " o.created_at, o.updated_at"
#define MEMBERSHIP_LIST                                                                            \
    "m.org, m.account, m.id, m.role, m.public_metadata, m.private_metadata, m.created_at,"         \
    " m.updated_at"

const char org_columns[] = ORG_LIST;
const char membership_columns[] = MEMBERSHIP_LIST;

const char org_schema[] =
    "CREATE TABLE IF NOT EXISTS organizations (seq BIGINT PRIMARY KEY, members BIGINT NOT NULL,"
    " id TEXT NOT NULL, name TEXT NOT NULL, slug TEXT NOT NULL, image_url TEXT, created_by TEXT,"
    " role_set_key TEXT, public_metadata TEXT, private_metadata TEXT,"
    " admin_delete_enabled BIGINT NOT NULL, max_allowed_memberships BIGINT NOT NULL,"
    " created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);"
    "CREATE UNIQUE INDEX IF NOT EXISTS organizations_id ON organizations (id);"
    "CREATE UNIQUE INDEX IF NOT EXISTS organizations_slug ON organizations (slug);"
    "CREATE INDEX IF NOT EXISTS organizations_created_at ON organizations (created_at, seq);"
    "CREATE INDEX IF NOT EXISTS organizations_name ON organizations (name, seq);"
    "CREATE TABLE IF NOT EXISTS memberships (org BIGINT NOT NULL, account BIGINT NOT NULL,"
    " id TEXT NOT NULL, role TEXT NOT NULL, public_metadata TEXT, private_metadata TEXT,"
    " created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (org, account));"
    "CREATE INDEX IF NOT EXISTS memberships_account ON memberships (account, created_at);"
    "CREATE INDEX IF NOT EXISTS memberships_org ON memberships (org, created_at, account);"
    "CREATE INDEX IF NOT EXISTS memberships_created_at ON memberships (created_at, id);"
    "CREATE INDEX IF NOT EXISTS memberships_role ON memberships (role);";

/* Copies columns from `at` on into texts. */
static int copy_all(struct sql_query *query, int at, struct arena *arena, struct text *const *texts,
                    int count, struct err *err)
{
    for (int i = 0; i < count; i++) {
        struct text stored = sql_text(query, at + i);
        *texts[i] = stored.at ? arena_copy(arena, stored) : (struct text){NULL, 0};
        if (stored.at && !texts[i]->at)
            return err_memory(err);
    }
    return 0;
}

/* The column image_url holds the number of the picture. */
static int read_image(struct store *store, struct sql_query *query, int at, struct arena *arena,
                      struct org *org, struct err *err)
{
    uint64_t number;
    bool has = text_u64(sql_text(query, at), INT64_MAX, &number);
    org->image = has ? (int64_t)number : USER_UNSET;
    return image_url(store, org->clerk.id, org->image, arena, &org->clerk.image_url, err);
}

int org_read(struct store *store, struct sql_query *query, int at, struct arena *arena,
             struct org *org, struct err *err)
{
    struct text ignored;
    struct clerk_organization *clerk = &org->clerk;
    struct text *const texts[] = {&clerk->id,
                                  &clerk->name,
                                  &clerk->slug,
                                  &ignored,
                                  &clerk->created_by,
                                  &clerk->role_set_key,
                                  &clerk->public_metadata,
                                  &clerk->private_metadata};
    *org = (struct org){
        .seq = sql_int(query, at),
        .members = sql_int(query, at + 1),
        .clerk = {.admin_delete_enabled = sql_int(query, at + 10) != 0,
                  .max_allowed_memberships = sql_int(query, at + 11),
                  .created_at = sql_int(query, at + 12),
                  .updated_at = sql_int(query, at + 13),
                  .members_count = USER_UNSET,
                  .pending_invitations_count = USER_UNSET},
    };
    if (copy_all(query, at + 2, arena, texts, ARRAY_COUNT(texts), err) != 0)
        return -1;
    return read_image(store, query, at + 5, arena, org, err);
}

int membership_read(struct sql_query *query, int at, struct arena *arena,
                    struct membership *membership, struct err *err)
{
    struct clerk_membership *clerk = &membership->clerk;
    struct text *const texts[] = {&clerk->id, &clerk->role, &clerk->public_metadata,
                                  &clerk->private_metadata};
    *membership = (struct membership){
        .org = sql_int(query, at),
        .account = sql_int(query, at + 1),
        .clerk = {.created_at = sql_int(query, at + 6), .updated_at = sql_int(query, at + 7)}};
    return copy_all(query, at + 2, arena, texts, ARRAY_COUNT(texts), err);
}

static int next_seq(struct store *store, int64_t *seq, struct err *err)
{
    static const char statement[] = "SELECT coalesce(max(seq), 0) + 1 FROM organizations";
    struct sql_query *query = sql_query(store->sql, statement, err);
    int got = query ? sql_step(query, err) : -1;
    *seq = got > 0 ? sql_int(query, 0) : 0;
    if (query)
        sql_reset(query);
    return got > 0 ? 0 : -1;
}

static enum store_answer write_org(struct store *store, const char *statement,
                                   const struct org *org, struct err *err)
{
    const struct clerk_organization *clerk = &org->clerk;
    char image[24];
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, org->seq);
    sql_bind_text(query, 2, clerk->id);
    sql_bind_text(query, 3, clerk->name);
    sql_bind_text(query, 4, clerk->slug);
    snprintf(image, sizeof(image), "%lld", (long long)org->image);
    sql_bind_text(query, 5, org->image == USER_UNSET ? (struct text){NULL, 0} : text_of(image));
    sql_bind_text(query, 6, clerk->created_by);
    sql_bind_text(query, 7, clerk->role_set_key);
    sql_bind_text(query, 8, clerk->public_metadata);
    sql_bind_text(query, 9, clerk->private_metadata);
    sql_bind_int(query, 10, clerk->admin_delete_enabled);
    sql_bind_int(query, 11, clerk->max_allowed_memberships);
    sql_bind_int(query, 12, clerk->created_at);
    sql_bind_int(query, 13, clerk->updated_at);
    return sql_run(query, err) == 0 ? STORE_OK : store_failure(store, "slug");
}

enum store_answer org_add(struct store *store, struct org *org, struct err *err)
{
    static const char statement[] =
        "INSERT INTO organizations (seq, members, id, name, slug, image_url, created_by,"
        " role_set_key, public_metadata, private_metadata, admin_delete_enabled,"
        " max_allowed_memberships, created_at, updated_at)"
        " VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    if (next_seq(store, &org->seq, err) != 0)
        return STORE_FAILED;
    return write_org(store, statement, org, err);
}

enum store_answer org_put(struct store *store, const struct org *org, struct err *err)
{
    static const char statement[] =
        "UPDATE organizations SET id = ?2, name = ?3, slug = ?4, image_url = ?5, created_by = ?6,"
        " role_set_key = ?7, public_metadata = ?8, private_metadata = ?9,"
        " admin_delete_enabled = ?10, max_allowed_memberships = ?11, created_at = ?12,"
        " updated_at = ?13 WHERE seq = ?1";
    return write_org(store, statement, org, err);
}

static enum store_answer read_org(struct store *store, struct sql_query *query, struct arena *arena,
                                  struct org *org, struct err *err)
{
    int got = sql_step(query, err);
    if (got <= 0)
        return got < 0 ? STORE_FAILED : STORE_NONE;
    int status = org_read(store, query, 0, arena, org, err);
    sql_reset(query);
    return status == 0 ? STORE_OK : STORE_FAILED;
}

enum store_answer org_get(struct store *store, struct text id, struct arena *arena, struct org *org,
                          struct err *err)
{
    static const char statement[] = "SELECT " ORG_LIST " FROM organizations o WHERE o.id = ?1";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, id);
    return read_org(store, query, arena, org, err);
}

enum store_answer org_get_by_slug(struct store *store, struct text slug, struct arena *arena,
                                  struct org *org, struct err *err)
{
    static const char statement[] = "SELECT " ORG_LIST " FROM organizations o WHERE o.slug = ?1";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, slug);
    return read_org(store, query, arena, org, err);
}

enum store_answer org_get_seq(struct store *store, int64_t seq, struct arena *arena,
                              struct org *org, struct err *err)
{
    static const char statement[] = "SELECT " ORG_LIST " FROM organizations o WHERE o.seq = ?1";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, seq);
    return read_org(store, query, arena, org, err);
}

/* Runs a statement with up to two numbers. */
static int run(struct store *store, const char *statement, int64_t first, int64_t second,
               struct err *err)
{
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, first);
    if (second >= 0)
        sql_bind_int(query, 2, second);
    return sql_run(query, err);
}

enum store_answer org_delete(struct store *store, const struct org *org, struct err *err)
{
    static const char memberships[] = "DELETE FROM memberships WHERE org = ?1";
    static const char row[] = "DELETE FROM organizations WHERE seq = ?1";
    if (run(store, memberships, org->seq, -1, err) != 0 ||
        run(store, row, org->seq, -1, err) != 0 ||
        (org->image != USER_UNSET && image_delete(store, org->clerk.id, err) != 0))
        return STORE_FAILED;
    return entry_delete_owned(store, org->clerk.id, err);
}

/* Counts one more, if the organization has room. Returns 1, 0 if it has not, or -1. */
static int count_in(struct store *store, int64_t org, struct err *err)
{
    static const char statement[] =
        "UPDATE organizations SET members = members + 1 WHERE seq = ?1"
        " AND (max_allowed_memberships = 0 OR members < max_allowed_memberships)";
    if (run(store, statement, org, -1, err) != 0)
        return -1;
    return sql_changes(store->sql) > 0;
}

static int count_out(struct store *store, int64_t org, struct err *err)
{
    static const char statement[] = "UPDATE organizations SET members = members - 1 WHERE seq = ?1";
    return run(store, statement, org, -1, err);
}

static enum store_answer write_membership(struct store *store, const char *statement,
                                          const struct membership *membership, struct err *err)
{
    const struct clerk_membership *clerk = &membership->clerk;
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, membership->org);
    sql_bind_int(query, 2, membership->account);
    sql_bind_text(query, 3, clerk->id);
    sql_bind_text(query, 4, clerk->role);
    sql_bind_text(query, 5, clerk->public_metadata);
    sql_bind_text(query, 6, clerk->private_metadata);
    sql_bind_int(query, 7, clerk->created_at);
    sql_bind_int(query, 8, clerk->updated_at);
    return sql_run(query, err) == 0 ? STORE_OK : store_failure(store, "user_id");
}

enum store_answer membership_add(struct store *store, const struct membership *membership,
                                 struct err *err)
{
    static const char statement[] =
        "INSERT INTO memberships (org, account, id, role, public_metadata, private_metadata,"
        " created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        " ON CONFLICT (org, account) DO NOTHING";
    int room = count_in(store, membership->org, err);
    if (room <= 0)
        return room < 0 ? STORE_FAILED : STORE_NONE;
    enum store_answer answer = write_membership(store, statement, membership, err);
    if (answer != STORE_OK || sql_changes(store->sql) > 0)
        return answer;
    return count_out(store, membership->org, err) == 0 ? STORE_TAKEN : STORE_FAILED;
}

enum store_answer membership_put(struct store *store, const struct membership *membership,
                                 struct err *err)
{
    static const char statement[] =
        "UPDATE memberships SET id = ?3, role = ?4, public_metadata = ?5, private_metadata = ?6,"
        " created_at = ?7, updated_at = ?8 WHERE org = ?1 AND account = ?2";
    return write_membership(store, statement, membership, err);
}

enum store_answer membership_get(struct store *store, int64_t org, int64_t account,
                                 struct arena *arena, struct membership *membership,
                                 struct err *err)
{
    static const char statement[] =
        "SELECT " MEMBERSHIP_LIST " FROM memberships m WHERE m.org = ?1 AND m.account = ?2";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, org);
    sql_bind_int(query, 2, account);
    int got = sql_step(query, err);
    if (got <= 0)
        return got < 0 ? STORE_FAILED : STORE_NONE;
    int status = membership_read(query, 0, arena, membership, err);
    sql_reset(query);
    return status == 0 ? STORE_OK : STORE_FAILED;
}

enum store_answer membership_delete(struct store *store, const struct membership *membership,
                                    struct err *err)
{
    static const char statement[] = "DELETE FROM memberships WHERE org = ?1 AND account = ?2";
    if (run(store, statement, membership->org, membership->account, err) != 0 ||
        (sql_changes(store->sql) > 0 && count_out(store, membership->org, err) != 0))
        return STORE_FAILED;
    return STORE_OK;
}

int membership_delete_of(struct store *store, int64_t account, struct err *err)
{
    static const char counts[] = "UPDATE organizations SET members = members - 1 WHERE seq IN"
                                 " (SELECT org FROM memberships WHERE account = ?1)";
    static const char rows[] = "DELETE FROM memberships WHERE account = ?1";
    if (run(store, counts, account, -1, err) != 0)
        return -1;
    return sql_changes(store->sql) > 0 ? run(store, rows, account, -1, err) : 0;
}

int membership_has_role(struct store *store, struct text role, bool *has, struct err *err)
{
    static const char statement[] = "SELECT 1 FROM memberships WHERE role = ?1 LIMIT 1";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, role);
    int got = sql_step(query, err);
    *has = got > 0;
    sql_reset(query);
    return got < 0 ? -1 : 0;
}

int membership_rename_role(struct store *store, struct text from, struct text to, struct err *err)
{
    static const char statement[] = "UPDATE memberships SET role = ?2 WHERE role = ?1";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, from);
    sql_bind_text(query, 2, to);
    return sql_run(query, err);
}
