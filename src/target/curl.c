/*
 * The carrier over libcurl: HTTP/1.1 keep-alive, or HTTP/2 over TLS.
 *
 * curl's multi interface is driven by sockets (curl_multi_socket_action) on the target's loop: a wake-up costs what
 * became ready, where curl_multi_poll and curl_multi_perform touch every transfer in flight, with a system call each.
 *
 * Between two requests on a connection curl stops watching its socket and starts again. Here it stays watched, marked
 * idle, which saves two system calls a request; only what stirs while idle (the server hangs up) is watched no more: curl
 * finds that out when it wants the connection.
 */
#include "target/curl_inside.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct curl_socket {
    struct loop_watch watch;
    struct curl *curl;
    uint32_t events; /* that are watched; 0: none */
    bool idle;
};

static void finish(struct target *target, CURL *easy, CURLcode code)
{
    struct curl *curl = target->carrier;
    struct call *call = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
    struct target_answer answer = curl_call_judge(call, code);
    curl_multi_remove_handle(curl->multi, easy);
    target_done(target, &call->request, &answer);
    curl_call_give_back(curl, call);
}

static void deliver(struct curl *curl)
{
    CURLMsg *message;
    for (int left; (message = curl_multi_info_read(curl->multi, &left));)
        finish(curl->target, message->easy_handle, message->data.result);
}

/* --- sockets and time --- */

/* NULL when memory is out. */
static struct curl_socket *socket_of(struct curl *curl, curl_socket_t fd)
{
    if ((size_t)fd >= curl->socket_count) {
        size_t count = ((size_t)fd + 1) * 2;
        struct curl_socket **sockets = realloc(curl->sockets, count * sizeof(*sockets));
        if (!sockets)
            return NULL;
        memset(sockets + curl->socket_count, 0,
               (count - curl->socket_count) * sizeof(struct curl_socket *));
        curl->sockets = sockets;
        curl->socket_count = count;
    }
    if (!curl->sockets[fd])
        curl->sockets[fd] = calloc(1, sizeof(struct curl_socket));
    return curl->sockets[fd];
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

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct curl_socket *socket = (struct curl_socket *)watch;
    int running;
    if (socket->idle) {
        loop_unwatch(socket->curl->target->loop, watch);
        socket->events = 0;
        return;
    }
    curl_multi_socket_action(socket->curl->multi, watch->fd, bits_of(events), &running);
    deliver(socket->curl);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct curl *curl = arg;
    struct loop *loop = curl->target->loop;
    struct curl_socket *socket = socket_of(curl, fd);
    uint32_t wanted = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                      (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    (void)easy;
    (void)known;
    if (!socket)
        return -1;
    socket->idle = what == CURL_POLL_REMOVE;
    if (socket->idle || socket->events == wanted)
        return 0;
    bool known_to_loop = socket->events != 0;
    socket->curl = curl;
    socket->events = wanted;
    socket->watch = (struct loop_watch){fd, on_ready};
    return known_to_loop ? loop_rewatch(loop, &socket->watch, wanted)
                         : loop_watch(loop, &socket->watch, wanted);
}

int curl_on_close(void *arg, curl_socket_t fd)
{
    struct curl *curl = arg;
    struct curl_socket *socket = (size_t)fd < curl->socket_count ? curl->sockets[fd] : NULL;
    if (socket && socket->events)
        loop_unwatch(curl->target->loop, &socket->watch);
    if (socket)
        socket->events = 0;
    return close(fd);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct curl *curl = arg;
    (void)multi;
    curl->source.due_us = timeout_ms < 0 ? INT64_MAX : clock_now_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

static int64_t turn(struct loop_source *source)
{
    struct curl *curl = (struct curl *)source;
    int running;
    if (source->due_us <= clock_now_us()) {
        source->due_us = INT64_MAX;
        curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        deliver(curl);
    }
    return source->due_us;
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
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, curl);
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
    curl->target = target;
    curl->source.turn = turn;
    loop_join(target->loop, &curl->source);
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
        curl_call_free(curl->calls[i]);
    }
    curl_multi_cleanup(curl->multi);
    free_headers(curl->headers);
    free_headers(curl->headers_body);
    for (size_t i = 0; i < curl->socket_count; i++)
        free(curl->sockets[i]);
    free(curl->sockets);
    loop_leave(target->loop, &curl->source);
    free(curl->calls);
    free(curl);
    curl_global_cleanup();
}

/* --- sending --- */

static int curl_send(struct target *target, const struct target_request *request, struct err *err)
{
    struct curl *curl = target->carrier;
    struct call *call = curl_call_take(target);
    if (!call)
        return err_memory(err);
    if (curl_call_fill(call, request) && curl_multi_add_handle(curl->multi, call->easy) == CURLM_OK)
        return 0;
    curl_call_give_back(curl, call);
    return err_memory(err);
}

const struct carrier_ops carrier_curl = {.open = curl_open, .close = curl_close, .send = curl_send};
