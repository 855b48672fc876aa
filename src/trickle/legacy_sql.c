/*
 * sql: a table of users, read with one query. Its columns become the record by their names, NULL as null,
 * all else as text; the mapping finds the digest in it, and the password is verified here (digest/).
 *
 * Connections are read-only by the database's own session and wait in a stack for the next question, with
 * the query prepared. One that had gone stale is opened again once. A user who does not exist, or has no
 * password, costs the time of one that does: the password is verified against the digest that was looked at
 * last, and the result thrown away.
 */
#include "trickle/connector.h"

#include <pthread.h>
#include <stdlib.h>

#include "digest/digest.h"
#include "trickle/statement.h"

#define IDLE_MAX     64
#define SETTINGS_MAX ((size_t)256 * 1024)
#define MOVED_MS     5000
/* Stands in before any digest was seen. */
#define DECOY "$2b$10$CwTycUXWue0Thq9StjUM0uJ8yv7cCdCMfVQj7ZqB0nVdiVYhJ4vOe"

static const char *const asking[] = {"identifier", NULL};
static const char *const telling[] = {"external_id", "clerk_id", "identifier", NULL};

struct connection {
    struct sql *sql;
    struct sql_query *query;
    bool used; /* before: what fails on it may be its age */
};

struct table {
    const struct legacy_opts *opts;
    struct arena arena;
    struct statement query, moved;
    pthread_mutex_t lock; /* of what follows */
    struct connection idle[IDLE_MAX];
    size_t idle_count;
    struct buf decoy;
    const struct digest_ops *decoy_ops;
    pthread_mutex_t writer_lock;
    struct sql *writer;
};

static const char *from(const struct legacy_opts *opts)
{
    (void)opts;
    return "usher";
}

/* --- connections --- */

static void disconnect(struct connection *connection)
{
    sql_finish(connection->query);
    sql_close(connection->sql);
    *connection = (struct connection){0};
}

static int connect_to(struct table *table, struct connection *connection, struct err *err)
{
    pthread_mutex_lock(&table->lock);
    bool have = table->idle_count > 0;
    if (have)
        *connection = table->idle[--table->idle_count];
    pthread_mutex_unlock(&table->lock);
    if (have)
        return 0;
    *connection = (struct connection){0};
    if (sql_open(&connection->sql, table->opts->url, SQL_READ_ONLY, err) != 0)
        return -1;
    return 0;
}

static void give_back(struct table *table, struct connection *connection)
{
    connection->used = true;
    pthread_mutex_lock(&table->lock);
    bool kept = table->idle_count < IDLE_MAX;
    if (kept)
        table->idle[table->idle_count++] = *connection;
    pthread_mutex_unlock(&table->lock);
    if (!kept)
        disconnect(connection);
}

/* --- rows --- */

static void write_row(struct sql_query *query, struct legacy_job *job)
{
    struct json_out out = json_out(&job->record);
    buf_reset(&job->record);
    json_open(&out, '{');
    for (int i = 0; i < sql_columns(query); i++) {
        json_key(&out, sql_column_name(query, i));
        json_put_text_or_null(&out, sql_text(query, i));
    }
    json_close(&out, '}');
}

/* 1 with the record written, 0 without such a user, 2 with several, -1 with the job's err. */
static int read_rows(struct table *table, struct connection *connection, struct legacy_job *job)
{
    struct err *err = &job->err;
    if (sql_timeout(connection->sql, legacy_time_left(job), err) != 0)
        return -1;
    if (!connection->query &&
        !(connection->query = sql_prepare(connection->sql, table->query.text, err)))
        return -1;
    statement_bind(&table->query, connection->query, 0, job->identifier);
    int rows = sql_step(connection->query, err);
    if (rows <= 0)
        return rows;
    write_row(connection->query, job);
    int more = sql_step(connection->query, err);
    sql_reset(connection->query);
    return more < 0 ? -1 : 1 + more;
}

static int look_up(struct table *table, struct legacy_job *job)
{
    struct connection connection;
    bool again = true;
    while (again) {
        if (connect_to(table, &connection, &job->err) != 0)
            return -1;
        int rows = read_rows(table, &connection, job);
        if (rows >= 0) {
            give_back(table, &connection);
            return rows;
        }
        again = connection.used && job->err.code == ERR_NETWORK && !atomic_load(job->stop);
        disconnect(&connection);
    }
    return -1;
}

/* --- passwords --- */

static void remember_decoy(struct table *table, const struct digest *digest)
{
    pthread_mutex_lock(&table->lock);
    if (!digest->ops->remote) {
        buf_reset(&table->decoy);
        buf_add(&table->decoy, digest->text);
        table->decoy_ops = digest->ops;
    }
    pthread_mutex_unlock(&table->lock);
}

/* Spends the time that a password costs. */
static void pretend(struct table *table, struct legacy_job *job)
{
    struct digest digest;
    struct err ignored;
    pthread_mutex_lock(&table->lock);
    const struct digest_ops *ops = table->decoy_ops;
    struct text text = arena_copy(job->arena, buf_text(&table->decoy));
    pthread_mutex_unlock(&table->lock);
    if (text.at && !digest_parse(&digest, ops, text))
        (void)digest_verify(&digest, job->password, &ignored);
}

static enum legacy_says prove(struct table *table, struct legacy_job *job)
{
    const struct user *user = &job->user;
    struct digest digest;
    if (!user->password_digest.at) {
        pretend(table, job);
        err_set(&job->err, ERR_REFUSED, "the account has no password");
        return LEGACY_NO;
    }
    const char *problem =
        digest_parse(&digest, digest_ops_find(user->password_hasher), user->password_digest);
    if (problem) {
        err_set(&job->err, ERR_INPUT, "the user's digest: %s", problem);
        return LEGACY_CANNOT_TELL;
    }
    remember_decoy(table, &digest);
    switch (digest_verify(&digest, job->password, &job->err)) {
    case DIGEST_MATCH:
        return LEGACY_YES;
    case DIGEST_NO_MATCH:
        return LEGACY_NO;
    default:
        return LEGACY_CANNOT_TELL;
    }
}

static enum legacy_says ask(void *system, struct legacy_job *job)
{
    struct table *table = system;
    int rows = look_up(table, job);
    if (rows < 0)
        return LEGACY_CANNOT_TELL;
    if (rows == 0) {
        if (job->password.at)
            pretend(table, job);
        return LEGACY_UNKNOWN;
    }
    if (rows > 1) {
        err_set(&job->err, ERR_INPUT, "the query gives several rows for one identifier");
        return LEGACY_CANNOT_TELL;
    }
    if (legacy_map(job) != 0)
        return LEGACY_CANNOT_TELL;
    return job->password.at ? prove(table, job) : LEGACY_YES;
}

/* --- telling --- */

static int tell(struct table *table, const struct legacy_moved *what, struct err *err)
{
    if (!table->writer && sql_open(&table->writer, table->opts->url, SQL_WRITE, err) != 0)
        return -1;
    struct sql_query *query = sql_query(table->writer, table->moved.text, err);
    if (!query || sql_timeout(table->writer, MOVED_MS, err) != 0)
        return -1;
    statement_bind(&table->moved, query, 0, what->external_id);
    statement_bind(&table->moved, query, 1, what->clerk_id);
    statement_bind(&table->moved, query, 2, what->identifier);
    return sql_run(query, err);
}

static int moved(void *system, const struct legacy_moved *what, struct err *err)
{
    struct table *table = system;
    pthread_mutex_lock(&table->writer_lock);
    int result = tell(table, what, err);
    if (result != 0) {
        sql_close(table->writer);
        table->writer = NULL;
    }
    pthread_mutex_unlock(&table->writer_lock);
    return result;
}

/* --- opening --- */

static void close_table(void *system)
{
    struct table *table = system;
    while (table->idle_count > 0)
        disconnect(&table->idle[--table->idle_count]);
    sql_close(table->writer);
    buf_release(&table->decoy);
    pthread_mutex_destroy(&table->lock);
    pthread_mutex_destroy(&table->writer_lock);
    arena_release(&table->arena);
    free(table);
}

static int read_statements(struct table *table, struct err *err)
{
    const struct legacy_opts *opts = table->opts;
    if (statement_read(&table->query, opts->query, asking, &table->arena, err) != 0)
        return err_wrap(err, "query");
    if (table->query.number[0] == 0)
        return err_set(err, ERR_USAGE, "query has no :identifier");
    if (!opts->moved_query)
        return 0;
    if (!sql_is_url(opts->url))
        return err_set(err, ERR_USAGE,
                       "moved_query is for servers: a SQLite file of others is only read");
    if (statement_read(&table->moved, opts->moved_query, telling, &table->arena, err) != 0)
        return err_wrap(err, "moved_query");
    if (table->moved.number[0] == 0 && table->moved.number[2] == 0)
        return err_set(err, ERR_USAGE, "moved_query has neither :external_id nor :identifier");
    return 0;
}

static int open_table(void **system, const struct legacy_opts *opts, struct err *err)
{
    struct table *table = calloc(1, sizeof(*table));
    if (!table)
        return err_memory(err);
    table->opts = opts;
    arena_init(&table->arena, SETTINGS_MAX);
    buf_init(&table->decoy, DIGEST_MAX);
    buf_add(&table->decoy, TEXT(DECOY));
    table->decoy_ops = digest_ops_find(TEXT("bcrypt"));
    pthread_mutex_init(&table->lock, NULL);
    pthread_mutex_init(&table->writer_lock, NULL);
    if (read_statements(table, err) != 0) {
        close_table(table);
        return -1;
    }
    *system = table;
    return 0;
}

const struct legacy_ops legacy_ops_sql = {
    .name = "sql",
    .needs = LEGACY_BIT(url) | LEGACY_BIT(query),
    .takes = LEGACY_BIT(moved_query),
    .from = from,
    .open = open_table,
    .close = close_table,
    .ask = ask,
    .moved = moved,
    .moved_by = LEGACY_BIT(moved_query),
};
