/*
 * bench-connections: what the local Clerk holds for connections that do nothing. Ten thousand are opened, each asks for a
 * user once and stays; then the memory of the sandbox is read, all of it; then each asks again, as one that was
 * dropped meanwhile would be no use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"

#define CONNECTIONS 10000
#define MEMORY_MAX  ((double)(100 << 20))
#define MIB         ((double)(1 << 20))

static void allow_files(rlim_t files)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < files)
        bench_die("the limit of open files (ulimit -Hn) is too low for this bench");
    limit.rlim_cur = limit.rlim_cur > files ? limit.rlim_cur : files;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void create_user(int fd)
{
    char room[BENCH_ROOM];
    size_t got;
    bench_write(fd, room,
                bench_request(room, "POST", "/v1/users",
                              "{\"username\":\"bench\",\"skip_password_requirement\":true}"));
    if (bench_answer(fd, room, sizeof(room), &got) != 200)
        bench_die("no user");
}

static void ask(int fd, const char *path)
{
    char room[BENCH_ROOM];
    size_t got;
    bench_write(fd, room, bench_request(room, "GET", path, ""));
    if (bench_answer(fd, room, sizeof(room), &got) != 200)
        bench_die("GET was refused");
}

int main(void)
{
    static int fds[CONNECTIONS];
    struct sandbox sandbox;
    char id[64], path[96];
    allow_files(CONNECTIONS + 100);
    sandbox_start(&sandbox);
    int fd = bench_connect(sandbox.port);
    create_user(fd);
    close(fd);
    sandbox_some_id(&sandbox, id);
    snprintf(path, sizeof(path), "/v1/users/%s", id);
    double before = bench_memory(sandbox.pid);
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = bench_connect(sandbox.port);
        ask(fds[i], path);
    }
    double memory = bench_memory(sandbox.pid);
    for (int i = 0; i < CONNECTIONS; i++)
        ask(fds[i], path);
    sandbox_stop(&sandbox);
    bool good = memory < MEMORY_MAX;
    printf(
        "%d idle connections: %.1f MiB in all, %.2f x the 100 MiB allowed; %.1f KiB each, %.1f MiB "
        "without them%s\n",
        CONNECTIONS, memory / MIB, memory / MEMORY_MAX, (memory - before) / CONNECTIONS / 1024,
        before / MIB, good ? "" : "   MISSED");
    return good ? 0 : 1;
}
