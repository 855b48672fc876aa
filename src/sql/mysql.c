/*
 * MySQL and MariaDB: connecting, transactions, errors. Statements are in mysql_query.c.
 *
 * A statement's time is the server's (max_statement_time in MariaDB; in MySQL max_execution_time, which it
 * applies to SELECT) and, in whole seconds above that, the library's for reading an answer.
 *
 * There is no stamp: Usher keeps no tables of its own here. Transactions do not take turns.
 */
#include "sql/mysql.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SECONDS 10
#define GRACE_SECONDS   2                /* for the answer to come after the server's own limit */
#define IDLE_US         INT64_C(5000000) /* a connection idle for longer is asked before it is used */
#define STATEMENT_MAX   ((size_t)1 << 20)

static const struct {
    unsigned number;
    enum err_code code;
    const char *advice;
} numbers[] = {
    {ER_ACCESS_DENIED_ERROR, ERR_REFUSED, "; check user and password"},
    {ER_DBACCESS_DENIED_ERROR, ERR_REFUSED, "; give the user that right"},
    {ER_TABLEACCESS_DENIED_ERROR, ERR_REFUSED, "; give the user that right"},
    {ER_COLUMNACCESS_DENIED_ERROR, ERR_REFUSED, "; give the user that right"},
    {ER_BAD_DB_ERROR, ERR_REFUSED, "; check the database's name"},
    {ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ERR_REFUSED, "; the session only reads"},
    {ER_CON_COUNT_ERROR, ERR_NETWORK, "; the server has no connection left"},
    {ER_SERVER_SHUTDOWN, ERR_NETWORK, "; the server is going down"},
    {ER_CONNECTION_KILLED, ERR_NETWORK, ""},
    {ER_QUERY_INTERRUPTED, ERR_NETWORK, "; it took longer than it may"},
    {ER_LOCK_WAIT_TIMEOUT, ERR_NETWORK, "; somebody else holds a lock"},
    {ER_STATEMENT_TIMEOUT, ERR_NETWORK, ""},
    {3024, ERR_NETWORK, ""}, /* MySQL's ER_QUERY_TIMEOUT, which MariaDB's header lacks */
    {ER_DISK_FULL, ERR_IO, "; free some space on the server"},
    {ER_DATA_TOO_LONG, ERR_INPUT, ""},
};

static bool is_lost(unsigned number)
{
    return number == CR_SERVER_GONE_ERROR || number == CR_SERVER_LOST ||
           number == CR_COMMANDS_OUT_OF_SYNC || number == ER_CONNECTION_KILLED ||
           number == ER_SERVER_SHUTDOWN;
}

/* The table that an INSERT or UPDATE names. */
static struct text table_of(const char *statement)
{
    struct text words = text_of(statement), word = {NULL, 0};
    bool next = false;
    while (text_field(&words, ' ', &word)) {
        word.len = strcspn(word.at, " (\n\t") < word.len ? strcspn(word.at, " (\n\t") : word.len;
        if (next && word.len > 0)
            return word;
        next =
            next || text_same_nocase(word, TEXT("INTO")) || text_same_nocase(word, TEXT("UPDATE"));
    }
    return (struct text){NULL, 0};
}

/* What stands in the last quotes: the key, which MySQL 8 puts behind its table. */
static struct text key_of(const char *words)
{
    struct text key = text_of(words);
    while (key.len > 0 && key.at[key.len - 1] != '\'')
        key.len--;
    size_t end = key.len > 0 ? key.len - 1 : 0, from = end;
    while (from > 0 && key.at[from - 1] != '\'' && key.at[from - 1] != '.')
        from--;
    return text_part(key, from, end - from);
}

/* The message names the key; its first column is in the server's catalogue. */
static void note_unique(struct mysql *my, const char *words, const char *statement)
{
    char kept[128];
    struct text table = table_of(statement ? statement : "");
    struct text key = key_of(words), column = key;
    struct err ignored;
    snprintf(kept, sizeof(kept), "%.*s", TEXT_ARG(key));
    struct sql_query *query =
        table.len == 0
            ? NULL
            : sql_prepare(&my->head,
                          "SELECT column_name FROM information_schema.statistics WHERE"
                          " table_schema = database() AND table_name = ?1 AND index_name = ?2"
                          " AND seq_in_index = 1",
                          &ignored);
    if (query) {
        sql_bind_text(query, 1, table);
        sql_bind_text(query, 2, text_of(kept));
        if (sql_step(query, &ignored) > 0)
            column = sql_text(query, 0);
    }
    sql_note_unique(&my->head, table, column);
    sql_finish(query);
}

int mysql_failed(struct mysql *my, unsigned number, const char *words, const char *statement,
                 struct err *err)
{
    const char *name = my->head.name;
    my->head.was_unique = false;
    if (number == ER_DUP_ENTRY || number == ER_DUP_ENTRY_WITH_KEY_NAME) {
        note_unique(my, words, statement); /* the message quotes the value: it is not passed on */
        return err_set(err, ERR_UNUSABLE, "%s: a value of %s is there already", name,
                       my->head.unique);
    }
    if (is_lost(number)) {
        my->broken = true;
        return err_set(err, ERR_NETWORK, "%s: the connection was lost%s: %s", name,
                       my->inside ? " inside a transaction" : "", words);
    }
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
        if (numbers[i].number == number)
            return err_set(err, numbers[i].code, "%s: %s%s", name, words, numbers[i].advice);
    bool library = number >= CR_MIN_ERROR && number <= CR_MYSQL_LAST_ERROR;
    return err_set(err, library ? ERR_NETWORK : ERR_UNUSABLE, "%s: %s", name, words);
}

static int failed(struct mysql *my, struct err *err)
{
    unsigned number = mysql_errno(my->conn);
    char words[MYSQL_ERRMSG_SIZE];
    snprintf(words, sizeof(words), "%s", mysql_error(my->conn));
    return mysql_failed(my, number, words, NULL, err);
}

static int run(struct mysql *my, const char *statement, struct err *err)
{
    if (mysql_real_query(my->conn, statement, strlen(statement)) != 0)
        return failed(my, err);
    mysql_free_result(mysql_store_result(my->conn));
    my->changes = (int64_t)mysql_affected_rows(my->conn);
    return 0;
}

/* What needs a server that is there. */
static int set_up_session(struct mysql *my, struct err *err)
{
    char limit[96];
    bool mariadb = mariadb_connection(my->conn);
    if (mariadb)
        snprintf(limit, sizeof(limit), "SET SESSION max_statement_time = %.3f",
                 (double)my->timeout_ms / 1000);
    else
        snprintf(limit, sizeof(limit), "SET SESSION max_execution_time = %ld",
                 (long)my->timeout_ms);
    if (my->mode == SQL_READ_ONLY && run(my, "SET SESSION TRANSACTION READ ONLY", err) != 0)
        return -1;
    return run(my, limit, err);
}

static void set_options(struct mysql *my)
{
    const unsigned connect_s = CONNECT_SECONDS, no = 0;
    const unsigned answer_s =
        my->timeout_ms > 0 ? (unsigned)((my->timeout_ms + 999) / 1000) + GRACE_SECONDS : 0;
    const my_bool yes = 1;
    mysql_options(my->conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(my->conn, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(my->conn, MYSQL_OPT_LOCAL_INFILE,
                  &no); /* the server may ask for no file of ours */
    if (answer_s > 0)
        mysql_options(my->conn, MYSQL_OPT_READ_TIMEOUT, &answer_s);
    if (my->url.tls[0])
        mysql_options(my->conn, MYSQL_OPT_SSL_ENFORCE, &yes);
    if (strcmp(my->url.tls, "verify") == 0)
        mysql_options(my->conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
    if (my->url.ca[0])
        mysql_options(my->conn, MYSQL_OPT_SSL_CA, my->url.ca);
}

static const char *or_null(const char *z)
{
    return *z ? z : NULL;
}

static int connect_to(struct mysql *my, struct err *err)
{
    const struct url *url = &my->url;
    mysql_close(my->conn);
    my->conn = mysql_init(NULL);
    if (!my->conn)
        return err_memory(err);
    my->broken = false;
    my->session++;
    my->used_us = clock_now_us();
    set_options(my);
    if (!mysql_real_connect(my->conn, or_null(url->host), or_null(url->user), url->password,
                            or_null(url->database), url->port, or_null(url->socket), 0)) {
        failed(my, err);
        my->broken = true;
        return -1;
    }
    return set_up_session(my, err);
}

static int open_url(struct sql **to, const char *url, enum sql_mode mode, struct err *err)
{
    struct mysql *my = calloc(1, sizeof(*my));
    if (!my)
        return err_memory(err);
    *to = &my->head;
    my->mode = mode;
    my->head.name = url_name(url);
    if (!my->head.name)
        return err_memory(err);
    if (url_parse(url, &my->url, err) != 0)
        return err_wrap(err, "%s", my->head.name);
    return connect_to(my, err);
}

static void close_connection(struct sql *sql)
{
    struct mysql *my = (struct mysql *)sql;
    mysql_close(my->conn);
    secret_wipe(my, sizeof(*my));
    free(my);
}

int mysql_ready(struct mysql *my, struct err *err)
{
    if (my->streaming)
        return err_set(err, ERR_UNUSABLE, "%s: a streamed result is not finished yet",
                       my->head.name);
    int64_t now = clock_now_us();
    if (!my->broken && now - my->used_us > IDLE_US && mysql_ping(my->conn) != 0)
        my->broken = true;
    my->used_us = now;
    if (!my->broken)
        return 0;
    if (my->inside)
        return err_set(err, ERR_NETWORK, "%s: the connection was lost inside a transaction",
                       my->head.name);
    return connect_to(my, err);
}

static int exec_one(struct mysql *my, const char *statement, struct err *err)
{
    return mysql_ready(my, err) == 0 ? run(my, statement, err) : -1;
}

/* The library's protocol takes one statement at a time: they are cut at semicolons outside of quotes. */
static int exec(struct sql *sql, const char *statements, struct err *err)
{
    struct buf one;
    int status = 0;
    buf_init(&one, STATEMENT_MAX);
    for (char quote = 0; *statements && status == 0; statements++) {
        if (quote == 0 && strchr("'\"`", *statements))
            quote = *statements;
        else if (*statements == quote)
            quote = 0;
        if (*statements != ';' || quote != 0)
            buf_byte(&one, *statements);
        if ((*statements == ';' && quote == 0) || !statements[1]) {
            if (text_trim(buf_text(&one)).len > 0)
                status = exec_one((struct mysql *)sql, buf_z(&one), err);
            buf_reset(&one);
        }
    }
    buf_release(&one);
    return status;
}

/* The library takes its own limit only at connecting. */
static int set_timeout(struct sql *sql, int64_t ms, struct err *err)
{
    struct mysql *my = (struct mysql *)sql;
    my->timeout_ms = ms;
    if (my->inside)
        return set_up_session(my, err);
    my->broken = true;
    return mysql_ready(my, err);
}

static int begin(struct sql *sql, struct err *err)
{
    struct mysql *my = (struct mysql *)sql;
    int status = exec_one(my, "START TRANSACTION", err);
    my->inside = status == 0;
    return status;
}

static int commit(struct sql *sql, struct err *err)
{
    struct mysql *my = (struct mysql *)sql;
    int status = exec_one(my, "COMMIT", err);
    my->inside = status != 0;
    return status;
}

static int rollback(struct sql *sql, struct err *err)
{
    struct mysql *my = (struct mysql *)sql;
    my->inside = false; /* if the connection has gone the server has done it */
    return my->broken ? 0 : exec_one(my, "ROLLBACK", err);
}

static bool in_transaction(const struct sql *sql)
{
    return ((const struct mysql *)sql)->inside;
}

static int64_t changes(const struct sql *sql)
{
    return ((const struct mysql *)sql)->changes;
}

static int no_stamp(struct sql *sql, struct err *err)
{
    return err_set(err, ERR_UNUSABLE,
                   "%s: is a MySQL database, from which Usher only reads; give a file or a "
                   "postgres:// URL",
                   sql->name);
}

static int stamp_get(struct sql *sql, struct sql_stamp *stamp, struct err *err)
{
    (void)stamp;
    return no_stamp(sql, err);
}

static int stamp_put(struct sql *sql, const struct sql_stamp *stamp, struct err *err)
{
    (void)stamp;
    return no_stamp(sql, err);
}

const struct sql_ops sql_ops_mysql = {
    .kind = SQL_MYSQL,
    .now = "SELECT CAST(unix_timestamp(now(3)) * 1000 AS SIGNED)",
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
    .prepare = mysql_query_prepare,
    .finish = mysql_query_finish,
    .bind_text = mysql_query_bind_text,
    .bind_blob = mysql_query_bind_blob,
    .bind_int = mysql_query_bind_int,
    .bind_null = mysql_query_bind_null,
    .step = mysql_query_step,
    .reset = mysql_query_reset,
    .text = mysql_query_text,
    .integer = mysql_query_integer,
    .is_null = mysql_query_is_null,
    .columns = mysql_query_columns,
    .column_name = mysql_query_column_name,
};
