/* Opening, the epoll set, and the loop that waits on it. Requests themselves travel by a carrier. */
#include "target/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define IN_FLIGHT_DEFAULT  1024
#define FILES_SPARE        64
#define TIMEOUT_DEFAULT_MS 30000
#define ANSWER_DEFAULT_MAX ((size_t)1 << 20)
#define PATH_MAX_BYTES     ((size_t)64 << 10)
#define BODY_MAX_BYTES     ((size_t)16 << 20)
#define KEY_MAX_BYTES      512
#define HEADERS_MAX        ((size_t)2048)
#define EVENTS_AT_ONCE     128
/* info.version of the Backend API's OpenAPI file that Usher is written against. */
#define API_VERSION "2026-05-12"

/* --- opening and closing --- */

static bool key_fits_header(struct text key)
{
    if (key.len == 0 || key.len > KEY_MAX_BYTES)
        return false;
    for (size_t i = 0; i < key.len; i++)
        if (key.at[i] <= ' ' || key.at[i] > '~')
            return false;
    return true;
}

static int make_headers(struct target *target, struct text key, struct err *err)
{
    if (!key_fits_header(key))
        return err_set(
            err, ERR_USAGE,
            "CLERK_SECRET_KEY is empty, too long, or holds spaces or control characters");
    buf_printf(&target->headers,
               "Authorization: Bearer %.*s\r\nClerk-API-Version: " API_VERSION
               "\r\nUser-Agent: usher/" USHER_VERSION "\r\n",
               TEXT_ARG(key));
    return buf_ok(&target->headers) ? 0 : err_memory(err);
}

/* As many requests as there may be sockets for, at most `wanted`. */
static uint32_t files_for(uint32_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    rlim_t need = (rlim_t)wanted + FILES_SPARE, room = limit.rlim_cur;
    if (room < need && room < limit.rlim_max) {
        limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
            room = limit.rlim_cur;
    }
    if (room >= need)
        return wanted;
    return room > FILES_SPARE ? (uint32_t)(room - FILES_SPARE) : 1;
}

static int make_epoll(struct target *target, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = target};
    target->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    target->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (target->epoll_fd < 0 || target->wake_fd < 0 ||
        epoll_ctl(target->epoll_fd, EPOLL_CTL_ADD, target->wake_fd, &event) != 0)
        return err_set(err, ERR_IO, "cannot wait for the network: %s", strerror(errno));
    return 0;
}

static int fill(struct target *target, const struct target_opts *opts, struct err *err)
{
    if (target_check_url(opts->api_url, &target->base, &target->host, err) != 0)
        return -1;
    target->plain = strncmp(target->base, "http:", 5) == 0;
    target->timeout_ms = opts->timeout_ms > 0 ? opts->timeout_ms : TIMEOUT_DEFAULT_MS;
    target->answer_max = opts->answer_max > 0 ? opts->answer_max : ANSWER_DEFAULT_MAX;
    target->in_flight_max =
        files_for(opts->in_flight_max > 0 ? opts->in_flight_max : IN_FLIGHT_DEFAULT);
    if (make_headers(target, opts->key, err) != 0 || make_epoll(target, err) != 0)
        return -1;
    target->ops = target->plain && !opts->through_curl ? &carrier_wire : &carrier_curl;
    return target->ops->open(target, err);
}

int target_open(struct target **to, const struct target_opts *opts, struct err *err)
{
    *to = NULL;
    struct target *target = calloc(1, sizeof(*target));
    if (!target)
        return err_memory(err);
    target->epoll_fd = target->wake_fd = -1;
    buf_init(&target->headers, HEADERS_MAX);
    if (fill(target, opts, err) != 0) {
        target_close(target);
        return -1;
    }
    *to = target;
    return 0;
}

void target_close(struct target *target)
{
    if (!target)
        return;
    if (target->ops)
        target->ops->close(target);
    if (target->epoll_fd >= 0)
        close(target->epoll_fd);
    if (target->wake_fd >= 0)
        close(target->wake_fd);
    buf_release(&target->headers);
    free(target->base);
    free(target->host);
    free(target);
}

uint32_t target_in_flight(const struct target *target)
{
    return target->in_flight;
}

uint32_t target_in_flight_max(const struct target *target)
{
    return target->in_flight_max;
}

/* --- sending and waiting --- */

int target_send(struct target *target, const struct target_request *request, struct err *err)
{
    if (target->in_flight >= target->in_flight_max)
        return err_set(err, ERR_MEMORY, "already %u requests in flight", target->in_flight);
    if (request->path.len > PATH_MAX_BYTES || request->body.len > BODY_MAX_BYTES)
        return err_set(err, ERR_MEMORY, "a request longer than %zu bytes", BODY_MAX_BYTES);
    if (target->ops->send(target, request, err) != 0)
        return -1;
    target->in_flight++;
    return 0;
}

void target_done(struct target *target, const struct target_request *request,
                 const struct target_answer *answer)
{
    target->in_flight--;
    request->done(request->arg, answer);
}

/* Waits for sockets at most us and lets the carrier act; *woken: by target_wake or a signal. */
static int poll_sockets(struct target *target, int64_t us, bool *woken, struct err *err)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    struct timespec wait = {us / 1000000, us % 1000000 * 1000};
    int count = epoll_pwait2(target->epoll_fd, events, EVENTS_AT_ONCE, &wait, NULL);
    if (count < 0 && errno == EINTR)
        *woken = true;
    else if (count < 0)
        return err_set(err, ERR_IO, "cannot wait for the network: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        uint64_t times;
        if (events[i].data.ptr == target)
            *woken = read(target->wake_fd, &times, sizeof(times)) > 0 || *woken;
        else
            target->ops->ready(target, &events[i]);
    }
    return 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int target_wait(struct target *target, int64_t wait_us, struct err *err)
{
    int64_t now = clock_now_us(), deadline = wait_us > INT64_MAX - now ? INT64_MAX : now + wait_us;
    size_t delivered = 0;
    bool woken = false;
    do {
        if (target->ops->due(target) <= now)
            target->ops->tick(target, now);
        delivered += target->ops->deliver(target);
        now = clock_now_us();
        int64_t wait = least(deadline, target->ops->due(target)) - now;
        if (delivered > 0 || wait < 0)
            wait = 0;
        if (poll_sockets(target, wait, &woken, err) != 0)
            return -1;
        delivered += target->ops->deliver(target);
        now = clock_now_us();
    } while (delivered == 0 && !woken && now < deadline);
    return 0;
}

void target_wake(struct target *target)
{
    int before = errno;
    uint64_t one = 1;
    ssize_t written = write(target->wake_fd, &one, sizeof(one));
    (void)written; /* a full counter wakes as well */
    errno = before;
}
