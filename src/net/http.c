#include "net/http.h"

#include <pthread.h>

#include <curl/curl.h>

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

static size_t receive(char *at, size_t size, size_t count, void *answer)
{
    buf_add(answer, (struct text){at, size * count});
    return buf_ok(answer) ? size * count : 0;
}

static struct curl_slist *header_list(const char *const *headers)
{
    struct curl_slist *list = NULL;
    for (; headers && *headers; headers++) {
        struct curl_slist *longer = curl_slist_append(list, *headers);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static void set_options(CURL *curl, const struct http_post *post, struct curl_slist *headers,
                        struct buf *answer)
{
    curl_easy_setopt(curl, CURLOPT_URL, post->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body.at ? post->body.at : "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, post->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, post->timeout_ms / 3);
    /* Signals and timeouts do not mix in a program with threads. */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
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

int http_post(const struct http_post *post, struct buf *answer, long *status, struct err *err)
{
    CURL *curl = new_handle();
    struct curl_slist *headers = header_list(post->headers);
    int result = -1;
    if (!curl || (post->headers && post->headers[0] && !headers)) {
        err_memory(err);
    } else {
        set_options(curl, post, headers, answer);
        result = perform(curl, answer, status, err);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return result;
}
