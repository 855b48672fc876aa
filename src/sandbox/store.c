#include "sandbox/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/store_private.h"

#define APPLICATION 0x55736278 /* "Usbx" */
#define VERSION     5

/*
 * SQLite's own cache, in KiB: the indexes of a million users fit. Locked for good: a second sandbox on the
 * same file is refused, and no call asks the kernel for locks.
 */
static const char settings[] = "PRAGMA cache_size=-262144; PRAGMA temp_store=MEMORY;"
                               "PRAGMA wal_autocheckpoint=8192; PRAGMA locking_mode=EXCLUSIVE;";

/* The type of a column by the kind of its field. */
#define TYPE_TEXT        " TEXT"
#define TYPE_SECRET      " TEXT"
#define TYPE_SECRETS     " TEXT"
#define TYPE_OBJECT      " TEXT"
#define TYPE_IDENTIFIERS " TEXT"
#define TYPE_FLAG        " INTEGER"
#define TYPE_NUMBER      " INTEGER"
#define TYPE_TIME        " INTEGER"

#define DEFINE_FIELD(name, kind)    ", " #name TYPE_##kind
#define DEFINE_NUMBER(name, member) ", " #name " INTEGER"
#define DEFINE_PRIMARY(name, which) ", " #name " TEXT"

#define USERS_TABLE                                                                                \
    "CREATE TABLE IF NOT EXISTS users (seq INTEGER PRIMARY KEY, id TEXT NOT NULL" USER_FIELDS(     \
        DEFINE_FIELD) STORE_NUMBERS(DEFINE_NUMBER) STORE_PRIMARIES(DEFINE_PRIMARY) ");"

/*
 * Two indexes answer for uniqueness with ASCII case folded. claim is 0 for an identifier that is locked
 * to its user, and a number of its own for one that is not, so that several users may have entered
 * the same unverified address. `generation` is a count of the changes that other processes must hear of.
 */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS instance (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "INSERT INTO instance VALUES ('generation', '0') ON CONFLICT (name) DO NOTHING;" USERS_TABLE
    "CREATE UNIQUE INDEX IF NOT EXISTS users_id ON users (id);"
    "CREATE UNIQUE INDEX IF NOT EXISTS users_external_id ON users (external_id)"
    " WHERE external_id IS NOT NULL;"
    "CREATE UNIQUE INDEX IF NOT EXISTS users_username ON users (username COLLATE NOCASE)"
    " WHERE username IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS users_created_at ON users (created_at, seq);"
    "CREATE INDEX IF NOT EXISTS users_banned ON users (created_at, seq) WHERE banned = 1;"
    "CREATE TABLE IF NOT EXISTS identifiers (account INTEGER NOT NULL, number INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, claim INTEGER NOT NULL,"
    " status INTEGER NOT NULL, second_factor INTEGER NOT NULL, created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL, PRIMARY KEY (account, number)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX IF NOT EXISTS identifiers_id ON identifiers (id);"
    "CREATE UNIQUE INDEX IF NOT EXISTS identifiers_value"
    " ON identifiers (value COLLATE NOCASE, claim);";

#define ADD_PRIMARY(name, which)                                                                   \
    "ALTER TABLE users ADD COLUMN " #name " TEXT;"                                                 \
    "UPDATE users SET " #name " = (SELECT i.value FROM identifiers i"                              \
    " WHERE i.account = users.seq AND i.number = users." #which ");"

/* What makes of the tables of each version those of the next. */
static const char *const upgrades[VERSION] = {
    [1] = "ALTER TABLE users ADD COLUMN failed_attempts INTEGER",
    [2] = "ALTER TABLE users ADD COLUMN password_compromised_at INTEGER",
    [3] = "ALTER TABLE users ADD COLUMN image INTEGER",
    [4] = STORE_PRIMARIES(ADD_PRIMARY),
};

/* Before the tables are looked for. Files of old have a version alone, and no application. */
static int check_stamp(struct store *store, struct err *err)
{
    static const struct sql_stamp ours = {APPLICATION, VERSION, false};
    struct sql_stamp found;
    if (sql_stamp_get(store->sql, &found, err) != 0)
        return -1;
    bool old = found.application == 0 && found.version > 0;
    if (!found.empty && !old && found.application != APPLICATION)
        return err_set(err, ERR_UNUSABLE, "%s: a database, but not of a sandbox; give another one",
                       sql_name(store->sql));
    if (found.version > VERSION)
        return err_set(err, ERR_UNUSABLE,
                       "%s: the data were written by a newer usher (version %d); use that one",
                       sql_name(store->sql), (int)found.version);
    for (int64_t i = found.version; i > 0 && i < VERSION; i++)
        if (sql_exec(store->sql, upgrades[i], err) != 0)
            return -1;
    bool ready = found.application == APPLICATION && found.version == VERSION;
    return ready ? 0 : sql_stamp_put(store->sql, &ours, err);
}

int store_define(struct store *store, const char *statements, struct err *err)
{
    if (sql_in_transaction(store->sql))
        return sql_exec(store->sql, statements, err);
    if (sql_begin(store->sql, err) == 0 && sql_exec(store->sql, statements, err) == 0 &&
        sql_commit(store->sql, err) == 0)
        return 0;
    store_abort(store);
    return -1;
}

/* Of several sandboxes that start at once the first one makes the tables. */
static int make_tables(struct store *store, struct err *err)
{
    if (sql_begin(store->sql, err) == 0 && check_stamp(store, err) == 0 &&
        sql_exec(store->sql, schema, err) == 0 && sql_exec(store->sql, entry_schema, err) == 0 &&
        sql_exec(store->sql, org_schema, err) == 0 &&
        sql_exec(store->sql, image_schema, err) == 0 && sql_commit(store->sql, err) == 0)
        return 0;
    store_abort(store);
    return -1;
}

int store_next_seq(struct store *store, int64_t *seq, struct err *err)
{
    static const char read[] = "SELECT coalesce(max(seq), 0) + 1 FROM users";
    if (store->next_seq == 0) {
        struct sql_query *query = sql_query(store->sql, read, err);
        if (!query || sql_step(query, err) < 0)
            return -1;
        store->next_seq = sql_int(query, 0);
        sql_reset(query);
    }
    *seq = store->next_seq++;
    return 0;
}

int store_open(struct store **out, const char *path, struct err *err)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        return err_memory(err);
    store->users = store->saved = USER_UNSET;
    if (json_new(&store->json, STORE_JSON_MAX, err) != 0 ||
        sql_open(&store->sql, path, SQL_CREATE, err) != 0 ||
        sql_pragma(store->sql, settings, err) != 0 || make_tables(store, err) != 0) {
        store_close(store);
        return -1;
    }
    sql_guard(store->sql);
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

void store_set_attempts(struct store *store, int64_t max)
{
    store->attempts_max = max;
}

struct sql *store_sql(struct store *store)
{
    return store->sql;
}

void store_serve(struct store *store, const char *address)
{
    snprintf(store->address, sizeof(store->address), "%s", address);
}

bool store_is_shared(const struct store *store)
{
    return sql_kind(store->sql) != SQL_SQLITE;
}

static int begin(struct store *store, struct err *err)
{
    if (sql_in_transaction(store->sql))
        return 0;
    if (store_is_shared(store))
        store->next_seq = 0; /* others add users, too */
    return sql_begin(store->sql, err);
}

int store_enter(struct store *store, bool writes, bool *stale, struct err *err)
{
    static const char statement[] = "SELECT value FROM instance WHERE name = 'generation'";
    *stale = false;
    if (!store_is_shared(store))
        return 0;
    struct sql_query *query =
        !writes || begin(store, err) == 0 ? sql_query(store->sql, statement, err) : NULL;
    int got = query ? sql_step(query, err) : -1;
    if (got < 0)
        return -1;
    int64_t generation = got > 0 ? sql_int(query, 0) : 0;
    sql_reset(query);
    *stale = generation != store->generation;
    store->generation = generation;
    return 0;
}

int store_touch(struct store *store, struct err *err)
{
    static const char statement[] = "UPDATE instance SET value ="
                                    " CAST(CAST(value AS BIGINT) + 1 AS TEXT)"
                                    " WHERE name = 'generation' RETURNING value";
    if (!store_is_shared(store))
        return 0;
    struct sql_query *query = store_writes(store, statement, err);
    int got = query ? sql_step(query, err) : -1;
    if (got > 0)
        store->generation = sql_int(query, 0);
    if (query)
        sql_reset(query);
    return got < 0 ? -1 : 0;
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
    store->users = USER_UNSET;
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
    store->saved = store->users;
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
    store->users = store->saved;
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
    return sql_run(query, err) == 0 ? store_touch(store, err) : -1;
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
    else if (text_starts(column, TEXT("organizations.slug")))
        param = "slug";
    store->taken = param;
    return STORE_TAKEN;
}
