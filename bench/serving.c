/*
 * bench-serving: GET /v1/users/{id} of five hundred users in turn over keep-alive connections, against a server of
 * libmicrohttpd's own making that answers with a constant body of the same length; taking turns; the median of the
 * rounds.
 */
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

#define CONNECTIONS   64
#define ROUNDS        11
#define GETS          5000
#define GET_RATIO_MIN 0.60
#define PAGE          500
#define PAGE_ROOM     (2u << 20)
#define REQUEST_ROOM  512
#define THREADS       2 /* of HTTP, as in the sandbox */

/* --- a server that does nothing else --- */

static enum MHD_Result answer_constant(void *body, struct MHD_Connection *connection,
                                       const char *url, const char *method, const char *version,
                                       const char *data, size_t *len, void **context)
{
    (void)url;
    (void)method;
    (void)version;
    (void)data;
    (void)len;
    if (!*context) {
        *context = body;
        return MHD_YES;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static pid_t constant_start(size_t len, uint16_t *port)
{
    int out[2];
    if (pipe(out) != 0)
        bench_die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        char *body = malloc(len + 1);
        memset(body, 'x', len);
        body[len] = 0;
        struct MHD_Daemon *daemon = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO, 0, NULL, NULL, answer_constant, body,
            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_END);
        const union MHD_DaemonInfo *info =
            daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
        if (!info || write(out[1], &info->port, sizeof(info->port)) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(out[1]);
    if (read(out[0], port, sizeof(*port)) != sizeof(*port))
        bench_die("the constant server did not start");
    close(out[0]);
    return pid;
}

/* --- get --- */

/* What a server does: requests a second, and its CPU for each in microseconds. */
struct pace {
    double rate, cpu_us;
};

/* One of the requests for a user each, all of the same length. */
struct requests {
    char at[PAGE][REQUEST_ROOM];
    size_t count, len;
};

static void send_next(int fd, const struct requests *requests, size_t number)
{
    bench_write(fd, requests->at[number % requests->count], requests->len);
}

static struct pace pace_of(pid_t pid, uint16_t port, const struct requests *requests, size_t count)
{
    int fds[CONNECTIONS], loop = epoll_create1(EPOLL_CLOEXEC);
    static char room[BENCH_ROOM];
    size_t sent = 0, answered = 0, got;
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = bench_connect(port);
        epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){EPOLLIN, {.fd = fds[i]}});
    }
    double cpu = bench_cpu(pid);
    int64_t began = clock_now_us();
    for (int i = 0; i < CONNECTIONS; i++)
        send_next(fds[i], requests, sent++);
    while (answered < count) {
        struct epoll_event events[CONNECTIONS];
        int ready = epoll_wait(loop, events, CONNECTIONS, 10000);
        if (ready <= 0)
            bench_die("no answer");
        for (int i = 0; i < ready; i++, answered++) {
            if (bench_answer(events[i].data.fd, room, sizeof(room), &got) != 200)
                bench_die("GET was refused");
            if (sent < count)
                send_next(events[i].data.fd, requests, sent++);
        }
    }
    double seconds = (double)(clock_now_us() - began) / 1e6;
    cpu = bench_cpu(pid) - cpu;
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    close(loop);
    return (struct pace){(double)count / seconds, cpu / (double)count * 1e6};
}

static size_t body_length(const struct sandbox *sandbox, const struct requests *requests)
{
    char room[BENCH_ROOM];
    size_t got;
    int fd = bench_connect(sandbox->port);
    send_next(fd, requests, 0);
    if (bench_answer(fd, room, sizeof(room), &got) != 200)
        bench_die("GET was refused");
    close(fd);
    return got - (size_t)(strstr(room, "\r\n\r\n") + 4 - room);
}

/* A request for each user of the first page. */
static void make_requests(const struct sandbox *sandbox, struct requests *requests)
{
    static char page[PAGE_ROOM];
    char request[BENCH_ROOM], path[128];
    size_t got;
    int fd = bench_connect(sandbox->port);
    snprintf(path, sizeof(path), "/v1/users?limit=%d", PAGE);
    bench_write(fd, request, bench_request(request, "GET", path, ""));
    if (bench_answer(fd, page, sizeof(page), &got) != 200)
        bench_die("a page was refused");
    close(fd);
    requests->count = 0;
    for (const char *at = page; (at = strstr(at, "{\"id\":\"user_")); at++) {
        snprintf(path, sizeof(path), "/v1/users/%.32s", at + 7);
        requests->len = bench_request(request, "GET", path, "");
        memcpy(requests->at[requests->count++], request, requests->len);
    }
}

static bool bench_get(const struct sandbox *sandbox, size_t count)
{
    static struct requests requests;
    double ours[ROUNDS], ratios[ROUNDS], cpu = 0, constant_cpu = 0;
    char against[80];
    uint16_t port;
    make_requests(sandbox, &requests);
    size_t body = body_length(sandbox, &requests);
    pid_t pid = constant_start(body, &port);
    for (int i = 0; i < ROUNDS; i++) {
        struct pace sandboxes = pace_of(sandbox->pid, sandbox->port, &requests, count);
        struct pace constant = pace_of(pid, port, &requests, count);
        ours[i] = sandboxes.rate;
        ratios[i] = sandboxes.rate / constant.rate;
        cpu += sandboxes.cpu_us / ROUNDS;
        constant_cpu += constant.cpu_us / ROUNDS;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    double ratio = bench_median(ratios, ROUNDS);
    bool good = ratio >= GET_RATIO_MIN;
    snprintf(against, sizeof(against), "libmicrohttpd with a constant body; %.2f is asked",
             GET_RATIO_MIN);
    bench_claim("GET of a user by id", bench_median(ours, ROUNDS), "requests/s", ratio, against,
                good);
    printf("  %zu bytes; CPU of the server %.1f us a request, libmicrohttpd's %.1f us\n", body, cpu,
           constant_cpu);
    return good;
}

/* --- the users --- */

static void create_users(const struct sandbox *sandbox, size_t users)
{
    char room[BENCH_ROOM], body[256];
    int fds[CONNECTIONS];
    size_t got;
    for (int i = 0; i < CONNECTIONS; i++)
        fds[i] = bench_connect(sandbox->port);
    for (size_t at = 0; at < users; at += CONNECTIONS) {
        for (size_t i = 0; i < CONNECTIONS; i++) {
            snprintf(body, sizeof(body),
                     "{\"external_id\":\"u%zu\",\"email_address\":[\"u%zu@example.com\"],"
                     "\"skip_password_requirement\":true}",
                     at + i, at + i);
            bench_write(fds[i], room, bench_request(room, "POST", "/v1/users", body));
        }
        for (size_t i = 0; i < CONNECTIONS; i++)
            if (bench_answer(fds[i], room, sizeof(room), &got) != 200)
                bench_die("a user was refused");
    }
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
}

int main(void)
{
    struct sandbox sandbox;
    const char *quick = getenv("QUICK");
    bool small = quick && *quick && *quick != '0';
    size_t users = CONNECTIONS * (small ? 100 : 1000);
    sandbox_start(&sandbox);
    create_users(&sandbox, users);
    bool good = bench_get(&sandbox, small ? GETS / 5 : GETS);
    sandbox_stop(&sandbox);
    return good ? 0 : 1;
}
