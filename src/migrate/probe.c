#include "migrate/migrate.h"

#include <stdio.h>

#include "json/json.h"
#include "migrate/lookup.h"

#define PROBE_TRIES 5
#define PAUSE_US    INT64_C(300000)

struct probe {
    const struct migrate_target *target;
    struct migrate_instance *instance;
    struct err err;
    bool done, ok;
    bool passing; /* no answer, a 5xx or a 429: another try may help */
};

static bool read_instance(struct migrate_instance *instance, struct json_value root)
{
    struct text id = json_text(json_get(root, TEXT("id")));
    struct text environment = json_text(json_get(root, TEXT("environment_type")));
    if (!id.at || !environment.at)
        return false;
    snprintf(instance->id, sizeof(instance->id), "%.*s", TEXT_ARG(id));
    snprintf(instance->environment, sizeof(instance->environment), "%.*s", TEXT_ARG(environment));
    return true;
}

static int judge(struct probe *probe, const struct target_answer *answer, struct json *json)
{
    const char *url = probe->target->api_url.at;
    struct json_value root = {NULL, 0};
    struct err err;
    if (answer->result != TARGET_ANSWERED) {
        probe->err = answer->err;
        return err_wrap(&probe->err, "%s cannot be reached", url);
    }
    bool parsed = json_parse(json, answer->body, &root, &err) == 0;
    if (parsed && answer->status == 200 && read_instance(probe->instance, root))
        return 0;
    if (answer->status == 401 || answer->status == 403) {
        lookup_refusal(answer->status, root, &probe->err);
        return err_wrap(&probe->err, "%s with the key of %s", url, probe->target->key_from);
    }
    return err_set(&probe->err, ERR_NETWORK,
                   "%s answers GET /v1/instance with %d%s; is CLERK_API_URL a Clerk Backend API?",
                   url, answer->status, parsed ? "" : " and no JSON");
}

static void on_answer(void *arg, const struct target_answer *answer)
{
    struct probe *probe = arg;
    struct json *json;
    probe->done = true;
    probe->passing =
        answer->result != TARGET_ANSWERED || answer->status >= 500 || answer->status == 429;
    if (json_new(&json, 1 << 20, &probe->err))
        return;
    probe->ok = judge(probe, answer, json) == 0;
    json_free(json);
}

/* Asks once. Returns 1 when another try may help, 0, or -1. */
static int ask(struct probe *probe, struct target *target, struct err *err)
{
    struct target_request request = {
        .method = "GET", .path = TEXT("/v1/instance"), .done = on_answer, .arg = probe};
    probe->done = probe->ok = false;
    if (target_send(target, &request, err))
        return -1;
    while (!probe->done)
        if (target_wait(target, 100000, err))
            return -1;
    *err = probe->err;
    return probe->ok ? 0 : probe->passing ? 1 : -1;
}

static void pause_for(struct target *target, int64_t us)
{
    struct err ignored;
    int64_t until = clock_now_us() + us;
    for (int64_t now = clock_now_us(); now < until; now = clock_now_us())
        if (target_wait(target, until - now, &ignored))
            return;
}

int migrate_probe(const struct migrate_target *settings, struct migrate_instance *instance,
                  struct err *err)
{
    struct probe probe = {.target = settings, .instance = instance};
    struct target_opts opts = {
        .api_url = settings->api_url.at, .key = settings->key, .timeout_ms = 10000};
    struct target *target;
    int status = 1;
    if (target_open(&target, &opts, err))
        return -1;
    instance->requests = 0;
    for (; status > 0 && instance->requests < PROBE_TRIES; instance->requests++) {
        pause_for(target, instance->requests * PAUSE_US);
        status = ask(&probe, target, err);
    }
    target_close(target);
    return status == 0 ? 0 : -1;
}
