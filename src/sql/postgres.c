/*
 * PostgreSQL: connecting, transactions, errors. Statements are in postgres_query.c.
 *
 * A session is set up with text results, hex for bytea, and limits: a statement's time is the server's
 * statement_timeout; if even its refusal does not come, the connection counts as lost. A process that stops
 * inside a transaction loses it after a minute, so that it does not hold up the others.
 *
 * Transactions take turns by an advisory lock whose key is of the schema. The stamp is a row of the table
 * usher_stamp.
 */
#include "sql/postgres.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/translate.h"
#include "sql/url.h"

#define GRACE_MS      2000             /* for the answer to come after the server's own limit */
#define IDLE_US       INT64_C(1000000) /* a connection idle for longer is looked at before it is used */
#define STATEMENT_MAX ((size_t)1 << 20)

/* The first line of what the server or libpq says, without what libpq puts in front of it. */
static struct text words_of(const char *message)
{
    struct text words = text_of(message ? message : ""), line;
    text_field(&words, '\n', &line);
    return text_trim(line);
}

static bool is_connected(const struct postgres *pg)
{
    return pg->conn && PQstatus(pg->conn) == CONNECTION_OK && !pg->hung;
}

static int lost(struct postgres *pg, const char *message, struct err *err)
{
    struct text words = words_of(message);
    return err_set(err, ERR_NETWORK, "%s: the connection was lost%s%s%.*s", pg->head.name,
                   pg->inside ? " inside a transaction" : "", words.len ? ": " : "",
                   TEXT_ARG(words));
}

/* SQLSTATE classes and codes that are no mistake in the statement. The first that fits counts. */
static const struct {
    const char *state;
    enum err_code code;
    const char *advice;
} states[] = {
    {"57014", ERR_NETWORK, "; it took longer than it may"},
    {"57P", ERR_NETWORK, "; the server is going down or coming up"},
    {"55P03", ERR_NETWORK, "; somebody else holds a lock"},
    {"08", ERR_NETWORK, ""},
    {"533", ERR_NETWORK, "; the server has no connection left"},
    {"53100", ERR_IO, "; free some space on the server and run it again"},
    {"53", ERR_IO, ""},
    {"58", ERR_IO, "; check the server's disk"},
    {"28", ERR_REFUSED, "; check user and password"},
    {"42501", ERR_REFUSED, "; give the user that right"},
    {"25006", ERR_REFUSED, "; the session only reads"},
    {"54", ERR_INPUT, ""},
    {"22", ERR_INPUT, ""},
};

/* The detail is "Key (column, column)=(values) …" in some language: what stands first in parentheses. */
static void note_unique(struct postgres *pg, const PGresult *result)
{
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    struct text table = text_of(PQresultErrorField(result, PG_DIAG_TABLE_NAME));
    struct text column = text_of(detail ? strchr(detail, '(') : NULL);
    column = text_part(column, 1, column.len);
    column.len = strcspn(column.at ? column.at : "", ",) ");
    if (!detail)
        column = text_of(PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
    sql_note_unique(&pg->head, table, column);
}

int postgres_failed(struct postgres *pg, const PGresult *result, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    pg->head.was_unique = false;
    if (!state || !is_connected(pg))
        return lost(pg, message ? message : PQerrorMessage(pg->conn), err);
    if (strcmp(state, "23505") == 0)
        note_unique(pg, result);
    struct text words = words_of(message);
    for (size_t i = 0; i < ARRAY_COUNT(states); i++)
        if (text_starts(text_of(state), text_of(states[i].state)))
            return err_set(err, states[i].code, "%s: %.*s%s", pg->head.name, TEXT_ARG(words),
                           states[i].advice);
    return err_set(err, ERR_UNUSABLE, "%s: %.*s", pg->head.name, TEXT_ARG(words));
}

/* Waits until a result can be taken without waiting. 0, or -1 when the time is over. */
static int await(struct postgres *pg, struct err *err)
{
    int64_t end = clock_now_us() + (pg->timeout_ms + GRACE_MS) * 1000;
    while (PQisBusy(pg->conn)) {
        struct pollfd ready = {.fd = PQsocket(pg->conn), .events = POLLIN};
        int64_t left = (end - clock_now_us()) / 1000;
        int got = left > 0 ? poll(&ready, 1, (int)left) : 0;
        if (got == 0) {
            pg->hung = true;
            return err_set(err, ERR_NETWORK, "%s: no answer within %ld ms", pg->head.name,
                           (long)pg->timeout_ms);
        }
        if (got > 0 && !PQconsumeInput(pg->conn))
            return postgres_failed(pg, NULL, err);
    }
    return 0;
}

PGresult *postgres_result(struct postgres *pg, int *status, struct err *err)
{
    *status = pg->hung || (pg->timeout_ms > 0 && await(pg, err) != 0) ? -1 : 0;
    return *status == 0 ? PQgetResult(pg->conn) : NULL;
}

void postgres_drain(struct postgres *pg)
{
    struct err ignored;
    PGresult *result;
    int status;
    while ((result = postgres_result(pg, &status, &ignored)))
        PQclear(result);
    PGTransactionStatusType now = PQtransactionStatus(pg->conn);
    if (now == PQTRANS_IDLE || now == PQTRANS_INTRANS || now == PQTRANS_INERROR)
        pg->inside = now != PQTRANS_IDLE;
}

/* Runs statements by the simple protocol and gives the last result, which the caller clears. */
static PGresult *run(struct postgres *pg, const char *statements, struct err *err)
{
    PGresult *last = NULL, *next;
    int status = 0;
    if (!PQsendQuery(pg->conn, statements)) {
        postgres_failed(pg, NULL, err);
        return NULL;
    }
    while ((next = postgres_result(pg, &status, err))) {
        PQclear(last);
        last = next;
    }
    postgres_drain(pg);
    ExecStatusType got = PQresultStatus(last);
    if (status == 0 && (got == PGRES_COMMAND_OK || got == PGRES_TUPLES_OK))
        return last;
    if (status == 0)
        postgres_failed(pg, last, err);
    PQclear(last);
    return NULL;
}

static int run_and_clear(struct postgres *pg, const char *statements, struct err *err)
{
    PGresult *result = run(pg, statements, err);
    PQclear(result);
    return result ? 0 : -1;
}

static int set_up_session(struct postgres *pg, struct err *err)
{
    char settings[512];
    snprintf(
        settings, sizeof(settings),
        "SET client_min_messages = error; SET bytea_output = hex; SET statement_timeout = %ld; "
        "SET idle_in_transaction_session_timeout = 60000%s",
        (long)pg->timeout_ms,
        pg->mode == SQL_READ_ONLY ? "; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY" : "");
    pg->session++;
    pg->used_us = clock_now_us();
    return run_and_clear(pg, settings, err);
}

/* libpq tells by words alone whether a server was there: it says FATAL, and some of that passes. */
static int not_connected(struct postgres *pg, struct err *err)
{
    const char *message = pg->conn ? PQerrorMessage(pg->conn) : "out of memory";
    bool refused = strstr(message, "FATAL") && !strstr(message, "starting up") &&
                   !strstr(message, "shutting down") && !strstr(message, "too many");
    struct text words = words_of(message);
    return err_set(err, refused ? ERR_REFUSED : ERR_NETWORK, "%s: %.*s; check %s", pg->head.name,
                   TEXT_ARG(words), refused ? "user, password and database" : "that it runs there");
}

static void say_nothing(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* Settings in front of the URL are defaults, those behind it are not to be changed. */
static int connect_to(struct postgres *pg, const char *url, struct err *err)
{
    const char *const names[] = {"connect_timeout",
                                 "keepalives_idle",
                                 "tcp_user_timeout",
                                 "fallback_application_name",
                                 "dbname",
                                 "client_encoding",
                                 NULL};
    const char *const values[] = {"10", "30", "30000", "usher", url, "UTF8", NULL};
    pg->conn = PQconnectdbParams(names, values, 1);
    if (!pg->conn || PQstatus(pg->conn) != CONNECTION_OK)
        return not_connected(pg, err);
    PQsetNoticeProcessor(pg->conn, say_nothing, NULL);
    return set_up_session(pg, err);
}

static int open_url(struct sql **to, const char *url, enum sql_mode mode, struct err *err)
{
    char *trouble = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &trouble);
    PQconninfoFree(options);
    PQfreemem(trouble); /* may quote the URL */
    struct postgres *pg = calloc(1, sizeof(*pg));
    if (!pg)
        return err_memory(err);
    *to = &pg->head;
    pg->mode = mode;
    pg->head.name = url_name(url);
    if (!pg->head.name)
        return err_memory(err);
    if (!options || !url_is_clear(url))
        return err_set(err, ERR_USAGE,
                       "%s: is no URL that libpq reads (postgres://USER:PASSWORD@HOST:PORT/DB); "
                       "write @ and / in a password as %%40 and %%2F",
                       pg->head.name);
    return connect_to(pg, url, err);
}

int postgres_ready(struct postgres *pg, struct err *err)
{
    if (pg->streaming)
        return err_set(err, ERR_UNUSABLE, "%s: a streamed result is not finished yet",
                       pg->head.name);
    int64_t now = clock_now_us();
    if (now - pg->used_us > IDLE_US)
        PQconsumeInput(pg->conn); /* notices that the server has hung up */
    pg->used_us = now;
    if (is_connected(pg))
        return 0;
    if (pg->inside)
        return lost(pg, NULL, err);
    PQreset(pg->conn);
    pg->hung = false;
    if (PQstatus(pg->conn) != CONNECTION_OK)
        return not_connected(pg, err);
    return set_up_session(pg, err);
}

static void close_connection(struct sql *sql)
{
    struct postgres *pg = (struct postgres *)sql;
    PQfinish(pg->conn);
    free(pg);
}

static int exec(struct sql *sql, const char *statements, struct err *err)
{
    struct postgres *pg = (struct postgres *)sql;
    struct sql_marks marks = {0};
    struct buf own;
    buf_init(&own, STATEMENT_MAX);
    int status = postgres_ready(pg, err);
    if (status == 0)
        status = sql_translate(statements, SQL_POSTGRES, &own, &marks, err);
    if (status == 0)
        status = run_and_clear(pg, buf_z(&own), err);
    buf_release(&own);
    return status;
}

static int set_timeout(struct sql *sql, int64_t ms, struct err *err)
{
    char setting[64];
    struct postgres *pg = (struct postgres *)sql;
    pg->timeout_ms = ms;
    snprintf(setting, sizeof(setting), "SET statement_timeout = %ld", (long)ms);
    return exec(sql, setting, err);
}

static bool in_transaction(const struct sql *sql)
{
    return ((const struct postgres *)sql)->inside;
}

static int begin(struct sql *sql, struct err *err)
{
    static const char statements[] =
        "BEGIN; SELECT pg_advisory_xact_lock(1433626738, hashtext(current_schema()))";
    struct err ignored;
    if (exec(sql, statements, err) == 0)
        return 0;
    if (in_transaction(sql))
        sql_rollback(sql, &ignored);
    return -1;
}

static int rollback(struct sql *sql, struct err *err)
{
    struct postgres *pg = (struct postgres *)sql;
    if (is_connected(pg))
        return exec(sql, "ROLLBACK", err);
    pg->inside = false; /* the server has done it */
    return 0;
}

/* A COMMIT after a statement that failed is answered with ROLLBACK, and no error. */
static int commit(struct sql *sql, struct err *err)
{
    struct postgres *pg = (struct postgres *)sql;
    PGresult *result = postgres_ready(pg, err) == 0 ? run(pg, "COMMIT", err) : NULL;
    bool done = result && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    if (result && !done)
        err_set(err, ERR_UNUSABLE, "%s: a statement of the transaction failed, so all is undone",
                pg->head.name);
    PQclear(result);
    return done ? 0 : -1;
}

static int64_t changes(const struct sql *sql)
{
    return ((const struct postgres *)sql)->changes;
}

static int stamp_get(struct sql *sql, struct sql_stamp *stamp, struct err *err)
{
    struct sql_query *query = sql_prepare(
        sql,
        "SELECT to_regclass(format('%I.usher_stamp', current_schema())) IS NOT NULL, NOT EXISTS"
        " (SELECT 1 FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') AND"
        " relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()))",
        err);
    int got = query ? sql_step(query, err) : -1;
    bool stamped = got > 0 && sql_int(query, 0) != 0;
    stamp->empty = got > 0 && sql_int(query, 1) != 0;
    sql_finish(query);
    if (!stamped)
        return got > 0 ? 0 : -1;
    query = sql_prepare(sql, "SELECT application, version FROM usher_stamp", err);
    got = query ? sql_step(query, err) : -1;
    if (got > 0)
        *stamp = (struct sql_stamp){sql_int(query, 0), sql_int(query, 1), false};
    sql_finish(query);
    return got < 0 ? -1 : 0;
}

/* Also makes the collation that the common subset promises. */
static int stamp_put(struct sql *sql, const struct sql_stamp *stamp, struct err *err)
{
    char statements[640];
    snprintf(statements, sizeof(statements),
             "CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2',"
             " deterministic = false);"
             "CREATE TABLE IF NOT EXISTS usher_stamp (application BIGINT NOT NULL,"
             " version BIGINT NOT NULL);"
             "DELETE FROM usher_stamp; INSERT INTO usher_stamp VALUES (%ld, %ld)",
             (long)stamp->application, (long)stamp->version);
    return exec(sql, statements, err);
}

const struct sql_ops sql_ops_postgres = {
    .kind = SQL_POSTGRES,
    .now = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    .open = open_url,
    .close = close_connection,
    .exec = exec,
    .timeout = set_timeout,
    .stamp_get = stamp_get,
    .stamp_put = stamp_put,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .in_transaction = in_transaction,
    .changes = changes,
    .prepare = postgres_prepare,
    .finish = postgres_finish,
    .bind_text = postgres_bind_text,
    .bind_blob = postgres_bind_blob,
    .bind_int = postgres_bind_int,
    .bind_null = postgres_bind_null,
    .step = postgres_step,
    .reset = postgres_reset,
    .text = postgres_text,
    .integer = postgres_integer,
    .is_null = postgres_is_null,
    .columns = postgres_columns,
    .column_name = postgres_column_name,
};
