/*
 * bench-token: session tokens a second, POST /v1/sessions/{id}/tokens over keep-alive connections, against what
 * `openssl speed` says that RSA-2048 signing costs on as many cores: in turns, the best of three each, as what
 * else runs on the machine takes from either.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

#define CONNECTIONS 64
#define ROUNDS      3
#define SECONDS     2
#define KEY         "sk_live_benchbenchbenchbenchbenchbench"
#define ROOM        16384
#define RATIO_MIN   0.90

static void die(const char *what)
{
    fprintf(stderr, "bench-token: %s: %s\n", what, strerror(errno));
    exit(1);
}

static pid_t start(uint16_t *port)
{
    char path[4096], line[4096];
    int out[2];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 16);
    if (len < 0 || pipe(out) != 0)
        die("pipe");
    path[len] = 0;
    for (int i = 0; i < 2; i++)
        *strrchr(path, '/') = 0;
    strcat(path, "/usher");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        execl(path, "usher", "sandbox", "--limits", "off", "--secret-key", KEY, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    len = read(out[0], line, sizeof(line) - 1);
    if (len <= 0)
        die("usher sandbox did not start");
    line[len] = 0;
    *port = (uint16_t)atoi(strrchr(strstr(line, "\"listen\""), ':') + 1);
    return pid;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        die("connect");
    return fd;
}

static void post(int fd, const char *path, const char *body)
{
    char request[1024];
    int len = snprintf(request, sizeof(request),
                       "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " KEY
                       "\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       path, strlen(body), body);
    if (write(fd, request, (size_t)len) != len)
        die("write");
}

/* One answer; they are small enough to come whole. Returns whether it is a 200. */
static bool answer(int fd, char to[ROOM])
{
    ssize_t len = read(fd, to, ROOM - 1);
    if (len <= 0)
        die("read");
    to[len] = 0;
    return strncmp(to, "HTTP/1.1 200", 12) == 0;
}

static void make_session(uint16_t port, char path[128])
{
    char text[ROOM], body[256];
    int fd = connect_to(port);
    post(fd, "/v1/users", "{\"username\":\"bench\",\"skip_password_requirement\":true}");
    if (!answer(fd, text))
        die("no user");
    snprintf(body, sizeof(body), "{\"user_id\":\"%.32s\"}", strstr(text, "user_"));
    post(fd, "/v1/sessions", body);
    if (!answer(fd, text))
        die("no session");
    snprintf(path, 128, "/v1/sessions/%.32s/tokens", strstr(text, "sess_"));
    close(fd);
}

/* Tokens a second over so many connections. */
static double mint(uint16_t port, const char *path)
{
    char text[ROOM];
    int fds[CONNECTIONS], loop = epoll_create1(0);
    struct epoll_event events[CONNECTIONS];
    uint64_t count = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = connect_to(port);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &event);
        post(fds[i], path, "{}");
    }
    int64_t began = clock_now_us(), now = began;
    while ((now = clock_now_us()) - began < SECONDS * 1000000) {
        int got = epoll_wait(loop, events, CONNECTIONS, 1000);
        for (int i = 0; i < got; i++) {
            if (!answer(events[i].data.fd, text) || !strstr(text, "\"jwt\":\"ey"))
                die("no token");
            count++;
            post(events[i].data.fd, path, "{}");
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
             "openssl speed -seconds %d -multi %ld rsa2048 2>/dev/null | grep '^rsa 2048'", SECONDS,
             sysconf(_SC_NPROCESSORS_ONLN));
    FILE *out = popen(command, "r");
    while (out && fgets(line, sizeof(line), out))
        if (sscanf(line, "rsa 2048 bits %*fs %*fs %lf %lf", &signs, &verifies) != 2)
            signs = 0;
    if (!out || pclose(out) != 0 || signs <= 0)
        die("openssl speed");
    return signs;
}

int main(void)
{
    char path[128];
    uint16_t port;
    double ours = 0, theirs = 0;
    pid_t pid = start(&port);
    make_session(port, path);
    for (int i = 0; i < ROUNDS; i++) {
        double rate = mint(port, path), signs = openssl();
        ours = rate > ours ? rate : ours;
        theirs = signs > theirs ? signs : theirs;
    }
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    printf(
        "tokens   %.0f session tokens/s; openssl speed signs %.0f/s on as many cores; ratio %.2f "
        "(at least %.2f)\n",
        ours, theirs, ours / theirs, RATIO_MIN);
    return ours / theirs >= RATIO_MIN ? 0 : 1;
}
