/*
 * Opening, closing, transactions and errors. Statements are in query.c.
 *
 * A file is made here and not by SQLite, so that its mode is 0600 from the first instant; SQLite
 * gives the -wal and -shm files the mode of the database.
 */
#include "sql/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 5000
#define UNIQUE_PREFIX   "UNIQUE constraint failed: "

static bool in_memory(const char *path)
{
    return strcmp(path, ":memory:") == 0;
}

/* The folder of a path, for fsync and for messages. */
static void folder_of(const char *path, char *to, size_t room)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(to, room, ".");
    else if (slash == path)
        snprintf(to, room, "/");
    else
        snprintf(to, room, "%.*s", (int)(slash - path), path);
}

static int folder_problem(const char *path, int cause, struct err *err)
{
    char folder[4096];
    folder_of(path, folder, sizeof(folder));
    if (access(folder, F_OK) != 0)
        return err_set(err, ERR_IO,
                       "%s: the folder %s does not exist; make it or give another path", path,
                       folder);
    if (cause == EROFS || cause == EACCES || cause == EPERM)
        return err_set(err, ERR_IO,
                       "%s: the folder %s is not writable (%s); give a path in one that is", path,
                       folder, strerror(cause));
    if (cause == ENOSPC || cause == EDQUOT)
        return err_set(err, ERR_IO, "%s: the disk is full; free some space and run it again", path);
    return err_set(err, ERR_IO, "%s: %s", path, strerror(cause));
}

/* A new name is durable only when its folder is. */
static void sync_folder(const char *path)
{
    char folder[4096];
    folder_of(path, folder, sizeof(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static int make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        /* Opening a file that exists, only to close it, would drop SQLite's locks on it. */
        return errno == EEXIST ? 0 : folder_problem(path, errno, err);
    close(fd);
    sync_folder(path);
    return 0;
}

/* What SQLite would only call "unable to open database file". */
static int check_file(const char *path, enum sql_mode mode, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT && mode == SQL_CREATE)
            return 0;
        if (errno == ENOENT)
            return err_set(err, ERR_IO, "%s: no such file; check the path", path);
        return err_set(err, ERR_IO, "%s: %s; check the path", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode))
        return err_set(err, ERR_IO, "%s: is a directory; give the path of a file in it", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "%s: is no regular file; give another path", path);
    int need = mode == SQL_READ_ONLY ? R_OK : R_OK | W_OK;
    if (access(path, need) != 0)
        return err_set(err, ERR_IO, "%s: not %s (%s); check its owner and mode", path,
                       mode == SQL_READ_ONLY ? "readable" : "writable", strerror(errno));
    return 0;
}

static void remember(struct sql *sql, int result)
{
    sql->failure = result;
    snprintf(sql->failure_message, sizeof(sql->failure_message), "%s",
             sql->db ? sqlite3_errmsg(sql->db) : sqlite3_errstr(result));
}

int sql_failed(struct sql *sql, int result, struct err *err)
{
    remember(sql, result);
    const char *path = sql->path, *words = sql->failure_message;
    int cause = sql->db ? sqlite3_system_errno(sql->db) : 0;
    switch (result & 0xff) {
    case SQLITE_NOMEM:
        return err_memory(err);
    case SQLITE_FULL:
        return folder_problem(path, ENOSPC, err);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        return folder_problem(path, cause ? cause : EACCES, err);
    case SQLITE_IOERR:
        if (cause == ENOSPC || cause == EDQUOT || result == SQLITE_IOERR_SHMSIZE)
            return folder_problem(path, ENOSPC, err);
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
    case SQLITE_TOOBIG:
        return err_set(err, ERR_INPUT, "%s: a value is too big for the database", path);
    default:
        return err_set(err, ERR_UNUSABLE, "%s: %s", path, words);
    }
}

/* "file:PATH?immutable=1" with the characters escaped that mean something in a URI. */
static char *immutable_uri(const char *path)
{
    size_t room = strlen(path) * 3 + sizeof("file:?immutable=1");
    char *uri = malloc(room);
    if (!uri)
        return NULL;
    char *to = uri + sprintf(uri, "file:");
    for (; *path; path++)
        to += sprintf(to, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
    sprintf(to, "?immutable=1");
    return uri;
}

static int connect_to(struct sql *sql, const char *name, int flags, struct err *err)
{
    int result =
        sqlite3_open_v2(name, &sql->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (result != SQLITE_OK)
        return sql_failed(sql, result, err);
    sqlite3_busy_timeout(sql->db, BUSY_TIMEOUT_MS);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return 0;
}

/*
 * A WAL database in a folder that cannot be written cannot be read either, as its -shm file cannot
 * be made; without a -wal file nobody is writing it, and it is safe to read it as it is.
 */
static int connect_immutable(struct sql *sql, struct err *err)
{
    char wal[4096 + 4];
    snprintf(wal, sizeof(wal), "%s-wal", sql->path);
    if (access(wal, F_OK) == 0)
        return -1;
    char *uri = immutable_uri(sql->path);
    if (!uri)
        return err_memory(err);
    sqlite3_close(sql->db);
    sql->db = NULL;
    int status = connect_to(sql, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    free(uri);
    return status;
}

static int start_reading(struct sql *sql, struct err *err)
{
    static const char probe[] = "SELECT count(*) FROM sqlite_schema";
    if (connect_to(sql, sql->path, SQLITE_OPEN_READONLY, err) != 0)
        return -1;
    if (sql_exec(sql, probe, err) == 0)
        return 0;
    int cause = sql->failure & 0xff;
    if ((cause != SQLITE_CANTOPEN && cause != SQLITE_READONLY) || connect_immutable(sql, err) != 0)
        return -1;
    return sql_exec(sql, probe, err);
}

static int start_writing(struct sql *sql, struct err *err)
{
    if (connect_to(sql, sql->path, SQLITE_OPEN_READWRITE, err) != 0)
        return -1;
    return sql_exec(sql, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", err);
}

static int start(struct sql *sql, enum sql_mode mode, struct err *err)
{
    if (in_memory(sql->path))
        return connect_to(sql, sql->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (check_file(sql->path, mode, err) != 0)
        return -1;
    if (mode == SQL_CREATE && make_file(sql->path, err) != 0)
        return -1;
    return mode == SQL_READ_ONLY ? start_reading(sql, err) : start_writing(sql, err);
}

int sql_open(struct sql **to, const char *path, enum sql_mode mode, struct err *err)
{
    *to = NULL;
    if (!path || !*path || strlen(path) > 4000)
        return err_set(err, ERR_IO, "a database needs a path of 1 to 4000 bytes");
    struct sql *sql = calloc(1, sizeof(*sql));
    if (!sql)
        return err_memory(err);
    sql->path = strdup(path);
    int status = sql->path ? start(sql, mode, err) : err_memory(err);
    if (status != 0) {
        sql_close(sql);
        return -1;
    }
    *to = sql;
    return 0;
}

void sql_close(struct sql *sql)
{
    if (!sql)
        return;
    for (size_t i = 0; i < SQL_CACHE_BUCKETS; i++) {
        for (struct sql_query *query = sql->cache[i], *next; query; query = next) {
            next = query->next;
            sql_finish(query);
        }
    }
    sqlite3_close(sql->db);
    free(sql->path);
    free(sql);
}

int sql_exec(struct sql *sql, const char *statements, struct err *err)
{
    int result = sqlite3_exec(sql->db, statements, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : sql_failed(sql, result, err);
}

static int run_constant(struct sql *sql, const char *statement, struct err *err)
{
    struct sql_query *query = sql_query(sql, statement, err);
    return query ? sql_run(query, err) : -1;
}

int sql_begin(struct sql *sql, struct err *err)
{
    static const char statement[] = "BEGIN IMMEDIATE";
    return run_constant(sql, statement, err);
}

int sql_commit(struct sql *sql, struct err *err)
{
    static const char statement[] = "COMMIT";
    return run_constant(sql, statement, err);
}

int sql_rollback(struct sql *sql, struct err *err)
{
    static const char statement[] = "ROLLBACK";
    return run_constant(sql, statement, err);
}

bool sql_in_transaction(const struct sql *sql)
{
    return !sqlite3_get_autocommit(sql->db);
}

int64_t sql_changes(const struct sql *sql)
{
    return sqlite3_changes64(sql->db);
}

bool sql_was_unique(const struct sql *sql, struct text *column)
{
    if (sql->failure != SQLITE_CONSTRAINT_UNIQUE && sql->failure != SQLITE_CONSTRAINT_PRIMARYKEY &&
        sql->failure != SQLITE_CONSTRAINT_ROWID)
        return false;
    struct text words = text_of(sql->failure_message);
    if (text_starts(words, TEXT(UNIQUE_PREFIX)))
        words = text_part(words, sizeof(UNIQUE_PREFIX) - 1, words.len);
    text_field(&words, ',', column);
    return true;
}
