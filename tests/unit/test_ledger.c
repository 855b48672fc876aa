#include "test.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "sql/sql.h"

struct fixture {
    char folder[64], path[128];
    struct ledger *ledger;
    struct arena arena;
    struct err err;
};

static const struct ledger_identity identity = {
    .instance = {"production api.clerk.com 12345678", 33},
    .source = {"auth0", 5},
    .mapping_hash = 42,
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->folder, "/tmp/usher-test-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/a.db", f->folder);
    arena_init(&f->arena, 1 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char name[512];
    ledger_close(f->ledger);
    DIR *folder = opendir(f->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(name, sizeof(name), "%s/%s", f->folder, entry->d_name);
        unlink(name);
    }
    closedir(folder);
    rmdir(f->folder);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static int try_open(struct fixture *f, struct ledger_identity as, bool read_only)
{
    struct ledger_opts opts = {.path = f->path, .identity = as, .read_only = read_only};
    return ledger_open(&f->ledger, &opts, &f->err);
}

static void open_it(struct fixture *f)
{
    if (try_open(f, identity, false) != 0)
        fail_msg("%s", f->err.message);
}

static void close_it(struct fixture *f)
{
    ledger_close(f->ledger);
    f->ledger = NULL;
}

static void assert_has(const char *whole, const char *part)
{
    if (!strstr(whole, part))
        fail_msg("\"%s\" lacks \"%s\"", whole, part);
}

static int put(struct fixture *f, const char *id, enum ledger_state state, const char *code)
{
    struct ledger_user user = {.external_id = text_of(id),
                               .state = state,
                               .error_code = text_of(code),
                               .hashes = TEXT("\0\1\2\3\4\5\6\7"),
                               .attempts = 3,
                               .run = 9};
    if (state == LEDGER_DONE)
        user.clerk_id = TEXT("user_1");
    return ledger_put(f->ledger, &user, &f->err);
}

static bool find(struct fixture *f, const char *id, struct ledger_user *user)
{
    bool found;
    assert_int_equal(ledger_find(f->ledger, text_of(id), &f->arena, user, &found, &f->err), 0);
    return found;
}

/* Claims a user who is at the target. */
static void own(struct fixture *f, const char *id)
{
    struct ledger_user user = {.external_id = text_of(id), .state = LEDGER_DONE};
    struct ledger_claim claim;
    assert_int_equal(ledger_claim(f->ledger, &user, &f->arena, &claim, &f->err), 0);
    assert_int_equal(claim.result, LEDGER_CLAIMED);
}

static void assert_counts(struct fixture *f, uint64_t planned, uint64_t sending, uint64_t done,
                          uint64_t failed, uint64_t rejected)
{
    uint64_t counts[LEDGER_STATE_COUNT];
    assert_int_equal(ledger_count(f->ledger, counts, &f->err), 0);
    assert_int_equal(counts[LEDGER_PLANNED], planned);
    assert_int_equal(counts[LEDGER_SENDING], sending);
    assert_int_equal(counts[LEDGER_DONE], done);
    assert_int_equal(counts[LEDGER_FAILED], failed);
    assert_int_equal(counts[LEDGER_REJECTED], rejected);
}

static void users_come_back_as_they_went(void **state)
{
    struct fixture *f = *state;
    struct ledger_user user;
    open_it(f);
    assert_false(find(f, "a", &user));
    assert_int_equal(put(f, "a", LEDGER_SENDING, NULL), 0);
    assert_true(find(f, "a", &user)); /* before the commit */
    assert_null(user.clerk_id.at);
    assert_int_equal(put(f, "a", LEDGER_DONE, NULL), 0);
    assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
    close_it(f);
    open_it(f);
    assert_true(find(f, "a", &user));
    assert_text(user.external_id, "a");
    assert_text(user.clerk_id, "user_1");
    assert_null(user.error_code.at);
    assert_text(user.hashes, "\0\1\2\3\4\5\6\7");
    assert_int_equal(user.state, LEDGER_DONE);
    assert_int_equal(user.attempts, 3);
    assert_int_equal(user.run, 9);
    assert_false(find(f, "A", &user));
}

static void what_is_not_committed_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct ledger_user user;
    open_it(f);
    assert_int_equal(put(f, "a", LEDGER_SENDING, NULL), 0);
    assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
    assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
    assert_int_equal(put(f, "b", LEDGER_SENDING, NULL), 0);
    assert_counts(f, 0, 2, 0, 0, 0);
    close_it(f);
    open_it(f);
    assert_true(find(f, "a", &user));
    assert_false(find(f, "b", &user));
    assert_counts(f, 0, 1, 0, 0, 0);
}

static int count_one(const struct ledger_user *user, void *arg)
{
    (void)user;
    ++*(uint64_t *)arg;
    return 0;
}

/* Random walks through the states, with more users than are remembered; counts against counting. */
static void counts_are_true(void **state)
{
    struct fixture *f = *state;
    char id[24];
    uint64_t seed = 88172645463325252, counts[LEDGER_STATE_COUNT];
    open_it(f);
    for (int i = 0; i < 30000; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        snprintf(id, sizeof(id), "u%u", (unsigned)(seed % 9000));
        enum ledger_state to = (enum ledger_state)(seed >> 32) % LEDGER_STATE_COUNT;
        assert_int_equal(put(f, id, to, to >= LEDGER_FAILED ? "code" : NULL), 0);
        if (i % 7000 == 0) {
            assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
            close_it(f); /* forgets what is remembered */
            open_it(f);
        }
    }
    assert_int_equal(ledger_count(f->ledger, counts, &f->err), 0);
    for (int s = 0; s < LEDGER_STATE_COUNT; s++) {
        uint64_t there = 0;
        assert_int_equal(ledger_each(f->ledger, (enum ledger_state)s, count_one, &there, &f->err),
                         0);
        assert_true(there > 0);
        assert_int_equal(there, counts[s]);
    }
}

struct walk {
    struct fixture *f;
    char ids[64];
    int stop_after;
};

static int settle(const struct ledger_user *user, void *arg)
{
    struct walk *walk = arg;
    char id[16];
    struct ledger_user same;
    snprintf(id, sizeof(id), "%.*s", TEXT_ARG(user->external_id));
    strcat(walk->ids, id);
    assert_true(find(walk->f, id, &same));
    assert_int_equal(put(walk->f, id, LEDGER_DONE, NULL), 0);
    return --walk->stop_after == 0;
}

static void walking_a_state(void **state)
{
    struct fixture *f = *state;
    struct walk walk = {f, "", 3};
    open_it(f);
    static const char *const ids[] = {"c", "a", "d", "b", "e"};
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
        put(f, ids[i], i == 4 ? LEDGER_PLANNED : LEDGER_SENDING, NULL);
    assert_int_equal(ledger_each(f->ledger, LEDGER_SENDING, settle, &walk, &f->err), 0);
    assert_string_equal(walk.ids, "abc");
    assert_int_equal(ledger_each(f->ledger, LEDGER_SENDING, settle, &walk, &f->err), 0);
    assert_string_equal(walk.ids, "abcd");
    assert_counts(f, 1, 0, 4, 0, 0);
}

static void note_failure(struct text code, uint64_t count, struct text example, void *arg)
{
    char *to = arg;
    sprintf(to + strlen(to), "%.*s %d %.*s;", TEXT_ARG(code), (int)count, TEXT_ARG(example));
}

static void failures_by_code(void **state)
{
    struct fixture *f = *state;
    char seen[200] = "";
    open_it(f);
    put(f, "4", LEDGER_FAILED, "form_identifier_exists");
    put(f, "3", LEDGER_REJECTED, "invalid_email");
    put(f, "2", LEDGER_REJECTED, "invalid_email");
    put(f, "1", LEDGER_FAILED, NULL);
    put(f, "0", LEDGER_DONE, NULL);
    assert_int_equal(ledger_failures(f->ledger, note_failure, seen, &f->err), 0);
    assert_string_equal(seen, "invalid_email 2 2; 1 1;form_identifier_exists 1 4;");
}

static void pages_and_removal(void **state)
{
    struct fixture *f = *state;
    struct ledger_walk walk;
    struct ledger_user *page;
    const struct ledger_user *user;
    uint64_t counts[LEDGER_STATE_COUNT];
    size_t count;
    open_it(f);
    for (int i = 0; i < 5; i++)
        assert_int_equal(put(f, (const char *[]){"e", "d", "c", "b", "a"}[i], LEDGER_DONE, NULL),
                         0);
    ledger_walk_begin(&walk, f->ledger);
    assert_int_equal(ledger_walk_some(&walk, 1, &page, &count, &f->err), 1);
    assert_int_equal(count, 1);
    assert_text(page[0].external_id, "e");
    assert_int_equal(ledger_remove(f->ledger, TEXT("d"), &f->err), 0);
    assert_int_equal(ledger_remove(f->ledger, TEXT("nobody"), &f->err), 0);
    own(f, "c");
    assert_int_equal(put(f, "c", LEDGER_SENDING, NULL), 0); /* keeps its place */
    assert_int_equal(ledger_walk_some(&walk, 3, &page, &count, &f->err), 1);
    assert_int_equal(count, 3);
    assert_text(page[0].external_id, "c");
    assert_int_equal(page[0].state, LEDGER_SENDING);
    assert_int_equal(ledger_walk_some(&walk, 3, &page, &count, &f->err), 0);
    assert_int_equal(count, 0);
    ledger_walk_end(&walk);
    ledger_walk_begin(&walk, f->ledger);
    for (count = 0; ledger_walk_next(&walk, &user, &f->err) > 0; count++)
        assert_int_equal(user->state, count == 1 ? LEDGER_SENDING : LEDGER_DONE);
    assert_int_equal(count, 4);
    assert_int_equal(ledger_walk_next(&walk, &user, &f->err), 0); /* stays at its end */
    ledger_walk_end(&walk);
    assert_int_equal(ledger_count(f->ledger, counts, &f->err), 0);
    assert_int_equal(counts[LEDGER_DONE], 3);
    assert_int_equal(counts[LEDGER_SENDING], 1);
}

/* Users read ahead are as they stand, also when they were written a moment ago, or left out, or are gone. */
static void reading_ahead_shows_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct ledger_user user;
    char id[16];
    open_it(f);
    for (int i = 0; i < 900; i++) {
        snprintf(id, sizeof(id), "u%d", i * 7919 % 1000);
        assert_int_equal(put(f, id, LEDGER_DONE, NULL), 0);
    }
    assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
    for (int i = 0; i < 900; i++) {
        snprintf(id, sizeof(id), "u%d", i * 7919 % 1000);
        if (i % 50 == 49) /* not asked for */
            continue;
        if (i % 10 == 3) {
            own(f, id);
            assert_int_equal(put(f, id, LEDGER_FAILED, "code"), 0);
        }
        if (i % 10 == 7)
            assert_int_equal(ledger_remove(f->ledger, text_of(id), &f->err), 0);
        assert_int_equal(find(f, id, &user), i % 10 != 7);
        if (i % 10 == 7)
            continue;
        assert_true(text_same(user.external_id, text_of(id)));
        assert_int_equal(user.state, i % 10 == 3 ? LEDGER_FAILED : LEDGER_DONE);
        assert_int_equal(user.number, i + 1);
        if (i % 100 == 0) { /* out of order: far behind */
            assert_true(find(f, "u0", &user));
            assert_false(find(f, "nobody", &user));
        }
    }
}

#define MANY 6000

/* The sum of a content of 8 bytes: itself. */
static uint64_t sum_of(struct text content)
{
    uint64_t sum = 0;
    memcpy(&sum, content.at, content.len < sizeof(sum) ? content.len : sizeof(sum));
    return sum;
}

static void put_many(struct fixture *f)
{
    for (uint64_t i = 0; i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof(id), "u%llu", (unsigned long long)i);
        struct ledger_user user = {.external_id = text_of(id),
                                   .hashes = {(const char *)&i, sizeof(i)},
                                   .state = i % 100 == 99 ? LEDGER_FAILED : LEDGER_DONE};
        assert_int_equal(ledger_put(f->ledger, &user, &f->err), 0);
    }
    assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
}

/* Asks in no order, as an import does; how many were told to be unchanged without a look-up. */
static unsigned ask_many(struct fixture *f)
{
    unsigned told = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t n = i * 4999 % MANY;
        struct ledger_user user;
        char id[16];
        int64_t number = 0;
        bool is, found;
        snprintf(id, sizeof(id), "u%llu", (unsigned long long)n);
        assert_int_equal(ledger_is_unchanged(f->ledger, text_of(id), n, &number, &is, &f->err), 0);
        arena_reset(&f->arena);
        assert_int_equal(ledger_find(f->ledger, text_of(id), &f->arena, &user, &found, &f->err), 0);
        assert_true(found);
        if (is) {
            assert_int_equal(number, user.number);
            assert_int_equal(user.state, LEDGER_DONE);
            told++;
        }
        /* another content, another user */
        assert_int_equal(ledger_is_unchanged(f->ledger, text_of(id), n + 1, &number, &is, &f->err),
                         0);
        assert_false(is);
        assert_int_equal(ledger_is_unchanged(f->ledger, TEXT("nobody"), n, &number, &is, &f->err),
                         0);
        assert_false(is);
    }
    return told;
}

static void the_unchanged_are_told_in_any_order(void **state)
{
    struct fixture *f = *state;
    struct ledger_opts opts = {.path = f->path, .identity = identity, .sum = sum_of};
    assert_int_equal(ledger_open(&f->ledger, &opts, &f->err), 0);
    put_many(f);
    assert_in_range(ask_many(f), MANY / 2, MANY * 99 / 100);
    close_it(f);
    opts.sums_max = 1;
    assert_int_equal(ledger_open(&f->ledger, &opts, &f->err), 0);
    assert_in_range(ask_many(f), MANY / 2, MANY * 99 / 100);
    close_it(f);
    /* Without room for a temporary file everybody is looked up. */
    char *folder = getenv("TMPDIR");
    folder = folder ? strdup(folder) : NULL;
    setenv("TMPDIR", "/nonexistent", 1);
    opts.read_only = true;
    assert_int_equal(ledger_open(&f->ledger, &opts, &f->err), 0);
    assert_int_equal(ask_many(f), 0);
    if (folder)
        setenv("TMPDIR", folder, 1);
    else
        unsetenv("TMPDIR");
    free(folder);
}

static void runs_are_kept(void **state)
{
    struct fixture *f = *state;
    struct ledger_run run = {.command = TEXT("import users.json"), .started_ms = 1000}, runs[2];
    size_t count;
    open_it(f);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(ledger_run_begin(f->ledger, &run, &f->err), 0);
        assert_int_equal(run.id, i);
    }
    assert_int_equal(run.pid, getpid());
    run.ended_ms = 2000;
    run.rows = 7;
    run.requests = 5;
    run.removed = 3;
    run.adopted = 2;
    run.ending = LEDGER_INTERRUPTED;
    assert_int_equal(ledger_run_put(f->ledger, &run, &f->err), 0);
    assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
    assert_int_equal(ledger_runs(f->ledger, &f->arena, runs, 2, &count, &f->err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(runs[0].id, 3);
    assert_text(runs[0].command, "import users.json");
    assert_int_equal(runs[0].ended_ms, 2000);
    assert_int_equal(runs[0].rows, 7);
    assert_int_equal(runs[0].requests, 5);
    assert_int_equal(runs[0].removed, 3);
    assert_int_equal(runs[0].adopted, 2);
    assert_int_equal(runs[0].ending, LEDGER_INTERRUPTED);
    assert_int_equal(runs[1].id, 2);
    assert_int_equal(runs[1].ended_ms, 0);
}

static void another_migration_is_refused(void **state)
{
    struct fixture *f = *state;
    open_it(f);
    close_it(f);
    struct ledger_identity changed = identity;
    changed.instance = TEXT("development api.clerk.com 87654321");
    assert_int_equal(try_open(f, changed, false), -1);
    assert_int_equal(f->err.code, ERR_UNUSABLE);
    assert_has(f->err.message, "target instance is \"production");
    assert_has(f->err.message, "now it is \"development");
    changed = identity;
    changed.source = TEXT("firebase");
    assert_int_equal(try_open(f, changed, false), -1);
    assert_has(f->err.message, "source is \"auth0\"");
    changed = identity;
    changed.mapping_hash++;
    assert_int_equal(try_open(f, changed, false), -1);
    assert_has(f->err.message, "mapping");
    open_it(f);
}

static void alter(struct fixture *f, const char *statement)
{
    struct sql *sql;
    assert_int_equal(sql_open(&sql, f->path, SQL_CREATE, &f->err), 0);
    assert_int_equal(sql_exec(sql, statement, &f->err), 0);
    sql_close(sql);
}

static void foreign_and_newer_files_are_refused(void **state)
{
    struct fixture *f = *state;
    alter(f, "PRAGMA journal_mode = DELETE; CREATE TABLE users (a)");
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(try_open(f, identity, read_only), -1);
        assert_int_equal(f->err.code, ERR_UNUSABLE);
        assert_has(f->err.message, "no ledger of usher");
    }
    char wal[160];
    snprintf(wal, sizeof(wal), "%s-wal", f->path);
    assert_int_equal(access(wal, F_OK), -1);
    unlink(f->path);
    open_it(f);
    close_it(f);
    alter(f, "PRAGMA user_version = 7");
    assert_int_equal(try_open(f, identity, false), -1);
    assert_int_equal(f->err.code, ERR_UNUSABLE);
    assert_has(f->err.message, "newer usher");
}

/* The tables as versions 1 and 2 made them, with a user in each of three states. */
#define OLD_META                                                                                   \
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"                \
    "INSERT INTO meta VALUES ('instance', 'production api.clerk.com 12345678'),"                   \
    " ('source', 'auth0'), ('mapping', x'2a00000000000000'),"                                      \
    " ('key', x'000102030405060708090a0b0c0d0e0f'), ('counts', zeroblob(40));"
#define OLD_FAILURES                                                                               \
    "CREATE INDEX failures ON users (state, external_id, error_code) WHERE state >= 3;"
#define OLD_RUNS                                                                                   \
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, command TEXT, started_ms INTEGER NOT NULL,"        \
    " ended_ms INTEGER NOT NULL, rows INTEGER NOT NULL, created INTEGER NOT NULL,"                 \
    " updated INTEGER NOT NULL, unchanged INTEGER NOT NULL, failed INTEGER NOT NULL,"              \
    " rejected INTEGER NOT NULL,"

static const char *const old_schemas[] = {
    [1] = "PRAGMA application_id = 0x55736872; PRAGMA user_version = 1;" OLD_META
          "CREATE TABLE users (external_id TEXT NOT NULL UNIQUE, state INTEGER NOT NULL,"
          " clerk_id TEXT, error_code TEXT, hashes BLOB, attempts INTEGER NOT NULL,"
          " run INTEGER NOT NULL);" OLD_FAILURES OLD_RUNS
          " requests INTEGER NOT NULL, pid INTEGER NOT NULL);"
          "INSERT INTO users VALUES ('a', 2, 'user_1', NULL, x'0001', 1, 7),"
          " ('b', 1, NULL, NULL, x'0001', 1, 7), ('c', 4, NULL, 'code', NULL, 0, 7);"
          "INSERT INTO runs VALUES (7, 'import', 1000, 2000, 3, 1, 0, 0, 0, 1, 5, 99)",
    [2] =
        "PRAGMA application_id = 0x55736872; PRAGMA user_version = 2;" OLD_META
        "CREATE TABLE users (number INTEGER PRIMARY KEY, external_id TEXT NOT NULL UNIQUE,"
        " state INTEGER NOT NULL, clerk_id TEXT, error_code TEXT, hashes BLOB,"
        " attempts INTEGER NOT NULL, run INTEGER NOT NULL, made INTEGER NOT NULL);" OLD_FAILURES
            OLD_RUNS " removed INTEGER NOT NULL, requests INTEGER NOT NULL, pid INTEGER NOT NULL);"
        "INSERT INTO users VALUES (1, 'a', 2, 'user_1', NULL, x'0001', 1, 7, 0),"
        " (2, 'b', 1, NULL, NULL, x'0001', 1, 7, 0), (3, 'c', 4, NULL, 'code', NULL, 0, 7, 0);"
        "INSERT INTO runs VALUES (7, 'import', 1000, 2000, 3, 1, 0, 0, 0, 1, 0, 5, 99)",
};

static void older_ledgers_are_upgraded(void **state)
{
    struct fixture *f = *state;
    struct ledger_user user;
    struct ledger_run runs[2];
    size_t count;
    for (size_t version = 1; version < ARRAY_COUNT(old_schemas); version++) {
        unlink(f->path);
        alter(f, old_schemas[version]);
        assert_int_equal(try_open(f, identity, true), -1);
        assert_has(f->err.message, "next import upgrades it");
        open_it(f);
        assert_counts(f, 0, 1, 1, 0, 1);
        assert_true(find(f, "a", &user));
        assert_text(user.clerk_id, "user_1");
        assert_text(user.hashes, "\0\1");
        assert_int_equal(user.number, 1);
        assert_int_equal(user.made, 0);
        assert_int_equal(put(f, "b", LEDGER_DONE, NULL), 0);
        assert_int_equal(put(f, "d", LEDGER_PLANNED, NULL), 0);
        assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
        close_it(f);
        open_it(f);
        assert_counts(f, 1, 0, 2, 0, 1);
        assert_true(find(f, "d", &user));
        assert_int_equal(user.number, 4);
        assert_int_equal(ledger_runs(f->ledger, &f->arena, runs, 2, &count, &f->err), 0);
        assert_int_equal(count, 1);
        assert_int_equal(runs[0].requests, 5);
        assert_int_equal(runs[0].pid, 99);
        assert_int_equal(runs[0].removed, 0);
        assert_int_equal(runs[0].adopted, 0);
        assert_int_equal(runs[0].ending, LEDGER_RAN_THROUGH);
        close_it(f);
    }
}

/* Version 4 had one hash a tie, which says nothing of its fields. */
static void ties_of_version_4_lose_their_hash_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct ledger_tie tie;
    bool found;
    open_it(f);
    close_it(f);
    alter(f, "ALTER TABLE runs DROP COLUMN adopted; ALTER TABLE runs DROP COLUMN ending;"
             "ALTER TABLE ties DROP COLUMN hashes;"
             "ALTER TABLE ties ADD COLUMN hash INTEGER NOT NULL DEFAULT 0;"
             "INSERT INTO ties (organization, member, state, clerk_id, hash, run, made)"
             " VALUES ('o', 'm', 2, 'user_1', 77, 3, 3);"
             "PRAGMA user_version = 4");
    open_it(f);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(
            ledger_tie_find(f->ledger, TEXT("o"), TEXT("m"), &f->arena, &tie, &found, &f->err), 0);
        assert_true(found);
        assert_int_equal(tie.state, LEDGER_DONE);
        assert_text(tie.clerk_id, "user_1");
        assert_int_equal(tie.made, 3);
        assert_int_equal(tie.hashes.len, again ? 2 : 0);
        tie.hashes = TEXT("\0\1");
        assert_int_equal(ledger_tie_put(f->ledger, &tie, &f->err), 0);
        assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
    }
    close_it(f);
}

static void a_run_killed_at_its_start_leaves_a_new_ledger(void **state)
{
    struct fixture *f = *state;
    fclose(fopen(f->path, "w"));
    open_it(f);
    close_it(f);
    unlink(f->path);
    alter(f, "PRAGMA journal_mode = WAL");
    assert_int_equal(try_open(f, identity, true), -1);
    assert_has(f->err.message, "no import has run");
    open_it(f);
}

/* In a child: opens, puts and commits "first", says so, and waits to be killed. */
static pid_t hold_in_child(struct fixture *f)
{
    int pipes[2];
    char byte;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (try_open(f, identity, false) == 0 && put(f, "first", LEDGER_SENDING, NULL) == 0 &&
            ledger_commit(f->ledger, &f->err) == 0 && put(f, "second", LEDGER_DONE, NULL) == 0 &&
            write(pipes[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(pipes[1]);
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    close(pipes[0]);
    return pid;
}

static void a_killed_writer_is_followed(void **state)
{
    struct fixture *f = *state;
    struct ledger_user user;
    pid_t pid = hold_in_child(f);
    assert_int_equal(try_open(f, identity, true), 0); /* status goes on */
    assert_true(find(f, "first", &user));
    assert_counts(f, 0, 1, 0, 0, 0);
    close_it(f);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(try_open(f, identity, true), 0); /* before any recovery */
    assert_true(find(f, "first", &user));
    close_it(f);
    open_it(f);
    assert_true(find(f, "first", &user));
    assert_false(find(f, "second", &user));
    assert_counts(f, 0, 1, 0, 0, 0);
    assert_int_equal(put(f, "first", LEDGER_DONE, NULL), 0);
    assert_counts(f, 0, 0, 1, 0, 0);
}

static void a_reader_sees_it_going_on(void **state)
{
    struct fixture *f = *state;
    struct ledger *reader;
    struct ledger_opts opts = {.path = f->path, .identity = identity, .read_only = true};
    uint64_t counts[LEDGER_STATE_COUNT];
    open_it(f);
    assert_int_equal(ledger_open(&reader, &opts, &f->err), 0);
    for (int i = 1; i <= 3; i++) {
        char id[2] = {(char)('0' + i), 0};
        assert_int_equal(put(f, id, LEDGER_DONE, NULL), 0);
        assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
        assert_int_equal(ledger_count(reader, counts, &f->err), 0);
        assert_int_equal(counts[LEDGER_DONE], i);
    }
    struct ledger_user user = {.external_id = TEXT("x"), .state = LEDGER_DONE};
    assert_int_equal(ledger_put(reader, &user, &f->err), -1);
    ledger_close(reader);
}

static void what_cannot_be_opened_is_named(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(try_open(f, identity, true), -1);
    assert_int_equal(f->err.code, ERR_IO);
    assert_has(f->err.message, "no such file");
    snprintf(f->path, sizeof(f->path), "%s/none/a.db", f->folder);
    assert_int_equal(try_open(f, identity, false), -1);
    assert_int_equal(f->err.code, ERR_IO);
    assert_has(f->err.message, "does not exist");
    snprintf(f->path, sizeof(f->path), "%s", f->folder);
    assert_int_equal(try_open(f, identity, false), -1);
    assert_int_equal(f->err.code, ERR_IO);
    assert_has(f->err.message, "directory");
}

static void a_read_only_folder_is_said(void **state)
{
    struct fixture *f = *state;
    chmod(f->folder, 0555);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        _exit(try_open(f, identity, false) == -1 && f->err.code == ERR_IO &&
                      strstr(f->err.message, "not writable")
                  ? 0
                  : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    chmod(f->folder, 0755);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Puts batches until the disk is full; returns how many users were committed. */
static unsigned fill_disk(struct fixture *f)
{
    char id[24];
    unsigned committed = 0;
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(id, sizeof(id), "user-%06u", i);
        if (put(f, id, LEDGER_SENDING, NULL) != 0)
            break;
        if (i % 50 == 49 && ledger_commit(f->ledger, &f->err) != 0)
            break;
        if (i % 50 == 49)
            committed = i + 1;
    }
    return committed;
}

static void a_full_disk_leaves_the_last_commit(void **state)
{
    struct fixture *f = *state;
    if (mount("tmpfs", f->folder, "tmpfs", 0, "size=400k") != 0)
        skip();
    open_it(f);
    unsigned committed = fill_disk(f);
    enum err_code code = f->err.code;
    bool said = strstr(f->err.message, "disk is full") != NULL;
    int after = put(f, "later", LEDGER_DONE, NULL), commit = ledger_commit(f->ledger, &f->err);
    uint64_t before[LEDGER_STATE_COUNT], reopened[LEDGER_STATE_COUNT];
    ledger_count(f->ledger, before, &f->err);
    close_it(f);
    bool opened = mount(NULL, f->folder, "tmpfs", MS_REMOUNT, "size=2m") == 0 &&
                  try_open(f, identity, false) == 0;
    bool goes_on = opened && put(f, "later", LEDGER_DONE, NULL) == 0 &&
                   ledger_commit(f->ledger, &f->err) == 0 &&
                   ledger_count(f->ledger, reopened, &f->err) == 0;
    close_it(f);
    umount2(f->folder, MNT_DETACH);
    assert_true(committed > 0);
    assert_int_equal(code, ERR_IO);
    assert_true(said);
    assert_int_equal(after, -1);
    assert_int_equal(commit, -1);
    assert_true(goes_on);
    assert_int_equal(before[LEDGER_SENDING], committed);
    assert_int_equal(reopened[LEDGER_SENDING], committed);
    assert_int_equal(reopened[LEDGER_DONE], 1);
}

static void nothing_but_the_owner_may_read_it(void **state)
{
    struct fixture *f = *state;
    char name[512];
    mode_t old = umask(0);
    open_it(f);
    assert_int_equal(put(f, "a", LEDGER_DONE, NULL), 0);
    assert_int_equal(ledger_commit(f->ledger, &f->err), 0);
    umask(old);
    int files = 0;
    DIR *folder = opendir(f->folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat st;
        snprintf(name, sizeof(name), "%s/%s", f->folder, entry->d_name);
        if (stat(name, &st) == 0 && S_ISREG(st.st_mode)) {
            assert_int_equal(st.st_mode & 0777, 0600);
            files++;
        }
    }
    closedir(folder);
    assert_int_equal(files, 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(users_come_back_as_they_went),
        TEST(what_is_not_committed_is_dropped),
        TEST(counts_are_true),
        TEST(walking_a_state),
        TEST(failures_by_code),
        TEST(pages_and_removal),
        TEST(reading_ahead_shows_what_is_there),
        TEST(the_unchanged_are_told_in_any_order),
        TEST(runs_are_kept),
        TEST(another_migration_is_refused),
        TEST(foreign_and_newer_files_are_refused),
        TEST(older_ledgers_are_upgraded),
        TEST(ties_of_version_4_lose_their_hash_and_nothing_else),
        TEST(a_run_killed_at_its_start_leaves_a_new_ledger),
        TEST(a_killed_writer_is_followed),
        TEST(a_reader_sees_it_going_on),
        TEST(what_cannot_be_opened_is_named),
        TEST(a_read_only_folder_is_said),
        TEST(a_full_disk_leaves_the_last_commit),
        TEST(nothing_but_the_owner_may_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
