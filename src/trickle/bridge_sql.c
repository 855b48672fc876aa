/*
 * Sessions that stand in a table. The query gives one row for :session, by columns
 *
 *     id, identifier, created_at, expires_at, password_changed_at, revoked
 *
 * or as the configuration names them. A `revoked` that is neither NULL, 0 nor false (a flag, or the time at
 * which it was) refuses the session. Many applications keep a hash of the session and not the session:
 * that is the query's to compute (encode(sha256(:session::bytea), 'hex')).
 */
#include <pthread.h>
#include <stdlib.h>

#include "trickle/bridge_inside.h"
#include "trickle/statement.h"

#define IDLE_MAX     16
#define SETTINGS_MAX ((size_t)128 * 1024)

static const char *const asking[] = {"session", NULL};

struct kept_sessions {
    const struct bridge_opts *opts;
    struct arena arena;
    struct statement query;
    pthread_mutex_t lock; /* of what follows */
    struct sql *idle[IDLE_MAX];
    size_t idle_count;
};

static struct sql *take(struct kept_sessions *sessions, struct err *err)
{
    struct sql *sql = NULL;
    pthread_mutex_lock(&sessions->lock);
    if (sessions->idle_count > 0)
        sql = sessions->idle[--sessions->idle_count];
    pthread_mutex_unlock(&sessions->lock);
    if (!sql && sql_open(&sql, sessions->opts->url, SQL_READ_ONLY, err) != 0)
        return NULL;
    return sql;
}

static void give_back(struct kept_sessions *sessions, struct sql *sql)
{
    pthread_mutex_lock(&sessions->lock);
    bool kept = sessions->idle_count < IDLE_MAX;
    if (kept)
        sessions->idle[sessions->idle_count++] = sql;
    pthread_mutex_unlock(&sessions->lock);
    if (!kept)
        sql_close(sql);
}

static bool is_off(struct text flag)
{
    return !flag.at || flag.len == 0 || text_same(flag, TEXT("0")) ||
           text_same_nocase(flag, TEXT("f")) || text_same_nocase(flag, TEXT("false"));
}

/* Writes the row as a record; false if it says that the session was revoked. */
static bool write_row(struct sql_query *query, struct buf *record)
{
    struct json_out out = json_out(record);
    bool good = true;
    json_open(&out, '{');
    for (int i = 0; i < sql_columns(query); i++) {
        struct text name = sql_column_name(query, i);
        json_key(&out, name);
        json_put_text_or_null(&out, sql_text(query, i));
        if (text_same_nocase(name, TEXT("revoked")))
            good = is_off(sql_text(query, i));
    }
    json_close(&out, '}');
    return good;
}

static enum bridge_says read_row(struct sql_query *query, struct bridge_look *look)
{
    int rows = sql_step(query, look->err);
    if (rows == 0)
        return bridge_refuse(look, "there is no such session");
    bool good = rows > 0 && write_row(query, &look->record);
    int more = rows < 0 ? -1 : sql_step(query, look->err);
    if (more < 0)
        return BRIDGE_CANNOT_TELL;
    if (more > 0)
        return bridge_unclear(look, "the query gives several rows for one session");
    return good ? BRIDGE_GOOD : bridge_refuse(look, "the session was revoked");
}

static enum bridge_says look(void *state, struct bridge_look *look)
{
    struct kept_sessions *sessions = state;
    enum bridge_says says = BRIDGE_CANNOT_TELL;
    struct sql *sql = take(sessions, look->err);
    struct sql_query *query = NULL;
    if (sql && sql_timeout(sql, BRIDGE_WAIT_MS, look->err) == 0)
        query = sql_prepare(sql, sessions->query.text, look->err);
    if (query) {
        statement_bind(&sessions->query, query, 0, look->token);
        says = read_row(query, look);
        sql_finish(query);
    }
    if (says == BRIDGE_CANNOT_TELL)
        sql_close(sql);
    else
        give_back(sessions, sql);
    return says;
}

static void close_sessions(void *state)
{
    struct kept_sessions *sessions = state;
    while (sessions->idle_count > 0)
        sql_close(sessions->idle[--sessions->idle_count]);
    pthread_mutex_destroy(&sessions->lock);
    arena_release(&sessions->arena);
    free(sessions);
}

static int open_sessions(void **state, const struct bridge_opts *opts, struct err *err)
{
    struct kept_sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions)
        return err_memory(err);
    sessions->opts = opts;
    arena_init(&sessions->arena, SETTINGS_MAX);
    pthread_mutex_init(&sessions->lock, NULL);
    int result = statement_read(&sessions->query, opts->query, asking, &sessions->arena, err);
    if (result == 0 && sessions->query.number[0] == 0)
        result = err_set(err, ERR_USAGE, "it has no :session");
    if (result == 0) {
        *state = sessions;
        return 0;
    }
    close_sessions(sessions);
    return err_wrap(err, "query");
}

const struct bridge_kind bridge_kind_sql = {
    .name = "sql",
    .needs = BRIDGE_BIT(url) | BRIDGE_BIT(query),
    .takes = BRIDGE_BIT(expires),
    .id = "id",
    .identifier = "identifier",
    .issued = "created_at",
    .expires = "expires_at",
    .changed = "password_changed_at",
    .open = open_sessions,
    .close = close_sessions,
    .look = look,
};
