/*
 * curl's multi interface driven by sockets (curl_multi_socket_action) on an epoll set of our own: a
 * wake-up costs what became ready, where curl_multi_poll and curl_multi_perform touch every transfer in
 * flight, with a system call each. While answers are always ready, both cost about the same (bench-target).
 *
 * Easy handles are made once and used again; what is the same for every request is set once. Only what
 * differs from the handle's last request is set again.
 */
#include "target/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define IN_FLIGHT_DEFAULT  1024
#define FILES_SPARE        64
#define TIMEOUT_DEFAULT_MS 30000
#define CONNECT_TIMEOUT_MS 10000L
#define ANSWER_DEFAULT_MAX ((size_t)1 << 20)
#define ANSWER_KEPT_MAX    ((size_t)64 << 10) /* a buffer that grew beyond goes after its answer */
#define PATH_MAX_BYTES     ((size_t)64 << 10)
#define BODY_MAX_BYTES     ((size_t)16 << 20)
#define KEY_MAX_BYTES      512
#define EVENTS_AT_ONCE     128
/* info.version of the Backend API's OpenAPI file that Usher is written against. */
#define API_VERSION "2026-05-12"

struct target {
    CURLM *multi;
    int epoll_fd, wake_fd;
    int64_t timer_at; /* when curl wants to be called, INT64_MAX: not */
    char *base, *host;
    struct curl_slist *headers, *headers_body;
    bool plain;
    int64_t timeout_ms;
    size_t answer_max;
    uint32_t in_flight, in_flight_max;
    struct target_call **calls; /* all of them */
    size_t call_count;
    struct target_call *free;
    uint8_t *watch; /* by socket: how it is watched */
    size_t watch_count;
};

/* --- what curl calls --- */

/*
 * Between two requests on a connection curl stops watching its socket and starts again. Here it stays in
 * the epoll set, marked idle, which saves two system calls a request; only what stirs while idle (the
 * server hangs up) is taken out. A closed socket leaves the set by itself.
 */
enum { WATCH_IN = 1, WATCH_OUT = 2, WATCH_IDLE = 4 };

/* The state of a socket, 0: not in the set. NULL when memory is out. */
static uint8_t *watch_of(struct target *target, curl_socket_t fd)
{
    if ((size_t)fd >= target->watch_count) {
        size_t count = ((size_t)fd + 1) * 2;
        uint8_t *watch = realloc(target->watch, count);
        if (!watch)
            return NULL;
        memset(watch + target->watch_count, 0, count - target->watch_count);
        target->watch = watch;
        target->watch_count = count;
    }
    return &target->watch[fd];
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct target *target = arg;
    struct epoll_event event = {.data.fd = fd};
    uint8_t *watch = watch_of(target, fd);
    uint8_t wanted = (what & CURL_POLL_IN ? WATCH_IN : 0) | (what & CURL_POLL_OUT ? WATCH_OUT : 0);
    (void)easy;
    (void)known;
    if (!watch)
        return -1;
    if (what == CURL_POLL_REMOVE) {
        *watch |= WATCH_IDLE;
        return 0;
    }
    if ((*watch & (WATCH_IN | WATCH_OUT)) == wanted) {
        *watch = wanted;
        return 0;
    }
    event.events = (wanted & WATCH_IN ? EPOLLIN : 0u) | (wanted & WATCH_OUT ? EPOLLOUT : 0u);
    int how = *watch & (WATCH_IN | WATCH_OUT) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    *watch = wanted;
    return epoll_ctl(target->epoll_fd, how, fd, &event);
}

static int on_close(void *arg, curl_socket_t fd)
{
    struct target *target = arg;
    if ((size_t)fd < target->watch_count)
        target->watch[fd] = 0;
    return close(fd);
}

/* Whether an event is about a socket that curl does not watch now; it then leaves the set. */
static bool was_idle(struct target *target, int fd)
{
    if (!(target->watch[fd] & WATCH_IDLE))
        return false;
    epoll_ctl(target->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    target->watch[fd] = 0;
    return true;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct target *target = arg;
    (void)multi;
    target->timer_at = timeout_ms < 0 ? INT64_MAX : clock_now_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

static size_t on_body(char *at, size_t size, size_t count, void *arg)
{
    struct target_call *call = arg;
    buf_add(&call->answer, (struct text){at, size * count});
    call->too_long = !buf_ok(&call->answer);
    return call->too_long ? 0 : size * count;
}

/* --- calls --- */

static void call_free(struct target_call *call)
{
    if (!call)
        return;
    curl_easy_cleanup(call->easy);
    curl_url_cleanup(call->parsed);
    buf_release(&call->url);
    buf_release(&call->body);
    buf_release(&call->answer);
    free(call);
}

/* Options of the connection: its protocol, time limits and sizes. */
static void set_connection(struct target *target, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)target->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    if (target->plain) {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");    /* loopback */
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"); /* or getenv is asked every time */
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* rather one connection than a thousand */
    }
}

static struct target_call *call_new(struct target *target)
{
    struct target_call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->target = target;
    buf_init(&call->url, strlen(target->base) + PATH_MAX_BYTES + 1);
    buf_init(&call->body, BODY_MAX_BYTES);
    buf_init(&call->answer, target->answer_max);
    CURL *easy = call->easy = curl_easy_init();
    call->parsed = curl_url();
    if (!easy || !call->parsed) {
        call_free(call);
        return NULL;
    }
    set_connection(target, easy);
    /* A CURLOPT_URL would be parsed anew for each request: a sixth of all that curl does. */
    curl_easy_setopt(easy, CURLOPT_CURLU, call->parsed);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, target);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, target->headers);
    return call;
}

/* One from the free list, or a new one. */
static struct target_call *call_take(struct target *target)
{
    struct target_call *call = target->free;
    if (call) {
        target->free = call->next;
        return call;
    }
    /* One more than may be in flight: done may send while its own call is not free yet. */
    if (target->call_count > target->in_flight_max)
        return NULL;
    call = call_new(target);
    if (call)
        target->calls[target->call_count++] = call;
    return call;
}

static void call_give_back(struct target *target, struct target_call *call)
{
    if (call->answer.room > ANSWER_KEPT_MAX)
        buf_release(&call->answer);
    call->next = target->free;
    target->free = call;
}

static void set_method(struct target_call *call, const char *method, bool has_body)
{
    if (strcmp(call->method, method) == 0 && call->has_body == has_body)
        return;
    bool post = strcmp(method, "POST") == 0;
    snprintf(call->method, sizeof(call->method), "%s", method);
    call->has_body = has_body;
    curl_easy_setopt(call->easy, post || has_body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST,
                     post || strcmp(method, "GET") == 0 ? NULL : method);
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER,
                     has_body ? call->target->headers_body : call->target->headers);
}

static bool set_url(struct target_call *call, struct text path)
{
    struct text base = text_of(call->target->base), now = buf_text(&call->url);
    if (now.len == base.len + path.len + 1 && text_same(text_part(now, base.len, path.len), path))
        return true;
    buf_reset(&call->url);
    buf_add(&call->url, base);
    buf_add(&call->url, path);
    buf_byte(&call->url, 0);
    return buf_ok(&call->url) &&
           curl_url_set(call->parsed, CURLUPART_URL, call->url.at, 0) == CURLUE_OK;
}

static bool set_body(struct target_call *call, struct text body)
{
    buf_reset(&call->body);
    buf_add(&call->body, body);
    buf_byte(&call->body, 0); /* so that there is an address even without bytes */
    if (!buf_ok(&call->body))
        return false;
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body.at);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    return true;
}

static bool call_fill(struct target_call *call, const struct target_request *request)
{
    bool has_body = request->body.at != NULL;
    if (has_body || strcmp(request->method, "POST") == 0) {
        if (!set_body(call, request->body))
            return false;
    }
    set_method(call, request->method, has_body);
    buf_reset(&call->answer);
    call->too_long = false;
    call->error[0] = 0;
    call->done = request->done;
    call->arg = request->arg;
    return set_url(call, request->path);
}

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

static bool add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static int make_headers(struct target *target, struct text key, struct err *err)
{
    char line[KEY_MAX_BYTES + 32];
    if (!key_fits_header(key))
        return err_set(
            err, ERR_USAGE,
            "CLERK_SECRET_KEY is empty, too long, or holds spaces or control characters");
    snprintf(line, sizeof(line), "Authorization: Bearer %.*s", TEXT_ARG(key));
    bool ok = true;
    struct curl_slist **lists[] = {&target->headers, &target->headers_body};
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
        ok = ok && add_header(lists[i], line);
        ok = ok && add_header(lists[i], "Clerk-API-Version: " API_VERSION);
        ok = ok && add_header(lists[i], "User-Agent: usher/" USHER_VERSION);
        ok =
            ok && add_header(lists[i], i == 0 ? "Content-Type:" : "Content-Type: application/json");
    }
    secret_wipe(line, sizeof(line));
    return ok ? 0 : err_memory(err);
}

static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at; at = at->next)
        secret_wipe(at->data, strlen(at->data));
    curl_slist_free_all(list);
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

static int make_multi(struct target *target, struct err *err)
{
    target->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    target->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (target->epoll_fd < 0 || target->wake_fd < 0)
        return err_set(err, ERR_IO, "cannot wait for the network: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = target->wake_fd};
    epoll_ctl(target->epoll_fd, EPOLL_CTL_ADD, target->wake_fd, &event);
    CURLM *multi = target->multi = curl_multi_init();
    if (!multi)
        return err_memory(err);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, target);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, target);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)target->in_flight_max);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)target->in_flight_max);
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
    target->calls = calloc((size_t)target->in_flight_max + 1, sizeof(*target->calls));
    if (!target->calls)
        return err_memory(err);
    if (make_headers(target, opts->key, err) != 0)
        return -1;
    return make_multi(target, err);
}

int target_open(struct target **to, const struct target_opts *opts, struct err *err)
{
    *to = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_memory(err);
    struct target *target = calloc(1, sizeof(*target));
    if (!target) {
        curl_global_cleanup();
        return err_memory(err);
    }
    target->epoll_fd = target->wake_fd = -1;
    target->timer_at = INT64_MAX;
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
    for (size_t i = 0; i < target->call_count; i++) {
        curl_multi_remove_handle(target->multi, target->calls[i]->easy);
        call_free(target->calls[i]);
    }
    curl_multi_cleanup(target->multi);
    free_headers(target->headers);
    free_headers(target->headers_body);
    if (target->epoll_fd >= 0)
        close(target->epoll_fd);
    if (target->wake_fd >= 0)
        close(target->wake_fd);
    free(target->watch);
    free(target->calls);
    free(target->base);
    free(target->host);
    free(target);
    curl_global_cleanup();
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
    struct target_call *call = call_take(target);
    if (!call)
        return err_memory(err);
    if (!call_fill(call, request) || curl_multi_add_handle(target->multi, call->easy) != CURLM_OK) {
        call_give_back(target, call);
        return err_memory(err);
    }
    target->in_flight++;
    return 0;
}

static void deliver(struct target *target, CURL *easy, CURLcode code)
{
    struct target_call *call = NULL;
    struct target_answer answer;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
    target_judge(call, code, target->host, &answer);
    curl_multi_remove_handle(target->multi, easy);
    target->in_flight--;
    call->done(call->arg, &answer);
    call_give_back(target, call);
}

static size_t deliver_all(struct target *target)
{
    CURLMsg *message;
    size_t count = 0;
    for (int left; (message = curl_multi_info_read(target->multi, &left)); count++)
        deliver(target, message->easy_handle, message->data.result);
    return count;
}

static void act(struct target *target, curl_socket_t fd, int bits)
{
    int running;
    curl_multi_socket_action(target->multi, fd, bits, &running);
}

static void act_on_timer(struct target *target)
{
    if (target->timer_at > clock_now_us())
        return;
    target->timer_at = INT64_MAX;
    act(target, CURL_SOCKET_TIMEOUT, 0);
}

static int bits_of(uint32_t events)
{
    int bits = 0;
    if (events & (EPOLLIN | EPOLLHUP))
        bits |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        bits |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        bits |= CURL_CSELECT_ERR;
    return bits;
}

/* Waits for sockets at most us and lets curl act; *woken gets set by target_wake or a signal. */
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
        if (events[i].data.fd == target->wake_fd) {
            uint64_t times;
            *woken = read(target->wake_fd, &times, sizeof(times)) > 0 || *woken;
        } else if (!was_idle(target, events[i].data.fd)) {
            act(target, events[i].data.fd, bits_of(events[i].events));
        }
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
        act_on_timer(target);
        delivered += deliver_all(target);
        now = clock_now_us();
        int64_t wait = least(deadline, target->timer_at) - now;
        if (delivered > 0 || wait < 0)
            wait = 0;
        if (poll_sockets(target, wait, &woken, err) != 0)
            return -1;
        delivered += deliver_all(target);
    } while (delivered == 0 && !woken && clock_now_us() < deadline);
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
