/*
 * Handles of curl are kept in a stack between exchanges; each keeps its connections, so that the next
 * request of any thread finds one open.
 */
#include "net/http.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "net/server.h"

#define IDLE_MAX 32

struct http {
    pthread_mutex_t lock;
    CURL *idle[IDLE_MAX];
    size_t count;
};

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* curl_global_init must not run twice at once. */
static CURL *new_handle(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    return curl_easy_init();
}

int http_new(struct http **http, struct err *err)
{
    *http = calloc(1, sizeof(**http));
    if (!*http)
        return err_memory(err);
    pthread_mutex_init(&(*http)->lock, NULL);
    return 0;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    for (size_t i = 0; i < http->count; i++)
        curl_easy_cleanup(http->idle[i]);
    pthread_mutex_destroy(&http->lock);
    free(http);
}

static CURL *take_handle(struct http *http)
{
    CURL *curl = NULL;
    if (!http)
        return new_handle();
    pthread_mutex_lock(&http->lock);
    if (http->count > 0)
        curl = http->idle[--http->count];
    pthread_mutex_unlock(&http->lock);
    return curl ? curl : new_handle();
}

/* What the handle remembers of the request goes, the connection stays. */
static void give_back(struct http *http, CURL *curl)
{
    bool kept = false;
    if (http && curl) {
        curl_easy_reset(curl);
        pthread_mutex_lock(&http->lock);
        kept = http->count < IDLE_MAX;
        if (kept)
            http->idle[http->count++] = curl;
        pthread_mutex_unlock(&http->lock);
    }
    if (!kept)
        curl_easy_cleanup(curl);
}

static size_t receive(char *at, size_t size, size_t count, void *answer)
{
    buf_add(answer, (struct text){at, size * count});
    return buf_ok(answer) ? size * count : 0;
}

static int watch(void *stop, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up)
{
    (void)total;
    (void)now;
    (void)up_total;
    (void)up;
    return atomic_load((const atomic_bool *)stop) ? 1 : 0;
}

/* Headers carry secrets. */
static void free_list(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at; at = at->next)
        secret_wipe(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static struct curl_slist *header_list(const char *const *headers)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (; list && headers && *headers; headers++) {
        struct curl_slist *longer = curl_slist_append(list, *headers);
        if (!longer) {
            free_list(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static void set_method(CURL *curl, const struct http_request *request)
{
    const char *method = request->method ? request->method : "POST";
    if (request->body.at || strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.at ? request->body.at : "");
    }
    if (strcmp(method, "POST") != 0 && strcmp(method, "GET") != 0)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static void set_options(CURL *curl, const struct http_request *request, struct curl_slist *headers,
                        struct buf *answer)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, request->timeout_ms / 3);
    /* Signals and timeouts do not mix in a program with threads. */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (request->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
    if (request->stop) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)request->stop);
    }
    set_method(curl, request);
}

static int perform(CURL *curl, const struct buf *answer, long *status, struct err *err)
{
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_WRITE_ERROR && !buf_ok(answer))
        return err_set(err, ERR_NETWORK, "the answer is larger than %zu bytes", answer->max);
    if (code != CURLE_OK)
        return err_set(err, ERR_NETWORK, "no answer: %s", curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    return 0;
}

int http_exchange(struct http *http, const struct http_request *request, struct buf *answer,
                  long *status, struct err *err)
{
    CURL *curl = take_handle(http);
    struct curl_slist *headers = header_list(request->headers);
    int result = -1;
    if (!curl || !headers) {
        err_memory(err);
    } else {
        set_options(curl, request, headers, answer);
        result = perform(curl, answer, status, err);
    }
    give_back(http, curl);
    free_list(headers);
    return result;
}

/* The part of an address, NULL if it has none. The caller frees it with curl_free. */
static char *part_of(CURLU *url, CURLUPart part)
{
    char *at = NULL;
    return curl_url_get(url, part, &at, 0) == CURLUE_OK ? at : NULL;
}

static const char *judge_url(CURLU *url, const char *text)
{
    char *scheme = part_of(url, CURLUPART_SCHEME), *host = part_of(url, CURLUPART_HOST);
    char *user = part_of(url, CURLUPART_USER), *fragment = part_of(url, CURLUPART_FRAGMENT);
    struct text name = text_of(host ? host : "");
    const char *problem = NULL;
    if (name.len > 2 && name.at[0] == '[')
        name = text_part(name, 1, name.len - 2);
    if (!strstr(text, "://") || !scheme || name.len == 0)
        problem = "is not https://HOST…";
    else if (user || fragment)
        problem = "has a user name, a password or a fragment in it";
    else if (strcmp(scheme, "http") == 0 && !server_is_loopback(name))
        problem = "is plain http; only https leaves this machine";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        problem = "is not https://HOST…";
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(fragment);
    return problem;
}

const char *http_url_problem(const char *url)
{
    CURLU *parsed = curl_url();
    const char *problem = "is not https://HOST…";
    if (parsed && curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        problem = judge_url(parsed, url);
    curl_url_cleanup(parsed);
    return problem;
}
