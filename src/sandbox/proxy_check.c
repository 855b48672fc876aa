/*
 * POST /v1/proxy_checks: whether a proxy of the application passes requests on to this Frontend API. The sandbox asks
 * the proxy for /v1/proxy-health, as Clerk does, and the answer must be its own.
 */
#include "net/net.h"
#include "sandbox/domain.h"
#include "sandbox/routes.h"

#define TIMEOUT_MS 60000 /* the pool has the lowest priority: a busy machine lets it wait */
#define ANSWER_MAX 4096

static const struct resource_field fields[] = {
    {"domain_id", BODY_TEXT, RESOURCE_GIVEN | RESOURCE_SHOWN, .max = 64},
    {"proxy_url", BODY_TEXT, RESOURCE_GIVEN | RESOURCE_SHOWN, .min = 1, .max = 2048},
    {"last_run_at", BODY_NUMBER, RESOURCE_SHOWN, .preset = NULL},
    {"successful", BODY_BOOL, RESOURCE_SHOWN, .preset = "true"},
};

static const struct resource proxy_check = {
    .kind = ENTRY_PROXY_CHECK,
    .object = "proxy_check",
    .what = "proxy check",
    .prefix = "prxchk_",
    .fields = fields,
    .count = ARRAY_COUNT(fields),
};

struct question {
    char *url;
    struct buf answer;
    bool reached;
};

/* In the pool. */
static void ask(struct call *call)
{
    struct question *question = call->state;
    struct http_request request = {.method = "GET", .url = question->url, .timeout_ms = TIMEOUT_MS};
    struct err err;
    long status;
    question->reached =
        http_exchange(NULL, &request, &question->answer, &status, &err) == 0 && status == 200;
}

static bool is_ours(struct call *call, const struct question *question)
{
    struct json_value root;
    struct err err;
    return question->reached &&
           json_parse(call->desk->json, buf_text(&question->answer), &root, &err) == 0 &&
           text_same(json_text(json_get(root, TEXT("status"))), TEXT("healthy"));
}

static bool keep(struct call *call)
{
    struct entry entry;
    return resource_read(call, &proxy_check, call->body, (struct text){NULL, 0}, NULL, &entry) &&
           resource_set(call, &entry, "last_run_at",
                        arena_printf(call->arena, "%lld", (long long)call->now_ms)) &&
           resource_keep(call, &proxy_check, &entry) && resource_show(call, &proxy_check, &entry);
}

static void asked(struct call *call)
{
    struct question *question = call->state;
    bool ours = is_ours(call, question);
    buf_release(&question->answer);
    if (ours)
        keep(call);
    else
        call_fail(call, CLERK_invalid_proxy_configuration, "proxy_url",
                  "Behind this URL, /v1/proxy-health is not this Frontend API's.");
}

void proxy_checks_create(struct call *call)
{
    struct form {
        struct text domain_id, proxy_url;
    } form = {{NULL, 0}, {NULL, 0}};
    static const struct body_field body[] = {
        {"domain_id", BODY_TEXT, offsetof(struct form, domain_id), .needed = true, .max = 64},
        {"proxy_url", BODY_TEXT, offsetof(struct form, proxy_url), .needed = true, .min = 1,
         .max = 2048},
    };
    struct entry domain;
    uint64_t given;
    if (!body_read(call, body, ARRAY_COUNT(body), &form, &given) ||
        !domain_get(call, form.domain_id, &domain) || !domain_check_proxy_url(call, form.proxy_url))
        return;
    struct question *question = call->state = call_alloc(call, sizeof(*question));
    if (!question)
        return;
    size_t len = form.proxy_url.len - text_ends(form.proxy_url, TEXT("/"));
    struct text url =
        arena_printf(call->arena, "%.*s/v1/proxy-health", (int)len, form.proxy_url.at);
    if (!url.at) {
        call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
        return;
    }
    *question = (struct question){.url = (char *)(uintptr_t)url.at};
    buf_init(&question->answer, ANSWER_MAX);
    call_later(call, ask, asked);
}
