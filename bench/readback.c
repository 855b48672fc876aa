/*
 * bench-readback: how many users a second `usher verify` reads back and compares, against what Clerk lets through: pages of
 * 500 users at 1,000 requests in 10 s. Beside it, what reading the same pages takes with the same client that does
 * nothing with them, from a server on the same machine: there comparing is seen, over a network it hides behind the
 * next page. Taking turns; the medians of the rounds.
 *
 *     bench-readback [USERS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "migrate/courier.h"
#include "migrate/migrate.h"
#include "migrate/pages.h"

#define USERS         20000
#define ROUNDS        5
#define LIMIT_PAGES_S 100 /* of a production instance */

struct readback {
    struct sandbox sandbox;
    char url[64], export[64], one[64], ledger[64];
    struct migrate_target target;
    struct migrate_instance instance;
    struct pages pages; /* of the bare reading */
    uint64_t users, read;
    bool over;
};

static void die(const struct err *err)
{
    fprintf(stderr, "bench-readback: %s\n", err->message);
    exit(1);
}

/* An export of that many users, in Usher's own JSON Lines. */
static void write_export(const char *path, uint64_t users)
{
    FILE *file = fopen(path, "w");
    if (!file)
        bench_die(path);
    for (uint64_t i = 0; i < users; i++)
        fprintf(file,
                "{\"external_id\":\"auth0|%016llx\",\"email_address\":[\"user%llu@example.com\"],"
                "\"first_name\":\"First%llu\",\"last_name\":\"Last%llu\","
                "\"public_metadata\":{\"plan\":\"free\",\"seats\":%llu,\"flags\":{\"beta\":true}},"
                "\"password_hasher\":\"bcrypt\",\"password_digest\":"
                "\"$2b$10$bOIePEjCCaIrIDmPRfNTCeH2i0mrZt5QTvzcd3/l2HRxQ3ZZnFMpO\"}\n",
                (unsigned long long)((i + 1) * UINT64_C(0x9E3779B97F4A7C15)), (unsigned long long)i,
                (unsigned long long)(i % 1000), (unsigned long long)(i % 5000),
                (unsigned long long)(i % 50));
    if (fclose(file) != 0)
        bench_die(path);
}

static struct migrate_opts opts_of(const struct readback *bench, const char *export)
{
    return (struct migrate_opts){.source = {.path = export, .from = TEXT("usher")},
                                 .ledger = bench->ledger,
                                 .target = bench->target};
}

static void move_all(struct readback *bench)
{
    struct migrate_opts opts = opts_of(bench, bench->export);
    struct migrate_totals totals = {0};
    struct err err;
    if (migrate_probe(&bench->target, &bench->instance, &err) ||
        migrate_import(&opts, &bench->instance, &(struct migrate_events){0}, NULL, &totals, &err))
        die(&err);
    if (totals.created != bench->users)
        bench_die("not all users were moved");
}

static void on_page(void *arg, struct page *page)
{
    struct readback *bench = arg;
    bench->read += page->count;
    pages_give_back(&bench->pages, page);
}

static void on_ended(void *arg, const struct err *err)
{
    struct readback *bench = arg;
    bench->over = true;
    if (err)
        die(err);
}

static int64_t read_bare(struct readback *bench)
{
    struct courier *courier;
    struct pages *pages = &bench->pages;
    struct err err;
    int64_t started = clock_now_us();
    if (courier_open(&courier, &bench->target, &err) || pages_open(pages, courier, &err))
        die(&err);
    pages->page = on_page;
    pages->ended = on_ended;
    pages->arg = bench;
    bench->read = 0;
    bench->over = false;
    pages_send(pages);
    while (!bench->over)
        if (courier_work(courier, 10000, &err))
            die(&err);
    pages_close(pages);
    courier_close(courier);
    if (bench->read != bench->users)
        bench_die("not all users were read");
    return clock_now_us() - started;
}

/* The export of one user: nearly all the time goes into the users of the target. */
static int64_t read_and_compare(struct readback *bench)
{
    struct migrate_opts opts = opts_of(bench, bench->one);
    struct migrate_totals totals = {0};
    struct err err;
    int64_t started = clock_now_us();
    if (migrate_verify(&opts, &(struct migrate_events){0}, NULL, &totals, &err))
        die(&err);
    if (totals.same != bench->users)
        bench_die("not all users are as they were written");
    return clock_now_us() - started;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The median of what the rounds took, as users a second. */
static double rate(const struct readback *bench, int64_t took_us[ROUNDS])
{
    qsort(took_us, ROUNDS, sizeof(*took_us), ascending);
    return (double)bench->users / (double)took_us[ROUNDS / 2] * 1e6;
}

static int measure(struct readback *bench)
{
    int64_t bare_us[ROUNDS], compared_us[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        bare_us[i] = read_bare(bench);
        compared_us[i] = read_and_compare(bench);
    }
    double bare = rate(bench, bare_us), compared = rate(bench, compared_us);
    double limit = (double)LIMIT_PAGES_S * PAGE_USERS;
    printf("readback, %llu users in pages of %d: %.0f users/s read and compared, %.2f of the %.0f "
           "that Clerk lets through (at least 1)%s; %.2f of the time of bare reading\n",
           (unsigned long long)bench->users, PAGE_USERS, compared, compared / limit, limit,
           compared >= limit ? "" : "   MISSED", bare / compared);
    return compared < limit;
}

static void drop(const struct readback *bench)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    char name[96];
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        snprintf(name, sizeof(name), "%s%s", bench->ledger, ends[i]);
        unlink(name);
    }
    unlink(bench->export);
    unlink(bench->one);
}

int main(int argc, char **argv)
{
    const char *quick = getenv("QUICK");
    struct readback bench = {.users = argc > 1 ? (uint64_t)atoll(argv[1])
                                      : quick && *quick && strcmp(quick, "0") != 0 ? USERS / 10
                                                                                   : USERS};
    const long own = (long)getpid();
    sandbox_start(&bench.sandbox);
    snprintf(bench.url, sizeof(bench.url), "http://127.0.0.1:%u", bench.sandbox.port);
    snprintf(bench.export, sizeof(bench.export), "bench-readback-%ld.jsonl", own);
    snprintf(bench.one, sizeof(bench.one), "bench-readback-%ld-one.jsonl", own);
    snprintf(bench.ledger, sizeof(bench.ledger), "bench-readback-%ld.ledger", own);
    bench.target = (struct migrate_target){.api_url = text_of(bench.url),
                                           .key = TEXT(BENCH_KEY),
                                           .key_from = "the bench",
                                           .unlimited = true};
    write_export(bench.export, bench.users);
    write_export(bench.one, 1);
    move_all(&bench);
    int missed = measure(&bench);
    sandbox_stop(&bench.sandbox);
    drop(&bench);
    return missed;
}
