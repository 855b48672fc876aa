/* Opening, and the loop that waits. Requests themselves travel by a carrier. */
#include "target/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define IN_FLIGHT_DEFAULT  1024
#define FILES_SPARE        64
#define TIMEOUT_DEFAULT_MS 30000
#define ANSWER_DEFAULT_MAX ((size_t)1 << 20)
#define PATH_MAX_BYTES     ((size_t)64 << 10)
#define BODY_MAX_BYTES     ((size_t)16 << 20)
#define KEY_MAX_BYTES      512
#define HEADERS_MAX        ((size_t)2048)
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

static int fill(struct target *target, const struct target_opts *opts, struct err *err)
{
    if (target_check_url(opts->api_url, &target->base, &target->host, err) != 0)
        return -1;
    target->plain = strncmp(target->base, "http:", 5) == 0;
    target->timeout_ms = opts->timeout_ms > 0 ? opts->timeout_ms : TIMEOUT_DEFAULT_MS;
    target->answer_max = opts->answer_max > 0 ? opts->answer_max : ANSWER_DEFAULT_MAX;
    target->in_flight_max =
        files_for(opts->in_flight_max > 0 ? opts->in_flight_max : IN_FLIGHT_DEFAULT);
    if (make_headers(target, opts->key, err) != 0 || loop_open(&target->loop, err) != 0)
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
    loop_stop(target->loop);
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
    target->delivered++;
    request->done(request->arg, answer);
}

int target_wait(struct target *target, int64_t wait_us, struct err *err)
{
    int64_t now = clock_now_us(), deadline = wait_us > INT64_MAX - now ? INT64_MAX : now + wait_us;
    int woken;
    target->delivered = 0;
    do {
        woken = loop_turn(target->loop, deadline);
        if (woken < 0)
            return err_set(err, ERR_IO, "cannot wait for the network: %s", strerror(errno));
    } while (target->delivered == 0 && !woken && clock_now_us() < deadline);
    return 0;
}

void target_wake(struct target *target)
{
    int before = errno;
    loop_wake(target->loop);
    errno = before;
}
