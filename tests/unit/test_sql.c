#include "test.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sql/sql.h"

struct fixture {
    char folder[64];
    char path[128];
    struct sql *sql;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->folder, "/tmp/usher-test-XXXXXX");
    if (!f || !mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/a.db", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char name[160];
    sql_close(f->sql);
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end; end++) {
        snprintf(name, sizeof(name), "%s%s", f->path, *end);
        unlink(name);
    }
    rmdir(f->folder);
    free(f);
    return 0;
}

static void open_new(struct fixture *f)
{
    assert_int_equal(sql_open(&f->sql, f->path, SQL_CREATE, &f->err), 0);
    assert_int_equal(
        sql_exec(f->sql,
                 "CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT, n INTEGER, b BLOB);"
                 "CREATE UNIQUE INDEX by_email ON users (email)",
                 &f->err),
        0);
}

static int insert(struct fixture *f, struct text id, struct text email, int64_t n)
{
    struct sql_query *q =
        sql_query(f->sql, "INSERT INTO users (id, email, n) VALUES (?1, ?2, ?3)", &f->err);
    assert_non_null(q);
    sql_bind_text(q, 1, id);
    sql_bind_text(q, 2, email);
    sql_bind_int(q, 3, n);
    return sql_run(q, &f->err);
}

static int64_t count(struct fixture *f)
{
    struct sql_query *q = sql_query(f->sql, "SELECT count(*) FROM users", &f->err);
    assert_int_equal(sql_step(q, &f->err), 1);
    int64_t n = sql_int(q, 0);
    sql_reset(q);
    return n;
}

static void values_come_back_as_they_went(void **state)
{
    struct fixture *f = *state;
    open_new(f);
    struct sql_query *q = sql_query(f->sql, "INSERT INTO users VALUES (?1, ?2, ?3, ?4)", &f->err);
    sql_bind_text(q, 1, TEXT("a\0b"));
    sql_bind_text(q, 2, TEXT(""));
    sql_bind_int(q, 3, INT64_MIN);
    sql_bind_blob(q, 4, TEXT("\0\xff"));
    assert_int_equal(sql_run(q, &f->err), 0);
    assert_int_equal(sql_changes(f->sql), 1);
    assert_int_equal(insert(f, TEXT("c"), (struct text){NULL, 0}, 7), 0);

    q = sql_query(f->sql, "SELECT id, email, n, b FROM users ORDER BY id", &f->err);
    assert_int_equal(sql_step(q, &f->err), 1);
    assert_text(sql_text(q, 0), "a\0b");
    assert_text(sql_text(q, 1), "");
    assert_non_null(sql_text(q, 1).at);
    assert_true(sql_int(q, 2) == INT64_MIN);
    assert_text(sql_text(q, 3), "\0\xff");
    assert_int_equal(sql_step(q, &f->err), 1);
    assert_null(sql_text(q, 1).at);
    assert_true(sql_is_null(q, 1));
    assert_int_equal(sql_step(q, &f->err), 0);
}

static void constants_are_compiled_once(void **state)
{
    struct fixture *f = *state;
    static const char one[] = "SELECT ?1", two[] = "SELECT ?1 ";
    open_new(f);
    struct sql_query *q = sql_query(f->sql, one, &f->err);
    sql_bind_int(q, 1, 5);
    assert_int_equal(sql_step(q, &f->err), 1);
    assert_ptr_equal(sql_query(f->sql, one, &f->err), q);
    assert_ptr_not_equal(sql_query(f->sql, two, &f->err), q);
    assert_int_equal(sql_step(q, &f->err), 1);
    assert_true(sql_is_null(q, 0));
    assert_null(sql_query(f->sql, "SELEKT", &f->err));
    assert_non_null(strstr(f->err.message, "SELEKT"));
    struct sql_query *own = sql_prepare(f->sql, "SELECT 1", &f->err);
    assert_int_equal(sql_step(own, &f->err), 1);
    sql_finish(own);
}

static void a_bind_out_of_range_fails_the_step(void **state)
{
    struct fixture *f = *state;
    open_new(f);
    struct sql_query *q = sql_query(f->sql, "SELECT ?1", &f->err);
    sql_bind_int(q, 2, 5);
    assert_int_equal(sql_step(q, &f->err), -1);
    assert_int_equal(sql_step(q, &f->err), 1);
}

static void uniqueness_names_its_column(void **state)
{
    struct fixture *f = *state;
    struct text column = {NULL, 0};
    open_new(f);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    assert_false(sql_was_unique(f->sql, &column));
    assert_int_equal(insert(f, TEXT("b"), TEXT("x"), 1), -1);
    assert_true(sql_was_unique(f->sql, &column));
    assert_text(column, "users.email");
    assert_int_equal(insert(f, TEXT("a"), TEXT("y"), 1), -1);
    assert_true(sql_was_unique(f->sql, &column));
    assert_text(column, "users.id");
    assert_int_equal(sql_exec(f->sql, "nonsense", &f->err), -1);
    assert_false(sql_was_unique(f->sql, &column));
}

static void transactions(void **state)
{
    struct fixture *f = *state;
    open_new(f);
    assert_false(sql_in_transaction(f->sql));
    assert_int_equal(sql_begin(f->sql, &f->err), 0);
    assert_true(sql_in_transaction(f->sql));
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    assert_int_equal(sql_rollback(f->sql, &f->err), 0);
    assert_int_equal(count(f), 0);
    assert_int_equal(sql_begin(f->sql, &f->err), 0);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    assert_int_equal(sql_commit(f->sql, &f->err), 0);
    assert_int_equal(count(f), 1);
}

static int64_t pragma(struct fixture *f, const char *statement)
{
    struct sql_query *q = sql_prepare(f->sql, statement, &f->err);
    assert_int_equal(sql_step(q, &f->err), 1);
    int64_t n = sql_int(q, 0);
    if (text_same(sql_text(q, 0), TEXT("wal")))
        n = -1;
    sql_finish(q);
    return n;
}

static void files_are_private_and_durable(void **state)
{
    struct fixture *f = *state;
    mode_t old = umask(0);
    open_new(f);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    umask(old);
    assert_int_equal(pragma(f, "PRAGMA synchronous"), 2);
    assert_int_equal(pragma(f, "PRAGMA journal_mode"), -1);
    char name[160];
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end; end++) {
        struct stat st;
        snprintf(name, sizeof(name), "%s%s", f->path, *end);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void refused(struct fixture *f, const char *path, enum sql_mode mode, enum err_code code,
                    const char *words)
{
    assert_int_equal(sql_open(&f->sql, path, mode, &f->err), -1);
    assert_null(f->sql);
    assert_int_equal(f->err.code, code);
    if (!strstr(f->err.message, words))
        fail_msg("\"%s\" lacks \"%s\"", f->err.message, words);
    assert_non_null(strstr(f->err.message, path));
}

static void what_cannot_be_opened_is_named(void **state)
{
    struct fixture *f = *state;
    char missing[160];
    snprintf(missing, sizeof(missing), "%s/none/a.db", f->folder);
    refused(f, f->folder, SQL_CREATE, ERR_IO, "directory");
    refused(f, missing, SQL_CREATE, ERR_IO, "does not exist");
    refused(f, f->path, SQL_WRITE, ERR_IO, "no such file");
    refused(f, "/proc/none.db", SQL_CREATE, ERR_IO, "/proc");
    FILE *file = fopen(f->path, "w");
    for (int i = 0; i < 200; i++)
        fputs("this is a text and no database\n", file);
    fclose(file);
    refused(f, f->path, SQL_CREATE, ERR_UNUSABLE, "no SQLite database");
    refused(f, f->path, SQL_READ_ONLY, ERR_UNUSABLE, "no SQLite database");
}

/* Runs check(f) as a user to whom modes apply; returns its exit status. */
static int as_nobody(struct fixture *f, void (*check)(struct fixture *f))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(3);
        check(f);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void reads_and_is_refused_writing(struct fixture *f)
{
    char fresh[160];
    snprintf(fresh, sizeof(fresh), "%s/b.db", f->folder);
    if (sql_open(&f->sql, f->path, SQL_READ_ONLY, &f->err) != 0 || count(f) != 1)
        _exit(4);
    if (sql_exec(f->sql, "DELETE FROM users", &f->err) == 0)
        _exit(5);
    if (sql_open(&f->sql, f->path, SQL_WRITE, &f->err) == 0 || f->err.code != ERR_IO)
        _exit(6);
    if (sql_open(&f->sql, fresh, SQL_CREATE, &f->err) == 0 || f->err.code != ERR_IO ||
        !strstr(f->err.message, "not writable"))
        _exit(7);
}

static void a_read_only_folder_can_be_read(void **state)
{
    struct fixture *f = *state;
    open_new(f);
    assert_int_equal(insert(f, TEXT("a"), TEXT("x"), 1), 0);
    sql_close(f->sql);
    f->sql = NULL;
    chmod(f->path, 0444);
    chmod(f->folder, 0555);
    int status = as_nobody(f, reads_and_is_refused_writing);
    chmod(f->folder, 0755);
    assert_int_equal(status, 0);
}

static void a_full_disk_is_said_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    if (mount("tmpfs", f->folder, "tmpfs", 0, "size=512k") != 0)
        skip();
    open_new(f);
    assert_int_equal(insert(f, TEXT("kept"), TEXT("kept"), 0), 0);
    static char big[4096];
    memset(big, 'x', sizeof(big));
    char id[16];
    int status = 0;
    for (int i = 0; i < 1000 && status == 0; i++) {
        snprintf(id, sizeof(id), "%d", i);
        big[0] = (char)i;
        big[1] = (char)(i >> 8);
        status = insert(f, text_of(id), (struct text){big, sizeof(big)}, 1);
    }
    int64_t kept = count(f);
    sql_close(f->sql);
    f->sql = NULL;
    bool reopened = sql_open(&f->sql, f->path, SQL_READ_ONLY, &(struct err){0}) == 0;
    int64_t again = reopened ? count(f) : -1;
    sql_close(f->sql);
    f->sql = NULL;
    umount2(f->folder, MNT_DETACH);
    assert_int_equal(status, -1);
    assert_int_equal(f->err.code, ERR_IO);
    assert_non_null(strstr(f->err.message, "disk is full"));
    assert_true(kept > 0);
    assert_int_equal(again, kept);
}

static void a_second_writer_waits_and_is_told(void **state)
{
    struct fixture *f = *state;
    struct sql *other;
    struct err err;
    open_new(f);
    assert_int_equal(sql_open(&other, f->path, SQL_WRITE, &err), 0);
    assert_int_equal(sql_exec(other, "PRAGMA busy_timeout=20", &err), 0);
    assert_int_equal(sql_begin(f->sql, &f->err), 0);
    assert_int_equal(sql_begin(other, &err), -1);
    assert_int_equal(err.code, ERR_UNUSABLE);
    assert_non_null(strstr(err.message, "another process"));
    assert_int_equal(sql_rollback(f->sql, &f->err), 0);
    assert_int_equal(sql_begin(other, &err), 0);
    sql_close(other);
}

static void memory_databases(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(sql_open(&f->sql, ":memory:", SQL_CREATE, &f->err), 0);
    assert_int_equal(sql_exec(f->sql, "CREATE TABLE users (a)", &f->err), 0);
    assert_int_equal(count(f), 0);
    assert_int_equal(access(":memory:", F_OK), -1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_come_back_as_they_went),
        TEST(constants_are_compiled_once),
        TEST(a_bind_out_of_range_fails_the_step),
        TEST(uniqueness_names_its_column),
        TEST(transactions),
        TEST(files_are_private_and_durable),
        TEST(what_cannot_be_opened_is_named),
        TEST(a_read_only_folder_can_be_read),
        TEST(a_full_disk_is_said_and_loses_nothing),
        TEST(a_second_writer_waits_and_is_told),
        TEST(memory_databases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
