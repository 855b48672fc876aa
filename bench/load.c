/*
 * bench-load: what grows with the users. A million of them (USERS=10000000: ten) are created by POST into a database file,
 * in ten parts:
 *
 *   creates   the last part's rate over the first one's
 *   memory    the sandbox's peak
 *   list      a page of 500 by cursor behind the last user, over the first page; and over all pages on the way
 *   orders    the first page of every other order, once its index is there, and the count, over the first page
 *
 * COPIES=9 then copies these users nine times by SQL, with the sandbox halted, and measures all of it again behind a tenth
 * of them more: ten million users where there is no hour for their requests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "creates.h"

#define PARTS      10
#define PAGE       500
#define PAGE_ROOM  (2u << 20)
#define PAGES      41
#define LIST_MAX   1.5
#define ORDER_MAX  3.0 /* these users are not side by side; to sort them all costs hundreds */
#define MEMORY_MAX ((double)(512 << 20))
#define MIB        ((double)(1 << 20))

static uint64_t users_wanted(void)
{
    const char *quick = getenv("QUICK"), *users = getenv("USERS");
    uint64_t count = users ? strtoull(users, NULL, 10) : 0;
    if (count == 0)
        count = quick && *quick && *quick != '0' ? 50000 : 1000000;
    return count - count % PARTS;
}

static bool memory(const struct sandbox *sandbox)
{
    double peak = bench_memory_peak(sandbox->pid);
    bool good = peak < MEMORY_MAX;
    bench_claim("peak memory", peak / MIB, "MiB", peak / MEMORY_MAX, "the 512 MiB allowed", good);
    return good;
}

/* Returns the first tenth's rate. */
static double load(const struct sandbox *sandbox, uint64_t users)
{
    double first = 0, last = 0, least = 0;
    char against[64];
    for (uint64_t i = 0; i < PARTS; i++) {
        last = creates_run(sandbox, i * (users / PARTS), users / PARTS);
        first = i == 0 ? last : first;
        least = i == 0 || last < least ? last : least;
    }
    snprintf(against, sizeof(against), "the %.0f/s of the first tenth", first);
    bench_claim("durable creates, the last tenth", last, "users/s", last / first, against, true);
    printf("  %.0f users/s in the slowest tenth\n", least);
    return first;
}

/* Many more users, and a tenth of them by POST behind these; returns how many there are. */
static uint64_t load_more(struct sandbox *sandbox, uint64_t users, uint64_t copies, double first)
{
    char against[64];
    sandbox_halt(sandbox);
    creates_copy(sandbox, users, copies);
    sandbox_resume(sandbox);
    double last = creates_run(sandbox, users, users / PARTS);
    snprintf(against, sizeof(against), "the %.0f/s of the first tenth", first);
    bench_claim("durable creates behind the copies", last, "users/s", last / first, against, true);
    return users * (copies + 1) + users / PARTS;
}

/* What a page costs. */
struct cost {
    double us, cpu_us; /* until the answer is there; of the sandbox */
};

/* Asks for a path; returns the time in microseconds. */
static double ask(int fd, const char *path, char page[PAGE_ROOM])
{
    char request[BENCH_ROOM];
    size_t got;
    size_t len = bench_request(request, "GET", path, "");
    int64_t began = clock_now_us();
    bench_write(fd, request, len);
    if (bench_answer(fd, page, PAGE_ROOM, &got) != 200)
        bench_die("a page was refused");
    return (double)(clock_now_us() - began);
}

/* The path of the page behind the cursor, "" for the first. */
static void page_path(const char *cursor, char path[160])
{
    snprintf(path, 160, "/v1/users?limit=%d&order_by=%%2Bcreated_at%s%s", PAGE,
             cursor[0] ? "&starting_after=" : "", cursor);
}

static struct cost cost_of(const struct sandbox *sandbox, int fd, const char *path,
                           char page[PAGE_ROOM])
{
    double times[PAGES], cpu = bench_cpu(sandbox->pid);
    for (int i = 0; i < PAGES; i++)
        times[i] = ask(fd, path, page);
    cpu = bench_cpu(sandbox->pid) - cpu;
    return (struct cost){bench_median(times, PAGES), cpu * 1e6 / PAGES};
}

static struct cost page_cost(const struct sandbox *sandbox, int fd, const char *cursor,
                             char page[PAGE_ROOM])
{
    char path[160];
    page_path(cursor, path);
    return cost_of(sandbox, fd, path, page);
}

/* The id of the last user of a page. */
static void last_id(const char *page, char to[64])
{
    const char *at = page, *found = NULL;
    while ((at = strstr(at, "{\"id\":\"user_")))
        found = at++;
    if (!found)
        bench_die("a page without users");
    snprintf(to, 64, "%.32s", found + 7);
}

/* Claims that a page costs at most so many times as much CPU as the first one. */
static bool claim_page(const char *name, struct cost page, struct cost first, double max)
{
    char against[96];
    bool good = page.cpu_us <= max * first.cpu_us;
    snprintf(against, sizeof(against), "the CPU of the first page, %.2f ms; %.1f is allowed",
             first.cpu_us / 1000, max);
    bench_claim(name, page.cpu_us / 1000, "ms of CPU", page.cpu_us / first.cpu_us, against, good);
    return good;
}

static bool list(const struct sandbox *sandbox, uint64_t users)
{
    static char page[PAGE_ROOM];
    char cursor[64] = "", path[160];
    int fd = bench_connect(sandbox->port);
    struct cost first = page_cost(sandbox, fd, "", page);
    double whole = bench_cpu(sandbox->pid);
    for (uint64_t at = 0; at + PAGE < users; at += PAGE) {
        page_path(cursor, path);
        ask(fd, path, page);
        last_id(page, cursor);
    }
    whole = bench_cpu(sandbox->pid) - whole;
    struct cost last = page_cost(sandbox, fd, cursor, page);
    close(fd);
    bool good = claim_page("the last 500 users by cursor", last, first, LIST_MAX);
    printf(
        "  %.2f ms of CPU a page in the mean of all; %.1f ms until the last page is there, %.1f ms"
        " the first; %llu users\n",
        whole * 1e3 / (double)(users / PAGE), last.us / 1000, first.us / 1000,
        (unsigned long long)users);
    return good;
}

/* Every order that has no index from the beginning, both ways, and the count of all. */
static bool orders(const struct sandbox *sandbox)
{
    static const char *const names[] = {"email_address",  "phone_number", "web3wallet",
                                        "first_name",     "last_name",    "username",
                                        "last_active_at", "updated_at",   "last_sign_in_at"};
    static char page[PAGE_ROOM];
    char path[160], dearest[160] = "";
    int fd = bench_connect(sandbox->port);
    struct cost first = page_cost(sandbox, fd, "", page), most = {0, 0};
    double making = 0;
    for (size_t i = 0; i < 2 * ARRAY_COUNT(names) + 1; i++) {
        if (i < 2 * ARRAY_COUNT(names))
            snprintf(path, sizeof(path), "/v1/users?limit=%d&order_by=%s%s", PAGE,
                     i % 2 ? "-" : "%2B", names[i / 2]);
        else
            snprintf(path, sizeof(path), "/v1/users/count");
        double once = ask(fd, path, page);
        making = once > making ? once : making;
        struct cost cost = cost_of(sandbox, fd, path, page);
        if (cost.cpu_us <= most.cpu_us)
            continue;
        most = cost;
        snprintf(dearest, sizeof(dearest), "%s", path);
    }
    close(fd);
    bool good = claim_page("the dearest of the other orders", most, first, ORDER_MAX);
    printf("  it is %s; the first time took %.1f s at most\n", dearest, making / 1e6);
    return good;
}

int main(void)
{
    struct sandbox sandbox;
    const char *copies = getenv("COPIES");
    uint64_t users = users_wanted(), more = copies ? strtoull(copies, NULL, 10) : 0;
    sandbox_start(&sandbox);
    double first = load(&sandbox, users);
    bool good = memory(&sandbox);
    good = list(&sandbox, users) && good;
    good = (more > 0 || orders(&sandbox)) && good;
    if (more > 0) {
        users = load_more(&sandbox, users, more, first);
        good = list(&sandbox, users) && good;
        good = orders(&sandbox) && good;
        good = memory(&sandbox) && good;
    }
    sandbox_stop(&sandbox);
    return good ? 0 : 1;
}
