/* The inside of sql: what its files share. Nobody else includes this. */
#ifndef USHER_SQL_CONNECTION_H
#define USHER_SQL_CONNECTION_H

#include <sqlite3.h>

#include "sql/sql.h"

#define SQL_CACHE_BUCKETS 128

struct sql_query {
    struct sql *sql;
    sqlite3_stmt *statement;
    const char *key; /* the constant's address, NULL when not cached */
    struct sql_query *next;
    bool used;        /* bound or stepped since the last reset */
    int bind_failure; /* of a bind since the last reset; sql_step reports it */
};

struct sql {
    sqlite3 *db;
    char *path;
    struct sql_query *cache[SQL_CACHE_BUCKETS];
    int failure;               /* extended result code of the last failure */
    char failure_message[256]; /* SQLite's words for it */
};

/* Turns SQLite's result into *err and remembers it for sql_was_unique. Always returns -1. */
int sql_failed(struct sql *sql, int result, struct err *err);

#endif
