/*
 * What the ledger adds to bare SQLite: users through find, sending, commit, done, commit, in batches, once
 * with src/ledger and once with SQLite's own functions on the same table, the same batches and the same
 * settings (WAL, synchronous=FULL), without opening and closing. They take turns on the same disk; medians of the rounds.
 *
 *     bench-ledger [BATCH [USERS [FOLDER]]]
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/ledger.h"

#define ROUNDS      7
#define HASHES_LEN  176 /* 22 fields */
#define CACHE_PAGES "PRAGMA cache_size = -16000;"

struct load {
    unsigned batch, users;
    char path[4096];
};

struct cost {
    double wall_us, cpu_us; /* a user */
};

/* A stop-watch: what clock and CPU show now. */
static struct cost start(void)
{
    return (struct cost){(double)clock_now_us(), (double)clock_cpu_us()};
}

static struct cost stop(struct cost started, unsigned users)
{
    struct cost now = start();
    return (struct cost){(now.wall_us - started.wall_us) / users,
                         (now.cpu_us - started.cpu_us) / users};
}

static void die(const char *what)
{
    fprintf(stderr, "bench-ledger: %s\n", what);
    exit(1);
}

/* Ids in no order, as those of most platforms. */
static struct text id_of(unsigned number, char to[32])
{
    uint64_t mixed = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
    int len = snprintf(to, 32, "auth0|%016llx", (unsigned long long)mixed);
    return (struct text){to, (size_t)len};
}

static const char hashes[HASHES_LEN];
static const struct text clerk_id = {"user_2abcdefghijklmnopqrstuvwxyz", 32};

/* --- src/ledger --- */

static void ledger_put_or_die(struct ledger *ledger, unsigned number, enum ledger_state state)
{
    struct err err;
    char id[32];
    struct ledger_user user = {.external_id = id_of(number, id),
                               .hashes = {hashes, HASHES_LEN},
                               .state = state,
                               .attempts = 1,
                               .run = 1};
    if (state == LEDGER_DONE)
        user.clerk_id = clerk_id;
    if (ledger_put(ledger, &user, &err) != 0)
        die(err.message);
}

static struct cost run_ledger(const struct load *load)
{
    struct ledger *ledger;
    struct ledger_user user;
    struct arena arena;
    struct err err;
    bool found;
    char id[32];
    struct ledger_opts opts = {.path = load->path};
    arena_init(&arena, 1 << 20);
    if (ledger_open(&ledger, &opts, &err) != 0)
        die(err.message);
    struct cost cost = start();
    for (unsigned from = 0; from < load->users; from += load->batch) {
        for (unsigned i = from; i < from + load->batch; i++) {
            if (ledger_find(ledger, id_of(i, id), &arena, &user, &found, &err) != 0)
                die(err.message);
            ledger_put_or_die(ledger, i, LEDGER_SENDING);
            arena_reset(&arena);
        }
        if (ledger_commit(ledger, &err) != 0)
            die(err.message);
        for (unsigned i = from; i < from + load->batch; i++)
            ledger_put_or_die(ledger, i, LEDGER_DONE);
        if (ledger_commit(ledger, &err) != 0)
            die(err.message);
    }
    cost = stop(cost, load->users);
    ledger_close(ledger);
    arena_release(&arena);
    return cost;
}

/* --- bare SQLite --- */

struct bare {
    sqlite3 *db;
    sqlite3_stmt *find, *put;
};

static void bare_exec(struct bare *bare, const char *statement)
{
    if (sqlite3_exec(bare->db, statement, NULL, NULL, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(bare->db));
}

static sqlite3_stmt *bare_prepare(struct bare *bare, const char *statement)
{
    sqlite3_stmt *compiled;
    if (sqlite3_prepare_v2(bare->db, statement, -1, &compiled, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(bare->db));
    return compiled;
}

static void bare_open(struct bare *bare, const char *path)
{
    if (sqlite3_open_v2(path, &bare->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        die("cannot open");
    bare_exec(bare, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" CACHE_PAGES
                    "CREATE TABLE users (external_id TEXT NOT NULL UNIQUE, state INTEGER NOT NULL,"
                    " clerk_id TEXT, error_code TEXT, hashes BLOB, attempts INTEGER NOT NULL,"
                    " run INTEGER NOT NULL)");
    bare->find =
        bare_prepare(bare, "SELECT state, clerk_id, error_code, hashes, attempts, run FROM "
                           "users WHERE external_id = ?1");
    bare->put = bare_prepare(
        bare, "INSERT INTO users VALUES (?1, ?2, ?3, NULL, ?4, 1, 1) ON CONFLICT DO UPDATE SET "
              "state = excluded.state, clerk_id = excluded.clerk_id, error_code = "
              "excluded.error_code, hashes = excluded.hashes, attempts = "
              "excluded.attempts, run = excluded.run");
}

static void bare_put(struct bare *bare, unsigned number, enum ledger_state state)
{
    char text[32];
    struct text id = id_of(number, text);
    sqlite3_bind_text(bare->put, 1, id.at, (int)id.len, SQLITE_STATIC);
    sqlite3_bind_int(bare->put, 2, state);
    if (state == LEDGER_DONE)
        sqlite3_bind_text(bare->put, 3, clerk_id.at, (int)clerk_id.len, SQLITE_STATIC);
    else
        sqlite3_bind_null(bare->put, 3);
    sqlite3_bind_blob(bare->put, 4, hashes, HASHES_LEN, SQLITE_STATIC);
    if (sqlite3_step(bare->put) != SQLITE_DONE)
        die(sqlite3_errmsg(bare->db));
    sqlite3_reset(bare->put);
}

static void bare_find(struct bare *bare, unsigned number)
{
    char text[32];
    struct text id = id_of(number, text);
    sqlite3_bind_text(bare->find, 1, id.at, (int)id.len, SQLITE_STATIC);
    if (sqlite3_step(bare->find) != SQLITE_DONE)
        die("found a user that is not there");
    sqlite3_reset(bare->find);
}

static struct cost run_bare(const struct load *load)
{
    struct bare bare;
    bare_open(&bare, load->path);
    struct cost cost = start();
    for (unsigned from = 0; from < load->users; from += load->batch) {
        bare_exec(&bare, "BEGIN IMMEDIATE");
        for (unsigned i = from; i < from + load->batch; i++) {
            bare_find(&bare, i);
            bare_put(&bare, i, LEDGER_SENDING);
        }
        bare_exec(&bare, "COMMIT");
        bare_exec(&bare, "BEGIN IMMEDIATE");
        for (unsigned i = from; i < from + load->batch; i++)
            bare_put(&bare, i, LEDGER_DONE);
        bare_exec(&bare, "COMMIT");
    }
    cost = stop(cost, load->users);
    sqlite3_finalize(bare.find);
    sqlite3_finalize(bare.put);
    sqlite3_close(bare.db);
    return cost;
}

/* --- measuring --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof(double), by_value);
    return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    double wall[2][ROUNDS], cpu[2][ROUNDS];
    struct load load = {.batch = argc > 1 ? (unsigned)atoi(argv[1]) : 100,
                        .users = argc > 2 ? (unsigned)atoi(argv[2]) : 10000};
    if (load.batch == 0)
        die("a batch has at least one user");
    load.users = load.users / load.batch * load.batch;
    snprintf(load.path, sizeof(load.path), "%s/bench-ledger-%ld.db", argc > 3 ? argv[3] : ".",
             (long)getpid());
    for (int i = 0; i < ROUNDS; i++) {
        struct cost ours = run_ledger(&load);
        unlink(load.path);
        struct cost bare = run_bare(&load);
        unlink(load.path);
        wall[0][i] = ours.wall_us, wall[1][i] = bare.wall_us;
        cpu[0][i] = ours.cpu_us, cpu[1][i] = bare.cpu_us;
    }
    double ours = median(wall[0]), bare = median(wall[1]);
    double ours_cpu = median(cpu[0]), bare_cpu = median(cpu[1]);
    printf("ledger, %u a commit: %.1f us a user (%.1f us CPU), %.2f of bare SQLite's %.1f us (CPU "
           "%.2f)\n",
           load.batch, ours, ours_cpu, ours / bare, bare, ours_cpu / bare_cpu);
    return 0;
}
