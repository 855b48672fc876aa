/*
 * bench-token: session tokens a second, POST /v1/sessions/{id}/tokens over keep-alive connections, against what
 * `openssl speed` says that RSA-2048 signing costs on as many cores. In turns; the median of the rounds' ratios, as
 * what else runs on the machine takes from either.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client.h"

#define CONNECTIONS 64
#define ROUNDS      5
#define SECONDS     2
#define RATIO_MIN   0.90

static void post(const struct sandbox *sandbox, const char *path, const char *body,
                 char answer[BENCH_ROOM])
{
    char request[BENCH_ROOM];
    size_t got;
    int fd = bench_connect(sandbox->port);
    bench_write(fd, request, bench_request(request, "POST", path, body));
    if (bench_answer(fd, answer, BENCH_ROOM, &got) != 200)
        bench_die(path);
    close(fd);
}

/*
 * A user, a session with a first token, so that the key is there, and the request for another one; returns the
 * request's length.
 */
static size_t make_session(const struct sandbox *sandbox, char request[BENCH_ROOM])
{
    char answer[BENCH_ROOM], body[128], path[128];
    post(sandbox, "/v1/users", "{\"username\":\"bench\",\"skip_password_requirement\":true}",
         answer);
    snprintf(body, sizeof(body), "{\"user_id\":\"%.32s\"}", strstr(answer, "user_"));
    post(sandbox, "/v1/sessions", body, answer);
    snprintf(path, sizeof(path), "/v1/sessions/%.32s/tokens", strstr(answer, "sess_"));
    post(sandbox, path, "{}", answer);
    return bench_request(request, "POST", path, "{}");
}

/* Tokens a second over all connections. */
static double mint(const struct sandbox *sandbox, const char *request, size_t len)
{
    static char answer[BENCH_ROOM];
    int fds[CONNECTIONS], loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[CONNECTIONS];
    size_t got;
    uint64_t count = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = bench_connect(sandbox->port);
        epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){EPOLLIN, {.fd = fds[i]}});
        bench_write(fds[i], request, len);
    }
    int64_t began = clock_now_us(), now = began;
    while ((now = clock_now_us()) - began < SECONDS * 1000000) {
        int ready = epoll_wait(loop, events, CONNECTIONS, 1000);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (bench_answer(fd, answer, sizeof(answer), &got) != 200 ||
                !strstr(answer, "\"jwt\":\"ey"))
                bench_die("no token");
            count++;
            bench_write(fd, request, len);
        }
    }
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    close(loop);
    return (double)count * 1e6 / (double)(now - began);
}

/* Signatures a second that openssl makes on all cores. */
static double openssl(void)
{
    char command[160], line[512];
    double verifies, signs = 0;
    snprintf(command, sizeof(command),
             "openssl speed -elapsed -seconds %d -multi %ld rsa2048 2>/dev/null | grep '^rsa 2048'",
             SECONDS, sysconf(_SC_NPROCESSORS_ONLN));
    FILE *out = popen(command, "r");
    while (out && fgets(line, sizeof(line), out))
        if (sscanf(line, "rsa 2048 bits %*fs %*fs %lf %lf", &signs, &verifies) != 2)
            signs = 0;
    if (!out || pclose(out) != 0 || signs <= 0)
        bench_die("openssl speed");
    return signs;
}

int main(void)
{
    struct sandbox sandbox;
    char request[BENCH_ROOM], against[96];
    double rates[ROUNDS], signs[ROUNDS], ratios[ROUNDS];
    const char *quick = getenv("QUICK");
    size_t rounds = quick && *quick && *quick != '0' ? 1 : ROUNDS;
    sandbox_start(&sandbox);
    size_t len = make_session(&sandbox, request);
    for (size_t i = 0; i < rounds; i++) {
        rates[i] = mint(&sandbox, request, len);
        signs[i] = openssl();
        ratios[i] = rates[i] / signs[i];
    }
    sandbox_stop(&sandbox);
    double ratio = bench_median(ratios, rounds);
    bool good = ratio >= RATIO_MIN;
    snprintf(against, sizeof(against), "the %.0f/s that openssl speed signs; %.2f is asked",
             bench_median(signs, rounds), RATIO_MIN);
    bench_claim("session tokens", bench_median(rates, rounds), "tokens/s", ratio, against, good);
    return good ? 0 : 1;
}
