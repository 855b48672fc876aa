/*
 * Statements of PostgreSQL. A kept one is prepared on the server, again after each new connection; another
 * one goes whole with its parameters. Parameters and results are texts, since those fit any type; only blobs
 * go in binary. bytea comes in hex and is decoded where it lies, in libpq's result.
 *
 * A guarded statement that writes goes inside a savepoint, all three in one round trip (libpq's pipeline).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/postgres.h"
#include "sql/translate.h"

#define STATEMENT_MAX ((size_t)1 << 20)
#define PARAMS_MAX    ((size_t)64 << 20) /* bytes of parameters */
#define TYPE_BOOL     16
#define TYPE_BYTEA    17

struct postgres_query {
    struct sql_query head;
    enum sql_use use;
    char name[24]; /* on the server; "" if it is not kept */
    char *statement;
    bool writes;
    uint64_t session; /* that has it prepared */
    int count;        /* of parameters */
    const char **values;
    int *lengths, *formats;
    struct arena texts;  /* of the parameters */
    const char *refused; /* why a parameter cannot be sent */
    PGresult *result;
    int row, *widths; /* the present row, and how wide each of its columns is */
};

static struct postgres *connection_of(const struct postgres_query *query)
{
    return (struct postgres *)query->head.sql;
}

static bool begins_with_write(const char *statement)
{
    static const char *const words[] = {"INSERT", "UPDATE", "DELETE"};
    struct text t = text_trim(text_of(statement));
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (text_same_nocase(text_part(t, 0, 6), text_of(words[i])))
            return true;
    return false;
}

static int make_params(struct postgres_query *query)
{
    size_t room = (size_t)query->count + 1;
    query->values = calloc(room, sizeof(*query->values));
    query->lengths = calloc(room, sizeof(*query->lengths));
    query->formats = calloc(room, sizeof(*query->formats));
    return query->values && query->lengths && query->formats ? 0 : -1;
}

static int compile(struct postgres_query *query, const char *statement, struct err *err)
{
    struct sql_marks marks = {0};
    struct buf own;
    buf_init(&own, STATEMENT_MAX);
    int status = sql_translate(statement, SQL_POSTGRES, &own, &marks, err);
    query->count = (int)marks.count;
    if (status == 0 && (!(query->statement = strdup(buf_z(&own))) || make_params(query) != 0))
        status = err_memory(err);
    buf_release(&own);
    return status;
}

/* Prepares a kept statement on the server unless this session has it. */
static int prepare_there(struct postgres_query *query, struct err *err)
{
    struct postgres *pg = connection_of(query);
    if (query->use != SQL_KEPT || query->session == pg->session)
        return 0;
    int status = -1;
    if (PQsendPrepare(pg->conn, query->name, query->statement, 0, NULL)) {
        PGresult *result = postgres_result(pg, &status, err);
        if (status == 0 && PQresultStatus(result) != PGRES_COMMAND_OK)
            status = postgres_failed(pg, result, err);
        PQclear(result);
        postgres_drain(pg);
    } else {
        postgres_failed(pg, NULL, err);
    }
    if (status == 0)
        query->session = pg->session;
    return status;
}

struct sql_query *postgres_prepare(struct sql *sql, const char *statement, enum sql_use use,
                                   struct err *err)
{
    struct postgres *pg = (struct postgres *)sql;
    struct postgres_query *query = calloc(1, sizeof(*query));
    if (!query) {
        err_memory(err);
        return NULL;
    }
    query->head.sql = sql;
    query->use = use;
    query->writes = begins_with_write(statement);
    arena_init(&query->texts, PARAMS_MAX);
    if (use == SQL_KEPT)
        snprintf(query->name, sizeof(query->name), "usher%lu", (unsigned long)pg->statements++);
    if (compile(query, statement, err) == 0 &&
        (use != SQL_KEPT || (postgres_ready(pg, err) == 0 && prepare_there(query, err) == 0)))
        return &query->head;
    postgres_finish(&query->head);
    return NULL;
}

void postgres_finish(struct sql_query *head)
{
    struct postgres_query *query = (struct postgres_query *)head;
    postgres_reset(head);
    arena_release(&query->texts);
    free(query->statement);
    free(query->values);
    free(query->lengths);
    free(query->formats);
    free(query);
}

static void bind(struct postgres_query *query, int at, struct text t, int format)
{
    if (at < 1 || at > query->count) {
        query->refused = "a parameter is bound that the statement does not have";
        return;
    }
    if (t.at && format == 0 && text_has_nul(t))
        query->refused = "a text with a NUL byte cannot be stored";
    struct text copy = t.at && format == 0 ? arena_copy(&query->texts, t) : t;
    if (t.at && !copy.at)
        query->refused = "out of memory";
    query->values[at - 1] = copy.at;
    query->lengths[at - 1] = (int)copy.len;
    query->formats[at - 1] = format;
}

void postgres_bind_text(struct sql_query *query, int at, struct text t)
{
    bind((struct postgres_query *)query, at, t, 0);
}

void postgres_bind_blob(struct sql_query *query, int at, struct text t)
{
    bind((struct postgres_query *)query, at, t, 1);
}

void postgres_bind_int(struct sql_query *query, int at, int64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%ld", (long)number);
    bind((struct postgres_query *)query, at, (struct text){digits, (size_t)len}, 0);
}

void postgres_bind_null(struct sql_query *query, int at)
{
    bind((struct postgres_query *)query, at, (struct text){NULL, 0}, 0);
}

static bool send(struct postgres_query *query)
{
    PGconn *conn = connection_of(query)->conn;
    if (query->use == SQL_KEPT)
        return PQsendQueryPrepared(conn, query->name, query->count, query->values, query->lengths,
                                   query->formats, 0);
    return PQsendQueryParams(conn, query->statement, query->count, NULL, query->values,
                             query->lengths, query->formats, 0);
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
}

static int take_result(struct postgres_query *query, struct err *err)
{
    struct postgres *pg = connection_of(query);
    int status;
    query->result = postgres_result(pg, &status, err);
    if (status == 0 && !is_good(query->result))
        status = postgres_failed(pg, query->result, err);
    return status;
}

static bool send_guarded(struct postgres_query *query)
{
    PGconn *conn = connection_of(query)->conn;
    return PQenterPipelineMode(conn) &&
           PQsendQueryParams(conn, "SAVEPOINT usher_guard", 0, NULL, NULL, NULL, NULL, 0) &&
           send(query) &&
           PQsendQueryParams(conn, "RELEASE usher_guard", 0, NULL, NULL, NULL, NULL, 0) &&
           PQpipelineSync(conn);
}

/*
 * Takes the results of the three in order, each followed by a NULL, and the sync. When ours fails the
 * server skips the last one, and *failed gets our result.
 */
static int take_guarded(struct postgres_query *query, PGresult **failed, struct err *err)
{
    struct postgres *pg = connection_of(query);
    PGresult *result = NULL;
    int status = 0;
    *failed = NULL;
    for (int nth = 0; status == 0 && PQresultStatus(result) != PGRES_PIPELINE_SYNC;) {
        PQclear(result);
        result = postgres_result(pg, &status, err);
        if (status == 0 && !result && (PQstatus(pg->conn) != CONNECTION_OK || ++nth > 3))
            status = postgres_failed(pg, NULL, err);
        if (result && nth == 1) {
            *(is_good(result) ? &query->result : failed) = result;
            result = NULL;
        }
    }
    PQclear(result);
    return status;
}

static int run_guarded(struct postgres_query *query, struct err *err)
{
    static const char undo[] = "ROLLBACK TO usher_guard; RELEASE usher_guard";
    struct postgres *pg = connection_of(query);
    PGresult *failed = NULL;
    struct err ignored;
    if (!send_guarded(query))
        return postgres_failed(pg, NULL, err);
    int status = take_guarded(query, &failed, err);
    if (failed)
        status = postgres_failed(pg, failed, err);
    PQclear(failed);
    PQexitPipelineMode(pg->conn);
    if (failed)
        pg->head.ops->exec(&pg->head, undo, &ignored);
    return status;
}

static int run(struct postgres_query *query, struct err *err)
{
    struct postgres *pg = connection_of(query);
    if (pg->head.guarded && pg->inside && query->writes)
        return run_guarded(query, err);
    if (!send(query))
        return postgres_failed(pg, NULL, err);
    if (query->use == SQL_STREAMED) {
        PQsetSingleRowMode(pg->conn);
        pg->streaming = query;
        return take_result(query, err);
    }
    int status = take_result(query, err);
    postgres_drain(pg);
    return status;
}

static int start(struct postgres_query *query, struct err *err)
{
    struct postgres *pg = connection_of(query);
    if (query->refused)
        return err_set(err, ERR_INPUT, "%s: %s", pg->head.name, query->refused);
    if (postgres_ready(pg, err) != 0 || prepare_there(query, err) != 0 || run(query, err) != 0)
        return -1;
    query->row = -1;
    pg->changes = strtol(PQcmdTuples(query->result), NULL, 10);
    query->widths = calloc((size_t)PQnfields(query->result) + 1, sizeof(*query->widths));
    return query->widths ? 0 : err_memory(err);
}

/* "\x0a1b…" becomes its bytes in place; returns how many. */
static int decode_bytea(char *at, int len)
{
    size_t got = 0;
    if (len < 2 ||
        !hex_decode((struct text){at + 2, (size_t)len - 2}, (uint8_t *)at, (size_t)len, &got))
        return len;
    return (int)got;
}

static void measure_row(struct postgres_query *query)
{
    for (int i = 0; i < PQnfields(query->result); i++) {
        query->widths[i] = PQgetlength(query->result, query->row, i);
        if (PQftype(query->result, i) == TYPE_BYTEA)
            query->widths[i] =
                decode_bytea(PQgetvalue(query->result, query->row, i), query->widths[i]);
    }
}

int postgres_step(struct sql_query *head, struct err *err)
{
    struct postgres_query *query = (struct postgres_query *)head;
    if (!query->result) {
        if (start(query, err) != 0)
            return -1;
    } else if (query->use == SQL_STREAMED) {
        PQclear(query->result);
        query->row = -1;
        if (take_result(query, err) != 0)
            return -1;
    }
    if (++query->row >= PQntuples(query->result))
        return 0;
    measure_row(query);
    return 1;
}

/* What is left of a stream is not wanted: the server is told, and what is under way is dropped. */
static void end_stream(struct postgres *pg)
{
    char why[256];
    PGcancel *cancel = PQgetCancel(pg->conn);
    if (PQtransactionStatus(pg->conn) == PQTRANS_ACTIVE && cancel)
        PQcancel(cancel, why, sizeof(why));
    PQfreeCancel(cancel);
    postgres_drain(pg);
    pg->streaming = NULL;
}

void postgres_reset(struct sql_query *head)
{
    struct postgres_query *query = (struct postgres_query *)head;
    struct postgres *pg = connection_of(query);
    PQclear(query->result);
    query->result = NULL;
    free(query->widths);
    query->widths = NULL;
    query->refused = NULL;
    for (int i = 0; query->values && i < query->count; i++)
        query->values[i] = NULL;
    arena_reset(&query->texts);
    if (pg->streaming == query)
        end_stream(pg);
}

bool postgres_is_null(struct sql_query *head, int at)
{
    struct postgres_query *query = (struct postgres_query *)head;
    return PQgetisnull(query->result, query->row, at);
}

struct text postgres_text(struct sql_query *head, int at)
{
    struct postgres_query *query = (struct postgres_query *)head;
    if (at >= PQnfields(query->result) || postgres_is_null(head, at))
        return (struct text){NULL, 0};
    const char *value = PQgetvalue(query->result, query->row, at);
    if (PQftype(query->result, at) == TYPE_BOOL)
        return *value == 't' ? TEXT("1") : TEXT("0");
    return (struct text){value, (size_t)query->widths[at]};
}

int64_t postgres_integer(struct sql_query *query, int at)
{
    struct text t = postgres_text(query, at);
    return t.at ? strtoll(t.at, NULL, 10) : 0;
}

int postgres_columns(struct sql_query *query)
{
    return PQnfields(((struct postgres_query *)query)->result);
}

const char *postgres_column_name(struct sql_query *query, int at)
{
    return PQfname(((struct postgres_query *)query)->result, at);
}
