/* What sqlite.c, sqlite_file.c and sqlite_query.c share. */
#ifndef USHER_SQL_SQLITE_H
#define USHER_SQL_SQLITE_H

#include <sqlite3.h>

#include "sql/connection.h"

struct sqlite_query {
    struct sql_query head;
    sqlite3_stmt *statement;
    int bind_failure; /* of a bind since the last reset; stepping reports it */
};

struct sqlite {
    struct sql head;
    sqlite3 *db;
    int64_t timeout_us, deadline; /* of a statement; the moment when the present one is cancelled */
};

/* Turns SQLite's result into *err, and remembers a uniqueness violation. Always returns -1. */
int sqlite_failed(struct sqlite *sqlite, int result, struct err *err);
/* Begins the time of a statement, if it is limited. */
void sqlite_start_clock(struct sqlite *sqlite);

/* Why a file cannot be made or written, by errno; *err gets path, cause and remedy. Always returns -1. */
int sqlite_folder_problem(const char *path, int cause, struct err *err);
/* Makes the file, mode 0600, durably; fine if it is there. */
int sqlite_make_file(const char *path, struct err *err);
/* Whether the file can be opened so: says what SQLite would only call "unable to open database file". */
int sqlite_check_file(const char *path, enum sql_mode mode, struct err *err);
/* "file:PATH?immutable=1" with what means something in a URI escaped; the caller frees it. NULL: no memory. */
char *sqlite_immutable_uri(const char *path);

/* The statements of struct sql_ops. */
struct sql_query *sqlite_prepare(struct sql *sql, const char *statement, enum sql_use use,
                                 struct err *err);
void sqlite_finish(struct sql_query *query);
void sqlite_bind_text(struct sql_query *query, int at, struct text t);
void sqlite_bind_blob(struct sql_query *query, int at, struct text t);
void sqlite_bind_int(struct sql_query *query, int at, int64_t number);
void sqlite_bind_null(struct sql_query *query, int at);
int sqlite_step(struct sql_query *query, struct err *err);
void sqlite_reset(struct sql_query *query);
struct text sqlite_text(struct sql_query *query, int at);
int64_t sqlite_integer(struct sql_query *query, int at);
bool sqlite_is_null(struct sql_query *query, int at);
int sqlite_columns(struct sql_query *query);
const char *sqlite_column_name(struct sql_query *query, int at);

#endif
