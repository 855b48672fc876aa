/* The inside of sql: what its files share. Nobody else includes this. */
#ifndef USHER_SQL_CONNECTION_H
#define USHER_SQL_CONNECTION_H

#include "sql/sql.h"

#define SQL_CACHE_BUCKETS 128
#define SQL_PARAMS_MAX    4096 /* of one statement on a server */

/* How a statement is used: kept for good, once, or for a result too large to hold. */
enum sql_use { SQL_KEPT, SQL_ONCE, SQL_STREAMED };

/* The common head of a back-end's statement, which begins with it. */
struct sql_query {
    struct sql *sql;
    const struct sql_ops *ops;
    const char *key; /* the constant's address, NULL when not cached */
    struct sql_query *next;
    bool used; /* bound or stepped since the last reset */
};

/* The common head of a back-end's connection. */
struct sql {
    const struct sql_ops *ops;
    char *name; /* for messages */
    struct sql_query *cache[SQL_CACHE_BUCKETS];
    bool was_unique;
    char unique[192]; /* "table.column" of the last uniqueness violation */
    bool guarded;
};

/*
 * A back-end. What has the name of a function of the face does what that says. open gets *sql to set as
 * soon as there is something to close. step leaves resetting to its caller.
 */
struct sql_ops {
    enum sql_kind kind;
    const char *now; /* the statement that asks for the time; NULL: this machine's is meant */
    int (*open)(struct sql **sql, const char *where, enum sql_mode mode, struct err *err);
    void (*close)(
        struct sql *sql); /* every statement is finished by then; frees sql, not its name */
    int (*exec)(struct sql *sql, const char *statements, struct err *err);
    int (*timeout)(struct sql *sql, int64_t ms, struct err *err);
    int (*stamp_get)(struct sql *sql, struct sql_stamp *stamp, struct err *err);
    int (*stamp_put)(struct sql *sql, const struct sql_stamp *stamp, struct err *err);
    int (*begin)(struct sql *sql, struct err *err);
    int (*commit)(struct sql *sql, struct err *err);
    int (*rollback)(struct sql *sql, struct err *err);
    bool (*in_transaction)(const struct sql *sql);
    int64_t (*changes)(const struct sql *sql);
    struct sql_query *(*prepare)(struct sql *sql, const char *statement, enum sql_use use,
                                 struct err *err);
    void (*finish)(struct sql_query *query);
    void (*bind_text)(struct sql_query *query, int at, struct text t);
    void (*bind_blob)(struct sql_query *query, int at, struct text t);
    void (*bind_int)(struct sql_query *query, int at, int64_t number);
    void (*bind_null)(struct sql_query *query, int at);
    int (*step)(struct sql_query *query, struct err *err);
    void (*reset)(struct sql_query *query);
    struct text (*text)(struct sql_query *query, int at);
    int64_t (*integer)(struct sql_query *query, int at);
    bool (*is_null)(struct sql_query *query, int at);
    int (*columns)(struct sql_query *query);
    const char *(*column_name)(struct sql_query *query, int at);
};

extern const struct sql_ops sql_ops_sqlite, sql_ops_postgres, sql_ops_mysql;

/* Runs a constant without results, from the cache. */
int sql_run_constant(struct sql *sql, const char *statement, struct err *err);

/* Notes that a uniqueness violation was the last failure; the table may be part of the column. */
void sql_note_unique(struct sql *sql, struct text table, struct text column);

#endif
