/*
 * offer: offers HTTP requests at a rate of its own, whether or not the server keeps up with it, and prints
 * what became of them as one line of JSON. A bench that sends the next request only when the last one has
 * been answered measures, at a server that is busy, how long its own requests stand in each other's way;
 * here a request's time runs from when it was due, as a person's does who does not wait for others.
 *
 *     offer PORT RATE SECONDS CONNECTIONS METHOD TARGET [BODY]
 *
 * BODY is a form; a # in it is replaced by the request's number, from 0. Gaps between requests are drawn evenly
 * from nothing to twice the mean, the same ones in each run. A request that is due while all connections are
 * busy waits for one. Answers must tell their length; a connection that the server closes is opened again.
 *
 * {"offered", "unanswered", "seconds" until the last answer, "overtaken": how many requests of a later number
 *  the one most overtaken saw answered with 200 before its own,
 *  "answers":{"200":{"count","p50_us","p99_us","max_us","retry_after": how many had one}, …}}
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

#define ANSWER_ROOM   65536
#define EVENTS        256
#define STATUSES      600
#define LINGER_US     INT64_C(30000000) /* for answers, once the last request has been offered */
#define WARM_REQUESTS 1                 /* over each connection, before anything is counted */

struct sample {
    int64_t us;
    uint32_t number;
    uint16_t status;
    bool retry_after;
};

struct line {
    int fd;
    bool busy;
    uint32_t number; /* of its request */
    int64_t due_us;
    size_t len, need;
    char answer[ANSWER_ROOM];
    struct line *next; /* among the free ones */
};

struct offer {
    uint16_t port;
    uint32_t count, connections, begun, ended, lost;
    const char *method, *target, *body;
    int epoll_fd;
    struct line *lines, *free;
    int64_t *due_us; /* of each request */
    struct sample *samples;
};

static void open_line(struct offer *offer, struct line *line)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
    line->fd = bench_connect(offer->port);
    fcntl(line->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(offer->epoll_fd, EPOLL_CTL_ADD, line->fd, &event) != 0)
        bench_die("epoll_ctl");
}

/* The body, a # in it being the number. */
static size_t put_body(const struct offer *offer, uint32_t number, char *to, size_t room)
{
    size_t len = 0;
    for (const char *at = offer->body; *at && len + 16 < room; at++)
        if (*at == '#')
            len += (size_t)snprintf(to + len, room - len, "%u", number);
        else
            to[len++] = *at;
    return len;
}

static void send_request(const struct offer *offer, struct line *line)
{
    char body[BENCH_ROOM / 2], request[BENCH_ROOM];
    size_t body_len = put_body(offer, line->number, body, sizeof(body));
    int head = snprintf(request, sizeof(request),
                        "%s %s HTTP/1.1\r\nHost: app.test\r\nOrigin: https://app.test\r\n",
                        offer->method, offer->target);
    if (body_len > 0)
        head += snprintf(
            request + head, sizeof(request) - (size_t)head,
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n", body_len);
    int len =
        snprintf(request + head, sizeof(request) - (size_t)head, "\r\n%.*s", (int)body_len, body);
    line->len = line->need = 0;
    line->busy = true;
    bench_write(line->fd, request, (size_t)(head + len));
}

static void begin_next(struct offer *offer)
{
    struct line *line = offer->free;
    offer->free = line->next;
    line->number = offer->begun++;
    line->due_us = offer->due_us[line->number];
    send_request(offer, line);
}

static void give_back(struct offer *offer, struct line *line)
{
    line->busy = false;
    line->next = offer->free;
    offer->free = line;
}

static void take_answer(struct offer *offer, struct line *line)
{
    line->answer[line->len] = 0;
    offer->samples[offer->ended++] =
        (struct sample){.us = clock_now_us() - line->due_us,
                        .number = line->number,
                        .status = (uint16_t)(atoi(line->answer + 9) % STATUSES),
                        .retry_after = strcasestr(line->answer, "\r\nretry-after:") != NULL};
    give_back(offer, line);
}

/* The connection has ended; what was going on over it is lost. */
static void reopen(struct offer *offer, struct line *line)
{
    close(line->fd);
    open_line(offer, line);
    if (line->busy) {
        offer->lost++;
        give_back(offer, line);
    }
}

static void find_end(struct line *line)
{
    const char *blank = strstr(line->answer, "\r\n\r\n");
    const char *length = blank ? strcasestr(line->answer, "content-length:") : NULL;
    if (length)
        line->need = (size_t)(blank - line->answer) + 4 + (size_t)atol(length + 15);
}

static void on_ready(struct offer *offer, struct line *line)
{
    ssize_t got = read(line->fd, line->answer + line->len, ANSWER_ROOM - 1 - line->len);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || !line->busy) {
        reopen(offer, line);
        return;
    }
    line->len += (size_t)got;
    line->answer[line->len] = 0;
    if (line->need == 0)
        find_end(line);
    if (line->need > 0 && line->len >= line->need)
        take_answer(offer, line);
}

/* Sleeps until something comes, at most until a time. */
static void wait_until(struct offer *offer, int64_t until_us)
{
    struct epoll_event events[EVENTS];
    int64_t us = until_us - clock_now_us();
    struct timespec left = {us > 0 ? us / 1000000 : 0, us > 0 ? us % 1000000 * 1000 : 0};
    int count = epoll_pwait2(offer->epoll_fd, events, EVENTS, &left, NULL);
    for (int i = 0; i < count; i++)
        on_ready(offer, events[i].data.ptr);
}

/* Opens the connections and sends something over each, so that both sides have them at hand. */
static void warm_up(struct offer *offer)
{
    const char *body = offer->body, *method = offer->method;
    offer->body = "";
    offer->method = "GET";
    for (uint32_t i = 0; i < offer->connections; i++) {
        struct line *line = &offer->lines[i];
        open_line(offer, line);
        for (int n = 0; n < WARM_REQUESTS; n++) {
            send_request(offer, line);
            while (offer->ended == 0)
                wait_until(offer, clock_now_us() + 1000000);
            offer->free = line->next;
            offer->ended = 0;
        }
    }
    for (uint32_t i = 0; i < offer->connections; i++)
        give_back(offer, &offer->lines[i]);
    offer->body = body;
    offer->method = method;
}

static void plan(struct offer *offer, double rate)
{
    uint64_t state = 88172645463325252; /* xorshift64 */
    double at = (double)clock_now_us();
    for (uint32_t i = 0; i < offer->count; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        offer->due_us[i] = (int64_t)at;
        at += (double)(state >> 11) / (double)(UINT64_C(1) << 53) * 2e6 / rate;
    }
}

static void run(struct offer *offer)
{
    int64_t last_us = offer->due_us[offer->count - 1] + LINGER_US;
    while (offer->ended + offer->lost < offer->count && clock_now_us() < last_us) {
        while (offer->free && offer->begun < offer->count &&
               offer->due_us[offer->begun] <= clock_now_us())
            begin_next(offer);
        bool idle = offer->begun < offer->count && offer->free;
        wait_until(offer, idle ? offer->due_us[offer->begun] : last_us);
    }
}

/* --- what became of them --- */

static int by_status_and_time(const void *a, const void *b)
{
    const struct sample *one = a, *two = b;
    if (one->status != two->status)
        return one->status < two->status ? -1 : 1;
    return one->us < two->us ? -1 : one->us > two->us;
}

static uint32_t overtaken(const struct offer *offer)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < offer->ended; i++) {
        uint32_t later = 0;
        for (uint32_t k = 0; k < i && offer->count < 20000; k++)
            later += offer->samples[k].status == 200 &&
                     offer->samples[k].number > offer->samples[i].number;
        if (offer->samples[i].status == 200 && later > most)
            most = later;
    }
    return most;
}

static void print_answers(struct sample *samples, uint32_t count)
{
    qsort(samples, count, sizeof(*samples), by_status_and_time);
    for (uint32_t i = 0, n, retry; i < count; i += n) {
        for (n = 0, retry = 0; i + n < count && samples[i + n].status == samples[i].status; n++)
            retry += samples[i + n].retry_after;
        printf("%s\"%u\":{\"count\":%u,\"p50_us\":%lld,\"p99_us\":%lld,\"max_us\":%lld,"
               "\"retry_after\":%u}",
               i > 0 ? "," : "", samples[i].status, n, (long long)samples[i + n / 2].us,
               (long long)samples[i + (uint32_t)((uint64_t)n * 99 / 100)].us,
               (long long)samples[i + n - 1].us, retry);
    }
}

static void print(struct offer *offer)
{
    printf("{\"offered\":%u,\"unanswered\":%u,\"seconds\":%.3f,\"overtaken\":%u,\"answers\":{",
           offer->count, offer->count - offer->ended,
           (double)(clock_now_us() - offer->due_us[0]) / 1e6, overtaken(offer));
    print_answers(offer->samples, offer->ended);
    printf("}}\n");
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fprintf(stderr, "usage: offer PORT RATE SECONDS CONNECTIONS METHOD TARGET [BODY]\n");
        return 2;
    }
    double rate = atof(argv[2]);
    struct offer offer = {.port = (uint16_t)atoi(argv[1]),
                          .count = (uint32_t)(rate * atof(argv[3])),
                          .connections = (uint32_t)atoi(argv[4]),
                          .method = argv[5],
                          .target = argv[6],
                          .body = argc > 7 ? argv[7] : "",
                          .epoll_fd = epoll_create1(0)};
    offer.lines = calloc(offer.connections, sizeof(*offer.lines));
    offer.due_us = calloc(offer.count + 1, sizeof(*offer.due_us));
    offer.samples = calloc(offer.count + 1, sizeof(*offer.samples));
    if (!offer.lines || !offer.due_us || !offer.samples || offer.count == 0)
        bench_die("nothing to offer");
    warm_up(&offer);
    plan(&offer, rate);
    run(&offer);
    print(&offer);
    return 0;
}
