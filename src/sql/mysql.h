/* What mysql.c and mysql_query.c share. */
#ifndef USHER_SQL_MYSQL_H
#define USHER_SQL_MYSQL_H

#include <mysql.h>

#include "sql/connection.h"
#include "sql/url.h"

struct mysql_query;

struct mysql {
    struct sql head;
    MYSQL *conn; /* NULL when it could not be made again */
    struct url url;
    enum sql_mode mode;
    int64_t timeout_ms;
    int64_t used_us;  /* when it was last used */
    int64_t changes;  /* of the last statement */
    uint64_t session; /* counts connections: what an earlier one prepared is gone */
    bool inside;      /* a transaction, which may have gone with its connection */
    bool broken;      /* the connection is not to be used again */
    struct mysql_query *streaming;
};

/* Makes sure that there is a connection, outside of a transaction a new one if need be. */
int mysql_ready(struct mysql *my, struct err *err);

/*
 * Turns an error number and message of the server or the library into *err. The statement tells of which
 * table a uniqueness violation is; NULL if it is not known. Always returns -1.
 */
int mysql_failed(struct mysql *my, unsigned number, const char *words, const char *statement,
                 struct err *err);

/* The statements of struct sql_ops. */
struct sql_query *mysql_query_prepare(struct sql *sql, const char *statement, enum sql_use use,
                                      struct err *err);
void mysql_query_finish(struct sql_query *query);
void mysql_query_bind_text(struct sql_query *query, int at, struct text t);
void mysql_query_bind_blob(struct sql_query *query, int at, struct text t);
void mysql_query_bind_int(struct sql_query *query, int at, int64_t number);
void mysql_query_bind_null(struct sql_query *query, int at);
int mysql_query_step(struct sql_query *query, struct err *err);
void mysql_query_reset(struct sql_query *query);
struct text mysql_query_text(struct sql_query *query, int at);
int64_t mysql_query_integer(struct sql_query *query, int at);
bool mysql_query_is_null(struct sql_query *query, int at);
int mysql_query_columns(struct sql_query *query);
const char *mysql_query_column_name(struct sql_query *query, int at);

#endif
