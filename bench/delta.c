/*
 * Deciding users that have not changed: hashing what the export says and finding what the ledger has, as an import
 * does for each row. Once in the order in which they were moved, once in no order (with what it takes to get ready
 * for that). Held against 200,000
 * users a second, and against the memory that a tenth of the users takes.
 *
 *     bench-delta [USERS [FOLDER]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "migrate/decide.h"

#define BAR          200000.0
#define USERS        1000000
#define COMMIT_USERS 10000
#define MEMORY_MAX   64.0 /* MiB */

struct bench {
    struct ledger *ledger;
    struct field_hasher hasher;
    struct arena arena;
    struct buf marks, content;
};

static void die(const char *what)
{
    fprintf(stderr, "bench-delta: %s\n", what);
    exit(1);
}

struct person {
    char id[40], email[48], first[24], last[24], metadata[96];
    struct user_identifier identifier;
};

/* User `number`, with what most exports have. */
static struct user make(unsigned number, struct person *person)
{
    uint64_t mixed = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
    struct user user;
    user_init(&user);
    snprintf(person->id, sizeof(person->id), "auth0|%016llx", (unsigned long long)mixed);
    snprintf(person->email, sizeof(person->email), "user%u@example.com", number);
    snprintf(person->first, sizeof(person->first), "First%u", number % 1000);
    snprintf(person->last, sizeof(person->last), "Last%u", number % 5000);
    snprintf(person->metadata, sizeof(person->metadata),
             "{\"plan\":\"free\",\"seats\":%u,\"flags\":{\"beta\":true}}", number % 50);
    person->identifier = (struct user_identifier){text_of(person->email), true};
    user.external_id = text_of(person->id);
    user.first_name = text_of(person->first);
    user.last_name = text_of(person->last);
    user.email_address = (struct user_identifiers){&person->identifier, 1};
    user.public_metadata = text_of(person->metadata);
    user.password_hasher = TEXT("bcrypt");
    user.password_digest = TEXT("$2b$10$bOIePEjCCaIrIDmPRfNTCeH2i0mrZt5QTvzcd3/l2HRxQ3ZZnFMpO");
    user.created_at = INT64_C(1577836800000) + number;
    return user;
}

static void put(struct bench *bench, unsigned number)
{
    struct person person;
    struct field_hashes hashes;
    struct err err;
    struct user user = make(number, &person);
    buf_reset(&bench->marks);
    buf_reset(&bench->content);
    if (field_hashes_of(&bench->hasher, ledger_key(bench->ledger), &user, &hashes, &err) ||
        record_add_user(&bench->hasher, ledger_key(bench->ledger), &user, &bench->marks, &err))
        die(err.message);
    for (uint64_t i = 0; i < 3; i++) /* the witnesses */
        record_add(&bench->marks, i, number);
    record_encode(&hashes, &bench->marks, &bench->content);
    struct ledger_user row = {.external_id = user.external_id,
                              .clerk_id = TEXT("user_2abcdefghijklmnopqrstuvwxyz"),
                              .hashes = buf_text(&bench->content),
                              .state = LEDGER_DONE,
                              .attempts = 1,
                              .run = 1,
                              .made = 1};
    if (ledger_put(bench->ledger, &row, &err))
        die(err.message);
    if (number % COMMIT_USERS == COMMIT_USERS - 1 && ledger_commit(bench->ledger, &err))
        die(err.message);
}

static bool is_unchanged(struct bench *bench, unsigned number)
{
    struct person person;
    struct field_hashes hashes;
    struct ledger_user known;
    struct record written;
    struct err err;
    bool found = false, unchanged = false;
    int64_t row;
    struct user user = make(number, &person);
    arena_reset(&bench->arena);
    if (field_hashes_of(&bench->hasher, ledger_key(bench->ledger), &user, &hashes, &err) ||
        ledger_is_unchanged(bench->ledger, user.external_id, field_hashes_sum(&hashes), &row,
                            &unchanged, &err))
        die(err.message);
    if (unchanged)
        return true;
    if (ledger_find(bench->ledger, user.external_id, &bench->arena, &known, &found, &err))
        die(err.message);
    record_decode(&written, found ? known.hashes : (struct text){NULL, 0});
    return decide(found ? &known : NULL, &written, &hashes).action == MIGRATE_UNCHANGED;
}

/* Decides them all; users a second of CPU, for other programs may be running. `step` has no divisor in common with their number: any order. */
static double decide_all(struct bench *bench, unsigned users, uint64_t step)
{
    int64_t started = clock_cpu_us();
    for (uint64_t i = 0; i < users; i++)
        if (!is_unchanged(bench, (unsigned)(i * step % users)))
            die("a user counts as changed");
    return users / ((double)(clock_cpu_us() - started) / 1e6);
}

static double peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* "ledger" and what SQLite puts beside it. */
static void drop(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    char name[4200];
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static int report(const char *what, double rate)
{
    printf("delta, %s: %.0f users/s, %.2f of the 200,000 held against%s\n", what, rate, rate / BAR,
           rate >= BAR ? "" : "   MISSED");
    return rate < BAR;
}

int main(int argc, char **argv)
{
    const char *quick = getenv("QUICK");
    unsigned users = argc > 1                                     ? (unsigned)atoi(argv[1])
                     : quick && *quick && strcmp(quick, "0") != 0 ? USERS / 10
                                                                  : USERS;
    char path[4096];
    struct bench bench;
    struct err err;
    snprintf(path, sizeof(path), "%s/bench-delta-%ld.ledger", argc > 2 ? argv[2] : ".",
             (long)getpid());
    struct ledger_opts opts = {.path = path, .identity.instance = TEXT("bench"), .sum = record_sum};
    arena_init(&bench.arena, 1 << 20);
    buf_init(&bench.marks, 1 << 20);
    buf_init(&bench.content, 1 << 20);
    if (users == 0 || ledger_open(&bench.ledger, &opts, &err) ||
        field_hasher_init(&bench.hasher, &err))
        die(users ? err.message : "at least one user");
    for (unsigned i = 0; i < users; i++)
        put(&bench, i);
    if (ledger_commit(bench.ledger, &err))
        die(err.message);
    double before = peak_mib();
    int missed = report("in the ledger's order", decide_all(&bench, users, 1));
    missed |= report("in no order", decide_all(&bench, users, 611953));
    printf("delta, peak memory: %.1f MiB after, %.1f MiB before deciding%s\n", peak_mib(), before,
           peak_mib() < MEMORY_MAX ? "" : "   MISSED");
    missed |= peak_mib() >= MEMORY_MAX;
    ledger_close(bench.ledger);
    field_hasher_release(&bench.hasher);
    arena_release(&bench.arena);
    buf_release(&bench.marks);
    buf_release(&bench.content);
    drop(path);
    return missed;
}
