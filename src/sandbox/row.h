/*
 * sandbox/row: tables whose rows are looked up by an id, made from a list of columns. The list is an
 * X-macro of texts and numbers; struct, table and statements follow from it:
 *
 *     #define TICKET_COLUMNS(TEXT, NUMBER) TEXT(status) NUMBER(created_at)
 *     struct ticket { struct text id; TICKET_COLUMNS(ROW_TEXT, ROW_NUMBER) };
 *     extern const struct row_table ticket_table;              // in one .c file: ROW_TABLE(…)
 *
 *     row_get(store, &ticket_table, id, arena, &ticket, &err);
 *     ticket.status = TEXT("used");
 *     row_put(store, &ticket_table, &ticket, &err);            // inserts or replaces
 *
 * An absent text is NULL in the table, a number of ROW_NULL too. What is read lives in the arena.
 */
#ifndef USHER_SANDBOX_ROW_H
#define USHER_SANDBOX_ROW_H

#include "sandbox/store.h"

#define ROW_NULL INT64_MIN

struct row_column {
    size_t offset;
    bool number;
};

struct row_table {
    const char *name;
    const char *declares; /* ", status TEXT, created_at BIGINT": the columns behind the id */
    const char *create, *indexes; /* each may be several statements */
    const char *get, *put, *remove;
    const struct row_column *columns; /* the id first */
    size_t count;
    size_t size; /* of the struct */
};

/* The members of a struct, from its list of columns. */
#define ROW_TEXT(name)   struct text name;
#define ROW_NUMBER(name) int64_t name;

/* Pieces of statements. */
#define ROW_NAME(name)           ", " #name
#define ROW_MARK(name)           ", ?"
#define ROW_DECLARE_TEXT(name)   ", " #name " TEXT"
#define ROW_DECLARE_NUMBER(name) ", " #name " BIGINT"
#define ROW_REPLACE(name)        ", " #name " = excluded." #name

/* A statement that row_list reads: behind it goes " WHERE … ORDER BY …". */
#define ROW_SELECT(table, COLUMNS) "SELECT id" COLUMNS(ROW_NAME, ROW_NAME) " FROM " table

/* Defines `variable`; struct `type` has the columns as members. more: statements that make indexes. */
#define ROW_TABLE(variable, type, table, COLUMNS, COLUMN_TEXT, COLUMN_NUMBER, more)                \
    static const struct row_column variable##_columns[] = {{offsetof(struct type, id), false},     \
                                                           COLUMNS(COLUMN_TEXT, COLUMN_NUMBER)};   \
    const struct row_table variable = {                                                            \
        .name = table,                                                                             \
        .declares = COLUMNS(ROW_DECLARE_TEXT, ROW_DECLARE_NUMBER),                                 \
        .create = "CREATE TABLE IF NOT EXISTS " table                                              \
                  " (id TEXT PRIMARY KEY" COLUMNS(ROW_DECLARE_TEXT, ROW_DECLARE_NUMBER) ");",      \
        .indexes = more,                                                                           \
        .get = ROW_SELECT(table, COLUMNS) " WHERE id = ?",                                         \
        .put = "INSERT INTO " table " (id" COLUMNS(ROW_NAME, ROW_NAME) ") VALUES (?" COLUMNS(      \
            ROW_MARK,                                                                              \
            ROW_MARK) ") ON CONFLICT (id) DO UPDATE SET id = excluded.id" COLUMNS(ROW_REPLACE,     \
                                                                                  ROW_REPLACE),    \
        .remove = "DELETE FROM " table " WHERE id = ?",                                            \
        .columns = variable##_columns,                                                             \
        .count = sizeof(variable##_columns) / sizeof(variable##_columns[0]),                       \
        .size = sizeof(struct type),                                                               \
    }

/*
 * Makes the table if it is not there, and columns that it lacks because an older program made it; their values are
 * NULL. Returns 0 or -1.
 */
int row_create(struct store *store, const struct row_table *table, struct err *err);

/* The row of that id. */
enum store_answer row_get(struct store *store, const struct row_table *table, struct text id,
                          struct arena *arena, void *row, struct err *err);

/* Writes the row, new or not; STORE_TAKEN if a unique index refuses it. */
enum store_answer row_put(struct store *store, const struct row_table *table, const void *row,
                          struct err *err);

/* STORE_OK, whether the row was there or not; or STORE_FAILED. */
enum store_answer row_delete(struct store *store, const struct row_table *table, struct text id,
                             struct err *err);

/*
 * All rows of a query that was made with ROW_SELECT and has its bindings. *rows is an array of the
 * table's structs. Returns 0 or -1.
 */
int row_list(const struct row_table *table, struct sql_query *query, struct arena *arena,
             void **rows, size_t *count, struct err *err);

#endif
