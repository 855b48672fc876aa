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
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "json/json.h"

#define CONNECTIONS 96
#define KEY         "sk_live_benchbenchbenchbenchbenchbench"
#define ROOM        16384
#define READS       400
#define VERIFIERS   4
#define P99_MAX_US  20000
#define RATE_MIN    10000

struct sandbox {
    pid_t pid;
    uint16_t port;
    char data[64];
};

static void die(const char *what)
{
    fprintf(stderr, "bench-sandbox: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void usher_path(char *to, size_t room)
{
    ssize_t len = readlink("/proc/self/exe", to, room - 16);
    if (len < 0)
        die("readlink");
    to[len] = 0;
    for (int i = 0; i < 2; i++)
        *strrchr(to, '/') = 0;
    strcat(to, "/usher");
}

static void start(struct sandbox *sandbox)
{
    char path[4096], line[4096];
    int out[2];
    usher_path(path, sizeof(path));
    snprintf(sandbox->data, sizeof(sandbox->data), "bench-sandbox-%d.db", (int)getpid());
    if (pipe(out) != 0)
        die("pipe");
    sandbox->pid = fork();
    if (sandbox->pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        execl(path, "usher", "sandbox", "--data", sandbox->data, "--limits", "off", "--secret-key",
              KEY, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    ssize_t len = read(out[0], line, sizeof(line) - 1);
    close(out[0]);
    if (len <= 0)
        die("usher sandbox did not start");
    line[len] = 0;
    const char *listen = strstr(line, "\"listen\":\"127.0.0.1:");
    sandbox->port = listen ? (uint16_t)atoi(listen + strlen("\"listen\":\"127.0.0.1:")) : 0;
}

static void stop(struct sandbox *sandbox)
{
    char path[128];
    kill(sandbox->pid, SIGTERM);
    waitpid(sandbox->pid, NULL, 0);
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        snprintf(path, sizeof(path), "%s%s", sandbox->data, ends[i]);
        unlink(path);
    }
}

/* CPU seconds of a process, user and system. */
static double cpu_of(pid_t pid)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file && fgets(line, sizeof(line), file)) {
        const char *at = strrchr(line, ')');
        sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    }
    if (file)
        fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static size_t put_request(char *to, const char *method, const char *path, const char *body)
{
    return (size_t)snprintf(to, ROOM,
                            "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " KEY
                            "\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                            method, path, strlen(body), body);
}

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
    return put_request(to, "POST", "/v1/users", body);
}

/* Reads one answer; returns its status. The whole stands in `to`, its body behind the blank line. */
static int read_answer(int fd, char *to, size_t *len)
{
    size_t need = 0;
    *len = 0;
    while (need == 0 || *len < need) {
        ssize_t got = read(fd, to + *len, ROOM - 1 - *len);
        if (got <= 0)
            die("connection lost");
        *len += (size_t)got;
        to[*len] = 0;
        const char *blank = strstr(to, "\r\n\r\n"), *length = strcasestr(to, "content-length:");
        if (blank && length && need == 0)
            need = (size_t)(blank - to) + 4 + (size_t)atol(length + 15);
    }
    return atoi(to + 9);
}

static void write_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, at, len);
        if (done <= 0)
            die("write");
        at += done;
        len -= (size_t)done;
    }
}

static double stat_of(const struct sandbox *sandbox, const char *name);

static bool bench_creates(const struct sandbox *sandbox, uint64_t users)
{
    int fds[CONNECTIONS], loop = epoll_create1(EPOLL_CLOEXEC);
    char *room = malloc(ROOM);
    uint64_t sent = 0, answered = 0, fine = 0;
    size_t len;
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = connect_to(sandbox->port);
        epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){EPOLLIN, {.fd = fds[i]}});
    }
    double cpu = cpu_of(sandbox->pid);
    int64_t began = clock_now_us();
    for (int i = 0; i < CONNECTIONS && sent < users; i++)
        write_all(fds[i], room, put_create(room, ++sent));
    while (answered < users) {
        struct epoll_event events[CONNECTIONS];
        int count = epoll_wait(loop, events, CONNECTIONS, 10000);
        if (count <= 0)
            die("no answer");
        for (int i = 0; i < count; i++) {
            fine += read_answer(events[i].data.fd, room, &len) == 200;
            answered++;
            if (sent < users)
                write_all(events[i].data.fd, room, put_create(room, ++sent));
        }
    }
    double seconds = (double)(clock_now_us() - began) / 1e6;
    cpu = cpu_of(sandbox->pid) - cpu;
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
           (double)users / stat_of(sandbox, "transactions"));
    if (fine != users)
        printf("%llu were refused\n", (unsigned long long)(users - fine));
    return good;
}

/* A number of GET /v1/sandbox/stats. */
static double stat_of(const struct sandbox *sandbox, const char *name)
{
    char room[ROOM], key[64];
    size_t len;
    int fd = connect_to(sandbox->port);
    write_all(fd, room, put_request(room, "GET", "/v1/sandbox/stats", ""));
    read_answer(fd, room, &len);
    close(fd);
    snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = strstr(room, key);
    return at ? atof(at + strlen(key)) : 0;
}

/* The id of a user. */
static void some_id(int fd, char to[64])
{
    char room[ROOM];
    size_t len;
    write_all(fd, room, put_request(room, "GET", "/v1/users?limit=1", ""));
    read_answer(fd, room, &len);
    const char *id = strstr(room, "\"id\":\"user_");
    if (!id)
        die("no user");
    snprintf(to, 64, "%.32s", id + 6);
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static bool bench_reads(const struct sandbox *sandbox)
{
    static int64_t times[READS];
    char room[ROOM], path[128], id[64];
    int fd = connect_to(sandbox->port), verifiers[VERIFIERS];
    size_t len;
    uint64_t verified = 0;
    some_id(fd, id);
    for (int i = 0; i < VERIFIERS; i++) {
        verifiers[i] = connect_to(sandbox->port);
        snprintf(path, sizeof(path), "/v1/users/%s/verify_password", id);
        write_all(verifiers[i], room,
                  put_request(room, "POST", path, "{\"password\":\"not this one\"}"));
        fcntl(verifiers[i], F_SETFL, O_NONBLOCK);
    }
    for (int i = 0; i < READS; i++) {
        snprintf(path, sizeof(path), "/v1/users/%s", id);
        size_t request = put_request(room, "GET", path, "");
        int64_t began = clock_now_us();
        write_all(fd, room, request);
        if (read_answer(fd, room, &len) != 200)
            die("GET failed");
        times[i] = clock_now_us() - began;
        usleep(5000);
        for (int v = 0; v < VERIFIERS; v++) {
            if (read(verifiers[v], room, ROOM) <= 0)
                continue;
            verified++;
            snprintf(path, sizeof(path), "/v1/users/%s/verify_password", id);
            write_all(verifiers[v], room,
                      put_request(room, "POST", path, "{\"password\":\"not this one\"}"));
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
    start(&sandbox);
    bool good = bench_creates(&sandbox, users);
    if (argc < 2 || strcmp(argv[1], "creates") != 0)
        good &= bench_reads(&sandbox);
    stop(&sandbox);
    return good ? 0 : 1;
}
