#include "sandbox/row.h"

#include <stdio.h>

#include "sandbox/store_private.h"

#define LIST_FIRST 8

static int has_column(struct store *store, const char *table, struct text column, struct err *err)
{
    static const char in_sqlite[] = "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2";
    static const char in_postgres[] =
        "SELECT 1 FROM pg_attribute WHERE attrelid = CAST(CAST(?1 AS TEXT) AS regclass)"
        " AND attname = ?2 AND NOT attisdropped";
    struct sql_query *query =
        sql_query(store->sql, sql_kind(store->sql) == SQL_SQLITE ? in_sqlite : in_postgres, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, text_of(table));
    sql_bind_text(query, 2, column);
    int got = sql_step(query, err);
    sql_reset(query);
    return got;
}

static int add_column(struct store *store, const struct row_table *table, struct text declaration,
                      struct err *err)
{
    char statement[256];
    struct text column = text_part(declaration, 0, text_find(declaration, ' ', 0));
    int there = has_column(store, table->name, column, err);
    if (there != 0)
        return there < 0 ? -1 : 0;
    snprintf(statement, sizeof(statement), "ALTER TABLE %s ADD COLUMN %.*s", table->name,
             TEXT_ARG(declaration));
    return store_define(store, statement, err);
}

int row_create(struct store *store, const struct row_table *table, struct err *err)
{
    struct text rest = text_of(table->declares), declaration;
    if (store_define(store, table->create, err) != 0)
        return -1;
    while (text_field(&rest, ',', &declaration))
        if (declaration.len > 0 && add_column(store, table, text_trim(declaration), err) != 0)
            return -1;
    return *table->indexes ? store_define(store, table->indexes, err) : 0;
}

static void bind(struct sql_query *query, const struct row_table *table, const void *row)
{
    for (size_t i = 0; i < table->count; i++) {
        const void *member = (const char *)row + table->columns[i].offset;
        int at = (int)i + 1;
        if (!table->columns[i].number)
            sql_bind_text(query, at, *(const struct text *)member);
        else if (*(const int64_t *)member == ROW_NULL)
            sql_bind_null(query, at);
        else
            sql_bind_int(query, at, *(const int64_t *)member);
    }
}

static int read(struct sql_query *query, const struct row_table *table, struct arena *arena,
                void *row, struct err *err)
{
    for (size_t i = 0; i < table->count; i++) {
        void *member = (char *)row + table->columns[i].offset;
        bool null = sql_is_null(query, (int)i);
        if (table->columns[i].number) {
            *(int64_t *)member = null ? ROW_NULL : sql_int(query, (int)i);
            continue;
        }
        struct text *text = member;
        *text = null ? (struct text){NULL, 0} : arena_copy(arena, sql_text(query, (int)i));
        if (!null && !text->at)
            return err_memory(err);
    }
    return 0;
}

enum store_answer row_get(struct store *store, const struct row_table *table, struct text id,
                          struct arena *arena, void *row, struct err *err)
{
    struct sql_query *query = sql_query(store->sql, table->get, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, id);
    int got = sql_step(query, err);
    if (got <= 0)
        return got < 0 ? STORE_FAILED : STORE_NONE;
    int status = read(query, table, arena, row, err);
    sql_reset(query);
    return status == 0 ? STORE_OK : STORE_FAILED;
}

enum store_answer row_put(struct store *store, const struct row_table *table, const void *row,
                          struct err *err)
{
    struct sql_query *query = store_writes(store, table->put, err);
    if (!query)
        return STORE_FAILED;
    bind(query, table, row);
    return sql_run(query, err) == 0 ? STORE_OK : store_failure(store, "id");
}

enum store_answer row_delete(struct store *store, const struct row_table *table, struct text id,
                             struct err *err)
{
    struct sql_query *query = store_writes(store, table->remove, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, id);
    return sql_run(query, err) == 0 ? STORE_OK : STORE_FAILED;
}

/* Twice the room, with what is in it. */
static void *grow(struct arena *arena, const void *rows, size_t count, size_t size, size_t room)
{
    void *more = arena_alloc(arena, room * size);
    if (more && count > 0)
        memcpy(more, rows, count * size);
    return more;
}

int row_list(const struct row_table *table, struct sql_query *query, struct arena *arena,
             void **rows, size_t *count, struct err *err)
{
    size_t room = LIST_FIRST;
    char *at = arena_alloc(arena, room * table->size);
    int got = 1;
    *count = 0;
    while (at && (got = sql_step(query, err)) > 0) {
        if (*count == room)
            at = grow(arena, at, *count, table->size, room *= 2);
        if (!at || read(query, table, arena, at + *count * table->size, err) != 0)
            break;
        ++*count;
    }
    sql_reset(query);
    *rows = at;
    if (!at)
        return err_memory(err);
    return got == 0 ? 0 : -1;
}
