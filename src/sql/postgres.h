/* What postgres.c and postgres_query.c share. */
#ifndef USHER_SQL_POSTGRES_H
#define USHER_SQL_POSTGRES_H

#include <libpq-fe.h>

#include "sql/connection.h"

struct postgres_query;

struct postgres {
    struct sql head;
    PGconn *conn;
    enum sql_mode mode;
    int64_t timeout_ms;
    int64_t used_us;     /* when it was last used */
    int64_t changes;     /* of the last statement */
    uint64_t session;    /* counts connections: what an earlier one prepared is gone */
    uint64_t statements; /* counts prepared statements, for their names */
    bool inside;         /* a transaction, which may have gone with its connection */
    bool hung; /* the server did not answer in time: the connection is not to be used again */
    struct postgres_query *streaming;
};

/* Makes sure that there is a connection, outside of a transaction a new one if need be. */
int postgres_ready(struct postgres *pg, struct err *err);

/* The next result of what was sent, within the time of a statement; NULL with *status 0: no more; -1: err. */
PGresult *postgres_result(struct postgres *pg, int *status, struct err *err);
/* Takes and drops what results are left, and notes whether a transaction is open then. */
void postgres_drain(struct postgres *pg);

/* Turns a failed result, or the state of the connection if NULL, into *err. Always returns -1. */
int postgres_failed(struct postgres *pg, const PGresult *result, struct err *err);

/* The statements of struct sql_ops. */
struct sql_query *postgres_prepare(struct sql *sql, const char *statement, enum sql_use use,
                                   struct err *err);
void postgres_finish(struct sql_query *query);
void postgres_bind_text(struct sql_query *query, int at, struct text t);
void postgres_bind_blob(struct sql_query *query, int at, struct text t);
void postgres_bind_int(struct sql_query *query, int at, int64_t number);
void postgres_bind_null(struct sql_query *query, int at);
int postgres_step(struct sql_query *query, struct err *err);
void postgres_reset(struct sql_query *query);
struct text postgres_text(struct sql_query *query, int at);
int64_t postgres_integer(struct sql_query *query, int at);
bool postgres_is_null(struct sql_query *query, int at);
int postgres_columns(struct sql_query *query);
const char *postgres_column_name(struct sql_query *query, int at);

#endif
