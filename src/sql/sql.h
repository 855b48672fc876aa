/*
 * sql: a thin face over SQLite. One connection belongs to one thread at a time.
 *
 *     sql_open(&sql, "a.db", SQL_CREATE, &err);
 *     sql_exec(sql, "CREATE TABLE …", &err);
 *     struct sql_query *q = sql_query(sql, "SELECT id FROM users WHERE email = ?1", &err);   // cached
 *     sql_bind_text(q, 1, email);
 *     while ((got = sql_step(q, &err)) > 0) use(sql_text(q, 0));
 *     sql_reset(q);
 *     sql_close(sql);
 *
 * Durability: WAL, synchronous=FULL: a commit that returned survives a power cut.
 */
#ifndef USHER_SQL_H
#define USHER_SQL_H

#include "base/base.h"

enum sql_mode { SQL_READ_ONLY, SQL_WRITE, SQL_CREATE }; /* CREATE makes the file, mode 0600 */

struct sql;
struct sql_query;

/* Opens a file, or ":memory:". Returns 0, or -1: ERR_IO with path and cause, ERR_UNUSABLE: no database. */
int sql_open(struct sql **sql, const char *path, enum sql_mode mode, struct err *err);
void sql_close(struct sql *sql);

/* Runs statements without results. */
int sql_exec(struct sql *sql, const char *statements, struct err *err);

int sql_begin(struct sql *sql, struct err *err); /* BEGIN IMMEDIATE */
int sql_commit(struct sql *sql, struct err *err);
int sql_rollback(struct sql *sql, struct err *err);
bool sql_in_transaction(const struct sql *sql);

/*
 * The prepared form of a statement, kept by the connection under the address of `statement` (a string
 * constant), reset and with no bindings. NULL with err if it does not compile.
 */
struct sql_query *sql_query(struct sql *sql, const char *statement, struct err *err);
/* Prepares a statement that is not a constant; the caller ends it with sql_finish. */
struct sql_query *sql_prepare(struct sql *sql, const char *statement, struct err *err);
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

/* Column `at` (from 0) of the current row; valid until the next step or reset. NULL gives absent / 0. */
struct text sql_text(struct sql_query *query, int at);
int64_t sql_int(struct sql_query *query, int at);
bool sql_is_null(struct sql_query *query, int at);

/* Rows changed by the last statement. */
int64_t sql_changes(const struct sql *sql);
/* Whether the last failure was a uniqueness violation; then *column gets "table.column". */
bool sql_was_unique(const struct sql *sql, struct text *column);

#endif
