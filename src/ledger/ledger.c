/*
 * The file: an SQLite database whose application_id is "Ushr" and whose user_version is the version of
 * this schema.
 *
 *     meta   name → value: what the ledger was made for (instance, source, mapping), the key of the
 *            hashes, and the counts (a little-endian 64-bit number a state)
 *     users  a row a user. Rows stand in the order in which they came, numbered from 1, and a unique index on the external
 *            id leads to them: the users of one commit share a few pages, so that `sending` costs a page of
 *            the index a user, and `done` next to nothing. (With the external id as the primary key of a
 *            table WITHOUT ROWID each of them would write a page of its own, twice: measured, that is 1.7
 *            times the CPU.) The only other index holds the users that failed or were
 *            rejected; the way planned → sending → done never touches it.
 *     runs   a row a run of a command
 *
 * The counts are written with every commit and in the same transaction, so that status reads them
 * without counting rows. Who is `sending` at opening is found by a scan, and only if the counts say that
 * there are any.
 *
 * Versions: a file of another one is refused. Version 2 came with `number` and `made`.
 */
#include "ledger/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define APPLICATION_ID 0x55736872 /* "Ushr" */
#define VERSION        2
#define META_MAX       ((size_t)64 << 10)

static const char schema[] =
    "PRAGMA application_id = 0x55736872; PRAGMA user_version = 2;"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE users (number INTEGER PRIMARY KEY, external_id TEXT NOT NULL UNIQUE,"
    " state INTEGER NOT NULL, clerk_id TEXT, error_code TEXT, hashes BLOB,"
    " attempts INTEGER NOT NULL, run INTEGER NOT NULL, made INTEGER NOT NULL);"
    "CREATE INDEX failures ON users (state, external_id, error_code) WHERE state >= 3;"
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, command TEXT, started_ms INTEGER NOT NULL,"
    " ended_ms INTEGER NOT NULL, rows INTEGER NOT NULL, created INTEGER NOT NULL,"
    " updated INTEGER NOT NULL, unchanged INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " rejected INTEGER NOT NULL, removed INTEGER NOT NULL, requests INTEGER NOT NULL,"
    " pid INTEGER NOT NULL);";
_Static_assert(APPLICATION_ID == 0x55736872 && VERSION == 2, "the schema writes them as digits");
_Static_assert(LEDGER_FAILED == 3 && LEDGER_REJECTED == 4 && LEDGER_STATE_COUNT == 5,
               "the schema names states by number");

const char *ledger_state_name(enum ledger_state state)
{
    static const char *const names[LEDGER_STATE_COUNT] = {
        [LEDGER_PLANNED] = "planned", [LEDGER_SENDING] = "sending",   [LEDGER_DONE] = "done",
        [LEDGER_FAILED] = "failed",   [LEDGER_REJECTED] = "rejected",
    };
    return (unsigned)state < LEDGER_STATE_COUNT ? names[state] : "unknown";
}

const struct hash_key *ledger_key(const struct ledger *ledger)
{
    return &ledger->key;
}

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

static int query_int(struct sql *sql, const char *statement, int64_t *value, struct err *err)
{
    struct sql_query *query = sql_prepare(sql, statement, err);
    if (!query)
        return -1;
    int got = sql_step(query, err);
    *value = got > 0 ? sql_int(query, 0) : 0;
    sql_finish(query);
    return got < 0 ? -1 : 0;
}

/* What a database is: *fresh for one without any table, which a run killed at its start leaves. */
static int judge_kind(struct sql *sql, const char *path, bool *fresh, struct err *err)
{
    int64_t id, version, tables;
    if (query_int(sql, "PRAGMA application_id", &id, err) != 0 ||
        query_int(sql, "PRAGMA user_version", &version, err) != 0 ||
        query_int(sql, "SELECT count(*) FROM sqlite_schema", &tables, err) != 0)
        return -1;
    *fresh = id == 0 && tables == 0;
    if (*fresh)
        return 0;
    if (id != APPLICATION_ID)
        return err_set(err, ERR_UNUSABLE,
                       "%s: a database, but no ledger of usher; give another path", path);
    if (version > VERSION)
        return err_set(
            err, ERR_UNUSABLE,
            "%s: written by a newer usher (ledger version %ld, this one knows %d); use that "
            "one",
            path, (long)version, VERSION);
    if (version < VERSION)
        return err_set(err, ERR_UNUSABLE,
                       "%s: written by an older usher (ledger version %ld, this one knows %d); "
                       "begin another ledger with --existing adopt",
                       path, (long)version, VERSION);
    return 0;
}

/* Before anything is written: a file that is there must be a ledger. */
static int check_kind(const char *path, struct err *err)
{
    struct stat st;
    struct sql *sql;
    bool fresh;
    if (stat(path, &st) != 0 || (S_ISREG(st.st_mode) && st.st_size == 0))
        return 0;
    if (sql_open(&sql, path, SQL_READ_ONLY, err) != 0)
        return -1;
    int status = judge_kind(sql, path, &fresh, err);
    sql_close(sql);
    return status;
}

static int put_identity(struct ledger *ledger, const struct ledger_identity *identity,
                        struct err *err)
{
    struct hash_key key = hash_key_random();
    struct text mapping = {(const char *)&identity->mapping_hash, sizeof(identity->mapping_hash)};
    if (ledger_meta_put(ledger, TEXT("instance"), identity->instance, err) != 0 ||
        ledger_meta_put(ledger, TEXT("source"), identity->source, err) != 0 ||
        ledger_meta_put(ledger, TEXT("mapping"), mapping, err) != 0)
        return -1;
    return ledger_meta_put(ledger, TEXT("key"),
                           (struct text){(const char *)key.bytes, sizeof(key.bytes)}, err);
}

static int make_schema(struct ledger *ledger, const struct ledger_identity *identity,
                       struct err *err)
{
    if (sql_begin(ledger->sql, err) != 0)
        return -1;
    if (sql_exec(ledger->sql, schema, err) != 0 || put_identity(ledger, identity, err) != 0)
        return -1;
    return sql_commit(ledger->sql, err);
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
    struct text now = {(const char *)&identity->mapping_hash, sizeof(identity->mapping_hash)};
    if (ledger_meta_get(ledger, TEXT("instance"), arena, &instance, err) != 0 ||
        ledger_meta_get(ledger, TEXT("source"), arena, &source, err) != 0 ||
        ledger_meta_get(ledger, TEXT("mapping"), arena, &mapping, err) != 0)
        return -1;
    if (!text_same(instance, identity->instance))
        return other(ledger, "target instance", instance, identity->instance, err);
    if (!text_same(source, identity->source))
        return other(ledger, "source", source, identity->source, err);
    if (!text_same(mapping, now))
        return err_set(
            err, ERR_UNUSABLE,
            "%s: belongs to another migration: the mapping has changed since; use the same "
            "as before, or give another path",
            ledger->path);
    return 0;
}

static int damaged(struct ledger *ledger, struct err *err)
{
    return err_set(err, ERR_UNUSABLE, "%s: is damaged; restore it from a copy", ledger->path);
}

static int load_counts(struct ledger *ledger, struct arena *arena, struct err *err)
{
    struct text counts;
    if (ledger_meta_get(ledger, TEXT("counts"), arena, &counts, err) != 0)
        return -1;
    if (counts.at && counts.len != sizeof(ledger->counts))
        return damaged(ledger, err);
    if (counts.at)
        memcpy(ledger->counts, counts.at, counts.len);
    memcpy(ledger->committed, ledger->counts, sizeof(ledger->counts));
    return 0;
}

static int load(struct ledger *ledger, struct arena *arena, struct err *err)
{
    struct text key;
    if (ledger_meta_get(ledger, TEXT("key"), arena, &key, err) != 0)
        return -1;
    if (key.len != sizeof(ledger->key.bytes))
        return damaged(ledger, err);
    memcpy(ledger->key.bytes, key.at, key.len);
    return load_counts(ledger, arena, err);
}

static int start(struct ledger *ledger, const struct ledger_opts *opts, struct arena *arena,
                 struct err *err)
{
    bool fresh;
    ledger->known = calloc((size_t)1 << LEDGER_KNOWN_BITS, sizeof(*ledger->known));
    if (!ledger->known)
        return err_memory(err);
    if (!opts->read_only && check_kind(opts->path, err) != 0)
        return -1;
    if (sql_open(&ledger->sql, opts->path, opts->read_only ? SQL_READ_ONLY : SQL_CREATE, err) != 0)
        return -1;
    if (!opts->read_only && ledger_lock(ledger, err) != 0)
        return -1;
    if (judge_kind(ledger->sql, opts->path, &fresh, err) != 0)
        return -1;
    if (fresh && opts->read_only)
        return err_set(err, ERR_UNUSABLE, "%s: an empty ledger; no import has run yet", opts->path);
    if (fresh && make_schema(ledger, &opts->identity, err) != 0)
        return -1;
    if (sql_exec(ledger->sql, "PRAGMA cache_size = -16000", err) != 0)
        return -1;
    if (!opts->read_only && check_identity(ledger, &opts->identity, arena, err) != 0)
        return -1;
    return load(ledger, arena, err);
}

int ledger_open(struct ledger **to, const struct ledger_opts *opts, struct err *err)
{
    struct arena arena;
    *to = NULL;
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    if (!ledger)
        return err_memory(err);
    ledger->lock_fd = -1;
    ledger->read_only = opts->read_only;
    ledger->path = strdup(opts->path);
    arena_init(&arena, META_MAX);
    int status = ledger->path ? start(ledger, opts, &arena, err) : err_memory(err);
    arena_release(&arena);
    if (status != 0) {
        ledger_close(ledger);
        return err_wrap(err, "ledger");
    }
    *to = ledger;
    return 0;
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    sql_close(ledger->sql);
    ledger_unlock(ledger);
    free(ledger->known);
    free(ledger->path);
    secret_wipe(ledger, sizeof(*ledger));
    free(ledger);
}

int ledger_begin(struct ledger *ledger, struct err *err)
{
    if (ledger->broken || ledger->read_only)
        return err_set(err, ERR_UNUSABLE, "ledger: %s: %s", ledger->path,
                       ledger->broken ? "an earlier write failed; nothing was written since"
                                      : "opened for reading only");
    return sql_in_transaction(ledger->sql) ? 0 : sql_begin(ledger->sql, err);
}

int ledger_break(struct ledger *ledger)
{
    struct err ignored;
    ledger->broken = true;
    /* SQLite rolls back by itself on some errors (a full disk), not on others. */
    if (sql_in_transaction(ledger->sql))
        sql_rollback(ledger->sql, &ignored);
    memcpy(ledger->counts, ledger->committed, sizeof(ledger->counts));
    return -1;
}

int ledger_commit(struct ledger *ledger, struct err *err)
{
    struct text counts = {(const char *)ledger->counts, sizeof(ledger->counts)};
    if (ledger->broken)
        return ledger_begin(ledger, err);
    if (!sql_in_transaction(ledger->sql))
        return 0;
    if (ledger_meta_put(ledger, TEXT("counts"), counts, err) != 0 ||
        sql_commit(ledger->sql, err) != 0) {
        err_wrap(err, "ledger");
        return ledger_break(ledger);
    }
    memcpy(ledger->committed, ledger->counts, sizeof(ledger->counts));
    return 0;
}

int ledger_count(struct ledger *ledger, uint64_t counts[LEDGER_STATE_COUNT], struct err *err)
{
    int status = 0;
    if (ledger->read_only) { /* another process may have gone on */
        struct arena arena;
        arena_init(&arena, META_MAX);
        status = load_counts(ledger, &arena, err);
        arena_release(&arena);
    }
    memcpy(counts, ledger->counts, sizeof(ledger->counts));
    return status;
}
