/*
 * bench-connections: what the local Clerk holds for connections that do nothing. Ten thousand are opened, each asks for a
 * user once and stays; then the memory of the sandbox is read, all of it; then each asks again, as one that was
 * dropped meanwhile would be no use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"

#define CONNECTIONS 10000
#define MEMORY_MAX  ((double)(100 << 20))
#define MIB         ((double)(1 << 20))

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
    bench_allow_files(CONNECTIONS + 100);
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
    bench_claim("10,000 idle connections", memory / MIB, "MiB in all", memory / MEMORY_MAX,
                "the 100 MiB allowed", good);
    printf("  %.1f KiB each; %.1f MiB without them\n", (memory - before) / CONNECTIONS / 1024,
           before / MIB);
    return good ? 0 : 1;
}
