/*
 * What one request costs the client in CPU: src/target by hand and over libcurl, curl as its manual shows it
 * (curl_multi_perform and curl_multi_poll), and bare sockets that write a ready-made request and read until
 * the answer is whole. All against the same server process on the loopback, taking turns; medians of the
 * rounds.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/target.h"

#define ROUNDS     5
#define BODY_BYTES 450
#define ANSWER_LEN 1500

static char body[BODY_BYTES + 1];

/* --- the server: one thread, epoll, a fixed answer to each request --- */

static void serve_ready(int fd, const char *answer, size_t len)
{
    char in[65536];
    ssize_t got = recv(fd, in, sizeof(in), 0);
    if (got <= 0)
        close(fd);
    else if (send(fd, answer, len, MSG_NOSIGNAL) < 0)
        close(fd);
}

/* Every request here is smaller than one segment of the loopback, so a read is a request. */
static void serve(int listener)
{
    static char answer[ANSWER_LEN + 200];
    char filling[ANSWER_LEN + 1];
    memset(filling, 'x', ANSWER_LEN);
    filling[ANSWER_LEN] = 0;
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: "
                       "application/json\r\nContent-Length: %d\r\n\r\n%s",
                       ANSWER_LEN, filling);
    int epoll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[64];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, 64, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listener) {
                serve_ready(events[i].data.fd, answer, (size_t)len);
                continue;
            }
            int fd = accept(listener, NULL, NULL), one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            event.data.fd = fd;
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
        }
    }
}

static pid_t start_server(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 4096) != 0)
        exit(1);
    getsockname(fd, (struct sockaddr *)&at, &len);
    *port = ntohs(at.sin_port);
    pid_t pid = fork();
    if (pid == 0)
        serve(fd);
    close(fd);
    return pid;
}

/* --- the clients --- */

static void die(const char *what)
{
    fprintf(stderr, "bench-target: %s\n", what);
    exit(1);
}

static void count_answer(void *arg, const struct target_answer *answer)
{
    if (answer->status != 200 || answer->body.len != ANSWER_LEN)
        die("wrong answer");
    ++*(size_t *)arg;
}

static void run_ours(const char *url, size_t requests, uint32_t in_flight, bool through_curl)
{
    struct target *target;
    struct err err;
    size_t sent = 0, answered = 0;
    struct target_opts opts = {
        .api_url = url,
        .key = TEXT("sk_test_bench"),
        .in_flight_max = in_flight,
        .through_curl = through_curl,
    };
    struct target_request request = {"POST", TEXT("/v1/users"), text_of(body), count_answer,
                                     &answered};
    if (target_open(&target, &opts, &err) != 0)
        die(err.message);
    while (answered < requests) {
        for (; sent < requests && target_in_flight(target) < in_flight; sent++)
            if (target_send(target, &request, &err) != 0)
                die(err.message);
        if (target_wait(target, 1000000, &err) != 0)
            die(err.message);
    }
    target_close(target);
}

static void run_target(const char *url, size_t requests, uint32_t in_flight)
{
    run_ours(url, requests, in_flight, false);
}

static void run_target_curl(const char *url, size_t requests, uint32_t in_flight)
{
    run_ours(url, requests, in_flight, true);
}

static size_t swallow(char *at, size_t size, size_t count, void *arg)
{
    (void)at;
    *(size_t *)arg += size * count;
    return size * count;
}

static CURL *plain_easy(const char *url, struct curl_slist *headers, size_t *bytes)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, bytes);
    return easy;
}

static void run_curl(const char *base, size_t requests, uint32_t in_flight)
{
    char url[128];
    snprintf(url, sizeof(url), "%s/v1/users", base);
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer sk_test_bench");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    CURLM *multi = curl_multi_init();
    CURL **easies = calloc(in_flight, sizeof(*easies));
    size_t sent = 0, answered = 0, bytes = 0;
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)in_flight);
    for (; sent < in_flight && sent < requests; sent++) {
        easies[sent] = plain_easy(url, headers, &bytes);
        curl_multi_add_handle(multi, easies[sent]);
    }
    for (int running, left; answered < requests;) {
        curl_multi_perform(multi, &running);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            CURL *easy = message->easy_handle;
            answered++;
            curl_multi_remove_handle(multi, easy);
            if (sent < requests && ++sent)
                curl_multi_add_handle(multi, easy);
        }
        curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    if (bytes != requests * ANSWER_LEN)
        die("wrong answers");
    for (size_t i = 0; i < in_flight; i++)
        curl_easy_cleanup(easies[i]);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    free(easies);
}

static int connect_bare(const char *url)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    at.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        die("cannot connect");
    return fd;
}

static void run_bare(const char *url, size_t requests, uint32_t in_flight)
{
    char out[2048], in[65536];
    int len = snprintf(out, sizeof(out),
                       "POST /v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
                       "sk_test_bench\r\nContent-Type: application/json\r\nContent-Length: "
                       "%d\r\n\r\n%s",
                       BODY_BYTES, body);
    struct epoll_event events[64];
    int epoll_fd = epoll_create1(0);
    size_t sent = 0, answered = 0;
    int *fds = calloc(in_flight, sizeof(*fds));
    for (; sent < in_flight && sent < requests; sent++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[sent] = connect_bare(url)};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
        send(event.data.fd, out, (size_t)len, MSG_NOSIGNAL);
    }
    while (answered < requests) {
        int count = epoll_wait(epoll_fd, events, 64, 1000);
        for (int i = 0; i < count; i++) {
            if (recv(events[i].data.fd, in, sizeof(in), 0) <= ANSWER_LEN)
                die("wrong answer");
            answered++;
            if (sent < requests && ++sent)
                send(events[i].data.fd, out, (size_t)len, MSG_NOSIGNAL);
        }
    }
    for (size_t i = 0; i < in_flight; i++)
        close(fds[i]);
    free(fds);
    close(epoll_fd);
}

/* --- measuring --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *url, size_t requests, uint32_t in_flight)
{
    static void (*const clients[])(const char *url, size_t requests, uint32_t in_flight) = {
        run_target, run_target_curl, run_curl, run_bare};
    double cost[ARRAY_COUNT(clients)][ROUNDS], median[ARRAY_COUNT(clients)];
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
            int64_t before = clock_cpu_us();
            clients[i](url, requests, in_flight);
            cost[i][round] = (double)(clock_cpu_us() - before) / (double)requests;
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
        qsort(cost[i], ROUNDS, sizeof(double), by_value);
        median[i] = cost[i][ROUNDS / 2];
    }
    printf("request, %u in flight: %.1f us of CPU, %.2f x bare sockets (%.1f us)\n", in_flight,
           median[0], median[0] / median[3], median[3]);
    printf("  over libcurl: %.1f us, %.2f x curl_multi_poll (%.1f us)\n", median[1],
           median[1] / median[2], median[2]);
}

int main(int argc, char **argv)
{
    char url[64];
    uint16_t port;
    size_t requests = argc > 1 ? strtoul(argv[1], NULL, 10) : 6000;
    memset(body, 'x', BODY_BYTES);
    pid_t server = start_server(&port);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    measure(url, requests, 64);
    curl_global_cleanup();
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return 0;
}
