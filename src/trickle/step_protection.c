/*
 * Enumeration protection, as the instance's environment tells it to every browser. It is asked in the browser's
 * name, and believed for a while: by all loops, which may ask at the same time.
 */
#include "trickle/step_inside.h"

#define KNOWN_US INT64_C(30000000)

static void note(struct core *core, bool on)
{
    int64_t until = (clock_now_us() + KNOWN_US) & ~INT64_C(1);
    atomic_store(&core->protection, until | (on ? 1 : 0));
}

static void on_environment(void *arg, const struct proxy_answer *answer)
{
    struct step *step = arg;
    struct json_value root;
    bool told = answer->status == 200 && step_parse(step->core, step->request, answer, &root);
    bool on = told && json_true(json_path(root, TEXT("user_settings.attack_protection."
                                                     "enumeration_protection.enabled")));
    if (told)
        note(step->core, on);
    step->on_protection(step, on);
}

void step_ask_protection(struct step *step, void (*then)(struct step *step, bool on))
{
    struct server_request *request = step->request;
    int64_t known = atomic_load(&step->core->protection);
    if (known > clock_now_us()) {
        then(step, known & 1);
        return;
    }
    step->on_protection = then;
    const struct proxy_ask ask = {
        .method = "GET",
        .target = arena_printf(&request->arena, "/v1/environment?%.*s", TEXT_ARG(request->query)),
        .done = on_environment,
        .arg = step};
    proxy_ask(step->core->proxy, request, &ask);
}
