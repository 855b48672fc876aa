/*
 * Statements of MySQL, all prepared on the server. Every column is fetched as text, whatever its type, in
 * two steps: the row tells how long each is, then each is taken into one buffer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/mysql.h"
#include "sql/translate.h"

#define STATEMENT_MAX ((size_t)1 << 20)
#define ROW_MAX       ((size_t)256 << 20)
#define PARAMS_MAX    64

struct column {
    unsigned long len;
    my_bool is_null, cut;
    size_t at; /* in the row */
};

struct mysql_query {
    struct sql_query head;
    enum sql_use use;
    char *statement;
    uint64_t session; /* that has it prepared */
    MYSQL_STMT *stmt;
    MYSQL_RES *names; /* of the result's columns; NULL if it has no result */
    struct sql_marks marks;
    struct text params[PARAMS_MAX]; /* by number */
    int64_t numbers[PARAMS_MAX];
    enum enum_field_types types[PARAMS_MAX];
    const char *refused; /* why a parameter cannot be sent */
    struct column *columns;
    MYSQL_BIND *binds;
    unsigned count; /* of columns */
    struct buf row;
    bool running;
};

static struct mysql *connection_of(const struct mysql_query *query)
{
    return (struct mysql *)query->head.sql;
}

static int stmt_failed(struct mysql_query *query, struct err *err)
{
    char words[MYSQL_ERRMSG_SIZE];
    unsigned number = mysql_stmt_errno(query->stmt);
    snprintf(words, sizeof(words), "%s", mysql_stmt_error(query->stmt));
    return mysql_failed(connection_of(query), number, words, query->statement, err);
}

static void forget_there(struct mysql_query *query)
{
    mysql_free_result(query->names);
    mysql_stmt_close(query->stmt);
    query->names = NULL;
    query->stmt = NULL;
}

static int prepare_there(struct mysql_query *query, struct err *err)
{
    struct mysql *my = connection_of(query);
    if (query->stmt && query->session == my->session)
        return 0;
    forget_there(query);
    query->stmt = mysql_stmt_init(my->conn);
    if (!query->stmt)
        return err_memory(err);
    if (mysql_stmt_prepare(query->stmt, query->statement, strlen(query->statement)) != 0)
        return stmt_failed(query, err);
    query->session = my->session;
    query->names = mysql_stmt_result_metadata(query->stmt);
    return 0;
}

struct sql_query *mysql_query_prepare(struct sql *sql, const char *statement, enum sql_use use,
                                      struct err *err)
{
    struct mysql *my = (struct mysql *)sql;
    struct mysql_query *query = calloc(1, sizeof(*query));
    struct buf own;
    if (!query) {
        err_memory(err);
        return NULL;
    }
    query->head.sql = sql;
    query->use = use;
    buf_init(&query->row, ROW_MAX);
    buf_init(&own, STATEMENT_MAX);
    int status = sql_translate(statement, SQL_MYSQL, &own, &query->marks, err);
    if (status == 0 && !(query->statement = strdup(buf_z(&own))))
        status = err_memory(err);
    buf_release(&own);
    if (status == 0 && mysql_ready(my, err) == 0 && prepare_there(query, err) == 0)
        return &query->head;
    mysql_query_finish(&query->head);
    return NULL;
}

void mysql_query_finish(struct sql_query *head)
{
    struct mysql_query *query = (struct mysql_query *)head;
    mysql_query_reset(head);
    forget_there(query);
    buf_release(&query->row);
    free(query->marks.params);
    free(query->statement);
    free(query);
}

static void bind(struct sql_query *head, int at, enum enum_field_types type, struct text t,
                 int64_t number)
{
    struct mysql_query *query = (struct mysql_query *)head;
    if (at < 1 || at > PARAMS_MAX) {
        query->refused = "a parameter is bound that the statement does not have";
        return;
    }
    query->types[at - 1] = type;
    query->params[at - 1] = t;
    query->numbers[at - 1] = number;
}

void mysql_query_bind_text(struct sql_query *query, int at, struct text t)
{
    bind(query, at, MYSQL_TYPE_STRING, t, 0);
}

void mysql_query_bind_blob(struct sql_query *query, int at, struct text t)
{
    bind(query, at, MYSQL_TYPE_BLOB, t, 0);
}

void mysql_query_bind_int(struct sql_query *query, int at, int64_t number)
{
    bind(query, at, MYSQL_TYPE_LONGLONG, (struct text){NULL, 0}, number);
}

void mysql_query_bind_null(struct sql_query *query, int at)
{
    bind(query, at, MYSQL_TYPE_NULL, (struct text){NULL, 0}, 0);
}

/* One bind a mark: a parameter may stand there several times. */
static int send(struct mysql_query *query, struct err *err)
{
    MYSQL_BIND binds[PARAMS_MAX] = {0};
    if (query->refused || query->marks.count > PARAMS_MAX)
        return err_set(err, ERR_INPUT, "%s: %s", query->head.sql->name,
                       query->refused ? query->refused : "a statement has too many parameters");
    for (size_t i = 0; i < query->marks.count; i++) {
        int param = query->marks.params[i] - 1;
        if (param >= PARAMS_MAX)
            return err_set(err, ERR_INPUT, "%s: a parameter's number is too high",
                           query->head.sql->name);
        bool number = query->types[param] == MYSQL_TYPE_LONGLONG;
        bool null = !number && !query->params[param].at;
        binds[i].buffer_type = null ? MYSQL_TYPE_NULL : query->types[param];
        binds[i].buffer = number ? (void *)&query->numbers[param] : (void *)query->params[param].at;
        binds[i].buffer_length = query->params[param].len;
    }
    if (query->marks.count > 0 && mysql_stmt_bind_param(query->stmt, binds) != 0)
        return stmt_failed(query, err);
    return mysql_stmt_execute(query->stmt) == 0 ? 0 : stmt_failed(query, err);
}

static int bind_columns(struct mysql_query *query, struct err *err)
{
    query->count = query->names ? mysql_num_fields(query->names) : 0;
    if (query->count == 0)
        return 0;
    query->columns = calloc(query->count, sizeof(*query->columns));
    query->binds = calloc(query->count, sizeof(*query->binds));
    if (!query->columns || !query->binds)
        return err_memory(err);
    for (unsigned i = 0; i < query->count; i++) {
        query->binds[i].buffer_type = MYSQL_TYPE_STRING;
        query->binds[i].length = &query->columns[i].len;
        query->binds[i].is_null = &query->columns[i].is_null;
        query->binds[i].error = &query->columns[i].cut;
    }
    if (mysql_stmt_bind_result(query->stmt, query->binds) != 0)
        return stmt_failed(query, err);
    return 0;
}

static int start(struct mysql_query *query, struct err *err)
{
    struct mysql *my = connection_of(query);
    if (mysql_ready(my, err) != 0 || prepare_there(query, err) != 0 || send(query, err) != 0)
        return -1;
    query->running = true;
    my->changes = (int64_t)mysql_stmt_affected_rows(query->stmt);
    if (bind_columns(query, err) != 0)
        return -1;
    if (query->use == SQL_STREAMED)
        my->streaming = query;
    else if (query->count > 0 && mysql_stmt_store_result(query->stmt) != 0)
        return stmt_failed(query, err);
    return 0;
}

static int take_row(struct mysql_query *query, struct err *err)
{
    buf_reset(&query->row);
    for (unsigned i = 0; i < query->count; i++) {
        struct column *column = &query->columns[i];
        column->at = query->row.len;
        if (column->is_null)
            continue;
        char *room = buf_room(&query->row, column->len + 1);
        if (!room)
            return err_memory(err);
        MYSQL_BIND whole = {.buffer_type = MYSQL_TYPE_STRING,
                            .buffer = room,
                            .buffer_length = column->len,
                            .length = &column->len,
                            .is_null = &column->is_null,
                            .error = &column->cut};
        if (column->len > 0 && mysql_stmt_fetch_column(query->stmt, &whole, i, 0) != 0)
            return stmt_failed(query, err);
        room[column->len] = 0; /* for those that read numbers */
        buf_grow(&query->row, column->len + 1);
    }
    return 0;
}

int mysql_query_step(struct sql_query *head, struct err *err)
{
    struct mysql_query *query = (struct mysql_query *)head;
    if (!query->running && start(query, err) != 0)
        return -1;
    if (query->count == 0)
        return 0;
    int got = mysql_stmt_fetch(query->stmt);
    if (got == MYSQL_NO_DATA)
        return 0;
    if (got != 0 && got != MYSQL_DATA_TRUNCATED)
        return stmt_failed(query, err);
    return take_row(query, err) == 0 ? 1 : -1;
}

void mysql_query_reset(struct sql_query *head)
{
    struct mysql_query *query = (struct mysql_query *)head;
    struct mysql *my = connection_of(query);
    if (query->running && query->stmt)
        mysql_stmt_free_result(query->stmt); /* drops what has not been fetched */
    if (my->streaming == query)
        my->streaming = NULL;
    query->running = false;
    query->refused = NULL;
    memset(query->params, 0, sizeof(query->params));
    memset(query->types, 0, sizeof(query->types));
    free(query->columns);
    free(query->binds);
    query->columns = NULL;
    query->binds = NULL;
    buf_reset(&query->row);
}

bool mysql_query_is_null(struct sql_query *head, int at)
{
    struct mysql_query *query = (struct mysql_query *)head;
    return at >= (int)query->count || query->columns[at].is_null;
}

struct text mysql_query_text(struct sql_query *head, int at)
{
    struct mysql_query *query = (struct mysql_query *)head;
    if (mysql_query_is_null(head, at))
        return (struct text){NULL, 0};
    return (struct text){query->row.at + query->columns[at].at, query->columns[at].len};
}

int64_t mysql_query_integer(struct sql_query *query, int at)
{
    struct text t = mysql_query_text(query, at);
    return t.at ? strtoll(t.at, NULL, 10) : 0;
}

int mysql_query_columns(struct sql_query *query)
{
    return (int)((struct mysql_query *)query)->count;
}

const char *mysql_query_column_name(struct sql_query *head, int at)
{
    struct mysql_query *query = (struct mysql_query *)head;
    return mysql_fetch_field_direct(query->names, (unsigned)at)->name;
}
