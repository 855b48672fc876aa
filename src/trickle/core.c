#include "trickle/core.h"

#include <stdlib.h>

#include "trickle/own.h"
#include "trickle/side.h"
#include "trickle/step.h"

static int open_jsons(struct core *core, struct err *err)
{
    core->jsons = calloc(core->loop_count, sizeof(struct json *));
    if (!core->jsons)
        return err_memory(err);
    for (size_t i = 0; i < core->loop_count; i++)
        if (json_new(&core->jsons[i], PROXY_ANSWER_MAX, err) != 0)
            return -1;
    return 0;
}

/* What steps in: the legacy system, and the workers that ask it. */
static int open_mover(struct core *core, struct err *err)
{
    core->seal =
        seal_key_of(text_of(core->settings->clerk.secret_key), "usher: sign-ins of the gateway");
    if (settings_open_legacy(core->settings, &core->legacy, err) != 0)
        return -1;
    const struct mover_opts mover = {core->settings, core->legacy, core->events};
    return mover_open(&core->mover, &mover, err) == 0 ? side_open(&core->side, core, err) : -1;
}

static int open_parts(struct core *core, const struct core_opts *opts, struct err *err)
{
    const struct settings *settings = core->settings;
    const struct proxy_opts proxy = {.url = settings->proxy.url,
                                     .upstream = settings->proxy.upstream,
                                     .secret_key = settings->clerk.secret_key,
                                     .ca_file = settings->proxy.ca_file,
                                     .client_address = settings->proxy.client_address,
                                     .loops = opts->loops,
                                     .loop_count = opts->loop_count,
                                     .in_flight_max = settings->connections,
                                     .events = core->events};
    core->loops = opts->loops;
    core->loop_count = opts->loop_count;
    if (open_jsons(core, err) != 0 || proxy_open(&core->proxy, &proxy, err) != 0)
        return -1;
    return settings->legacy.connector ? open_mover(core, err) : 0;
}

int core_open(struct core **out, struct settings *settings, const struct core_opts *opts,
              struct err *err)
{
    struct core *core = calloc(1, sizeof(*core));
    if (!core) {
        settings_free(settings);
        return err_memory(err);
    }
    core->settings = settings;
    core->events = opts->events;
    atomic_store(&core->users, 1);
    if (open_parts(core, opts, err) != 0) {
        core_close(core);
        return -1;
    }
    *out = core;
    return 0;
}

void core_give_up(struct core *core)
{
    mover_finish(core->mover);
    side_finish(core->side);
    proxy_give_up(core->proxy);
}

void core_close(struct core *core)
{
    if (!core)
        return;
    side_close(core->side);
    mover_close(core->mover);
    legacy_close(core->legacy);
    proxy_close(core->proxy);
    for (size_t i = 0; core->jsons && i < core->loop_count; i++)
        json_free(core->jsons[i]);
    free(core->jsons);
    secret_wipe(&core->seal, sizeof(core->seal));
    settings_free(core->settings);
    free(core);
}

void core_handle(struct core *core, struct server_request *request)
{
    if (!request->streamed && own_handle(core, request))
        return;
    events_count(core->events, EVENTS_requests);
    if (!proxy_path(core->proxy, request).at)
        proxy_refuse(request, CLERK_proxy_path_mismatch, "This is not an address of the proxy.");
    else if (!core->mover || request->streamed || !step_in(core, request))
        proxy_pass(core->proxy, request);
}

struct json *core_json(const struct core *core, const struct loop *loop)
{
    size_t i = 0;
    while (core->loops[i] != loop)
        i++;
    return core->jsons[i];
}
