/*
 * Easy handles are made once and used again; what is the same for every request is set once. Only what differs from the
 * handle's last request is set again.
 */
#include "target/curl_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000L
#define URL_MAX            ((size_t)66 << 10)
#define BODY_MAX           (((size_t)16 << 20) + 1)

static size_t on_body(char *at, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    buf_add(&call->answer, (struct text){at, size * count});
    call->too_long = !buf_ok(&call->answer);
    return call->too_long ? 0 : size * count;
}

void curl_call_free(struct call *call)
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
        curl_call_free(call);
        return NULL;
    }
    set_connection(target, easy);
    /* A CURLOPT_URL would be parsed anew for each request: a sixth of all that curl does. */
    curl_easy_setopt(easy, CURLOPT_CURLU, call->parsed);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, curl_on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, curl);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, curl->headers);
    return call;
}

struct call *curl_call_take(struct target *target)
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

void curl_call_give_back(struct curl *curl, struct call *call)
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

bool curl_call_fill(struct call *call, const struct target_request *request)
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
struct target_answer curl_call_judge(struct call *call, CURLcode code)
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
