#include "client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void bench_die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void usher_path(char *to, size_t room)
{
    ssize_t len = readlink("/proc/self/exe", to, room - 16);
    if (len < 0)
        bench_die("readlink");
    to[len] = 0;
    for (int i = 0; i < 2; i++)
        *strrchr(to, '/') = 0;
    strcat(to, "/usher");
}

void sandbox_start(struct sandbox *sandbox)
{
    snprintf(sandbox->data, sizeof(sandbox->data), "bench-sandbox-%d.db", (int)getpid());
    sandbox_resume(sandbox);
}

void sandbox_resume(struct sandbox *sandbox)
{
    char path[4096], line[4096];
    int out[2];
    usher_path(path, sizeof(path));
    if (pipe(out) != 0)
        bench_die("pipe");
    sandbox->pid = fork();
    if (sandbox->pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        execl(path, "usher", "sandbox", "--data", sandbox->data, "--limits", "off", "--secret-key",
              BENCH_KEY, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    ssize_t len = read(out[0], line, sizeof(line) - 1);
    close(out[0]);
    if (len <= 0)
        bench_die("usher sandbox did not start");
    line[len] = 0;
    const char *listen = strstr(line, "\"listen\":\"127.0.0.1:");
    sandbox->port = listen ? (uint16_t)atoi(listen + strlen("\"listen\":\"127.0.0.1:")) : 0;
}

void sandbox_halt(struct sandbox *sandbox)
{
    if (sandbox->pid == 0)
        return;
    kill(sandbox->pid, SIGTERM);
    waitpid(sandbox->pid, NULL, 0);
    sandbox->pid = 0;
}

void bench_remove(const char *database)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[128];
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        snprintf(path, sizeof(path), "%s%s", database, ends[i]);
        unlink(path);
    }
}

void sandbox_stop(struct sandbox *sandbox)
{
    sandbox_halt(sandbox);
    bench_remove(sandbox->data);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_cpu(pid_t pid)
{
    struct timespec used = {0, 0};
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static double status_kib(pid_t pid, const char *name)
{
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = atof(line + strlen(name));
    if (file)
        fclose(file);
    return kib;
}

double bench_memory(pid_t pid)
{
    return status_kib(pid, "VmRSS:") * 1024;
}

double bench_memory_peak(pid_t pid)
{
    return status_kib(pid, "VmHWM:") * 1024;
}

void bench_claim(const char *what, double value, const char *unit, double ratio,
                 const char *against, bool fine)
{
    printf("%-34s %12.*f %-14s %6.2f x %s%s\n", what, value < 100 ? 1 : 0, value, unit, ratio,
           against, fine ? "" : "   MISSED");
    fflush(stdout);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return values[count / 2];
}

void bench_allow_files(size_t files)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < files)
        bench_die("the limit of open files (ulimit -Hn) is too low for this bench");
    if (limit.rlim_cur < files)
        limit.rlim_cur = files;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int bench_connect(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        bench_die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

size_t bench_request(char *to, const char *method, const char *path, const char *body)
{
    return (size_t)snprintf(to, BENCH_ROOM,
                            "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " BENCH_KEY
                            "\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                            method, path, strlen(body), body);
}

int bench_answer(int fd, char *to, size_t room, size_t *len)
{
    size_t need = 0;
    *len = 0;
    while (need == 0 || *len < need) {
        ssize_t got = read(fd, to + *len, room - 1 - *len);
        if (got <= 0)
            bench_die("connection lost");
        *len += (size_t)got;
        to[*len] = 0;
        const char *blank = strstr(to, "\r\n\r\n"), *length = strcasestr(to, "content-length:");
        if (blank && length && need == 0)
            need = (size_t)(blank - to) + 4 + (size_t)atol(length + 15);
    }
    return atoi(to + 9);
}

void bench_write(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, at, len);
        if (done <= 0)
            bench_die("write");
        at += done;
        len -= (size_t)done;
    }
}

double sandbox_stat(const struct sandbox *sandbox, const char *name)
{
    char room[BENCH_ROOM], key[64];
    size_t len;
    int fd = bench_connect(sandbox->port);
    bench_write(fd, room, bench_request(room, "GET", "/v1/sandbox/stats", ""));
    bench_answer(fd, room, sizeof(room), &len);
    close(fd);
    snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = strstr(room, key);
    return at ? atof(at + strlen(key)) : 0;
}

void sandbox_some_id(const struct sandbox *sandbox, char to[64])
{
    char room[BENCH_ROOM];
    size_t len;
    int fd = bench_connect(sandbox->port);
    bench_write(fd, room, bench_request(room, "GET", "/v1/users?limit=1", ""));
    bench_answer(fd, room, sizeof(room), &len);
    const char *id = strstr(room, "\"id\":\"user_");
    if (!id)
        bench_die("no user");
    snprintf(to, 64, "%.32s", id + 6);
    close(fd);
}
