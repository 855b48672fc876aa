#include "sandbox/sandbox.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/console.h"
#include "sandbox/delivery.h"
#include "sandbox/engine.h"
#include "sandbox/hook.h"
#include "sandbox/image.h"
#include "sandbox/meter.h"
#include "sandbox/tables.h"

#define HTTP_THREADS_MIN 2
#define CONNECTIONS_MAX  12000
/* Ten thousand connections fit into 100 MiB; browsers', with their cookies, come before such a crowd. */
#define ROOMY         256
#define HEADERS_CROWD ((size_t)6 * 1024)
#define BODY_MAX      ((size_t)1 << 20)
#define MEMORY_MAX    ((size_t)64 << 20)
#define IDLE_MS       300000

struct sandbox {
    struct store *store;
    struct instance instance;
    struct hooks *hooks;
    struct console console;
    struct engine *engine;
    struct delivery *delivery;
    struct server *server;
    char address[SERVER_ADDRESS_MAX];
    bool tls;
    struct {
        char id[CLERK_ID_MAX];
        bool made; /* its secret, which is therefore told */
    } declared[SANDBOX_WEBHOOKS_MAX];
    size_t declared_count;
};

int sandbox_limits_parse(struct sandbox_opts *opts, struct text t, struct err *err)
{
    size_t slash = text_find(t, '/', 0);
    uint64_t requests, seconds;
    if (text_same(t, TEXT("clerk")) || text_same(t, TEXT("off"))) {
        opts->limits = t.at[0] == 'c' ? SANDBOX_LIMITS_CLERK : SANDBOX_LIMITS_OFF;
        return 0;
    }
    if (!text_u64(text_part(t, 0, slash), 10000000, &requests) || requests == 0 ||
        !text_u64(text_part(t, slash + 1, t.len), 86400, &seconds) || seconds == 0)
        return err_set(err, ERR_USAGE,
                       "'%.*s' is no limit: clerk, off, or N/S (N requests in S seconds)",
                       TEXT_ARG(t));
    opts->limits = SANDBOX_LIMITS_OWN;
    opts->limit_requests = (uint32_t)requests;
    opts->limit_seconds = (uint32_t)seconds;
    return 0;
}

int sandbox_shape_parse(struct sandbox_opts *opts, struct text t, struct err *err)
{
    static const char *const names[] = {"sliding", "fixed", "bucket"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (!text_same(t, text_of(names[i])))
            continue;
        opts->limit_shape = (enum limit_shape)i;
        return 0;
    }
    return err_set(err, ERR_USAGE, "'%.*s' is no shape of a limit: sliding, fixed or bucket",
                   TEXT_ARG(t));
}

static void handle(void *arg, struct server_request *request)
{
    struct sandbox *sandbox = arg;
    if (console_has(request->path))
        console_answer(request);
    else
        engine_put(sandbox->engine, request);
}

static int check_listen(const struct sandbox_opts *opts, char address[256], struct err *err)
{
    struct text host;
    uint16_t port;
    snprintf(address, 256, "%s%s", opts->listen[0] == ':' ? "127.0.0.1" : "", opts->listen);
    if (!server_split_address(text_of(address), &host, &port))
        return err_set(err, ERR_USAGE, "'%s' is no address to listen on (127.0.0.1:PORT)",
                       opts->listen);
    if (!server_is_loopback(host) && !opts->listen_anywhere)
        return err_set(err, ERR_USAGE,
                       "%s is not this machine's loopback; the sandbox keeps users and "
                       "passwords, so listening there takes --listen-anywhere",
                       opts->listen);
    return 0;
}

/* The endpoints of the options become endpoints of the data; what is told of them is in `declared`. */
static int declare_webhooks(struct sandbox *sandbox, const struct sandbox_opts *opts,
                            struct err *err)
{
    for (size_t i = 0; i < opts->webhook_count; i++) {
        struct hook_opts want = {opts->webhooks[i], opts->webhook_secret, UINT64_MAX};
        const struct hook *hook;
        if (hooks_add(sandbox->hooks, &want, clock_wall_ms(), &hook, &sandbox->declared[i].made,
                      err) != 0)
            return -1;
        memcpy(sandbox->declared[i].id, hook->id, sizeof(hook->id));
    }
    sandbox->declared_count = opts->webhook_count;
    return store_commit(sandbox->store, err);
}

/* Absent claims leave the stored ones as they are. */
static int set_claims(struct sandbox *sandbox, struct text claims, struct err *err)
{
    if (!claims.at)
        return 0;
    if (claims_set(&sandbox->instance.claims, sandbox->store, claims, err) != 0)
        return err_wrap(err, "session claims");
    return store_commit(sandbox->store, err);
}

/* Bodies are JSON and forms, but for pictures. */
static size_t room(void *arg, const struct server_request *request)
{
    (void)arg;
    return image_is_path(request->path) ? IMAGE_BODY_MAX : BODY_MAX;
}

/* As many as cores, since they sign what they can (engine.c). */
static unsigned http_threads(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > HTTP_THREADS_MIN ? (unsigned)cores : HTTP_THREADS_MIN;
}

static void write_url(const struct sandbox *sandbox, char *to, size_t size)
{
    snprintf(to, size, "http%s://%s", sandbox->tls ? "s" : "", sandbox->address);
}

/* How many connections may be open at a time. */
static unsigned allow_connections(void)
{
    size_t allowed = server_allow_files(CONNECTIONS_MAX);
    if (allowed < CONNECTIONS_MAX)
        log_line(LOG_WARN,
                 "sandbox: the system's limit of open files leaves room for %zu connections of %d; "
                 "raise it (ulimit -Hn) for more",
                 allowed, CONNECTIONS_MAX);
    return (unsigned)allowed;
}

/* Where the sandbox listens, as the store's thread is told: by then that thread may be reading it. */
struct listening {
    struct errand errand;
    const struct sandbox *sandbox;
    const char *frontend_host;
    sem_t told;
};

static int hear_address(struct errand *errand, struct desk *desk, struct err *err)
{
    const struct listening *listening = (const struct listening *)errand;
    char url[SERVER_ADDRESS_MAX + 16];
    (void)err;
    instance_listen(desk->instance, listening->sandbox->address, listening->frontend_host);
    write_url(listening->sandbox, url, sizeof(url));
    store_serve(desk->store, url);
    return 0;
}

static void heard(struct errand *errand, bool committed)
{
    (void)committed;
    sem_post(&((struct listening *)errand)->told);
}

static void tell_address(const struct sandbox *sandbox, const char *frontend_host)
{
    struct listening listening = {.errand = {.run = hear_address, .done = heard},
                                  .sandbox = sandbox,
                                  .frontend_host = frontend_host};
    sem_init(&listening.told, 0, 0);
    engine_send(sandbox->engine, &listening.errand);
    while (sem_wait(&listening.told) != 0)
        ; /* a signal */
    sem_destroy(&listening.told);
}

static int start(struct sandbox *sandbox, const struct sandbox_opts *opts, struct err *err)
{
    char address[256];
    if (check_listen(opts, address, err) != 0 ||
        store_open(&sandbox->store, opts->data, err) != 0 ||
        tables_create(sandbox->store, err) != 0)
        return -1;
    if (instance_open(&sandbox->instance, sandbox->store, opts->secret_key, opts->production,
                      err) != 0 ||
        hooks_open(&sandbox->hooks, sandbox->store, err) != 0 ||
        meter_open(sandbox->store, err) != 0 || declare_webhooks(sandbox, opts, err) != 0 ||
        set_claims(sandbox, opts->session_claims, err) != 0)
        return -1;
    console_init(&sandbox->console, text_of(sandbox->instance.secret_key), !opts->listen_anywhere,
                 opts->tls_cert);
    struct engine_opts engine = {sandbox->store, &sandbox->instance, sandbox->hooks,
                                 &sandbox->console, opts};
    if (engine_new(&sandbox->engine, &engine, err) != 0 ||
        delivery_start(&sandbox->delivery, sandbox->engine, sandbox->hooks, err) != 0)
        return -1;
    struct server_opts server = {.address = address,
                                 .tls_cert = opts->tls_cert,
                                 .tls_key = opts->tls_key,
                                 .threads = http_threads(),
                                 .connections_max = allow_connections(),
                                 .roomy = ROOMY,
                                 .headers_crowd = HEADERS_CROWD,
                                 .body_max = IMAGE_BODY_MAX,
                                 .room = room,
                                 .memory_max = MEMORY_MAX,
                                 .idle_ms = IDLE_MS,
                                 .handle = handle,
                                 .arg = sandbox};
    if (server_start(&sandbox->server, &server, err) != 0)
        return -1;
    server_address(sandbox->server, sandbox->address);
    sandbox->tls = opts->tls_cert != NULL;
    tell_address(sandbox, opts->frontend_host);
    return 0;
}

int sandbox_start(struct sandbox **out, const struct sandbox_opts *opts, struct err *err)
{
    struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
    if (!sandbox)
        return err_memory(err);
    if (start(sandbox, opts, err) != 0) {
        sandbox_stop(sandbox);
        return -1;
    }
    *out = sandbox;
    return 0;
}

void sandbox_stop(struct sandbox *sandbox)
{
    if (!sandbox)
        return;
    if (sandbox->server)
        server_quiesce(sandbox->server);
    delivery_stop(sandbox->delivery);
    engine_close(sandbox->engine);
    server_stop(sandbox->server);
    engine_free(sandbox->engine);
    delivery_free(sandbox->delivery);
    hooks_close(sandbox->hooks);
    instance_close(&sandbox->instance);
    store_close(sandbox->store);
    free(sandbox);
}

/* Behind the "#" it reaches the page's script and no server's log. */
static void describe_page(const struct sandbox *sandbox, const char *url, struct json_out *out)
{
    char link[2 * SERVER_ADDRESS_MAX + CONSOLE_TOKEN_LEN];
    snprintf(link, sizeof(link), "%s/usher/#token=%s", url, sandbox->console.token);
    json_key(out, TEXT("page"));
    json_put_text(out, text_of(link));
}

static void describe_webhooks(const struct sandbox *sandbox, struct json_out *out)
{
    json_key(out, TEXT("webhooks"));
    json_open(out, '[');
    for (size_t i = 0; i < sandbox->declared_count; i++) {
        const struct hook *hook = hooks_get(sandbox->hooks, text_of(sandbox->declared[i].id));
        json_open(out, '{');
        json_key(out, TEXT("url"));
        json_put_text(out, hook->url);
        if (sandbox->declared[i].made) {
            json_key(out, TEXT("secret"));
            json_put_text(out, text_of(hook->secret));
        }
        json_close(out, '}');
    }
    json_close(out, ']');
}

void sandbox_describe(const struct sandbox *sandbox, struct buf *to)
{
    struct json_out out = json_out(to);
    char url[SERVER_ADDRESS_MAX + 16];
    write_url(sandbox, url, sizeof(url));
    json_open(&out, '{');
    json_key(&out, TEXT("backend_api"));
    json_put_text(&out, text_of(url));
    json_key(&out, TEXT("frontend_api"));
    json_put_text(&out, text_of(url));
    json_key(&out, TEXT("secret_key"));
    json_put_text(&out, text_of(sandbox->instance.secret_key));
    json_key(&out, TEXT("publishable_key"));
    json_put_text(&out, text_of(sandbox->instance.publishable_key));
    json_key(&out, TEXT("listen"));
    json_put_text(&out, text_of(sandbox->address));
    describe_page(sandbox, url, &out);
    if (sandbox->declared_count > 0)
        describe_webhooks(sandbox, &out);
    json_close(&out, '}');
}
