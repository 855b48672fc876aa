/*
 * bench-sandbox: what the local Clerk does on this machine.
 *
 *   creates   POST /v1/users over keep-alive connections into a database file: durable creates a second
 *             and the sandbox's CPU for each
 *   reads     GET /v1/users/{id} while every core verifies bcrypt: the 99th percentile
 *
 * The client is a bare epoll loop, so that the figures are the server's. Reads ask one at a time, as an
 * application does.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client.h"

#define CONNECTIONS 96
#define READS       400
#define VERIFIERS   4
#define P99_MAX_US  20000
#define RATE_MIN    10000

static size_t put_create(char *to, uint64_t n)
{
    char body[1024];
    snprintf(
        body, sizeof(body),
        "{\"external_id\":\"auth0|%llu\",\"first_name\":\"Ada\",\"last_name\":\"Lovelace\","
        "\"email_address\":[\"ada.%llx@example.com\"],"
        "\"password_digest\":\"$2b$10$6nNPoEQzmCqAaDLKLFPNGOB1mW6mmGqC5JdYqUkJwHTS04dsGLqp.\","
        "\"password_hasher\":\"bcrypt\",\"public_metadata\":{\"plan\":\"free\"},"
        "\"unsafe_metadata\":{\"theme\":\"dark\"},\"created_at\":\"2020-11-03T22:49:17.442Z\"}",
        (unsigned long long)n, (unsigned long long)(n * UINT64_C(0x9E3779B97F4A7C15)));
    return bench_request(to, "POST", "/v1/users", body);
}

static bool bench_creates(const struct sandbox *sandbox, uint64_t users)
{
    int fds[CONNECTIONS], loop = epoll_create1(EPOLL_CLOEXEC);
    char *room = malloc(BENCH_ROOM);
    uint64_t sent = 0, answered = 0, fine = 0;
    size_t len;
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = bench_connect(sandbox->port);
        epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){EPOLLIN, {.fd = fds[i]}});
    }
    double cpu = bench_cpu(sandbox->pid);
    int64_t began = clock_now_us();
    for (int i = 0; i < CONNECTIONS && sent < users; i++)
        bench_write(fds[i], room, put_create(room, ++sent));
    while (answered < users) {
        struct epoll_event events[CONNECTIONS];
        int count = epoll_wait(loop, events, CONNECTIONS, 10000);
        if (count <= 0)
            bench_die("no answer");
        for (int i = 0; i < count; i++) {
            fine += bench_answer(events[i].data.fd, room, BENCH_ROOM, &len) == 200;
            answered++;
            if (sent < users)
                bench_write(events[i].data.fd, room, put_create(room, ++sent));
        }
    }
    double seconds = (double)(clock_now_us() - began) / 1e6;
    cpu = bench_cpu(sandbox->pid) - cpu;
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    close(loop);
    free(room);
    double rate = (double)users / seconds;
    bool good = fine == users && rate >= RATE_MIN;
    printf("durable creates: %.0f users/s, %.2f x the %d users/s held against; %.1f us of CPU each"
           "%s\n",
           rate, rate / RATE_MIN, RATE_MIN, cpu * 1e6 / (double)users, good ? "" : "   MISSED");
    printf("  %d connections, %.0f users in a transaction\n", CONNECTIONS,
           (double)users / sandbox_stat(sandbox, "transactions"));
    if (fine != users)
        printf("%llu were refused\n", (unsigned long long)(users - fine));
    return good;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static bool bench_reads(const struct sandbox *sandbox)
{
    static int64_t times[READS];
    char room[BENCH_ROOM], path[128], id[64];
    int fd = bench_connect(sandbox->port), verifiers[VERIFIERS];
    size_t len;
    uint64_t verified = 0;
    sandbox_some_id(sandbox, id);
    for (int i = 0; i < VERIFIERS; i++) {
        verifiers[i] = bench_connect(sandbox->port);
        snprintf(path, sizeof(path), "/v1/users/%s/verify_password", id);
        bench_write(verifiers[i], room,
                    bench_request(room, "POST", path, "{\"password\":\"not this one\"}"));
        fcntl(verifiers[i], F_SETFL, O_NONBLOCK);
    }
    for (int i = 0; i < READS; i++) {
        snprintf(path, sizeof(path), "/v1/users/%s", id);
        size_t request = bench_request(room, "GET", path, "");
        int64_t began = clock_now_us();
        bench_write(fd, room, request);
        if (bench_answer(fd, room, sizeof(room), &len) != 200)
            bench_die("GET failed");
        times[i] = clock_now_us() - began;
        usleep(5000);
        for (int v = 0; v < VERIFIERS; v++) {
            if (read(verifiers[v], room, BENCH_ROOM) <= 0)
                continue;
            verified++;
            snprintf(path, sizeof(path), "/v1/users/%s/verify_password", id);
            bench_write(verifiers[v], room,
                        bench_request(room, "POST", path, "{\"password\":\"not this one\"}"));
        }
    }
    qsort(times, READS, sizeof(times[0]), compare);
    int64_t median = times[READS / 2], p99 = times[READS * 99 / 100];
    bool good = p99 < P99_MAX_US && verified > 0;
    printf("reads while %llu passwords are verified: p99 %.2f ms, %.2f x the 20 ms allowed; median "
           "%.2f ms%s\n",
           (unsigned long long)verified, (double)p99 / 1000, (double)p99 / P99_MAX_US,
           (double)median / 1000, good ? "" : "   MISSED");
    return good;
}

int main(int argc, char **argv)
{
    struct sandbox sandbox;
    const char *quick = getenv("QUICK");
    uint64_t users = quick && *quick && *quick != '0' ? 20000 : 60000;
    sandbox_start(&sandbox);
    bool good = bench_creates(&sandbox, users);
    if (argc < 2 || strcmp(argv[1], "creates") != 0)
        good &= bench_reads(&sandbox);
    sandbox_stop(&sandbox);
    return good ? 0 : 1;
}
