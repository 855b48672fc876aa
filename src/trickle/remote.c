#include "trickle/remote.h"

#include <stdio.h>
#include <string.h>

#include "net/net.h"
#include "trickle/mac.h"

#define HEADER_MAX  ((size_t)4096)
#define HEADERS_MAX 6

/* The lines of a request's headers, in one arena. */
struct headers {
    struct arena arena;
    const char *lines[HEADERS_MAX + 1];
    size_t count;
    bool failed;
};

static bool fits_header(const char *z)
{
    for (; *z; z++)
        if ((unsigned char)*z < ' ' || *z == 0x7f)
            return false;
    return true;
}

bool remote_is_header_name(const char *z)
{
    size_t len = strspn(z, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return len > 0 && len < 64 && z[len] == 0;
}

static int check_auth(const struct remote_auth *auth, struct err *err)
{
    if (!auth->kind)
        return auth->secret || auth->username
                   ? err_set(err, ERR_USAGE,
                             "a secret without auth; set auth to bearer, hmac, basic "
                             "or a header's name")
                   : 0;
    if (!remote_is_header_name(auth->kind))
        return err_set(err, ERR_USAGE, "auth is neither bearer, hmac, basic nor a header's name");
    if (!auth->secret || !*auth->secret || !fits_header(auth->secret))
        return err_set(err, ERR_USAGE, "auth %s needs a secret without control characters",
                       auth->kind);
    bool basic = strcmp(auth->kind, "basic") == 0;
    if (basic && (!auth->username || strchr(auth->username, ':') || !fits_header(auth->username)))
        return err_set(err, ERR_USAGE, "auth basic needs a username without a colon");
    if (!basic && auth->username)
        return err_set(err, ERR_USAGE, "auth %s takes no username", auth->kind);
    return 0;
}

int remote_open(struct remote *remote, const struct remote_auth *auth, const char *ca_file,
                struct err *err)
{
    *remote = (struct remote){.auth = *auth, .ca_file = ca_file};
    return check_auth(auth, err) == 0 ? http_new(&remote->http, err) : -1;
}

void remote_close(struct remote *remote)
{
    http_free(remote->http);
    remote->http = NULL;
}

int remote_check_url(const char *setting, const char *url, struct err *err)
{
    const char *problem = http_url_problem(url);
    return problem ? err_set(err, ERR_USAGE, "%s %s", setting, problem) : 0;
}

void remote_init(struct remote_answer *answer)
{
    *answer = (struct remote_answer){0};
    buf_init(&answer->body, REMOTE_ANSWER_MAX);
}

void remote_release(struct remote_answer *answer)
{
    buf_release(&answer->body);
    json_free(answer->json);
    answer->json = NULL;
}

static void add(struct headers *headers, struct text line)
{
    headers->failed |= !line.at;
    if (line.at)
        headers->lines[headers->count++] = line.at;
}

static void add_basic(struct headers *headers, const struct remote_auth *auth)
{
    struct buf line;
    struct text pair = arena_printf(&headers->arena, "%s:%s", auth->username, auth->secret);
    buf_init(&line, HEADER_MAX);
    buf_add(&line, TEXT("Authorization: Basic "));
    base64_encode(BASE64, &line, (const uint8_t *)pair.at, pair.len);
    add(headers,
        buf_ok(&line) ? arena_copy(&headers->arena, buf_text(&line)) : (struct text){NULL, 0});
    buf_release(&line);
}

static void add_signature(struct headers *headers, const char *secret, struct text body)
{
    struct buf signed_text, hex;
    uint8_t mac[MAC_MAX];
    long long now = (long long)(clock_wall_ms() / 1000);
    buf_init(&signed_text, body.len + 64);
    buf_init(&hex, 2 * MAC_MAX + 1);
    buf_printf(&signed_text, "%lld.", now);
    buf_add(&signed_text, body);
    hex_encode(&hex, mac, mac_sha2(256, text_of(secret), buf_text(&signed_text), mac));
    add(headers, arena_printf(&headers->arena, "Usher-Timestamp: %lld", now));
    add(headers, arena_printf(&headers->arena, "Usher-Signature: v1=%s", buf_z(&hex)));
    headers->failed |= !buf_ok(&signed_text);
    buf_release(&signed_text);
    buf_release(&hex);
}

static void add_auth(struct headers *headers, const struct remote_auth *auth, struct text body)
{
    if (!auth->kind)
        return;
    if (strcmp(auth->kind, "bearer") == 0)
        add(headers, arena_printf(&headers->arena, "Authorization: Bearer %s", auth->secret));
    else if (strcmp(auth->kind, "basic") == 0)
        add_basic(headers, auth);
    else if (strcmp(auth->kind, "hmac") == 0)
        add_signature(headers, auth->secret, body);
    else
        add(headers, arena_printf(&headers->arena, "%s: %s", auth->kind, auth->secret));
}

static void fill_headers(struct headers *headers, const struct remote *remote,
                         const struct remote_request *request)
{
    *headers = (struct headers){0};
    arena_init(&headers->arena, 4 * HEADER_MAX);
    if (request->body.at)
        add(headers,
            arena_printf(&headers->arena, "Content-Type: %s",
                         request->content_type ? request->content_type : "application/json"));
    add(headers, TEXT("Accept: application/json"));
    if (request->header)
        add(headers, text_of(request->header));
    add_auth(headers, &remote->auth, request->body);
}

/* An answer that is no JSON is none of the parser's errors: the caller looks at what it needs. */
static int parse(struct remote_answer *answer, struct err *err)
{
    struct err ignored;
    answer->root = (struct json_value){0};
    if (!answer->json && json_new(&answer->json, REMOTE_ANSWER_MAX, err) != 0)
        return -1;
    if (json_parse(answer->json, buf_text(&answer->body), &answer->root, &ignored) != 0)
        answer->root = (struct json_value){0};
    return 0;
}

int remote_ask(struct remote *remote, const struct remote_request *request,
               struct remote_answer *answer, struct err *err)
{
    struct headers headers;
    int result;
    fill_headers(&headers, remote, request);
    struct http_request http = {.method = request->method,
                                .url = request->url,
                                .headers = headers.lines,
                                .body = request->body,
                                .ca_file = remote->ca_file,
                                .timeout_ms = request->timeout_ms,
                                .stop = request->stop};
    buf_reset(&answer->body);
    if (headers.failed)
        result = err_memory(err);
    else
        result = http_exchange(remote->http, &http, &answer->body, &answer->status, err);
    arena_release(&headers.arena);
    return result == 0 ? parse(answer, err) : -1;
}

int remote_ask_for(struct remote *remote, struct legacy_job *job, struct remote_request *request,
                   struct remote_answer *answer)
{
    request->timeout_ms = legacy_time_left(job);
    request->stop = job->stop;
    return remote_ask(remote, request, answer, &job->err);
}

enum legacy_says remote_unclear(struct legacy_job *job, const struct remote_answer *answer)
{
    return legacy_unclear(job, "it answered %ld%s, which means neither yes nor no", answer->status,
                          answer->root.document ? "" : " without JSON");
}
