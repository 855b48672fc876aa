/*
 * Statements. The cache is a hash table over the addresses of the program's own string constants,
 * so its size is bounded by the program text.
 */
#include "sql/connection.h"

#include <limits.h>
#include <stdlib.h>

static struct sql_query **bucket_of(struct sql *sql, const char *key)
{
    uint64_t mixed = (uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);
    return &sql->cache[mixed >> 57];
}
_Static_assert(SQL_CACHE_BUCKETS == 1 << 7, "the top seven bits choose a bucket");

static struct sql_query *compile(struct sql *sql, const char *statement, unsigned flags,
                                 struct err *err)
{
    struct sql_query *query = calloc(1, sizeof(*query));
    if (!query) {
        err_memory(err);
        return NULL;
    }
    query->sql = sql;
    int result = sqlite3_prepare_v3(sql->db, statement, -1, flags, &query->statement, NULL);
    if (result != SQLITE_OK) {
        sql_failed(sql, result, err);
        free(query);
        return NULL;
    }
    return query;
}

struct sql_query *sql_query(struct sql *sql, const char *statement, struct err *err)
{
    struct sql_query **bucket = bucket_of(sql, statement);
    for (struct sql_query *query = *bucket; query; query = query->next) {
        if (query->key == statement) {
            sql_reset(query);
            return query;
        }
    }
    struct sql_query *query = compile(sql, statement, SQLITE_PREPARE_PERSISTENT, err);
    if (!query)
        return NULL;
    query->key = statement;
    query->next = *bucket;
    *bucket = query;
    return query;
}

struct sql_query *sql_prepare(struct sql *sql, const char *statement, struct err *err)
{
    return compile(sql, statement, 0, err);
}

void sql_finish(struct sql_query *query)
{
    if (!query)
        return;
    sqlite3_finalize(query->statement);
    free(query);
}

static void note_bind(struct sql_query *query, int result)
{
    query->used = true;
    if (result != SQLITE_OK)
        query->bind_failure = result;
}

void sql_bind_text(struct sql_query *query, int at, struct text t)
{
    note_bind(query, t.at ? sqlite3_bind_text64(query->statement, at, t.at, t.len, SQLITE_STATIC,
                                                SQLITE_UTF8)
                          : sqlite3_bind_null(query->statement, at));
}

void sql_bind_blob(struct sql_query *query, int at, struct text t)
{
    note_bind(query, t.at ? sqlite3_bind_blob64(query->statement, at, t.at, t.len, SQLITE_STATIC)
                          : sqlite3_bind_null(query->statement, at));
}

void sql_bind_int(struct sql_query *query, int at, int64_t number)
{
    note_bind(query, sqlite3_bind_int64(query->statement, at, number));
}

void sql_bind_null(struct sql_query *query, int at)
{
    note_bind(query, sqlite3_bind_null(query->statement, at));
}

int sql_step(struct sql_query *query, struct err *err)
{
    query->used = true;
    int result = query->bind_failure ? query->bind_failure : sqlite3_step(query->statement);
    if (result == SQLITE_ROW)
        return 1;
    int status = result == SQLITE_DONE ? 0 : sql_failed(query->sql, result, err);
    sql_reset(query);
    return status;
}

int sql_run(struct sql_query *query, struct err *err)
{
    int status = sql_step(query, err);
    sql_reset(query);
    return status < 0 ? -1 : 0;
}

void sql_reset(struct sql_query *query)
{
    if (!query->used)
        return;
    query->used = false;
    sqlite3_reset(query->statement);
    sqlite3_clear_bindings(query->statement);
    query->bind_failure = SQLITE_OK;
}

struct text sql_text(struct sql_query *query, int at)
{
    const void *bytes = sqlite3_column_blob(query->statement, at);
    size_t len = (size_t)sqlite3_column_bytes(query->statement, at);
    if (sqlite3_column_type(query->statement, at) == SQLITE_NULL)
        return (struct text){NULL, 0};
    return (struct text){bytes ? bytes : "", len};
}

int64_t sql_int(struct sql_query *query, int at)
{
    return sqlite3_column_int64(query->statement, at);
}

bool sql_is_null(struct sql_query *query, int at)
{
    return sqlite3_column_type(query->statement, at) == SQLITE_NULL;
}
