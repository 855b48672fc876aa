/*
 * SQLite: opening, transactions, errors. Files are in sqlite_file.c, statements in sqlite_query.c.
 *
 * Whoever finds the file locked tries again every 2 ms. (SQLite's own busy handler goes up to 100 ms, in which
 * another process with many short transactions gets in again and again.)
 *
 * A statement whose time is limited is cancelled by the progress handler, or by the busy handler.
 */
#include "sql/sqlite.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_US        INT64_C(10000000)
#define BUSY_SLEEP_US  2000
#define PROGRESS_STEPS 10000 /* of SQLite's machine between two looks at the clock */
#define UNIQUE_PREFIX  "UNIQUE constraint failed: "

static bool in_memory(const char *path)
{
    return strcmp(path, ":memory:") == 0;
}

/* "table.column, table.column" is SQLite's own way to say it. */
static void note_unique(struct sqlite *sqlite, int result, struct text words)
{
    struct text column, none = {NULL, 0};
    sqlite->head.was_unique = result == SQLITE_CONSTRAINT_UNIQUE ||
                              result == SQLITE_CONSTRAINT_PRIMARYKEY ||
                              result == SQLITE_CONSTRAINT_ROWID;
    if (!sqlite->head.was_unique)
        return;
    if (text_starts(words, TEXT(UNIQUE_PREFIX)))
        words = text_part(words, sizeof(UNIQUE_PREFIX) - 1, words.len);
    text_field(&words, ',', &column);
    sql_note_unique(&sqlite->head, none, column);
}

int sqlite_failed(struct sqlite *sqlite, int result, struct err *err)
{
    const char *path = sqlite->head.name;
    const char *words = sqlite->db ? sqlite3_errmsg(sqlite->db) : sqlite3_errstr(result);
    int cause = sqlite->db ? sqlite3_system_errno(sqlite->db) : 0;
    note_unique(sqlite, result, text_of(words));
    switch (result & 0xff) {
    case SQLITE_NOMEM:
        return err_memory(err);
    case SQLITE_FULL:
        return sqlite_folder_problem(path, ENOSPC, err);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        return sqlite_folder_problem(path, cause ? cause : EACCES, err);
    case SQLITE_IOERR:
        if (cause == ENOSPC || cause == EDQUOT || result == SQLITE_IOERR_SHMSIZE)
            return sqlite_folder_problem(path, ENOSPC, err);
        return err_set(err, ERR_IO, "%s: %s (%s); check the disk", path, words,
                       cause ? strerror(cause) : sqlite3_errstr(result));
    case SQLITE_NOTADB:
        return err_set(err, ERR_UNUSABLE, "%s: is no SQLite database; give another path", path);
    case SQLITE_CORRUPT:
        return err_set(err, ERR_UNUSABLE, "%s: is damaged (%s); restore it from a copy", path,
                       words);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_UNUSABLE, "%s: is in use by another process; end that one first",
                       path);
    case SQLITE_INTERRUPT:
        return err_set(err, ERR_NETWORK, "%s: a statement took longer than its %ld ms", path,
                       (long)(sqlite->timeout_us / 1000));
    case SQLITE_TOOBIG:
        return err_set(err, ERR_INPUT, "%s: a value is too big for the database", path);
    default:
        return err_set(err, ERR_UNUSABLE, "%s: %s", path, words);
    }
}

static int exec(struct sql *sql, const char *statements, struct err *err)
{
    struct sqlite *sqlite = (struct sqlite *)sql;
    sqlite_start_clock(sqlite);
    int result = sqlite3_exec(sqlite->db, statements, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : sqlite_failed(sqlite, result, err);
}

void sqlite_start_clock(struct sqlite *sqlite)
{
    if (sqlite->timeout_us > 0)
        sqlite->deadline = clock_now_us() + sqlite->timeout_us;
}

static int time_is_over(void *arg)
{
    const struct sqlite *sqlite = arg;
    return clock_now_us() > sqlite->deadline;
}

/* Called by SQLite for the tries-th time on one lock; 0 gives up. */
static int wait_for_lock(void *arg, int tries)
{
    const struct sqlite *sqlite = arg;
    int64_t patience = sqlite->timeout_us > 0 ? sqlite->timeout_us : BUSY_US;
    if (tries * (int64_t)BUSY_SLEEP_US >= patience)
        return 0;
    usleep(BUSY_SLEEP_US);
    return 1;
}

static int set_timeout(struct sql *sql, int64_t ms, struct err *err)
{
    struct sqlite *sqlite = (struct sqlite *)sql;
    (void)err;
    sqlite->timeout_us = ms * 1000;
    sqlite3_progress_handler(sqlite->db, ms > 0 ? PROGRESS_STEPS : 0, time_is_over, sqlite);
    return 0;
}

/* SQLite counts what it allocates, under a lock, twice an allocation; nobody asks for the sum. */
static void count_nothing(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int connect_to(struct sqlite *sqlite, const char *name, int flags, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, count_nothing);
    int result = sqlite3_open_v2(name, &sqlite->db,
                                 flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (result != SQLITE_OK)
        return sqlite_failed(sqlite, result, err);
    sqlite3_busy_handler(sqlite->db, wait_for_lock, sqlite);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return 0;
}

/*
 * A WAL database in a folder that cannot be written cannot be read either, as its -shm file cannot
 * be made; without a -wal file nobody is writing it, and it is safe to read it as it is.
 */
static int connect_immutable(struct sqlite *sqlite, struct err *err)
{
    char wal[4096 + 4];
    snprintf(wal, sizeof(wal), "%s-wal", sqlite->head.name);
    if (access(wal, F_OK) == 0)
        return -1;
    char *uri = sqlite_immutable_uri(sqlite->head.name);
    if (!uri)
        return err_memory(err);
    sqlite3_close(sqlite->db);
    sqlite->db = NULL;
    int status = connect_to(sqlite, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    free(uri);
    return status;
}

/* What a power cut left half done in a rollback journal is undone by whoever may write. */
static int recover(struct sqlite *sqlite, const char *probe, struct err *err)
{
    sqlite3_close(sqlite->db);
    sqlite->db = NULL;
    if (connect_to(sqlite, sqlite->head.name, SQLITE_OPEN_READWRITE, err) != 0 ||
        exec(&sqlite->head, probe, err) != 0)
        return -1;
    sqlite3_close(sqlite->db);
    sqlite->db = NULL;
    return connect_to(sqlite, sqlite->head.name, SQLITE_OPEN_READONLY, err);
}

static int start_reading(struct sqlite *sqlite, struct err *err)
{
    static const char probe[] = "SELECT count(*) FROM sqlite_schema";
    if (connect_to(sqlite, sqlite->head.name, SQLITE_OPEN_READONLY, err) != 0)
        return -1;
    if (exec(&sqlite->head, probe, err) == 0)
        return 0;
    if (sqlite3_extended_errcode(sqlite->db) == SQLITE_READONLY_ROLLBACK)
        return recover(sqlite, probe, err);
    int cause = sqlite3_errcode(sqlite->db) & 0xff;
    if ((cause != SQLITE_CANTOPEN && cause != SQLITE_READONLY) ||
        connect_immutable(sqlite, err) != 0)
        return -1;
    return exec(&sqlite->head, probe, err);
}

/* Of several who turn a new file to WAL at once SQLite refuses some without asking the busy handler. */
static int start_writing(struct sqlite *sqlite, struct err *err)
{
    if (connect_to(sqlite, sqlite->head.name, SQLITE_OPEN_READWRITE, err) != 0)
        return -1;
    int64_t began = clock_now_us();
    while (exec(&sqlite->head, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", err) != 0) {
        if ((sqlite3_errcode(sqlite->db) & 0xff) != SQLITE_BUSY || clock_now_us() - began > BUSY_US)
            return -1;
        usleep(BUSY_SLEEP_US);
    }
    return 0;
}

static int start(struct sqlite *sqlite, enum sql_mode mode, struct err *err)
{
    if (in_memory(sqlite->head.name))
        return connect_to(sqlite, sqlite->head.name, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                          err);
    if (sqlite_check_file(sqlite->head.name, mode, err) != 0)
        return -1;
    if (mode == SQL_CREATE && sqlite_make_file(sqlite->head.name, err) != 0)
        return -1;
    return mode == SQL_READ_ONLY ? start_reading(sqlite, err) : start_writing(sqlite, err);
}

static int open_file(struct sql **to, const char *path, enum sql_mode mode, struct err *err)
{
    if (!*path || strlen(path) > 4000)
        return err_set(err, ERR_IO, "a database needs a path of 1 to 4000 bytes");
    struct sqlite *sqlite = calloc(1, sizeof(*sqlite));
    if (!sqlite)
        return err_memory(err);
    *to = &sqlite->head;
    sqlite->head.name = strdup(path);
    return sqlite->head.name ? start(sqlite, mode, err) : err_memory(err);
}

static void close_file(struct sql *sql)
{
    sqlite3_close(((struct sqlite *)sql)->db);
    free(sql);
}

static int begin(struct sql *sql, struct err *err)
{
    static const char statement[] = "BEGIN IMMEDIATE";
    return sql_run_constant(sql, statement, err);
}

static int commit(struct sql *sql, struct err *err)
{
    static const char statement[] = "COMMIT";
    return sql_run_constant(sql, statement, err);
}

static int rollback(struct sql *sql, struct err *err)
{
    static const char statement[] = "ROLLBACK";
    return sql_run_constant(sql, statement, err);
}

static bool in_transaction(const struct sql *sql)
{
    return !sqlite3_get_autocommit(((const struct sqlite *)sql)->db);
}

static int64_t changes(const struct sql *sql)
{
    return sqlite3_changes64(((const struct sqlite *)sql)->db);
}

/* The stamp is in the file's header: application_id and user_version. */
static int stamp_get(struct sql *sql, struct sql_stamp *stamp, struct err *err)
{
    struct sql_query *query =
        sql_prepare(sql,
                    "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
                    " FROM pragma_application_id, pragma_user_version",
                    err);
    int got = query ? sql_step(query, err) : -1;
    if (got > 0)
        *stamp = (struct sql_stamp){sql_int(query, 0), sql_int(query, 1), sql_int(query, 2) == 0};
    sql_finish(query);
    stamp->empty = stamp->empty && stamp->application == 0;
    return got > 0 ? 0 : -1;
}

static int stamp_put(struct sql *sql, const struct sql_stamp *stamp, struct err *err)
{
    char pragmas[96];
    snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %ld; PRAGMA user_version = %ld",
             (long)stamp->application, (long)stamp->version);
    return exec(sql, pragmas, err);
}

const struct sql_ops sql_ops_sqlite = {
    .kind = SQL_SQLITE,
    .open = open_file,
    .close = close_file,
    .exec = exec,
    .timeout = set_timeout,
    .stamp_get = stamp_get,
    .stamp_put = stamp_put,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .in_transaction = in_transaction,
    .changes = changes,
    .prepare = sqlite_prepare,
    .finish = sqlite_finish,
    .bind_text = sqlite_bind_text,
    .bind_blob = sqlite_bind_blob,
    .bind_int = sqlite_bind_int,
    .bind_null = sqlite_bind_null,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .text = sqlite_text,
    .integer = sqlite_integer,
    .is_null = sqlite_is_null,
    .columns = sqlite_columns,
    .column_name = sqlite_column_name,
};
