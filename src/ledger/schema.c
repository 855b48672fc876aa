/*
 * The tables, in SQLite or PostgreSQL. The stamp of the database is "Ushr" and the version of this schema.
 *
 *     meta     name → value: what the ledger was made for (instance, source, mapping), the key of the hashes
 *     users    a row a user. Rows stand in the order in which they came, numbered from 1, and a unique index
 *              on the external id leads to them: the users of one commit share a few pages, so that `sending`
 *              costs a page of the index a user, and `done` next to nothing. (With the external id as the
 *              primary key of a table WITHOUT ROWID each of them would write a page of its own, twice:
 *              measured, that is 1.7 times the CPU.) The only other index holds the users that failed or were
 *              rejected; the way planned → sending → done never touches it. `owner` is the writer that has
 *              claimed the user.
 *     runs     a row a run of a command
 *     counts   how many users are in each state, changed by every commit and in the same transaction, so
 *              that status reads them without counting rows
 *     writers  who writes now: a lease, and the process, so that on the same machine its end is noticed
 *              before the lease is over
 *     shared   what gateways must know of each other: kind, 128-bit keyed hash of the key, value or number
 *     ties     a row an organization (member '') and a row a membership, by the ids at the source
 *
 * Versions: a ledger of a newer one is refused, an older one is upgraded, version by version, in one
 * transaction. Version 2 came with `number` and `made`, version 3 with what several writers need,
 * version 4 with `ties`, version 5 with a hash for each of their fields (before: one, which is dropped),
 * version 6 with `adopted` (before: among those created) and `ending`, as the enum.
 */
#include "ledger/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION 0x55736872 /* "Ushr" */
#define VERSION     6
#define META_MAX    ((size_t)64 << 10)

#define USERS                                                                                      \
    "CREATE TABLE users (number INTEGER PRIMARY KEY, external_id TEXT NOT NULL UNIQUE,"            \
    " state INTEGER NOT NULL, clerk_id TEXT, error_code TEXT, hashes BLOB,"                        \
    " attempts INTEGER NOT NULL, run INTEGER NOT NULL, made INTEGER NOT NULL"

#define FAILURES "CREATE INDEX failures ON users (state, external_id, error_code) WHERE state >= 3;"

#define SHARING                                                                                    \
    "CREATE TABLE counts (state INTEGER NOT NULL, users INTEGER NOT NULL);"                        \
    "INSERT INTO counts VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0);"                            \
    "UPDATE counts SET users = (SELECT count(*) FROM users WHERE users.state = counts.state);"     \
    "CREATE TABLE writers (id INTEGER NOT NULL, until_ms INTEGER NOT NULL,"                        \
    " alone INTEGER NOT NULL, machine TEXT NOT NULL, pid INTEGER NOT NULL,"                        \
    " started INTEGER NOT NULL);"                                                                  \
    "CREATE TABLE shared (kind TEXT NOT NULL, key BLOB NOT NULL, value BLOB,"                      \
    " number INTEGER NOT NULL, expires_ms INTEGER NOT NULL, PRIMARY KEY (kind, key))"              \
    " WITHOUT ROWID;"                                                                              \
    "CREATE INDEX shared_expires ON shared (expires_ms);"

#define TIES(HASHES)                                                                               \
    "CREATE TABLE ties (organization TEXT NOT NULL, member TEXT NOT NULL,"                         \
    " state INTEGER NOT NULL, clerk_id TEXT, error_code TEXT, " HASHES ","                         \
    " run INTEGER NOT NULL, made INTEGER NOT NULL, PRIMARY KEY (organization, member))"            \
    " WITHOUT ROWID;"

static const char schema[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;" USERS
    ", owner INTEGER);" FAILURES
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, command TEXT, started_ms INTEGER NOT NULL,"
    " ended_ms INTEGER NOT NULL, rows INTEGER NOT NULL, created INTEGER NOT NULL,"
    " updated INTEGER NOT NULL, unchanged INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " rejected INTEGER NOT NULL, removed INTEGER NOT NULL, requests INTEGER NOT NULL,"
    " pid INTEGER NOT NULL, adopted INTEGER NOT NULL, ending INTEGER NOT NULL);" SHARING TIES(
        "hashes BLOB");

/* From each version to the next. Who made a user was not known before version 2. */
static const char *const upgrades[VERSION] = {
    [1] = "ALTER TABLE users RENAME TO users_1;" USERS ");"
          "INSERT INTO users SELECT rowid, external_id, state, clerk_id, error_code, hashes, "
          "attempts,"
          " run, 0 FROM users_1; DROP TABLE users_1;" FAILURES
          "ALTER TABLE runs ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;",
    [2] = "ALTER TABLE users ADD COLUMN owner INTEGER; DELETE FROM meta WHERE name = "
          "'counts';" SHARING,
    [3] = TIES("hash INTEGER NOT NULL"),
    [4] = "ALTER TABLE ties ADD COLUMN hashes BLOB; ALTER TABLE ties DROP COLUMN hash;",
    [5] = "ALTER TABLE runs ADD COLUMN adopted INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE runs ADD COLUMN ending INTEGER NOT NULL DEFAULT 0;",
};
_Static_assert(LEDGER_FAILED == 3 && LEDGER_REJECTED == 4 && LEDGER_STATE_COUNT == 5,
               "the schema names states by number");

int ledger_meta_get(struct ledger *ledger, struct text name, struct arena *arena,
                    struct text *value, struct err *err)
{
    struct sql_query *query = sql_query(ledger->sql, "SELECT value FROM meta WHERE name = ?1", err);
    *value = (struct text){NULL, 0};
    if (!query)
        return -1;
    sql_bind_text(query, 1, name);
    int got = sql_step(query, err);
    if (got > 0) {
        *value = arena_copy(arena, sql_text(query, 0));
        got = value->at ? 0 : err_memory(err);
    }
    sql_reset(query);
    return got;
}

int ledger_meta_put(struct ledger *ledger, struct text name, struct text value, struct err *err)
{
    struct sql_query *query = sql_query(ledger->sql,
                                        "INSERT INTO meta (name, value) VALUES (?1, ?2) "
                                        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                                        err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, name);
    sql_bind_blob(query, 2, value.at ? value : TEXT(""));
    return sql_run(query, err);
}

/* What a database is, by its stamp. Empty is fine: a run that was killed at its start leaves that. */
static int judge(struct sql *sql, struct sql_stamp *stamp, struct err *err)
{
    if (sql_stamp_get(sql, stamp, err) != 0)
        return -1;
    if (!stamp->empty && stamp->application != APPLICATION)
        return err_set(err, ERR_UNUSABLE,
                       "%s: a database, but no ledger of usher; give another path", sql_name(sql));
    if (!stamp->empty && stamp->version > VERSION)
        return err_set(err, ERR_UNUSABLE,
                       "%s: written by a newer usher (ledger version %ld, this one knows %d); use "
                       "that one",
                       sql_name(sql), (long)stamp->version, VERSION);
    return 0;
}

/* Before anything is written: a file that is there must be a ledger. */
int ledger_check_file(const char *path, struct err *err)
{
    struct stat st;
    struct sql *sql;
    struct sql_stamp stamp;
    if (sql_is_url(path) || stat(path, &st) != 0 || (S_ISREG(st.st_mode) && st.st_size == 0))
        return 0;
    if (sql_open(&sql, path, SQL_READ_ONLY, err) != 0)
        return -1;
    int status = judge(sql, &stamp, err);
    sql_close(sql);
    return status;
}

static struct text bytes_of(const void *at, size_t len)
{
    return (struct text){at, len};
}

static int put_identity(struct ledger *ledger, const struct ledger_identity *identity,
                        struct err *err)
{
    uint64_t mapping = identity->mapping_hash;
    if (ledger_meta_put(ledger, TEXT("instance"), identity->instance, err) != 0)
        return -1;
    if (identity->source.len == 0)
        return 0;
    if (ledger_meta_put(ledger, TEXT("source"), identity->source, err) != 0)
        return -1;
    return ledger_meta_put(ledger, TEXT("mapping"), bytes_of(&mapping, sizeof(mapping)), err);
}

static int make(struct ledger *ledger, const struct ledger_identity *identity, struct err *err)
{
    struct hash_key key = hash_key_random();
    if (sql_exec(ledger->sql, schema, err) != 0 || put_identity(ledger, identity, err) != 0)
        return -1;
    return ledger_meta_put(ledger, TEXT("key"), bytes_of(key.bytes, sizeof(key.bytes)), err);
}

static int upgrade(struct ledger *ledger, int64_t from, struct err *err)
{
    for (int64_t version = from; version < VERSION; version++)
        if (version < 1 || sql_exec(ledger->sql, upgrades[version], err) != 0)
            return -1;
    return 0;
}

/* Makes or upgrades the tables, unless another process has just done so. */
static int make_current(struct ledger *ledger, const struct ledger_identity *identity,
                        struct err *err)
{
    static const struct sql_stamp stamp = {APPLICATION, VERSION, false};
    struct sql_stamp found;
    struct err ignored;
    if (sql_begin(ledger->sql, err) != 0)
        return -1;
    int status = judge(ledger->sql, &found, err);
    bool current = status == 0 && !found.empty && found.version == VERSION;
    if (status == 0 && !current)
        status = sql_stamp_put(ledger->sql, &stamp, err);
    if (status == 0 && !current)
        status = found.empty ? make(ledger, identity, err) : upgrade(ledger, found.version, err);
    if (status == 0 && sql_commit(ledger->sql, err) == 0)
        return 0;
    if (sql_in_transaction(ledger->sql))
        sql_rollback(ledger->sql, &ignored);
    return -1;
}

static int other(struct ledger *ledger, const char *what, struct text then, struct text now,
                 struct err *err)
{
    return err_set(
        err, ERR_UNUSABLE,
        "%s: belongs to another migration: its %s is \"%.*s\", now it is \"%.*s\"; use the "
        "same as before, or give another path",
        ledger->path, what, TEXT_ARG(then), TEXT_ARG(now));
}

static int check_identity(struct ledger *ledger, const struct ledger_identity *identity,
                          struct arena *arena, struct err *err)
{
    struct text instance, source, mapping;
    uint64_t now = identity->mapping_hash;
    if (ledger_meta_get(ledger, TEXT("instance"), arena, &instance, err) != 0 ||
        ledger_meta_get(ledger, TEXT("source"), arena, &source, err) != 0 ||
        ledger_meta_get(ledger, TEXT("mapping"), arena, &mapping, err) != 0)
        return -1;
    if (!text_same(instance, identity->instance))
        return other(ledger, "target instance", instance, identity->instance, err);
    if (identity->source.len == 0)
        return 0;
    if (source.len == 0)
        return put_identity(ledger, identity, err);
    if (!text_same(source, identity->source))
        return other(ledger, "source", source, identity->source, err);
    if (!text_same(mapping, bytes_of(&now, sizeof(now))))
        return err_set(
            err, ERR_UNUSABLE,
            "%s: belongs to another migration: the mapping has changed since; use the same "
            "as before, or give another path",
            ledger->path);
    return 0;
}

static int load_key(struct ledger *ledger, struct arena *arena, struct err *err)
{
    struct text key;
    if (ledger_meta_get(ledger, TEXT("key"), arena, &key, err) != 0)
        return -1;
    if (key.len != sizeof(ledger->key.bytes))
        return err_set(err, ERR_UNUSABLE, "%s: is damaged; restore it from a copy", ledger->path);
    memcpy(ledger->key.bytes, key.at, key.len);
    return 0;
}

/* Reading only, what is there must do. */
static int check_readable(const struct ledger *ledger, const struct sql_stamp *stamp,
                          struct err *err)
{
    if (stamp->empty)
        return err_set(err, ERR_UNUSABLE, "%s: an empty ledger; no import has run yet",
                       ledger->path);
    if (stamp->version < VERSION)
        return err_set(err, ERR_UNUSABLE,
                       "%s: written by an older usher (ledger version %ld, this one knows %d); the "
                       "next import upgrades it",
                       ledger->path, (long)stamp->version, VERSION);
    return 0;
}

/* Where a ledger may be made: 0, or -1 if the folder is not there. */
static int check_folder(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct stat st;
    if (!slash || slash == path)
        return 0;
    char *folder = strndup(path, (size_t)(slash - path));
    if (!folder)
        return err_memory(err);
    bool is_there = stat(folder, &st) == 0 && S_ISDIR(st.st_mode);
    free(folder);
    return is_there
               ? 0
               : err_set(err, ERR_IO,
                         "ledger %s: there is no such folder; make it, or give another path", path);
}

int ledger_exists(const char *path, struct err *err)
{
    struct sql_stamp stamp;
    struct sql *sql;
    if (!sql_is_url(path))
        return access(path, F_OK) == 0 ? 1 : check_folder(path, err);
    if (sql_open(&sql, path, SQL_READ_ONLY, err) != 0)
        return err_wrap(err, "ledger");
    int status = judge(sql, &stamp, err);
    sql_close(sql);
    return status != 0 ? err_wrap(err, "ledger") : !stamp.empty;
}

int ledger_load(struct ledger *ledger, const struct ledger_identity *identity, struct err *err)
{
    struct sql_stamp stamp;
    struct arena arena;
    if (judge(ledger->sql, &stamp, err) != 0)
        return -1;
    bool current = !stamp.empty && stamp.version == VERSION;
    if (ledger->read_only ? check_readable(ledger, &stamp, err) != 0
                          : !current && make_current(ledger, identity, err) != 0)
        return -1;
    arena_init(&arena, META_MAX);
    int status = ledger->read_only ? 0 : check_identity(ledger, identity, &arena, err);
    if (status == 0)
        status = load_key(ledger, &arena, err);
    arena_release(&arena);
    return status;
}
