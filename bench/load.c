/*
 * bench-load: what grows with the users. A million of them (USERS=10000000: ten) are created by POST into a database file,
 * in ten parts:
 *
 *   creates   the last part's rate over the first one's
 *   memory    the sandbox's peak
 *   list      a page of 500 by cursor behind the last user, over the first page; and over all pages on the way
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "creates.h"

#define PARTS      10
#define PAGE       500
#define PAGE_ROOM  (2u << 20)
#define PAGES      15
#define LIST_MAX   1.5
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

static bool load(const struct sandbox *sandbox, uint64_t users)
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
    double peak = bench_memory_peak(sandbox->pid);
    bool good = peak < MEMORY_MAX;
    bench_claim("peak memory", peak / MIB, "MiB", peak / MEMORY_MAX, "the 512 MiB allowed", good);
    printf("  %.0f users/s in the slowest tenth\n", least);
    return good;
}

/* Asks for the page behind the cursor, "" for the first; returns the time in microseconds. */
static double ask_page(int fd, const char *cursor, char page[PAGE_ROOM])
{
    char request[BENCH_ROOM], path[160];
    size_t got;
    snprintf(path, sizeof(path), "/v1/users?limit=%d&order_by=%%2Bcreated_at%s%s", PAGE,
             cursor[0] ? "&starting_after=" : "", cursor);
    size_t len = bench_request(request, "GET", path, "");
    int64_t began = clock_now_us();
    bench_write(fd, request, len);
    if (bench_answer(fd, page, PAGE_ROOM, &got) != 200)
        bench_die("a page was refused");
    return (double)(clock_now_us() - began);
}

static double page_time(int fd, const char *cursor, char page[PAGE_ROOM])
{
    double times[PAGES];
    for (int i = 0; i < PAGES; i++)
        times[i] = ask_page(fd, cursor, page);
    return bench_median(times, PAGES);
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

static bool list(const struct sandbox *sandbox, uint64_t users)
{
    static char page[PAGE_ROOM];
    char cursor[64] = "", against[64];
    int fd = bench_connect(sandbox->port);
    double whole = 0, first = page_time(fd, "", page);
    for (uint64_t at = 0; at + PAGE < users; at += PAGE) {
        whole += ask_page(fd, cursor, page);
        last_id(page, cursor);
    }
    double last = page_time(fd, cursor, page);
    close(fd);
    bool good = last <= LIST_MAX * first;
    snprintf(against, sizeof(against), "the first page's %.1f ms; %.1f is allowed", first / 1000,
             LIST_MAX);
    bench_claim("the last 500 users by cursor", last / 1000, "ms", last / first, against, good);
    printf("  %.1f ms a page in the mean of all; %llu users\n",
           whole / (double)(users / PAGE) / 1000, (unsigned long long)users);
    return good;
}

int main(void)
{
    struct sandbox sandbox;
    uint64_t users = users_wanted();
    sandbox_start(&sandbox);
    bool good = load(&sandbox, users);
    good &= list(&sandbox, users);
    sandbox_stop(&sandbox);
    return good ? 0 : 1;
}
