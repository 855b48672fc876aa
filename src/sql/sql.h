/*
 * sql: one thin face over SQLite, PostgreSQL (libpq) and MySQL or MariaDB (libmariadb). One connection
 * belongs to one thread at a time.
 *
 *     sql_open(&sql, "a.db", SQL_CREATE, &err);             // or ":memory:", or a URL, see below
 *     sql_exec(sql, "CREATE TABLE …", &err);
 *     struct sql_query *q = sql_query(sql, "SELECT id FROM users WHERE email = ?1", &err);   // cached
 *     sql_bind_text(q, 1, email);
 *     while ((got = sql_step(q, &err)) > 0) use(sql_text(q, 0));
 *     sql_reset(q);
 *     sql_close(sql);
 *
 * Where:
 *     PATH, ":memory:"                                SQLite
 *     postgres://USER:PASSWORD@HOST:PORT/DB?…         PostgreSQL; all that libpq reads (also postgresql://)
 *     mysql://USER:PASSWORD@HOST:PORT/DB?…            also mariadb://; socket=PATH, tls=require|verify, ca=FILE
 * A name in a URL may be percent-encoded. Messages never hold a password: they name user, host and database.
 *
 * Statements are written once, in the common subset:
 *   - parameters are ?1 ?2 … or ? in their order; a PostgreSQL parameter needs a place that tells its
 *     type (a column, a CAST);
 *   - columns are INTEGER (64 bits, also BIGINT), TEXT or BLOB. In CREATE and ALTER TABLE PostgreSQL gets
 *     BIGINT, TEXT COLLATE "C" (order is the order of bytes, as in SQLite) and BYTEA, and WITHOUT ROWID
 *     goes. A column INTEGER PRIMARY KEY that an INSERT leaves out gets a number of its own. Texts are bound with sql_bind_text, blobs with sql_bind_blob, never crosswise; a text in
 *     PostgreSQL holds no NUL byte;
 *   - INSERT … ON CONFLICT (columns) DO NOTHING | DO UPDATE SET … excluded.x, RETURNING, and
 *     CREATE [UNIQUE] INDEX IF NOT EXISTS … [WHERE …] with or without COLLATE NOCASE, which folds case;
 *   - LIKE ignores case; coalesce, not ifnull; TRUE and FALSE where a condition stands, 1 and 0 in columns;
 *     a subquery in FROM has a name; NULLS FIRST or LAST where it matters; no rowid, no AUTOINCREMENT, no
 *     negative LIMIT, no PRAGMA (but see sql_pragma).
 * MySQL is there to read the tables of others: its statements are its own dialect, with these parameters.
 *
 * Durability: SQLite: WAL, synchronous=FULL: a commit that returned survives a power cut. A server: as it is
 * configured (PostgreSQL's default is the same).
 *
 * Transactions take turns: sql_begin waits for the others of the same database (SQLite: file;
 * PostgreSQL: schema) to end, so none can deadlock with another or fail for its sake. Keep them short.
 * When the connection is lost inside one, everything fails with ERR_NETWORK until sql_rollback; outside
 * of one the next statement connects again.
 */
#ifndef USHER_SQL_H
#define USHER_SQL_H

#include "base/base.h"

enum sql_kind { SQL_SQLITE, SQL_POSTGRES, SQL_MYSQL };

/* CREATE makes the file, mode 0600. READ_ONLY is enforced by the database's session, not only by us. */
enum sql_mode { SQL_READ_ONLY, SQL_WRITE, SQL_CREATE };

/* What a database is: the number of the application that made it, and the version of its tables. */
struct sql_stamp {
    int64_t application, version;
    bool empty; /* no stamp and no tables */
};

struct sql;
struct sql_query;

/*
 * Opens a file, ":memory:" or a URL. Returns 0, or -1: ERR_IO with path and cause, ERR_UNUSABLE: no database,
 * ERR_USAGE: no URL that can be understood, ERR_NETWORK: no server, ERR_REFUSED: it lets us not in.
 */
int sql_open(struct sql **sql, const char *where, enum sql_mode mode, struct err *err);
void sql_close(struct sql *sql);

/* Whether that names a database by URL, and thus no file. */
bool sql_is_url(const char *where);
/* Which database it is, and how messages name it: the path, or the URL without password and options. */
enum sql_kind sql_kind(const struct sql *sql);
const char *sql_name(const struct sql *sql);

/*
 * How long a statement may take from now on, waiting for locks and for the network included; 0, the
 * default: any time. One that takes longer is cancelled and fails with ERR_NETWORK.
 */
int sql_timeout(struct sql *sql, int64_t ms, struct err *err);

/* Runs statements without results, separated by semicolons. */
int sql_exec(struct sql *sql, const char *statements, struct err *err);
/* The same for settings that only SQLite has; the others take no notice. */
int sql_pragma(struct sql *sql, const char *pragmas, struct err *err);

/* The clock of the database's machine, in milliseconds since the epoch. */
int sql_now_ms(struct sql *sql, int64_t *ms, struct err *err);

/* The stamp of a database; putting one belongs into the transaction that makes the tables, before them. */
int sql_stamp_get(struct sql *sql, struct sql_stamp *stamp, struct err *err);
int sql_stamp_put(struct sql *sql, const struct sql_stamp *stamp, struct err *err);

/* Transactions that write. sql_begin waits its turn. */
int sql_begin(struct sql *sql, struct err *err);
int sql_commit(struct sql *sql, struct err *err);
int sql_rollback(struct sql *sql, struct err *err);
bool sql_in_transaction(const struct sql *sql);
/*
 * From now on a statement that fails inside a transaction undoes itself and nothing else. SQLite does so by
 * itself; in PostgreSQL it costs two savepoints a statement that writes, without which the whole
 * transaction is lost.
 */
void sql_guard(struct sql *sql);

/*
 * The prepared form of a statement, kept by the connection under the address of `statement` (a string
 * constant), reset and with no bindings. NULL with err if it does not compile.
 */
struct sql_query *sql_query(struct sql *sql, const char *statement, struct err *err);
/* Prepares a statement that is not a constant; the caller ends it with sql_finish. */
struct sql_query *sql_prepare(struct sql *sql, const char *statement, struct err *err);
/*
 * The same for a result of any size: a server sends its rows as they are asked for, in bounded memory, and
 * the connection takes no other statement until sql_finish.
 */
struct sql_query *sql_stream(struct sql *sql, const char *statement, struct err *err);
void sql_finish(struct sql_query *query);

/* Binds parameter `at` (from 1). Texts and blobs must stay valid until sql_reset; absent binds NULL. */
void sql_bind_text(struct sql_query *query, int at, struct text t);
void sql_bind_blob(struct sql_query *query, int at, struct text t);
void sql_bind_int(struct sql_query *query, int at, int64_t number);
void sql_bind_null(struct sql_query *query, int at);

/* Next row: 1, or 0 when there is none (the query is then reset), or -1 with err. */
int sql_step(struct sql_query *query, struct err *err);
/* For statements without rows: sql_step and sql_reset in one. 0 or -1. */
int sql_run(struct sql_query *query, struct err *err);
void sql_reset(struct sql_query *query);

/*
 * Column `at` (from 0) of the current row; valid until the next step or reset. NULL gives absent / 0. Any type
 * has a text: numbers in decimal, times as the database writes them; a truth value is 0 or 1.
 */
struct text sql_text(struct sql_query *query, int at);
int64_t sql_int(struct sql_query *query, int at);
bool sql_is_null(struct sql_query *query, int at);
/* How many columns a row has, and the name of one; while there is a row. */
int sql_columns(struct sql_query *query);
struct text sql_column_name(struct sql_query *query, int at);

/* Rows changed by the last statement. */
int64_t sql_changes(const struct sql *sql);
/* Whether the last failure was a uniqueness violation; then *column gets "table.column", the index's first. */
bool sql_was_unique(const struct sql *sql, struct text *column);

#endif
