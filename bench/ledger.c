/*
 * What the ledger adds to a bare database: users through find, claim, commit, done, commit, in batches, once
 * with src/ledger and once with the library's own functions on the same table, the same batches and the same
 * settings, without opening and closing. They take turns on the same disk; medians of the rounds.
 * SQLite (WAL, synchronous=FULL), and PostgreSQL where USHER_POSTGRES is its URL (see ledger_postgres.c).
 *
 *     bench-ledger [BATCH [USERS [FOLDER]]]
 */
#include "ledger.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/ledger.h"

#define ROUNDS      7
#define CACHE_PAGES "PRAGMA cache_size = -16000;"

struct cost bench_start(void)
{
    return (struct cost){(double)clock_now_us(), (double)clock_cpu_us()};
}

struct cost bench_stop(struct cost started, unsigned users)
{
    struct cost now = bench_start();
    return (struct cost){(now.wall_us - started.wall_us) / users,
                         (now.cpu_us - started.cpu_us) / users};
}

void bench_die(const char *what)
{
    fprintf(stderr, "bench-ledger: %s\n", what);
    exit(1);
}

struct text bench_id(unsigned number, char to[32])
{
    uint64_t mixed = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
    int len = snprintf(to, 32, "auth0|%016llx", (unsigned long long)mixed);
    return (struct text){to, (size_t)len};
}

const char bench_hashes[HASHES_LEN];
const struct text bench_clerk_id = {"user_2abcdefghijklmnopqrstuvwxyz", 32};

/* --- src/ledger --- */

static struct ledger_user user_of(unsigned number, enum ledger_state state, char id[32])
{
    struct ledger_user user = {.external_id = bench_id(number, id),
                               .hashes = {bench_hashes, HASHES_LEN},
                               .state = state,
                               .attempts = 1,
                               .run = 1};
    if (state == LEDGER_DONE)
        user.clerk_id = bench_clerk_id;
    return user;
}

static void claim_or_die(struct ledger *ledger, unsigned number, struct arena *arena)
{
    struct ledger_user known, user;
    struct ledger_claim claim;
    struct err err;
    bool found;
    char id[32];
    user = user_of(number, LEDGER_SENDING, id);
    if (ledger_find(ledger, user.external_id, arena, &known, &found, &err) != 0 ||
        ledger_claim(ledger, &user, arena, &claim, &err) != 0)
        bench_die(err.message);
    if (found || claim.result != LEDGER_CLAIMED)
        bench_die("found a user that is not there");
    arena_reset(arena);
}

static void settle_or_die(struct ledger *ledger, unsigned number)
{
    struct err err;
    char id[32];
    struct ledger_user user = user_of(number, LEDGER_DONE, id);
    if (ledger_put(ledger, &user, &err) != 0)
        bench_die(err.message);
}

static struct cost run_ledger(const struct load *load)
{
    struct ledger *ledger;
    struct arena arena;
    struct err err;
    struct ledger_opts opts = {.path = load->path};
    arena_init(&arena, 1 << 20);
    if (ledger_open(&ledger, &opts, &err) != 0)
        bench_die(err.message);
    struct cost cost = bench_start();
    for (unsigned from = 0; from < load->users; from += load->batch) {
        for (unsigned i = from; i < from + load->batch; i++)
            claim_or_die(ledger, i, &arena);
        if (ledger_commit(ledger, &err) != 0)
            bench_die(err.message);
        for (unsigned i = from; i < from + load->batch; i++)
            settle_or_die(ledger, i);
        if (ledger_commit(ledger, &err) != 0)
            bench_die(err.message);
    }
    cost = bench_stop(cost, load->users);
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
        bench_die(sqlite3_errmsg(bare->db));
}

static sqlite3_stmt *bare_prepare(struct bare *bare, const char *statement)
{
    sqlite3_stmt *compiled;
    if (sqlite3_prepare_v2(bare->db, statement, -1, &compiled, NULL) != SQLITE_OK)
        bench_die(sqlite3_errmsg(bare->db));
    return compiled;
}

static void bare_open(struct bare *bare, const char *path)
{
    if (sqlite3_open_v2(path, &bare->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        bench_die("cannot open");
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
    struct text id = bench_id(number, text);
    sqlite3_bind_text(bare->put, 1, id.at, (int)id.len, SQLITE_STATIC);
    sqlite3_bind_int(bare->put, 2, state);
    if (state == LEDGER_DONE)
        sqlite3_bind_text(bare->put, 3, bench_clerk_id.at, (int)bench_clerk_id.len, SQLITE_STATIC);
    else
        sqlite3_bind_null(bare->put, 3);
    sqlite3_bind_blob(bare->put, 4, bench_hashes, HASHES_LEN, SQLITE_STATIC);
    if (sqlite3_step(bare->put) != SQLITE_DONE)
        bench_die(sqlite3_errmsg(bare->db));
    sqlite3_reset(bare->put);
}

static void bare_find(struct bare *bare, unsigned number)
{
    char text[32];
    struct text id = bench_id(number, text);
    sqlite3_bind_text(bare->find, 1, id.at, (int)id.len, SQLITE_STATIC);
    if (sqlite3_step(bare->find) != SQLITE_DONE)
        bench_die("found a user that is not there");
    sqlite3_reset(bare->find);
}

static struct cost run_bare(const struct load *load)
{
    struct bare bare;
    bare_open(&bare, load->path);
    struct cost cost = bench_start();
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
    cost = bench_stop(cost, load->users);
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

static void clear_sqlite(const char *path)
{
    unlink(path);
}

static void compare(const struct load *load, const char *what,
                    struct cost (*bare)(const struct load *load), void (*clear)(const char *path))
{
    double wall[2][ROUNDS], cpu[2][ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        clear(load->path);
        struct cost ours = run_ledger(load);
        clear(load->path);
        struct cost theirs = bare(load);
        wall[0][i] = ours.wall_us, wall[1][i] = theirs.wall_us;
        cpu[0][i] = ours.cpu_us, cpu[1][i] = theirs.cpu_us;
    }
    clear(load->path);
    double ours = median(wall[0]), theirs = median(wall[1]);
    double ours_cpu = median(cpu[0]), theirs_cpu = median(cpu[1]);
    printf("ledger, %u a commit: %.1f us a user (%.1f us CPU), %.2f of bare %s's %.1f us (CPU "
           "%.2f)\n",
           load->batch, ours, ours_cpu, ours / theirs, what, theirs, ours_cpu / theirs_cpu);
}

int main(int argc, char **argv)
{
    const char *url = getenv("USHER_POSTGRES");
    struct load load = {.batch = argc > 1 ? (unsigned)atoi(argv[1]) : 100,
                        .users = argc > 2 ? (unsigned)atoi(argv[2]) : 10000};
    if (load.batch == 0)
        bench_die("a batch has at least one user");
    load.users = load.users / load.batch * load.batch;
    snprintf(load.path, sizeof(load.path), "%s/bench-ledger-%ld.db", argc > 3 ? argv[3] : ".",
             (long)getpid());
    compare(&load, "SQLite", run_bare, clear_sqlite);
    if (!url)
        return 0;
    load.users = (load.users / 5 + load.batch - 1) / load.batch * load.batch;
    snprintf(load.path, sizeof(load.path), "%s", url);
    compare(&load, "libpq", bare_postgres, bare_postgres_clear);
    return 0;
}
