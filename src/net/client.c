/*
 * curl's multi interface driven by sockets on a loop. Sockets that curl stops watching between two
 * requests stay in the epoll set, marked idle, which saves two system calls a request (as in target/).
 */
#include "net/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_DEFAULT_MS 10000
#define STALL_DEFAULT_S    60
/* Idle connections that are kept. */
#define KEPT_CONNECTIONS 512L
#define BUFFER_BYTES     16384L

struct peer {
    struct loop_watch watch;
    struct client *client;
    uint32_t events;
    bool idle; /* curl does not watch it now */
};

struct client {
    struct loop_source source;
    struct client_opts opts;
    CURLM *multi;
    int64_t timer_at;    /* when curl wants to be called */
    struct peer **peers; /* by descriptor */
    size_t peer_room;
    struct client_call *free, *active;
    struct client_call *fresh; /* begun since lulls were told */
    uint32_t in_flight;
};

struct client_call {
    struct client *client;
    CURL *easy;
    struct client_call *next, *prev; /* in the free list; among the active */
    struct client_handler on;
    struct client_call *next_fresh;
    struct curl_slist *headers;
    bool begun, is_fresh;
    char error[CURL_ERROR_SIZE];
};

/* --- sockets and time --- */

static struct peer *peer_of(struct client *client, int fd)
{
    if ((size_t)fd >= client->peer_room) {
        size_t room = ((size_t)fd + 1) * 2;
        struct peer **peers = realloc(client->peers, room * sizeof(struct peer *));
        if (!peers)
            return NULL;
        memset(peers + client->peer_room, 0, (room - client->peer_room) * sizeof(struct peer *));
        client->peers = peers;
        client->peer_room = room;
    }
    if (!client->peers[fd])
        client->peers[fd] = calloc(1, sizeof(struct peer));
    return client->peers[fd];
}

static void call_ended(struct client_call *call, CURLcode code);

/* Delivers the ends of exchanges. */
static void take_ended(struct client *client)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left))) {
        struct client_call *call = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        call_ended(call, code);
    }
}

/* Exchanges that have begun and did not end at once. */
static void tell_lulls(struct client *client)
{
    while (client->fresh) {
        struct client_call *call = client->fresh;
        client->fresh = call->next_fresh;
        call->is_fresh = false;
        call->on.lull(call->on.arg);
    }
}

static void forget_fresh(struct client_call *call)
{
    struct client_call **at = &call->client->fresh;
    while (*at && *at != call)
        at = &(*at)->next_fresh;
    if (*at)
        *at = call->next_fresh;
    call->is_fresh = false;
}

/* After curl has had its way. */
static void follow_up(struct client *client)
{
    take_ended(client);
    tell_lulls(client);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct peer *peer = (struct peer *)watch;
    struct client *client = peer->client;
    int running, what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                        (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    if (peer->idle) { /* the server hangs up: curl finds that out when it wants the connection */
        loop_unwatch(client->opts.loop, watch);
        peer->events = 0;
        return;
    }
    curl_multi_socket_action(client->multi, watch->fd, what, &running);
    follow_up(client);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct client *client = arg;
    struct peer *peer = peer_of(client, fd);
    uint32_t wanted = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                      (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    (void)easy;
    (void)known;
    if (!peer)
        return -1;
    peer->idle = what == CURL_POLL_REMOVE;
    if (peer->idle || peer->events == wanted)
        return 0;
    bool known_to_epoll = peer->events != 0;
    peer->client = client;
    peer->events = wanted;
    peer->watch = (struct loop_watch){fd, on_ready};
    return known_to_epoll ? loop_rewatch(client->opts.loop, &peer->watch, wanted)
                          : loop_watch(client->opts.loop, &peer->watch, wanted);
}

static int on_close(void *arg, curl_socket_t fd)
{
    struct client *client = arg;
    if ((size_t)fd < client->peer_room && client->peers[fd]) {
        if (client->peers[fd]->events)
            loop_unwatch(client->opts.loop, &client->peers[fd]->watch);
        free(client->peers[fd]);
        client->peers[fd] = NULL;
    }
    return close(fd);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct client *client = arg;
    (void)multi;
    client->timer_at = timeout_ms < 0 ? INT64_MAX : clock_now_us() + (int64_t)timeout_ms * 1000;
    client->source.due_us = client->timer_at;
    return 0;
}

static int64_t turn(struct loop_source *source)
{
    struct client *client = (struct client *)source;
    int running;
    if (client->timer_at <= clock_now_us()) {
        client->timer_at = INT64_MAX;
        curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        follow_up(client);
    }
    return client->timer_at;
}

/* --- what curl calls during an exchange --- */

static void begin(struct client_call *call, int status)
{
    call->begun = true;
    if (call->on.begin)
        call->on.begin(call->on.arg, status);
    if (call->on.lull) {
        call->is_fresh = true;
        call->next_fresh = call->client->fresh;
        call->client->fresh = call;
    }
}

static size_t on_header(char *at, size_t size, size_t count, void *arg)
{
    struct client_call *call = arg;
    struct text line = text_trim((struct text){at, size * count});
    size_t colon = text_find(line, ':', 0);
    long status = 0;
    if (line.len == 0) { /* behind the last header; 100 Continue and the like have more to come */
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200 && !call->begun)
            begin(call, (int)status);
    } else if (call->on.header && !call->begun && colon < line.len) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200)
            call->on.header(call->on.arg, text_part(line, 0, colon),
                            text_trim(text_part(line, colon + 1, line.len)));
    }
    return size * count;
}

static size_t on_body(char *at, size_t size, size_t count, void *arg)
{
    struct client_call *call = arg;
    if (call->on.piece && !call->on.piece(call->on.arg, (struct text){at, size * count}))
        return CURL_WRITEFUNC_PAUSE;
    return size * count;
}

static size_t on_upload(char *to, size_t size, size_t count, void *arg)
{
    struct client_call *call = arg;
    ssize_t put = call->on.upload ? call->on.upload(call->on.arg, to, size * count) : 0;
    if (put == CLIENT_UPLOAD_LATER)
        return CURL_READFUNC_PAUSE;
    return put < 0 ? CURL_READFUNC_ABORT : (size_t)put;
}

/* --- calls --- */

static void call_free(struct client_call *call)
{
    curl_easy_cleanup(call->easy);
    free(call);
}

/* What is the same for every exchange on this handle. */
static void set_always(struct client *client, struct client_call *call)
{
    const struct client_opts *opts = &client->opts;
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(opts->connect_ms ? opts->connect_ms : CONNECT_DEFAULT_MS));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                     (long)(opts->stall_s ? opts->stall_s : STALL_DEFAULT_S));
    if (opts->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, opts->ca_file);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, client);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(easy, CURLOPT_READDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
}

static struct client_call *call_take(struct client *client)
{
    struct client_call *call = client->free;
    if (call) {
        client->free = call->next;
        return call;
    }
    call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->client = client;
    call->easy = curl_easy_init();
    if (!call->easy) {
        free(call);
        return NULL;
    }
    set_always(client, call);
    return call;
}

/* The handle is at rest again, its exchange forgotten. */
static void call_give_back(struct client_call *call)
{
    struct client *client = call->client;
    if (call->is_fresh)
        forget_fresh(call);
    curl_multi_remove_handle(client->multi, call->easy);
    curl_slist_free_all(call->headers);
    call->headers = NULL;
    if (call->prev)
        call->prev->next = call->next;
    else
        client->active = call->next;
    if (call->next)
        call->next->prev = call->prev;
    call->prev = NULL;
    call->next = client->free;
    client->free = call;
    client->in_flight--;
}

static void call_ended(struct client_call *call, CURLcode code)
{
    struct client_handler on = call->on;
    struct err err;
    if (code != CURLE_OK)
        err_set(&err, ERR_NETWORK, "%s", call->error[0] ? call->error : curl_easy_strerror(code));
    call_give_back(call);
    on.done(on.arg, code == CURLE_OK ? NULL : &err);
}

static bool target_is_clean(const char *target)
{
    if (target[0] != '/')
        return false;
    for (; *target; target++)
        if ((unsigned char)*target <= ' ' || *target == 0x7f)
            return false;
    return true;
}

/* Headers that curl would add by itself are taken out, unless the request brings them. */
static bool set_headers(struct client_call *call, const struct client_request *request)
{
    static const char *const unasked[] = {"Accept:", "Expect:", "User-Agent:", "Content-Type:"};
    struct curl_slist *list = NULL, *longer;
    for (size_t i = 0; i < ARRAY_COUNT(unasked) + request->header_count; i++) {
        const char *line =
            i < ARRAY_COUNT(unasked) ? unasked[i] : request->headers[i - ARRAY_COUNT(unasked)];
        longer = curl_slist_append(list, line);
        if (!longer) {
            curl_slist_free_all(list);
            return false;
        }
        list = longer;
    }
    call->headers = list;
    return curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, list) == CURLE_OK;
}

static void set_method(CURL *easy, const struct client_request *request)
{
    bool body = request->body.at || request->on.upload;
    bool head = strcmp(request->method, "HEAD") == 0;
    curl_easy_setopt(easy, CURLOPT_NOBODY, head ? 1L : 0L);
    if (!head)
        curl_easy_setopt(easy, body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, head ? NULL : request->method);
    if (!body)
        return;
    bool known = !request->on.upload || request->upload_length != CLIENT_LENGTH_UNKNOWN;
    uint64_t length = request->on.upload ? request->upload_length : request->body.len;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->on.upload ? NULL : request->body.at);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, known ? (curl_off_t)length : -1);
}

static bool set_request(struct client_call *call, const struct client_request *request)
{
    CURL *easy = call->easy;
    call->on = request->on;
    call->begun = false;
    call->error[0] = 0;
    set_method(easy, request);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    return curl_easy_setopt(easy, CURLOPT_URL, request->server) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, request->target) == CURLE_OK &&
           set_headers(call, request);
}

struct client_call *client_send(struct client *client, const struct client_request *request,
                                struct err *err)
{
    struct client_call *call = NULL;
    if (!target_is_clean(request->target))
        err_set(err, ERR_INPUT, "the request's target is none");
    else if (client->in_flight >= client->opts.in_flight_max)
        err_set(err, ERR_UNUSABLE, "%u exchanges are in flight already", client->in_flight);
    else if (!(call = call_take(client)))
        err_memory(err);
    if (!call)
        return NULL;
    client->in_flight++;
    call->next = client->active;
    call->prev = NULL;
    if (client->active)
        client->active->prev = call;
    client->active = call;
    if (!set_request(call, request) ||
        curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
        call_give_back(call);
        err_memory(err);
        return NULL;
    }
    return call;
}

void client_resume(struct client_call *call)
{
    curl_easy_pause(call->easy, CURLPAUSE_CONT);
    call->client->timer_at = 0; /* curl looks at it in the next turn */
    call->client->source.due_us = 0;
}

void client_cancel(struct client_call *call)
{
    call_give_back(call);
}

/* --- opening and closing --- */

static void give_up(void *arg)
{
    struct client *client = arg;
    while (client->active)
        call_ended(client->active, CURLE_ABORTED_BY_CALLBACK);
}

void client_give_up(struct client *client)
{
    loop_call(client->opts.loop, give_up, client);
}

static void join(void *arg)
{
    struct client *client = arg;
    loop_join(client->opts.loop, &client->source);
}

static void leave(void *arg)
{
    struct client *client = arg;
    loop_leave(client->opts.loop, &client->source);
    while (client->active)
        call_give_back(client->active);
    curl_multi_cleanup(client->multi); /* closes the connections: calls on_close */
    while (client->free) {
        struct client_call *call = client->free;
        client->free = call->next;
        call_free(call);
    }
}

int client_open(struct client **out, const struct client_opts *opts, struct err *err)
{
    struct client *client = calloc(1, sizeof(*client));
    curl_global_init(CURL_GLOBAL_DEFAULT); /* may be called by many threads at once */
    if (!client || !(client->multi = curl_multi_init())) {
        free(client);
        return err_memory(err);
    }
    client->opts = *opts;
    client->source.turn = turn;
    client->timer_at = INT64_MAX;
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    loop_call(opts->loop, join, client);
    *out = client;
    return 0;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    loop_call(client->opts.loop, leave, client);
    free(client->peers);
    free(client);
}
