/* Entries: rows of the table `entries`, by id. */
#include "sandbox/entry.h"

#include "sandbox/store_private.h"

const char entry_columns[] = "r.kind, r.id, r.owner, r.name, r.claim, r.status, r.created_at,"
                             " r.updated_at, r.expires_at, r.doc";

const char entry_schema[] =
    "CREATE TABLE IF NOT EXISTS entries (id TEXT PRIMARY KEY, kind BIGINT NOT NULL,"
    " owner TEXT NOT NULL, name TEXT NOT NULL, claim TEXT, status TEXT, created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL, expires_at BIGINT, doc TEXT NOT NULL);"
    "CREATE UNIQUE INDEX IF NOT EXISTS entries_claim ON entries (kind, owner, claim);"
    "CREATE INDEX IF NOT EXISTS entries_created_at ON entries (kind, created_at, id);"
    "CREATE INDEX IF NOT EXISTS entries_owner ON entries (owner, kind, created_at, id);"
    "CREATE INDEX IF NOT EXISTS entries_name ON entries (kind, name);";

static struct text present(struct text t)
{
    return t.at ? t : TEXT("");
}

static int copy(struct sql_query *query, int at, struct arena *arena, struct text *to,
                struct err *err)
{
    struct text stored = sql_text(query, at);
    *to = stored.at ? arena_copy(arena, stored) : (struct text){NULL, 0};
    return stored.at && !to->at ? err_memory(err) : 0;
}

int entry_read(struct sql_query *query, struct arena *arena, struct entry *entry, struct err *err)
{
    *entry = (struct entry){.kind = (enum entry_kind)sql_int(query, 0),
                            .created_at = sql_int(query, 6),
                            .updated_at = sql_int(query, 7),
                            .expires_at = sql_is_null(query, 8) ? USER_UNSET : sql_int(query, 8)};
    struct text *texts[] = {&entry->id, &entry->owner, &entry->name, &entry->claim, &entry->status};
    for (int i = 0; i < (int)ARRAY_COUNT(texts); i++)
        if (copy(query, i + 1, arena, texts[i], err) != 0)
            return -1;
    if (entry->owner.len == 0)
        entry->owner = (struct text){NULL, 0};
    return copy(query, 9, arena, &entry->doc, err);
}

static enum store_answer read_one(struct sql_query *query, struct arena *arena, struct entry *entry,
                                  struct err *err)
{
    int got = sql_step(query, err);
    if (got <= 0)
        return got < 0 ? STORE_FAILED : STORE_NONE;
    int status = entry_read(query, arena, entry, err);
    sql_reset(query);
    return status == 0 ? STORE_OK : STORE_FAILED;
}

static enum store_answer write(struct store *store, const char *statement,
                               const struct entry *entry, struct err *err)
{
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, entry->id);
    sql_bind_int(query, 2, entry->kind);
    sql_bind_text(query, 3, present(entry->owner));
    sql_bind_text(query, 4, present(entry->name));
    sql_bind_text(query, 5, entry->claim);
    sql_bind_text(query, 6, entry->status);
    sql_bind_int(query, 7, entry->created_at);
    sql_bind_int(query, 8, entry->updated_at);
    if (entry->expires_at == USER_UNSET)
        sql_bind_null(query, 9);
    else
        sql_bind_int(query, 9, entry->expires_at);
    sql_bind_text(query, 10, entry->doc);
    return sql_run(query, err) == 0 ? STORE_OK : store_failure(store, "name");
}

enum store_answer entry_add(struct store *store, const struct entry *entry, struct err *err)
{
    static const char statement[] =
        "INSERT INTO entries (id, kind, owner, name, claim, status, created_at, updated_at,"
        " expires_at, doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    return write(store, statement, entry, err);
}

enum store_answer entry_put(struct store *store, const struct entry *entry, struct err *err)
{
    static const char statement[] =
        "UPDATE entries SET kind = ?2, owner = ?3, name = ?4, claim = ?5, status = ?6,"
        " created_at = ?7, updated_at = ?8, expires_at = ?9, doc = ?10 WHERE id = ?1";
    return write(store, statement, entry, err);
}

#define SELECT                                                                                     \
    "SELECT r.kind, r.id, r.owner, r.name, r.claim, r.status, r.created_at, r.updated_at,"         \
    " r.expires_at, r.doc FROM entries r WHERE "

enum store_answer entry_get(struct store *store, enum entry_kind kind, struct text id,
                            struct arena *arena, struct entry *entry, struct err *err)
{
    static const char statement[] = SELECT "r.id = ?1 AND r.kind = ?2";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, id);
    sql_bind_int(query, 2, kind);
    return read_one(query, arena, entry, err);
}

enum store_answer entry_find(struct store *store, enum entry_kind kind, struct text owner,
                             struct text claim, struct arena *arena, struct entry *entry,
                             struct err *err)
{
    static const char statement[] = SELECT "r.kind = ?1 AND r.owner = ?2 AND r.claim = ?3";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, kind);
    sql_bind_text(query, 2, present(owner));
    sql_bind_text(query, 3, claim);
    return read_one(query, arena, entry, err);
}

static enum store_answer delete_by(struct store *store, const char *statement, struct text key,
                                   struct err *err)
{
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, key);
    return sql_run(query, err) == 0 ? STORE_OK : STORE_FAILED;
}

enum store_answer entry_delete(struct store *store, const struct entry *entry, struct err *err)
{
    static const char statement[] = "DELETE FROM entries WHERE id = ?1";
    return delete_by(store, statement, entry->id, err);
}

enum store_answer entry_delete_owned(struct store *store, struct text owner, struct err *err)
{
    static const char statement[] = "DELETE FROM entries WHERE owner = ?1";
    return delete_by(store, statement, owner, err);
}

enum store_answer entry_delete_named(struct store *store, enum entry_kind kind, struct text name,
                                     struct err *err)
{
    static const char statement[] = "DELETE FROM entries WHERE kind = ?1 AND name = ?2";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, kind);
    sql_bind_text(query, 2, name);
    return sql_run(query, err) == 0 ? STORE_OK : STORE_FAILED;
}

int entry_count(struct store *store, enum entry_kind kind, struct text owner, struct text status,
                int64_t *count, struct err *err)
{
    static const char all[] = "SELECT count(*) FROM entries WHERE owner = ?1 AND kind = ?2";
    static const char some[] =
        "SELECT count(*) FROM entries WHERE owner = ?1 AND kind = ?2 AND status = ?3";
    struct sql_query *query = sql_query(store->sql, status.at ? some : all, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, present(owner));
    sql_bind_int(query, 2, kind);
    if (status.at)
        sql_bind_text(query, 3, status);
    int got = sql_step(query, err);
    *count = got > 0 ? sql_int(query, 0) : 0;
    sql_reset(query);
    return got < 0 ? -1 : 0;
}
