/*
 * The carrier over libcurl: HTTP/1.1 keep-alive, or HTTP/2 over TLS.
 *
 * curl's multi interface is driven by sockets (curl_multi_socket_action) on the target's epoll set: a
 * wake-up costs what became ready, where curl_multi_poll and curl_multi_perform touch every transfer in
 * flight, with a system call each. While answers are always ready, both cost about the same (bench-target).
 *
 * Easy handles are made once and used again; what is the same for every request is set once. Only what
 * differs from the handle's last request is set again.
 */
#include "target/call.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 10000L
#define URL_MAX            ((size_t)66 << 10)
#define BODY_MAX           (((size_t)16 << 20) + 1)

/* A request in flight, or at rest in the free list: an easy handle with its buffers, used again. */
struct call {
    struct target *target;
    struct target_request request;
    CURL *easy;
    CURLU *parsed;     /* the URL */
    struct call *next; /* in the free list */
    struct buf url, body, answer;
    bool has_body;
    bool too_long; /* the answer passed its maximum */
    char method[8];
    char error[CURL_ERROR_SIZE];
};

struct curl {
    CURLM *multi;
    int64_t timer_at; /* when curl wants to be called, INT64_MAX: not */
    struct curl_slist *headers, *headers_body;
    struct call **calls; /* all of them */
    size_t call_count;
    struct call *free;
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
static uint8_t *watch_of(struct curl *curl, curl_socket_t fd)
{
    if ((size_t)fd >= curl->watch_count) {
        size_t count = ((size_t)fd + 1) * 2;
        uint8_t *watch = realloc(curl->watch, count);
        if (!watch)
            return NULL;
        memset(watch + curl->watch_count, 0, count - curl->watch_count);
        curl->watch = watch;
        curl->watch_count = count;
    }
    return &curl->watch[fd];
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct target *target = arg;
    struct epoll_event event = {.data.u64 = (uint64_t)fd};
    uint8_t *watch = watch_of(target->carrier, fd);
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
    struct curl *curl = arg;
    if ((size_t)fd < curl->watch_count)
        curl->watch[fd] = 0;
    return close(fd);
}

/* Whether an event is about a socket that curl does not watch now; it then leaves the set. */
static bool was_idle(struct target *target, int fd)
{
    struct curl *curl = target->carrier;
    if (!(curl->watch[fd] & WATCH_IDLE))
        return false;
    epoll_ctl(target->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    curl->watch[fd] = 0;
    return true;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct curl *curl = arg;
    (void)multi;
    curl->timer_at = timeout_ms < 0 ? INT64_MAX : clock_now_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

static size_t on_body(char *at, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    buf_add(&call->answer, (struct text){at, size * count});
    call->too_long = !buf_ok(&call->answer);
    return call->too_long ? 0 : size * count;
}

/* --- calls --- */

static void call_free(struct call *call)
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

static struct call *call_new(struct target *target)
{
    struct curl *curl = target->carrier;
    struct call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->target = target;
    buf_init(&call->url, strlen(target->base) + URL_MAX);
    buf_init(&call->body, BODY_MAX);
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
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, curl);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, curl->headers);
    return call;
}

/* One from the free list, or a new one. */
static struct call *call_take(struct target *target)
{
    struct curl *curl = target->carrier;
    struct call *call = curl->free;
    if (call) {
        curl->free = call->next;
        return call;
    }
    /* One more than may be in flight: done may send while its own call is not free yet. */
    if (curl->call_count > target->in_flight_max)
        return NULL;
    call = call_new(target);
    if (call)
        curl->calls[curl->call_count++] = call;
    return call;
}

static void call_give_back(struct curl *curl, struct call *call)
{
    if (call->answer.room > TARGET_BUFFER_KEPT)
        buf_release(&call->answer);
    if (call->body.room > TARGET_BUFFER_KEPT)
        buf_release(&call->body);
    call->next = curl->free;
    curl->free = call;
}

static void set_method(struct call *call, const char *method, bool has_body)
{
    const struct curl *curl = call->target->carrier;
    if (strcmp(call->method, method) == 0 && call->has_body == has_body)
        return;
    bool post = strcmp(method, "POST") == 0;
    snprintf(call->method, sizeof(call->method), "%s", method);
    call->has_body = has_body;
    curl_easy_setopt(call->easy, post || has_body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST,
                     post || strcmp(method, "GET") == 0 ? NULL : method);
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, has_body ? curl->headers_body : curl->headers);
}

static bool set_url(struct call *call, struct text path)
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

static bool set_body(struct call *call, struct text body)
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

static bool call_fill(struct call *call, const struct target_request *request)
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
    call->request = *request;
    return set_url(call, request->path);
}

/* --- what became of a request --- */

static int64_t retry_after_us(CURL *easy)
{
    struct curl_header *header;
    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    return target_retry_after_us(header->value, clock_wall_ms());
}

static void judge_answered(struct call *call, struct target_answer *answer)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->result = TARGET_ANSWERED;
    answer->status = (int)status;
    answer->body = buf_text(&call->answer);
    if (status >= 300)
        answer->retry_after_us = retry_after_us(call->easy);
}

static const char *advice(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return "; check CLERK_API_URL and the name server";
    case CURLE_COULDNT_CONNECT:
        return "; check CLERK_API_URL, and that the host can be reached from here";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
        return "; check CLERK_API_URL, this machine's clock and its certificates (ca-certificates)";
    default:
        return "";
    }
}

/*
 * Unsent: curl wrote not one byte of the request. That is asked of CURLINFO_REQUEST_SIZE, which adds up over
 * curl's own second attempts, and not concluded from the error code, since the second attempt of a request
 * may fail to connect after the first one was sent.
 */
static struct target_answer judge(struct call *call, CURLcode code)
{
    struct target_answer answer = {.retry_after_us = -1};
    long sent = 1;
    if (call->too_long)
        return target_too_long(call->target);
    if (code == CURLE_OK) {
        judge_answered(call, &answer);
        return answer;
    }
    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
    return target_no_answer(call->target, sent != 0,
                            call->error[0] ? call->error : curl_easy_strerror(code), advice(code));
}

/* --- opening and closing --- */

static bool add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static int make_headers(struct target *target, struct err *err)
{
    struct curl *curl = target->carrier;
    struct text rest = buf_text(&target->headers), line;
    char z[1024];
    bool ok = true;
    while (ok && text_field(&rest, '\n', &line)) {
        line = text_trim(line);
        if (line.len == 0)
            continue;
        snprintf(z, sizeof(z), "%.*s", TEXT_ARG(line));
        ok = add_header(&curl->headers, z) && add_header(&curl->headers_body, z);
    }
    secret_wipe(z, sizeof(z));
    ok = ok && add_header(&curl->headers, "Content-Type:") &&
         add_header(&curl->headers_body, "Content-Type: application/json");
    return ok ? 0 : err_memory(err);
}

static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at; at = at->next)
        secret_wipe(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static int make_multi(struct target *target, struct err *err)
{
    struct curl *curl = target->carrier;
    CURLM *multi = curl->multi = curl_multi_init();
    if (!multi)
        return err_memory(err);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, target);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, curl);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)target->in_flight_max);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)target->in_flight_max);
    return 0;
}

static int curl_open(struct target *target, struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_memory(err);
    struct curl *curl = target->carrier = calloc(1, sizeof(*curl));
    if (!curl) {
        curl_global_cleanup();
        return err_memory(err);
    }
    curl->timer_at = INT64_MAX;
    curl->calls = calloc((size_t)target->in_flight_max + 1, sizeof(struct call *));
    if (!curl->calls)
        return err_memory(err);
    return make_headers(target, err) != 0 ? -1 : make_multi(target, err);
}

static void curl_close(struct target *target)
{
    struct curl *curl = target->carrier;
    if (!curl)
        return;
    for (size_t i = 0; i < curl->call_count; i++) {
        curl_multi_remove_handle(curl->multi, curl->calls[i]->easy);
        call_free(curl->calls[i]);
    }
    curl_multi_cleanup(curl->multi);
    free_headers(curl->headers);
    free_headers(curl->headers_body);
    free(curl->watch);
    free(curl->calls);
    free(curl);
    curl_global_cleanup();
}

/* --- sending and delivering --- */

static int curl_send(struct target *target, const struct target_request *request, struct err *err)
{
    struct curl *curl = target->carrier;
    struct call *call = call_take(target);
    if (!call)
        return err_memory(err);
    if (call_fill(call, request) && curl_multi_add_handle(curl->multi, call->easy) == CURLM_OK)
        return 0;
    call_give_back(curl, call);
    return err_memory(err);
}

static void finish(struct target *target, CURL *easy, CURLcode code)
{
    struct curl *curl = target->carrier;
    struct call *call = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
    struct target_answer answer = judge(call, code);
    curl_multi_remove_handle(curl->multi, easy);
    target_done(target, &call->request, &answer);
    call_give_back(curl, call);
}

static size_t curl_deliver(struct target *target)
{
    struct curl *curl = target->carrier;
    CURLMsg *message;
    size_t count = 0;
    for (int left; (message = curl_multi_info_read(curl->multi, &left)); count++)
        finish(target, message->easy_handle, message->data.result);
    return count;
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

static void curl_ready(struct target *target, const struct epoll_event *event)
{
    struct curl *curl = target->carrier;
    int running, fd = (int)event->data.u64;
    if (!was_idle(target, fd))
        curl_multi_socket_action(curl->multi, fd, bits_of(event->events), &running);
}

static int64_t curl_due(struct target *target)
{
    return ((struct curl *)target->carrier)->timer_at;
}

static void curl_tick(struct target *target, int64_t now)
{
    struct curl *curl = target->carrier;
    int running;
    (void)now;
    curl->timer_at = INT64_MAX;
    curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

const struct carrier_ops carrier_curl = {
    .open = curl_open,
    .close = curl_close,
    .send = curl_send,
    .ready = curl_ready,
    .due = curl_due,
    .tick = curl_tick,
    .deliver = curl_deliver,
};
