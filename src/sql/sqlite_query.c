/* Statements of SQLite. */
#include <limits.h>
#include <stdlib.h>

#include "sql/sqlite.h"

static sqlite3_stmt *statement_of(struct sql_query *query)
{
    return ((struct sqlite_query *)query)->statement;
}

struct sql_query *sqlite_prepare(struct sql *sql, const char *statement, enum sql_use use,
                                 struct err *err)
{
    struct sqlite *sqlite = (struct sqlite *)sql;
    struct sqlite_query *query = calloc(1, sizeof(*query));
    if (!query) {
        err_memory(err);
        return NULL;
    }
    unsigned flags = use == SQL_KEPT ? SQLITE_PREPARE_PERSISTENT : 0;
    int result = sqlite3_prepare_v3(sqlite->db, statement, -1, flags, &query->statement, NULL);
    if (result != SQLITE_OK) {
        sqlite_failed(sqlite, result, err);
        free(query);
        return NULL;
    }
    return &query->head;
}

void sqlite_finish(struct sql_query *query)
{
    sqlite3_finalize(statement_of(query));
    free(query);
}

static void note_bind(struct sql_query *query, int result)
{
    if (result != SQLITE_OK)
        ((struct sqlite_query *)query)->bind_failure = result;
}

void sqlite_bind_text(struct sql_query *query, int at, struct text t)
{
    note_bind(query, sqlite3_bind_text64(statement_of(query), at, t.at, t.len, SQLITE_STATIC,
                                         SQLITE_UTF8));
}

void sqlite_bind_blob(struct sql_query *query, int at, struct text t)
{
    note_bind(query, sqlite3_bind_blob64(statement_of(query), at, t.at, t.len, SQLITE_STATIC));
}

void sqlite_bind_int(struct sql_query *query, int at, int64_t number)
{
    note_bind(query, sqlite3_bind_int64(statement_of(query), at, number));
}

void sqlite_bind_null(struct sql_query *query, int at)
{
    note_bind(query, sqlite3_bind_null(statement_of(query), at));
}

int sqlite_step(struct sql_query *head, struct err *err)
{
    struct sqlite_query *query = (struct sqlite_query *)head;
    struct sqlite *sqlite = (struct sqlite *)head->sql;
    sqlite_start_clock(sqlite);
    int result = query->bind_failure ? query->bind_failure : sqlite3_step(query->statement);
    if (result == SQLITE_ROW)
        return 1;
    return result == SQLITE_DONE ? 0 : sqlite_failed(sqlite, result, err);
}

void sqlite_reset(struct sql_query *query)
{
    sqlite3_reset(statement_of(query));
    sqlite3_clear_bindings(statement_of(query));
    ((struct sqlite_query *)query)->bind_failure = SQLITE_OK;
}

struct text sqlite_text(struct sql_query *query, int at)
{
    sqlite3_stmt *statement = statement_of(query);
    if (sqlite3_column_type(statement, at) == SQLITE_NULL)
        return (struct text){NULL, 0};
    const void *bytes = sqlite3_column_blob(statement, at);
    return (struct text){bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, at)};
}

int64_t sqlite_integer(struct sql_query *query, int at)
{
    return sqlite3_column_int64(statement_of(query), at);
}

bool sqlite_is_null(struct sql_query *query, int at)
{
    return sqlite3_column_type(statement_of(query), at) == SQLITE_NULL;
}

int sqlite_columns(struct sql_query *query)
{
    return sqlite3_column_count(statement_of(query));
}

const char *sqlite_column_name(struct sql_query *query, int at)
{
    return sqlite3_column_name(statement_of(query), at);
}
