#include "sandbox/store.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/store_private.h"

#define VERSION 2

/*
 * SQLite's own cache, in KiB: the indexes of a million users fit. Locked for good: a second sandbox on the
 * same file is refused, and no call asks the kernel for locks.
 */
static const char settings[] = "PRAGMA cache_size=-262144; PRAGMA temp_store=MEMORY;"
                               "PRAGMA wal_autocheckpoint=8192; PRAGMA locking_mode=EXCLUSIVE;";

/*
 * Two indexes answer for uniqueness with ASCII case folded. claim is 0 for an identifier that is locked
 * to its user, and a number of its own for one that is not, so that several users may have entered
 * the same unverified address.
 */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS instance (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS users (seq INTEGER PRIMARY KEY, id TEXT NOT NULL" USER_FIELDS(
        STORE_COLUMN)
        STORE_NUMBERS(
            STORE_NUMBER_COLUMN) ");"
                                 "CREATE UNIQUE INDEX IF NOT EXISTS users_id ON users (id);"
                                 "CREATE UNIQUE INDEX IF NOT EXISTS users_external_id ON users "
                                 "(external_id)"
                                 " WHERE external_id IS NOT NULL;"
                                 "CREATE UNIQUE INDEX IF NOT EXISTS users_username ON users "
                                 "(username COLLATE NOCASE)"
                                 " WHERE username IS NOT NULL;"
                                 "CREATE INDEX IF NOT EXISTS users_created_at ON users "
                                 "(created_at, seq);"
                                 "CREATE TABLE IF NOT EXISTS identifiers (account INTEGER NOT "
                                 "NULL, number INTEGER NOT NULL,"
                                 " kind INTEGER NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, "
                                 "claim INTEGER NOT NULL,"
                                 " status INTEGER NOT NULL, second_factor INTEGER NOT NULL, "
                                 "created_at INTEGER NOT NULL,"
                                 " updated_at INTEGER NOT NULL, PRIMARY KEY (account, number)) "
                                 "WITHOUT ROWID;"
                                 "CREATE UNIQUE INDEX IF NOT EXISTS identifiers_id ON identifiers "
                                 "(id);"
                                 "CREATE UNIQUE INDEX IF NOT EXISTS identifiers_value"
                                 " ON identifiers (value COLLATE NOCASE, claim);";

static int check_version(struct store *store, struct err *err)
{
    static const char read[] = "PRAGMA user_version";
    struct sql_query *query = sql_query(store->sql, read, err);
    if (!query || sql_step(query, err) < 0)
        return -1;
    int64_t version = sql_int(query, 0);
    sql_reset(query);
    if (version > VERSION)
        return err_set(err, ERR_UNUSABLE,
                       "the data were written by a newer usher (version %d); use that one",
                       (int)version);
    if (version == 1 &&
        sql_exec(store->sql, "ALTER TABLE users ADD COLUMN failed_attempts INTEGER", err) != 0)
        return -1;
    return version == VERSION ? 0 : sql_exec(store->sql, "PRAGMA user_version=2", err);
}

static int find_next_seq(struct store *store, struct err *err)
{
    static const char read[] = "SELECT ifnull(max(seq), 0) + 1 FROM users";
    struct sql_query *query = sql_query(store->sql, read, err);
    if (!query || sql_step(query, err) < 0)
        return -1;
    store->next_seq = sql_int(query, 0);
    sql_reset(query);
    return 0;
}

int store_open(struct store **out, const char *path, struct err *err)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        return err_memory(err);
    if (json_new(&store->json, STORE_JSON_MAX, err) != 0 ||
        sql_open(&store->sql, path, SQL_CREATE, err) != 0 || check_version(store, err) != 0 ||
        sql_exec(store->sql, settings, err) != 0 || sql_exec(store->sql, schema, err) != 0 ||
        find_next_seq(store, err) != 0) {
        store_close(store);
        return -1;
    }
    *out = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    sql_close(store->sql);
    json_free(store->json);
    free(store);
}

struct sql *store_sql(struct store *store)
{
    return store->sql;
}

static int begin(struct store *store, struct err *err)
{
    return sql_in_transaction(store->sql) ? 0 : sql_begin(store->sql, err);
}

struct sql_query *store_writes(struct store *store, const char *statement, struct err *err)
{
    return begin(store, err) == 0 ? sql_query(store->sql, statement, err) : NULL;
}

void store_abort(struct store *store)
{
    struct err ignored;
    if (sql_in_transaction(store->sql))
        sql_rollback(store->sql, &ignored);
}

int store_commit(struct store *store, struct err *err)
{
    if (!sql_in_transaction(store->sql) || sql_commit(store->sql, err) == 0)
        return 0;
    store_abort(store);
    return -1;
}

static int run(struct store *store, const char *statement, struct err *err)
{
    struct sql_query *query = sql_query(store->sql, statement, err);
    return query ? sql_run(query, err) : -1;
}

int store_save(struct store *store, struct err *err)
{
    static const char statement[] = "SAVEPOINT call";
    return begin(store, err) == 0 ? run(store, statement, err) : -1;
}

int store_keep(struct store *store, struct err *err)
{
    static const char statement[] = "RELEASE call";
    return run(store, statement, err);
}

int store_undo(struct store *store, struct err *err)
{
    static const char statement[] = "ROLLBACK TO call";
    return run(store, statement, err) == 0 ? store_keep(store, err) : -1;
}

int store_value_get(struct store *store, const char *name, struct arena *arena, struct text *value,
                    struct err *err)
{
    static const char statement[] = "SELECT value FROM instance WHERE name = ?1";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, text_of(name));
    *value = (struct text){NULL, 0};
    int got = sql_step(query, err);
    if (got > 0)
        *value = arena_copy(arena, sql_text(query, 0));
    sql_reset(query);
    if (got > 0 && !value->at)
        return err_memory(err);
    return got < 0 ? -1 : 0;
}

int store_value_put(struct store *store, const char *name, struct text value, struct err *err)
{
    static const char statement[] = "INSERT INTO instance (name, value) VALUES (?1, ?2)"
                                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, text_of(name));
    sql_bind_text(query, 2, value);
    return sql_run(query, err);
}

const char *store_taken(const struct store *store)
{
    return store->taken;
}

enum store_answer store_failure(struct store *store, const char *param)
{
    struct text column;
    if (!sql_was_unique(store->sql, &column))
        return STORE_FAILED;
    if (text_starts(column, TEXT("users.external_id")))
        param = "external_id";
    else if (text_starts(column, TEXT("users.username")))
        param = "username";
    store->taken = param;
    return STORE_TAKEN;
}
