/*
 * The face: which back-end a name means, and what all of them have in common. The cache of statements is a
 * hash table over the addresses of the program's own string constants, so its size is bounded by the
 * program text.
 */
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/connection.h"

static const struct {
    const char *scheme;
    const struct sql_ops *ops;
} schemes[] = {
    {"postgres://", &sql_ops_postgres},
    {"postgresql://", &sql_ops_postgres},
    {"mysql://", &sql_ops_mysql},
    {"mariadb://", &sql_ops_mysql},
};

static const struct sql_ops *ops_of(const char *where)
{
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
        if (text_starts(text_of(where), text_of(schemes[i].scheme)))
            return schemes[i].ops;
    return &sql_ops_sqlite;
}

bool sql_is_url(const char *where)
{
    return ops_of(where) != &sql_ops_sqlite;
}

int sql_open(struct sql **to, const char *where, enum sql_mode mode, struct err *err)
{
    *to = NULL;
    if (!where || !*where)
        return err_set(err, ERR_IO, "a database needs a path or a URL");
    const struct sql_ops *ops = ops_of(where);
    struct sql *sql = NULL;
    int status = ops->open(&sql, where, mode, err);
    if (sql)
        sql->ops = ops;
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
    free(sql->name);
    sql->ops->close(sql);
}

enum sql_kind sql_kind(const struct sql *sql)
{
    return sql->ops->kind;
}

const char *sql_name(const struct sql *sql)
{
    return sql->name;
}

int sql_timeout(struct sql *sql, int64_t ms, struct err *err)
{
    return sql->ops->timeout(sql, ms, err);
}

int sql_exec(struct sql *sql, const char *statements, struct err *err)
{
    return sql->ops->exec(sql, statements, err);
}

int sql_pragma(struct sql *sql, const char *pragmas, struct err *err)
{
    return sql->ops == &sql_ops_sqlite ? sql->ops->exec(sql, pragmas, err) : 0;
}

int sql_now_ms(struct sql *sql, int64_t *ms, struct err *err)
{
    *ms = clock_wall_ms();
    if (!sql->ops->now)
        return 0;
    struct sql_query *query = sql_query(sql, sql->ops->now, err);
    int got = query ? sql_step(query, err) : -1;
    if (got > 0)
        *ms = sql_int(query, 0);
    if (query)
        sql_reset(query);
    return got > 0 ? 0 : -1;
}

int sql_stamp_get(struct sql *sql, struct sql_stamp *stamp, struct err *err)
{
    *stamp = (struct sql_stamp){0};
    return sql->ops->stamp_get(sql, stamp, err);
}

int sql_stamp_put(struct sql *sql, const struct sql_stamp *stamp, struct err *err)
{
    return sql->ops->stamp_put(sql, stamp, err);
}

int sql_begin(struct sql *sql, struct err *err)
{
    return sql->ops->begin(sql, err);
}

int sql_commit(struct sql *sql, struct err *err)
{
    return sql->ops->commit(sql, err);
}

int sql_rollback(struct sql *sql, struct err *err)
{
    return sql->ops->rollback(sql, err);
}

bool sql_in_transaction(const struct sql *sql)
{
    return sql->ops->in_transaction(sql);
}

void sql_guard(struct sql *sql)
{
    sql->guarded = true;
}

static struct sql_query *prepare(struct sql *sql, const char *statement, enum sql_use use,
                                 struct err *err)
{
    struct sql_query *query = sql->ops->prepare(sql, statement, use, err);
    if (query) {
        query->sql = sql;
        query->ops = sql->ops;
    }
    return query;
}

static struct sql_query **bucket_of(struct sql *sql, const char *key)
{
    uint64_t mixed = (uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);
    return &sql->cache[mixed >> 57];
}
_Static_assert(SQL_CACHE_BUCKETS == 1 << 7, "the top seven bits choose a bucket");

struct sql_query *sql_query(struct sql *sql, const char *statement, struct err *err)
{
    struct sql_query **bucket = bucket_of(sql, statement);
    for (struct sql_query *query = *bucket; query; query = query->next) {
        if (query->key == statement) {
            sql_reset(query);
            return query;
        }
    }
    struct sql_query *query = prepare(sql, statement, SQL_KEPT, err);
    if (!query)
        return NULL;
    query->key = statement;
    query->next = *bucket;
    *bucket = query;
    return query;
}

struct sql_query *sql_prepare(struct sql *sql, const char *statement, struct err *err)
{
    return prepare(sql, statement, SQL_ONCE, err);
}

struct sql_query *sql_stream(struct sql *sql, const char *statement, struct err *err)
{
    return prepare(sql, statement, SQL_STREAMED, err);
}

void sql_finish(struct sql_query *query)
{
    if (query)
        query->ops->finish(query);
}

void sql_bind_text(struct sql_query *query, int at, struct text t)
{
    query->used = true;
    if (t.at)
        query->ops->bind_text(query, at, t);
    else
        query->ops->bind_null(query, at);
}

void sql_bind_blob(struct sql_query *query, int at, struct text t)
{
    query->used = true;
    if (t.at)
        query->ops->bind_blob(query, at, t);
    else
        query->ops->bind_null(query, at);
}

void sql_bind_int(struct sql_query *query, int at, int64_t number)
{
    query->used = true;
    query->ops->bind_int(query, at, number);
}

void sql_bind_null(struct sql_query *query, int at)
{
    query->used = true;
    query->ops->bind_null(query, at);
}

int sql_step(struct sql_query *query, struct err *err)
{
    query->used = true;
    int got = query->ops->step(query, err);
    if (got <= 0)
        sql_reset(query);
    return got;
}

int sql_run(struct sql_query *query, struct err *err)
{
    int status = sql_step(query, err);
    sql_reset(query);
    return status < 0 ? -1 : 0;
}

int sql_run_constant(struct sql *sql, const char *statement, struct err *err)
{
    struct sql_query *query = sql_query(sql, statement, err);
    return query ? sql_run(query, err) : -1;
}

void sql_reset(struct sql_query *query)
{
    if (!query->used)
        return;
    query->used = false;
    query->ops->reset(query);
}

struct text sql_text(struct sql_query *query, int at)
{
    return query->ops->text(query, at);
}

int64_t sql_int(struct sql_query *query, int at)
{
    return query->ops->integer(query, at);
}

bool sql_is_null(struct sql_query *query, int at)
{
    return query->ops->is_null(query, at);
}

int sql_columns(struct sql_query *query)
{
    return query->ops->columns(query);
}

struct text sql_column_name(struct sql_query *query, int at)
{
    return text_of(query->ops->column_name(query, at));
}

int64_t sql_changes(const struct sql *sql)
{
    return sql->ops->changes(sql);
}

void sql_note_unique(struct sql *sql, struct text table, struct text column)
{
    sql->was_unique = true;
    snprintf(sql->unique, sizeof(sql->unique), "%.*s%s%.*s", TEXT_ARG(table), table.len ? "." : "",
             TEXT_ARG(column));
}

bool sql_was_unique(const struct sql *sql, struct text *column)
{
    if (sql->was_unique)
        *column = text_of(sql->unique);
    return sql->was_unique;
}
