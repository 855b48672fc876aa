/*
 * What lives as long as the gateway: loops, the server on them, the events. What a reload changes is in the
 * current core; requests hold theirs by its count of users.
 */
#include "trickle/trickle.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "trickle/admin.h"
#include "trickle/core.h"

#define MEMORY_MAX ((size_t)4 * 1024 * 1024)
#define IDLE_MS    75000
/* Cookies and a handshake's query make long heads. */
#define HEADERS_MAX ((size_t)40 * 1024)

struct trickle {
    struct trickle_opts opts;
    struct loop **loops;
    size_t loop_count;
    struct server *server;
    struct admin *admin; /* NULL: none */
    struct events *events;
    pthread_mutex_t lock; /* of current and retired */
    struct core *current, *retired;
};

/* --- requests --- */

static struct core *core_get(void *arg)
{
    struct trickle *trickle = arg;
    pthread_mutex_lock(&trickle->lock);
    struct core *core = trickle->current;
    atomic_fetch_add(&core->users, 1);
    pthread_mutex_unlock(&trickle->lock);
    return core;
}

static void on_request(void *arg, struct server_request *request)
{
    struct core *core = core_get(arg);
    request->tag = core;
    core_handle(core, request);
}

static void core_put(void *arg, struct core *core)
{
    (void)arg;
    atomic_fetch_sub(&core->users, 1);
}

static void on_ended(void *arg, struct server_request *request)
{
    core_put(arg, request->tag);
}

static bool on_headers(void *arg, struct server_request *request)
{
    (void)arg;
    return proxy_streams(request);
}

/* --- cores --- */

static int open_core(struct trickle *trickle, struct settings *settings, struct core **core,
                     struct err *err)
{
    const struct core_opts opts = {trickle->loops, trickle->loop_count, trickle->events};
    return core_open(core, settings, &opts, err);
}

void trickle_tend(struct trickle *trickle)
{
    if (trickle->current->mover)
        book_tend(mover_book(trickle->current->mover));
    struct core **at = &trickle->retired;
    while (*at) {
        struct core *core = *at;
        if (atomic_load(&core->users) > 0) {
            at = &core->next;
            continue;
        }
        *at = core->next;
        core_close(core);
    }
}

/* Everything that a new configuration may fail at. */
static int open_anew(struct trickle *trickle, struct core **core, struct err *err)
{
    struct settings *settings;
    if (settings_load(&settings, trickle->opts.config, err) != 0 ||
        open_core(trickle, settings, core, err) != 0)
        return -1;
    if (server_reload_tls(trickle->server, settings->tls.cert, settings->tls.key, err) == 0)
        return 0;
    core_close(*core);
    return -1;
}

int trickle_reload(struct trickle *trickle, struct err *err)
{
    struct core *core;
    if (open_anew(trickle, &core, err) != 0) {
        const struct events_value why = {"why", text_of(err->message), 0};
        events_tell(trickle->events, "not_reloaded", &why, 1);
        return -1;
    }
    pthread_mutex_lock(&trickle->lock);
    struct core *old = trickle->current;
    trickle->current = core;
    old->next = trickle->retired;
    trickle->retired = old;
    atomic_fetch_sub(&old->users, 1);
    pthread_mutex_unlock(&trickle->lock);
    events_tell(trickle->events, "reloaded", NULL, 0);
    return 0;
}

/* --- starting and stopping --- */

static int start_loops(struct trickle *trickle, size_t count, struct err *err)
{
    trickle->loops = calloc(count, sizeof(struct loop *));
    if (!trickle->loops)
        return err_memory(err);
    for (; trickle->loop_count < count; trickle->loop_count++)
        if (loop_start(&trickle->loops[trickle->loop_count], err) != 0)
            return -1;
    return 0;
}

static int listen_on(struct trickle *trickle, struct err *err)
{
    const struct settings *settings = trickle->current->settings;
    const struct server_opts server = {.address = settings->listen,
                                       .tls_cert = settings->tls.cert,
                                       .tls_key = settings->tls.key,
                                       .loops = trickle->loops,
                                       .loop_count = trickle->loop_count,
                                       .connections_max = settings->connections,
                                       .headers_max = HEADERS_MAX,
                                       .body_max = PROXY_WHOLE_MAX,
                                       .memory_max = MEMORY_MAX,
                                       .idle_ms = IDLE_MS,
                                       .streams = on_headers,
                                       .handle = on_request,
                                       .ended = on_ended,
                                       .arg = trickle};
    const struct admin_source admin = {core_get, core_put, trickle};
    server_allow_files(2 * (size_t)settings->connections);
    if (settings->admin && admin_open(&trickle->admin, settings->admin, &admin, err) != 0)
        return -1;
    return server_start(&trickle->server, &server, err);
}

static int start(struct trickle *trickle, struct err *err)
{
    struct settings *settings;
    if (settings_load(&settings, trickle->opts.config, err) != 0)
        return -1;
    if (start_loops(trickle, settings->threads, err) != 0) {
        settings_free(settings);
        return -1;
    }
    if (open_core(trickle, settings, &trickle->current, err) != 0)
        return -1;
    return listen_on(trickle, err);
}

int trickle_start(struct trickle **out, const struct trickle_opts *opts, struct err *err)
{
    struct trickle *trickle = calloc(1, sizeof(*trickle));
    if (!trickle)
        return err_memory(err);
    trickle->opts = *opts;
    pthread_mutex_init(&trickle->lock, NULL);
    if (events_open(&trickle->events, opts->log, opts->log_arg, err) != 0 ||
        start(trickle, err) != 0) {
        trickle_stop(trickle);
        return -1;
    }
    *out = trickle;
    return 0;
}

/* Open requests end by themselves, or else without Clerk's answer when the time is up. */
static void stop_server(struct trickle *trickle)
{
    if (!trickle->server)
        return;
    int64_t drain_ms = (int64_t)trickle->current->settings->drain_seconds * 1000;
    server_quiesce(trickle->server);
    for (int64_t ms = 0; server_active(trickle->server) > 0 && ms < drain_ms; ms += 5)
        usleep(5000);
    server_shut(trickle->server);
    for (struct core *core = trickle->retired; core; core = core->next)
        core_give_up(core);
    core_give_up(trickle->current);
    server_stop(trickle->server);
}

void trickle_stop(struct trickle *trickle)
{
    if (!trickle)
        return;
    admin_close(trickle->admin);
    stop_server(trickle);
    while (trickle->retired) {
        struct core *core = trickle->retired;
        trickle->retired = core->next;
        core_close(core);
    }
    core_close(trickle->current);
    for (size_t i = 0; i < trickle->loop_count; i++)
        loop_stop(trickle->loops[i]);
    free(trickle->loops);
    events_close(trickle->events);
    pthread_mutex_destroy(&trickle->lock);
    free(trickle);
}

void trickle_describe(const struct trickle *trickle, struct buf *to)
{
    const struct settings *settings = trickle->current->settings;
    struct json_out out = json_out(to);
    char listen[SERVER_ADDRESS_MAX];
    server_address(trickle->server, listen);
    json_open(&out, '{');
    json_key(&out, TEXT("listen"));
    json_put_text(&out, text_of(listen));
    if (trickle->admin) {
        admin_address(trickle->admin, listen);
        json_key(&out, TEXT("admin"));
        json_put_text(&out, text_of(listen));
    }
    json_key(&out, TEXT("proxy_url"));
    json_put_text(&out, text_of(settings->proxy.url));
    json_key(&out, TEXT("upstream"));
    json_put_text(&out, text_of(settings->proxy.upstream));
    json_close(&out, '}');
}

static int check_legacy(const struct settings *settings, struct err *err)
{
    struct legacy *legacy = NULL;
    struct bridge *bridge = NULL;
    struct webhook *webhook = NULL;
    bool good = settings_open_legacy(settings, &legacy, err) == 0 &&
                settings_open_bridge(settings, &bridge, err) == 0 &&
                settings_open_webhook(settings, &webhook, err) == 0;
    webhook_close(webhook);
    bridge_close(bridge);
    legacy_close(legacy);
    return good ? 0 : -1;
}

int trickle_check(const char *config, struct buf *to, struct err *err)
{
    struct settings *settings;
    if (settings_load(&settings, config, err) != 0)
        return -1;
    const char *connector = settings->legacy.connector;
    int result = connector ? check_legacy(settings, err) : 0;
    if (result == 0)
        buf_printf(to, "%s: fine; %s%s%s%s\n", config,
                   connector ? "legacy system: " : "no legacy system: a proxy alone",
                   connector ? connector : "", settings->bridge.session ? "; a bridge" : "",
                   settings->webhook.secret ? "; webhooks" : "");
    settings_free(settings);
    return result;
}
