#include "creates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sql/sql.h"

/* Users in a transaction of creates_copy. */
#define COPY_BATCH 10000

/* A thousand users are of the same minute. */
static size_t put_create(char *to, uint64_t n)
{
    char body[1024];
    unsigned minute = (unsigned)(n / 1000 % (28 * 24 * 60));
    snprintf(body, sizeof(body),
             "{\"external_id\":\"auth0|%llu\",\"first_name\":\"Ada\",\"last_name\":\"Lovelace\","
             "\"email_address\":[\"ada.%llx@example.com\"],"
             "\"password_digest\":\"$2b$10$6nNPoEQzmCqAaDLKLFPNGOB1mW6mmGqC5JdYqUkJwHTS04dsGLqp.\","
             "\"password_hasher\":\"bcrypt\",\"public_metadata\":{\"plan\":\"free\"},"
             "\"unsafe_metadata\":{\"theme\":\"dark\"},\"created_at\":\"2020-11-%02uT%02u:%02u:17."
             "442Z\"}",
             (unsigned long long)n, (unsigned long long)(n * UINT64_C(0x9E3779B97F4A7C15)),
             1 + minute / 1440, minute / 60 % 24, minute % 60);
    return bench_request(to, "POST", "/v1/users", body);
}

double creates_run(const struct sandbox *sandbox, uint64_t first, uint64_t users)
{
    static char room[BENCH_ROOM];
    int fds[CREATES_CONNECTIONS], loop = epoll_create1(EPOLL_CLOEXEC);
    uint64_t sent = 0, answered = 0;
    size_t len;
    for (int i = 0; i < CREATES_CONNECTIONS; i++) {
        fds[i] = bench_connect(sandbox->port);
        epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){EPOLLIN, {.fd = fds[i]}});
    }
    int64_t began = clock_now_us();
    for (int i = 0; i < CREATES_CONNECTIONS && sent < users; i++)
        bench_write(fds[i], room, put_create(room, first + sent++));
    while (answered < users) {
        struct epoll_event events[CREATES_CONNECTIONS];
        int count = epoll_wait(loop, events, CREATES_CONNECTIONS, 10000);
        if (count <= 0)
            bench_die("no answer");
        for (int i = 0; i < count; i++, answered++) {
            if (bench_answer(events[i].data.fd, room, BENCH_ROOM, &len) != 200)
                bench_die("a user was refused");
            if (sent < users)
                bench_write(events[i].data.fd, room, put_create(room, first + sent++));
        }
    }
    double seconds = (double)(clock_now_us() - began) / 1e6;
    for (int i = 0; i < CREATES_CONNECTIONS; i++)
        close(fds[i]);
    close(loop);
    return (double)users / seconds;
}

/* Makes the tables and indexes of the users as the sandbox has them in `there`. */
static int copy_schema(struct sql *sql, struct err *err)
{
    static const char wanted[] = "SELECT sql FROM there.sqlite_schema WHERE tbl_name IN ('users',"
                                 " 'identifiers') AND sql IS NOT NULL ORDER BY type DESC";
    struct buf statements;
    buf_init(&statements, 65536);
    struct sql_query *query = sql_prepare(sql, wanted, err);
    int got = -1;
    while (query && (got = sql_step(query, err)) > 0) {
        buf_add(&statements, sql_text(query, 0));
        buf_byte(&statements, ';');
    }
    sql_finish(query);
    if (got == 0)
        got = sql_exec(sql, buf_z(&statements), err);
    buf_release(&statements);
    return got;
}

static int insert_range(struct sql *sql, const char *statement, int64_t from, int64_t to,
                        struct err *err)
{
    struct sql_query *query = sql_query(sql, statement, err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, from);
    sql_bind_int(query, 2, to);
    return sql_run(query, err);
}

static int insert_all(struct sql *sql, int64_t users, int64_t batch, struct err *err)
{
    static const char people[] =
        "INSERT INTO users SELECT * FROM there.users WHERE seq > ?1 AND seq <= ?2";
    static const char contacts[] = "INSERT INTO identifiers SELECT * FROM there.identifiers WHERE "
                                   "account > ?1 AND account <= ?2";
    for (int64_t at = 0; at < users; at += batch)
        if (sql_begin(sql, err) != 0 || insert_range(sql, people, at, at + batch, err) != 0 ||
            insert_range(sql, contacts, at, at + batch, err) != 0 || sql_commit(sql, err) != 0)
            return -1;
    return 0;
}

double creates_bare(const struct sandbox *sandbox, uint64_t users, uint64_t batch)
{
    char path[96], attach[160];
    struct sql *sql;
    struct err err;
    snprintf(path, sizeof(path), "%s-bare", sandbox->data);
    snprintf(attach, sizeof(attach),
             "PRAGMA cache_size=-262144; PRAGMA wal_autocheckpoint=8192;"
             "ATTACH '%s' AS there",
             sandbox->data);
    if (sql_open(&sql, path, SQL_CREATE, &err) != 0 || sql_exec(sql, attach, &err) != 0 ||
        copy_schema(sql, &err) != 0)
        bench_die(err.message);
    int64_t began = clock_now_us();
    if (insert_all(sql, (int64_t)users, (int64_t)batch, &err) != 0)
        bench_die(err.message);
    double seconds = (double)(clock_now_us() - began) / 1e6;
    sql_close(sql);
    bench_remove(path);
    return (double)users / seconds;
}

/* The number-th copy of some users: an external id, an email address and a day of creation of its own. */
static int copy_range(struct sql *sql, int64_t from, int64_t to, int64_t shift, int64_t number,
                      struct err *err)
{
    static const char *const statements[] = {
        "DELETE FROM room WHERE ?1 + ?2 + ?3 + ?4 IS NOT NULL",
        "INSERT INTO room SELECT * FROM users WHERE seq > ?1 AND seq <= ?2 AND ?3 + ?4 > 0",
        "UPDATE room SET seq = seq + ?3, id = 'user_' || printf('%02d', ?4) || substr(id, 8),"
        " external_id = external_id || '.' || ?4, created_at = created_at + 86400000 * ?4,"
        " primary_email_value = ?4 || '.' || primary_email_value"
        " WHERE seq > ?1 AND seq <= ?2",
        "INSERT INTO users SELECT * FROM room WHERE ?1 + ?2 + ?3 + ?4 IS NOT NULL",
        "INSERT INTO identifiers SELECT account + ?3, number, kind,"
        " 'idn_' || printf('%02d', ?4) || substr(id, 7), ?4 || '.' || value, claim, status,"
        " second_factor, created_at, updated_at FROM identifiers"
        " WHERE account > ?1 AND account <= ?2",
    };
    int64_t values[] = {from, to, shift, number};
    for (size_t i = 0; i < ARRAY_COUNT(statements); i++) {
        struct sql_query *query = sql_query(sql, statements[i], err);
        for (int at = 0; query && at < (int)ARRAY_COUNT(values); at++)
            sql_bind_int(query, at + 1, values[at]);
        if (!query || sql_run(query, err) != 0)
            return -1;
    }
    return 0;
}

static int copy_all(struct sql *sql, int64_t users, int64_t copies, struct err *err)
{
    for (int64_t number = 1; number <= copies; number++)
        for (int64_t at = 0; at < users; at += COPY_BATCH) {
            int64_t to = at + COPY_BATCH < users ? at + COPY_BATCH : users;
            if (sql_begin(sql, err) != 0 ||
                copy_range(sql, at, to, number * users, number, err) != 0 ||
                sql_commit(sql, err) != 0)
                return -1;
        }
    return 0;
}

void creates_copy(const struct sandbox *sandbox, uint64_t users, uint64_t copies)
{
    static const char setup[] = "PRAGMA cache_size=-4000000; PRAGMA synchronous=OFF;"
                                "PRAGMA wal_autocheckpoint=100000; PRAGMA temp_store=MEMORY;"
                                "CREATE TEMP TABLE room AS SELECT * FROM users WHERE FALSE";
    struct sql *sql;
    struct err err;
    if (sql_open(&sql, sandbox->data, SQL_CREATE, &err) != 0 || sql_exec(sql, setup, &err) != 0 ||
        copy_all(sql, (int64_t)users, (int64_t)copies, &err) != 0)
        bench_die(err.message);
    sql_close(sql);
}
