/*
 * What sql.h promises, on a real PostgreSQL and a real MariaDB, side by side with SQLite. Started by
 * tests/scenarios/postgres.py, which sets USHER_POSTGRES and USHER_MYSQL; without them the cases skip.
 */
#include "test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sql/sql.h"

struct fixture {
    const char *where;
    struct sql *sql;
    struct err err;
};

static void open_as(struct fixture *f, enum sql_mode mode)
{
    if (sql_open(&f->sql, f->where, mode, &f->err) != 0)
        fail_msg("%s", f->err.message);
}

static void exec(struct fixture *f, const char *statements)
{
    if (sql_exec(f->sql, statements, &f->err) != 0)
        fail_msg("%s", f->err.message);
}

static int set_up(struct fixture **f, void **state, const char *where)
{
    *f = calloc(1, sizeof(**f));
    *state = *f;
    (*f)->where = where;
    return 0;
}

static int set_up_sqlite(void **state)
{
    struct fixture *f;
    set_up(&f, state, ":memory:");
    open_as(f, SQL_CREATE);
    exec(f, "CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT, n INTEGER, b BLOB) WITHOUT ROWID;"
            "CREATE UNIQUE INDEX by_email ON users (email COLLATE NOCASE, n)");
    return 0;
}

static int set_up_postgres(void **state)
{
    static const struct sql_stamp stamp = {7, 3, false};
    struct fixture *f;
    set_up(&f, state, getenv("USHER_POSTGRES"));
    if (!f->where)
        return 0;
    open_as(f, SQL_CREATE);
    exec(f, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    assert_int_equal(sql_stamp_put(f->sql, &stamp, &f->err), 0);
    exec(f, "CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT, n INTEGER, b BLOB) WITHOUT ROWID;"
            "CREATE UNIQUE INDEX by_email ON users (email COLLATE NOCASE, n)");
    return 0;
}

static int set_up_mysql(void **state)
{
    struct fixture *f;
    set_up(&f, state, getenv("USHER_MYSQL"));
    if (!f->where)
        return 0;
    open_as(f, SQL_CREATE);
    exec(f,
         "DROP TABLE IF EXISTS users;"
         "CREATE TABLE users (id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY,"
         " email VARCHAR(200), n BIGINT, b BLOB, UNIQUE KEY by_email (email, n))");
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sql_close(f->sql);
    free(f);
    return 0;
}

static int insert(struct fixture *f, struct text id, struct text email, int64_t n)
{
    struct sql_query *q =
        sql_query(f->sql, "INSERT INTO users (id, email, n) VALUES (?1, ?2, ?3)", &f->err);
    if (!q)
        fail_msg("%s", f->err.message);
    sql_bind_text(q, 1, id);
    sql_bind_text(q, 2, email);
    sql_bind_int(q, 3, n);
    return sql_run(q, &f->err);
}

static int64_t number(struct fixture *f, const char *statement)
{
    struct sql_query *q = sql_prepare(f->sql, statement, &f->err);
    if (!q || sql_step(q, &f->err) != 1)
        fail_msg("%s", f->err.message);
    int64_t n = sql_int(q, 0);
    sql_finish(q);
    return n;
}

static int64_t count(struct fixture *f)
{
    return number(f, "SELECT count(*) FROM users");
}

static void assert_has(const char *whole, const char *part)
{
    if (!strstr(whole, part))
        fail_msg("\"%s\" lacks \"%s\"", whole, part);
}

#define NEED_SERVER(f)                                                                             \
    if (!(f)->where)                                                                               \
    skip()

static void values_come_back_as_they_went(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    struct sql_query *q = sql_query(f->sql, "INSERT INTO users VALUES (?1, ?, ?3, ?4)", &f->err);
    sql_bind_text(q, 1, TEXT("a '?2' -- b"));
    sql_bind_text(q, 2, TEXT(""));
    sql_bind_int(q, 3, INT64_MIN);
    sql_bind_blob(q, 4, TEXT("\0\xff\\x41'"));
    assert_int_equal(sql_run(q, &f->err), 0);
    assert_int_equal(sql_changes(f->sql), 1);
    assert_int_equal(insert(f, TEXT("c"), (struct text){NULL, 0}, 7), 0);

    q = sql_query(f->sql, "SELECT id, email, n, b, n > 5 AS big FROM users ORDER BY id", &f->err);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(sql_step(q, &f->err), 1);
        assert_text(sql_text(q, 0), "a '?2' -- b");
        assert_text(sql_text(q, 1), "");
        assert_non_null(sql_text(q, 1).at);
        assert_true(sql_int(q, 2) == INT64_MIN);
        assert_text(sql_text(q, 2), "-9223372036854775808");
        assert_text(sql_text(q, 3), "\0\xff\\x41'");
        assert_int_equal(sql_int(q, 4), 0);
        assert_int_equal(sql_columns(q), 5);
        assert_text(sql_column_name(q, 4), "big");
        assert_int_equal(sql_step(q, &f->err), 1);
        assert_null(sql_text(q, 1).at);
        assert_true(sql_is_null(q, 1));
        assert_true(sql_is_null(q, 3));
        assert_text(sql_text(q, 4), "1");
        assert_int_equal(sql_step(q, &f->err), 0);
    }
}

static void parameters_repeat_and_change_places(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    struct sql_query *q = sql_query(
        f->sql, "SELECT '?1' /* ?7 */, id FROM users WHERE n = ?2 AND (id = ?1 OR email = ?1)",
        &f->err);
    static const char *const values[] = {"x", "a"};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        sql_bind_text(q, 1, text_of(values[i]));
        sql_bind_int(q, 2, 1);
        assert_int_equal(sql_step(q, &f->err), 1);
        assert_text(sql_text(q, 0), "?1");
        assert_text(sql_text(q, 1), "a");
        sql_reset(q);
    }
    sql_bind_text(q, 5, TEXT("x"));
    if (sql_kind(f->sql) != SQL_MYSQL)
        assert_int_equal(sql_step(q, &f->err), -1);
}

static void upserts_and_returning(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    for (int i = 1; i <= 2; i++) {
        struct sql_query *q =
            sql_query(f->sql,
                      "INSERT INTO users (id, n) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET"
                      " n = users.n + excluded.n WHERE users.n < 3 RETURNING n",
                      &f->err);
        sql_bind_text(q, 1, TEXT("a"));
        sql_bind_int(q, 2, i);
        assert_int_equal(sql_step(q, &f->err), 1);
        assert_int_equal(sql_int(q, 0), 2 * i - 1);
        sql_reset(q);
    }
    assert_int_equal(number(f, "SELECT n FROM users"), 3);
    exec(f, "INSERT INTO users (id, n) VALUES ('a', 9) ON CONFLICT (id) DO NOTHING");
    assert_int_equal(count(f), 1);
}

static void texts_compare_alike(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    assert_int_equal(insert(f, TEXT("b"), TEXT("One@Example.com"), 1), 0);
    assert_int_equal(insert(f, TEXT("B"), TEXT("two"), 1), 0);
    assert_int_equal(insert(f, TEXT("_"), TEXT("three"), 1), 0);
    struct sql_query *q = sql_query(f->sql, "SELECT id FROM users ORDER BY id", &f->err);
    static const char *const order[] = {"B", "_", "b"};
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        assert_int_equal(sql_step(q, &f->err), 1);
        assert_true(text_same(sql_text(q, 0), text_of(order[i])));
    }
    sql_reset(q);
    assert_int_equal(number(f, "SELECT count(*) FROM users WHERE email LIKE '%EXAMPLE%'"), 1);
    if (sql_kind(f->sql) == SQL_MYSQL)
        return;
    assert_int_equal(
        number(f, "SELECT count(*) FROM users WHERE email COLLATE NOCASE IN ('one@EXAMPLE.COM')"),
        1);
    assert_int_equal(insert(f, TEXT("d"), TEXT("TWO"), 1), -1);
    assert_int_equal(insert(f, TEXT("d"), TEXT("TWO"), 2), 0);
}

static void uniqueness_names_its_column(void **state)
{
    struct fixture *f = *state;
    struct text column = {NULL, 0};
    NEED_SERVER(f);
    assert_int_equal(insert(f, TEXT("a"), TEXT("secret@example.com"), 1), 0);
    assert_false(sql_was_unique(f->sql, &column));
    assert_int_equal(insert(f, TEXT("b"), TEXT("secret@example.com"), 1), -1);
    assert_true(sql_was_unique(f->sql, &column));
    assert_text(column, "users.email");
    assert_null(strstr(f->err.message, "secret"));
    assert_int_equal(insert(f, TEXT("a"), TEXT("y"), 1), -1);
    assert_true(sql_was_unique(f->sql, &column));
    assert_text(column, "users.id");
    assert_int_equal(sql_exec(f->sql, "nonsense", &f->err), -1);
    assert_false(sql_was_unique(f->sql, &column));
}

static void transactions(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    assert_false(sql_in_transaction(f->sql));
    assert_int_equal(sql_begin(f->sql, &f->err), 0);
    assert_true(sql_in_transaction(f->sql));
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    assert_int_equal(sql_rollback(f->sql, &f->err), 0);
    assert_false(sql_in_transaction(f->sql));
    assert_int_equal(count(f), 0);
    assert_int_equal(sql_begin(f->sql, &f->err), 0);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    assert_int_equal(sql_commit(f->sql, &f->err), 0);
    assert_int_equal(count(f), 1);
}

static void a_guarded_failure_undoes_itself_alone(void **state)
{
    struct fixture *f = *state;
    struct text column;
    static const char save[] = "SAVEPOINT mark", undo[] = "ROLLBACK TO mark";
    NEED_SERVER(f);
    sql_guard(f->sql);
    assert_int_equal(sql_begin(f->sql, &f->err), 0);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    assert_int_equal(insert(f, TEXT("a"), TEXT("y"), 1), -1);
    assert_true(sql_was_unique(f->sql, &column));
    assert_text(column, "users.id");
    assert_int_equal(sql_run(sql_query(f->sql, save, &f->err), &f->err), 0);
    assert_int_equal(insert(f, TEXT("b"), TEXT("y"), 1), 0);
    assert_int_equal(sql_run(sql_query(f->sql, undo, &f->err), &f->err), 0);
    assert_int_equal(insert(f, TEXT("c"), TEXT("y"), 1), 0);
    assert_int_equal(count(f), 2);
    assert_int_equal(sql_commit(f->sql, &f->err), 0);
    assert_int_equal(count(f), 2);
}

static void an_unguarded_failure_is_not_committed(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    assert_int_equal(sql_begin(f->sql, &f->err), 0);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), -1);
    assert_int_equal(sql_commit(f->sql, &f->err), -1);
    if (sql_in_transaction(f->sql))
        assert_int_equal(sql_rollback(f->sql, &f->err), 0);
    assert_int_equal(count(f), 0);
}

static void streams_of_any_length(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    exec(f, "CREATE TEMPORARY TABLE many (n INTEGER); INSERT INTO many VALUES (1), (2), (3), (4)");
    for (int i = 0; i < 7; i++)
        exec(f, "INSERT INTO many SELECT n FROM many");
    struct sql_query *q = sql_stream(f->sql, "SELECT n FROM many WHERE n > ?1", &f->err);
    int64_t rows = 0;
    int got;
    sql_bind_int(q, 1, 2);
    while ((got = sql_step(q, &f->err)) > 0)
        rows += sql_int(q, 0) > 2;
    assert_int_equal(got, 0);
    assert_int_equal(rows, 256);
    sql_bind_int(q, 1, 0);
    assert_int_equal(sql_step(q, &f->err), 1);
    if (sql_kind(f->sql) != SQL_SQLITE)
        assert_int_equal(sql_exec(f->sql, "SELECT 1", &f->err), -1);
    sql_finish(q); /* with rows left */
    assert_int_equal(number(f, "SELECT count(*) FROM many"), 512);
}

static void reading_only_is_the_sessions_own(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    sql_close(f->sql);
    open_as(f, SQL_READ_ONLY);
    assert_int_equal(count(f), 1);
    assert_int_equal(sql_exec(f->sql, "INSERT INTO users (id) VALUES ('b')", &f->err), -1);
    assert_int_equal(f->err.code, ERR_REFUSED);
    assert_int_equal(sql_exec(f->sql, "CREATE TABLE more (n INTEGER)", &f->err), -1);
    assert_int_equal(count(f), 1);
}

static void a_statement_has_its_time(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    static const char *const slow[] = {
        [SQL_SQLITE] = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
                       " SELECT count(*) FROM r",
        [SQL_POSTGRES] = "SELECT 1 FROM pg_sleep(30)",
        [SQL_MYSQL] = "SELECT count(*) FROM information_schema.columns a,"
                      " information_schema.columns b, information_schema.columns c",
    };
    int64_t before = clock_now_us();
    assert_int_equal(sql_timeout(f->sql, 100, &f->err), 0);
    struct sql_query *q = sql_prepare(f->sql, slow[sql_kind(f->sql)], &f->err);
    assert_non_null(q);
    assert_int_equal(sql_step(q, &f->err), -1);
    sql_finish(q);
    assert_int_equal(f->err.code, ERR_NETWORK);
    assert_true(clock_now_us() - before < 20000000);
    assert_int_equal(sql_timeout(f->sql, 0, &f->err), 0);
    assert_int_equal(count(f), 0);
}

/* Ends our own connection at the server, as an administrator or a restart would. */
static void cut_off(struct fixture *f)
{
    static const char *const self[] = {
        [SQL_POSTGRES] = "SELECT pg_backend_pid()", [SQL_MYSQL] = "SELECT connection_id()"};
    static const char *const end[] = {
        [SQL_POSTGRES] = "SELECT pg_terminate_backend(%ld)", [SQL_MYSQL] = "KILL %ld"};
    char statement[64];
    struct fixture other = {.where = f->where};
    open_as(&other, SQL_WRITE);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(statement, sizeof(statement), end[sql_kind(f->sql)],
             (long)number(f, self[sql_kind(f->sql)]));
#pragma GCC diagnostic pop
    exec(&other, statement);
    usleep(50000);
    sql_close(other.sql);
}

static void a_lost_connection_is_made_again(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    cut_off(f);
    if (insert(f, TEXT("b"), TEXT("y"), 1) != 0) { /* noticed by failing */
        assert_int_equal(f->err.code, ERR_NETWORK);
        assert_int_equal(insert(f, TEXT("b"), TEXT("y"), 1), 0);
    }
    assert_int_equal(sql_begin(f->sql, &f->err), 0);
    assert_int_equal(insert(f, TEXT("c"), TEXT("z"), 1), 0);
    cut_off(f);
    assert_int_equal(insert(f, TEXT("d"), TEXT("w"), 1), -1);
    assert_int_equal(f->err.code, ERR_NETWORK);
    assert_int_equal(insert(f, TEXT("d"), TEXT("w"), 1), -1);
    assert_int_equal(f->err.code, ERR_NETWORK);
    assert_has(f->err.message, "inside a transaction");
    assert_int_equal(sql_commit(f->sql, &f->err), -1);
    assert_true(sql_in_transaction(f->sql));
    assert_int_equal(sql_rollback(f->sql, &f->err), 0);
    assert_int_equal(count(f), 2);
}

/* In a child: holds a transaction until a byte comes. */
static pid_t hold_transaction(struct fixture *f, int *go)
{
    int ready[2], more[2];
    char byte;
    assert_int_equal(pipe(ready) + pipe(more), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct fixture own = {.where = f->where};
        open_as(&own, SQL_WRITE);
        bool ok = sql_begin(own.sql, &own.err) == 0 && insert(&own, TEXT("x"), TEXT("x"), 1) == 0 &&
                  write(ready[1], "x", 1) == 1 && read(more[0], &byte, 1) == 1;
        usleep(100000);
        _exit(ok && sql_commit(own.sql, &own.err) == 0 ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    *go = more[1];
    return pid;
}

static void transactions_take_turns(void **state)
{
    struct fixture *f = *state;
    int go, status;
    NEED_SERVER(f);
    pid_t pid = hold_transaction(f, &go);
    assert_int_equal(count(f), 0); /* reading waits for nobody */
    assert_int_equal(sql_timeout(f->sql, 50, &f->err), 0);
    assert_int_equal(sql_begin(f->sql, &f->err), -1);
    assert_int_equal(f->err.code, ERR_NETWORK);
    assert_false(sql_in_transaction(f->sql));
    assert_int_equal(sql_timeout(f->sql, 0, &f->err), 0);
    assert_int_equal(write(go, "x", 1), 1);
    assert_int_equal(sql_begin(f->sql, &f->err), 0);
    assert_int_equal(count(f), 1);
    assert_int_equal(sql_commit(f->sql, &f->err), 0);
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static void stamps(void **state)
{
    struct fixture *f = *state;
    struct sql_stamp stamp;
    NEED_SERVER(f);
    assert_int_equal(sql_stamp_get(f->sql, &stamp, &f->err), 0);
    assert_int_equal(stamp.application, 7);
    assert_int_equal(stamp.version, 3);
    assert_false(stamp.empty);
    exec(f, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    assert_int_equal(sql_stamp_get(f->sql, &stamp, &f->err), 0);
    assert_true(stamp.empty);
    exec(f, "CREATE TABLE foreign_one (n INTEGER)");
    assert_int_equal(sql_stamp_get(f->sql, &stamp, &f->err), 0);
    assert_false(stamp.empty);
    assert_int_equal(stamp.application, 0);
}

/* The URL with another password, host part or path. */
static void refused(const char *url, enum err_code code)
{
    struct sql *sql;
    struct err err;
    assert_int_equal(sql_open(&sql, url, SQL_READ_ONLY, &err), -1);
    assert_null(sql);
    assert_null(strstr(err.message, "hidden"));
    if (err.code != code)
        fail_msg("%d: %s", err.code, err.message);
}

static void what_cannot_be_opened_is_named(void **state)
{
    struct fixture *f = *state;
    char url[256];
    NEED_SERVER(f);
    const char *scheme = sql_kind(f->sql) == SQL_MYSQL ? "mysql" : "postgres";
    snprintf(url, sizeof(url), "%s://usher:hidden%s", scheme, strchr(f->where, '@'));
    refused(url, ERR_REFUSED);
    snprintf(url, sizeof(url), "%s://usher:hidden@127.0.0.1:1/usher", scheme);
    refused(url, ERR_NETWORK);
    snprintf(url, sizeof(url), "%s://usher:hid/den@x/hidden@127.0.0.1:x/usher", scheme);
    refused(url, ERR_USAGE);
    snprintf(url, sizeof(url), "%s://usher:hidden@127.0.0.1:99999x/usher?hidden=%%zz", scheme);
    refused(url, ERR_USAGE);
    snprintf(url, sizeof(url), "%s", f->where);
    strcpy(strrchr(url, '/'), "/none");
    refused(url, ERR_REFUSED);
}

static void what_cannot_be_stored_is_said(void **state)
{
    struct fixture *f = *state;
    NEED_SERVER(f);
    assert_int_equal(insert(f, TEXT("a\0b"), TEXT("x"), 1), -1);
    assert_int_equal(f->err.code, ERR_INPUT);
    assert_int_equal(insert(f, TEXT("\xff\xfe"), TEXT("x"), 1), -1);
    assert_int_equal(f->err.code, ERR_INPUT);
    assert_int_equal(count(f), 0);
}

#define ON(function, where)                                                                        \
    {                                                                                              \
#function " on " #where, function, set_up_##where, tear_down, NULL                         \
    }
#define ON_POSTGRES(function) ON(function, postgres)
#define ON_SERVERS(function)  ON(function, postgres), ON(function, mysql)
#define ON_TWO(function)      ON(function, sqlite), ON(function, postgres)
#define ON_ALL(function)      ON(function, sqlite), ON_SERVERS(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(values_come_back_as_they_went),
        ON_ALL(parameters_repeat_and_change_places),
        ON_TWO(upserts_and_returning),
        ON_ALL(texts_compare_alike),
        ON_ALL(uniqueness_names_its_column),
        ON_ALL(transactions),
        ON_ALL(a_guarded_failure_undoes_itself_alone),
        ON_POSTGRES(an_unguarded_failure_is_not_committed),
        ON_ALL(streams_of_any_length),
        ON_SERVERS(reading_only_is_the_sessions_own),
        ON_ALL(a_statement_has_its_time),
        ON_SERVERS(a_lost_connection_is_made_again),
        ON_POSTGRES(transactions_take_turns),
        ON_POSTGRES(stamps),
        ON_SERVERS(what_cannot_be_opened_is_named),
        ON_POSTGRES(what_cannot_be_stored_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
