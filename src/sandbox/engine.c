/*
 * A request's way: engine_put (HTTP thread) → the queue → admit: route, key, limits, faults, body →
 * its handler → [work on the pool → the queue → the call's `then`] → commit → release.
 */
#include "sandbox/engine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sandbox/hook.h"

/* So many calls share a transaction at most. */
#define BATCH_MAX 512
#define BODY_MAX  ((size_t)1 << 20)
/* Password work that may wait; what comes then is refused. */
#define WORK_MAX      1024
#define SCRATCH_MAX   ((size_t)8 << 20)
#define WORK_PRIORITY 19
/* A slow body comes in so many pieces, with so long a pause before each. */
#define SLOW_PIECES   10
#define SLOW_PAUSE_US 200000

struct engine {
    struct desk desk;
    struct json *json; /* for request bodies */
    struct pool *pool;
    struct limit limit;
    int64_t *limit_log;
    struct user_limits *user_limits;
    int64_t latency_us;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct call *first, **end; /* the queue; under the lock, as is what follows */
    struct errand
        *errands; /* the newest first: they are few, and their order is nobody's concern */
    bool sleeping, closing;
    size_t working; /* calls that the pool has */
};

static void enqueue(struct engine *engine, struct call *call)
{
    call->next = NULL;
    *engine->end = call;
    engine->end = &call->next;
    if (engine->sleeping)
        pthread_cond_signal(&engine->more);
}

static void turn_away(struct server_request *request)
{
    static const char body[] = "{\"errors\":[{\"message\":\"Service "
                               "unavailable\",\"long_message\":\"The sandbox has no room "
                               "for this request now.\",\"code\":\"service_unavailable\"}]}";
    server_answer(request, &(struct server_answer){.status = 503,
                                                   .content_type = "application/json",
                                                   .body = TEXT(body)});
}

void engine_put(struct engine *engine, struct server_request *request)
{
    struct call *call = arena_zalloc(&request->arena, 1, sizeof(*call));
    if (!call) {
        turn_away(request);
        return;
    }
    call->desk = &engine->desk;
    call->request = request;
    call->arena = &request->arena;
    call->retry_after_s = -1;
    pthread_mutex_lock(&engine->lock);
    bool closing = engine->closing;
    if (!closing)
        enqueue(engine, call);
    pthread_mutex_unlock(&engine->lock);
    if (closing)
        turn_away(request);
}

void engine_send(struct engine *engine, struct errand *errand)
{
    pthread_mutex_lock(&engine->lock);
    bool closing = engine->closing;
    if (!closing) {
        errand->next = engine->errands;
        engine->errands = errand;
        if (engine->sleeping)
            pthread_cond_signal(&engine->more);
    }
    pthread_mutex_unlock(&engine->lock);
    if (closing)
        errand->done(errand, false);
}

/* What a transaction is made of. */
struct batch {
    struct call *calls;
    struct errand *errands;
};

/*
 * What waits, at most BATCH_MAX calls; nothing when the engine closes and nothing is left. It does not wait for
 * more to come: while one batch commits the next one gathers by itself, and waiting a millisecond was
 * measured to cost a sixth of the throughput and to save no CPU.
 */
static struct batch take(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    while (!engine->first && !engine->errands && !(engine->closing && engine->working == 0)) {
        engine->sleeping = true;
        pthread_cond_wait(&engine->more, &engine->lock);
        engine->sleeping = false;
    }
    struct batch batch = {engine->first, engine->errands};
    struct call **last = &engine->first;
    for (size_t i = 0; i < BATCH_MAX && *last; i++)
        last = &(*last)->next;
    engine->first = *last;
    engine->errands = NULL;
    *last = NULL;
    if (!engine->first)
        engine->end = &engine->first;
    pthread_mutex_unlock(&engine->lock);
    return batch;
}

/* On a pool thread: the work, at the lowest priority, then back into the queue. */
static void work(void *arg)
{
    struct call *call = arg;
    struct engine *engine = (struct engine *)((char *)call->desk - offsetof(struct engine, desk));
    setpriority(PRIO_PROCESS, (id_t)gettid(), WORK_PRIORITY);
    call->work(call);
    pthread_mutex_lock(&engine->lock);
    engine->working--;
    enqueue(engine, call);
    pthread_mutex_unlock(&engine->lock);
}

static void send_to_work(struct engine *engine, struct call *call)
{
    pthread_mutex_lock(&engine->lock);
    engine->working++;
    pthread_mutex_unlock(&engine->lock);
    if (pool_put(engine->pool, work, call))
        return;
    pthread_mutex_lock(&engine->lock);
    engine->working--;
    pthread_mutex_unlock(&engine->lock);
    call->work = NULL;
    call->retry_after_s = 1;
    call_fail(call, CLERK_service_unavailable, NULL, "Too many passwords wait to be hashed.");
}

static bool check_key(struct call *call)
{
    struct text header = server_header(call->request, "Authorization");
    struct text bearer = TEXT("Bearer "), key = text_part(header, bearer.len, header.len);
    struct text ours = text_of(call->desk->instance->secret_key);
    if (!text_same_nocase(text_part(header, 0, bearer.len), bearer) || key.len == 0)
        return call_fail(call, CLERK_authorization_header_format_invalid, NULL,
                         "Send the header 'Authorization: Bearer <the instance's secret key>'.");
    if (key.len != ours.len || !secret_same(key.at, ours.at, ours.len))
        return call_fail(call, CLERK_clerk_key_invalid, NULL,
                         "The secret key in the Authorization header is not this instance's.");
    return true;
}

static bool refuse_limited(struct call *call, int64_t retry_after_s)
{
    call->desk->stats.limited++;
    call->retry_after_s = retry_after_s;
    return call_fail(call, CLERK_too_many_requests, NULL,
                     "Too many requests in a short time. Try again in %lld s.",
                     (long long)retry_after_s);
}

/*
 * The moment of admission is what counts, and what the latency counts from: HTTP threads hand requests over
 * in another order than they came, and a log of times that goes back and forth refuses too many.
 */
static bool check_limits(struct engine *engine, struct call *call)
{
    int64_t now = clock_now_us(), wait = 0;
    call->request->arrived_us = now;
    if (call->route->limit == ROUTE_FREE)
        return true;
    wait = limit_ask(&engine->limit, now);
    if (wait == 0 && call->route->limit == ROUTE_USER && engine->user_limits)
        wait = user_limits_ask(engine->user_limits, call->ids[0], now);
    return wait == 0 || refuse_limited(call, wait);
}

static bool check_faults(struct call *call)
{
    struct faults *faults = &call->desk->faults;
    bool writes = strcmp(call->route->method, "GET") != 0;
    if (call->route->limit == ROUTE_FREE)
        return true;
    if (faults_ask(faults, FAULT_DROP_BEFORE)) {
        call->drop = true;
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Dropped.");
    }
    if (faults_ask(faults, FAULT_500))
        return call_fail(call, CLERK_internal_clerk_error, NULL, "A fault that was asked for.");
    if (faults_ask(faults, FAULT_429))
        return refuse_limited(call, 1);
    call->drop = writes && faults_ask(faults, FAULT_DROP_AFTER);
    call->slow = faults_ask(faults, FAULT_SLOW_BODY);
    return true;
}

static bool is_json_type(struct text type)
{
    return text_same_nocase(text_trim(text_part(type, 0, text_find(type, ';', 0))),
                            TEXT("application/json"));
}

static bool parse_body(struct engine *engine, struct call *call)
{
    struct server_request *request = call->request;
    struct err err;
    if (request->body_too_large)
        return call_fail(call, CLERK_request_body_too_large, NULL,
                         "A request body may have %zu bytes at most.", BODY_MAX);
    if (strcmp(call->route->method, "GET") == 0 || !request->body.at)
        return true;
    if (!is_json_type(server_header(request, "Content-Type")))
        return call_fail(call, CLERK_unsupported_content_type, NULL,
                         "Send the body as application/json.");
    if (json_parse_padded(engine->json, request->body, &call->body, &err) != 0)
        return call_fail(call, CLERK_request_body_invalid, NULL, "The body is %s.", err.message);
    if (json_type(call->body) != JSON_OBJECT)
        return call_fail(call, CLERK_request_body_invalid, NULL,
                         "The body must be a JSON object, not %s.",
                         json_type_name(json_type(call->body)));
    return true;
}

static bool find_route(struct call *call)
{
    bool other_method;
    struct text ids[ROUTE_IDS_MAX] = {{NULL, 0}};
    call->route =
        route_find(text_of(call->request->method), call->request->path, ids, &other_method);
    for (size_t i = 0; call->route && i < ROUTE_IDS_MAX && ids[i].at; i++) {
        call->ids[i] = call_decode(call->arena, ids[i], false);
        if (!call->ids[i].at)
            return call_fail(call, CLERK_resource_not_found, NULL, "The path is malformed.");
    }
    if (call->route)
        return true;
    return call_fail(call, CLERK_resource_not_found, NULL, "%s",
                     other_method ? "This path has no such method."
                                  : "There is no such path in this API.");
}

static bool admit(struct engine *engine, struct call *call)
{
    call->desk->stats.requests++;
    return find_route(call) && (call->route->auth == ROUTE_PUBLIC || check_key(call)) &&
           check_limits(engine, call) && check_faults(call) && call_read_query(call);
}

/*
 * Runs a handler; what it wrote behind its mark is undone if it refuses. Returns -1 if the store fails,
 * whose transaction is then beyond use.
 */
static int run_handler(struct call *call)
{
    void (*handle)(struct call *) = call->then ? call->then : call->route->handle;
    struct store *store = call->desk->store;
    struct err err;
    call->work = NULL;
    call->then = NULL;
    call->marked = false;
    handle(call);
    if (call->broken)
        return -1;
    if (!call->marked || (call->status >= 400 ? store_undo : store_keep)(store, &err) == 0)
        return 0;
    call_broken(call, &err);
    return -1;
}

/* One call as far as it goes now: to its answer, or into the pool. */
static int step(struct engine *engine, struct call *call)
{
    call->now_ms = clock_wall_ms();
    if (!call->then && !admit(engine, call))
        return 0;
    if (!parse_body(engine, call))
        return 0;
    int status = run_handler(call);
    if (call->work)
        send_to_work(engine, call);
    else if (call->status == 0)
        call_fail(call, CLERK_internal_clerk_error, NULL, "The handler gave no answer.");
    return status;
}

static void count(struct stats *stats, int status)
{
    if (status >= 500)
        stats->failed++;
    else if (status >= 400)
        stats->refused++;
}

static void release(struct engine *engine, struct call *call)
{
    char retry_after[24];
    struct server_answer answer = {.status = call->status,
                                   .content_type = "application/json",
                                   .body = buf_text(&call->request->out),
                                   .drop = call->drop};
    count(&engine->desk.stats, call->status);
    if (call->retry_after_s >= 0) {
        snprintf(retry_after, sizeof(retry_after), "%lld", (long long)call->retry_after_s);
        answer.headers[answer.header_count++] = (struct server_header){"Retry-After", retry_after};
    }
    if (call->slow) {
        answer.pieces = SLOW_PIECES;
        answer.pause_us = SLOW_PAUSE_US;
    }
    if (engine->latency_us > 0)
        answer.not_before_us = call->request->arrived_us + engine->latency_us;
    server_answer(call->request, &answer);
}

/* After the commit failed nothing of the batch has happened: every answer becomes a 500. */
static void spoil(struct call *call, const struct err *err)
{
    call->status = 0;
    call->retry_after_s = -1;
    call_broken(call, err);
}

/* Makes all that was written durable, unless something failed on the way: then nothing of it stays. */
static int finish(struct engine *engine, bool broken, struct err *err)
{
    struct desk *desk = &engine->desk;
    struct err ignored;
    desk->stats.transactions++;
    if (!broken && store_commit(desk->store, err) == 0) {
        hooks_committed(desk->hooks);
        return 0;
    }
    if (broken)
        store_abort(desk->store);
    if (hooks_aborted(desk->hooks, &ignored) != 0 ||
        settings_open(&desk->instance->settings, desk->store, &ignored) != 0)
        log_line(LOG_ERROR, "sandbox: %s", ignored.message);
    return -1;
}

/* The first failure of the batch is in err; -1 then. */
static int run_errands(struct engine *engine, struct errand *errand, struct err *err)
{
    for (; errand; errand = errand->next)
        if (errand->run(errand, &engine->desk, err) != 0)
            return -1;
    return 0;
}

static void end_errands(struct errand *errand, bool committed)
{
    for (struct errand *next; errand; errand = next) {
        next = errand->next;
        errand->done(errand, committed);
    }
}

/* Runs the calls; what is left in *calls has its answer, the others have gone into the pool. */
static int run_calls(struct engine *engine, struct call **calls, bool broken)
{
    struct call *batch = *calls, **end = calls;
    for (struct call *call = batch, *next; call; call = next) {
        next = call->next;
        if (broken)
            call->work = NULL; /* it has no answer yet; it gets the one of a failure */
        else
            broken = step(engine, call) != 0;
        if (call->work)
            continue;
        *end = call;
        end = &call->next;
    }
    *end = NULL;
    return broken ? -1 : 0;
}

static void run_batch(struct engine *engine, struct batch *batch)
{
    struct err err;
    err_set(&err, ERR_UNUSABLE, "an earlier call of the transaction failed");
    bool broken = run_errands(engine, batch->errands, &err) != 0;
    if (broken)
        log_line(LOG_ERROR, "sandbox: %s", err.message);
    if (run_calls(engine, &batch->calls, broken) != 0)
        broken = true;
    bool committed = finish(engine, broken, &err) == 0;
    end_errands(batch->errands, committed);
    for (struct call *call = batch->calls, *next; call; call = next) {
        next = call->next;
        if (!committed)
            spoil(call, &err);
        release(engine, call);
    }
}

static void *run(void *arg)
{
    for (;;) {
        struct batch batch = take(arg);
        if (!batch.calls && !batch.errands)
            return NULL;
        run_batch(arg, &batch);
    }
}

static int make_limits(struct engine *engine, const struct engine_opts *opts, struct err *err)
{
    const struct sandbox_opts *want = opts->sandbox;
    uint32_t requests = opts->instance->limits.requests;
    int64_t window_us = (int64_t)opts->instance->limits.window_ms * 1000;
    if (want->limits == SANDBOX_LIMITS_OFF)
        return 0;
    if (want->limits == SANDBOX_LIMITS_OWN) {
        requests = want->limit_requests;
        window_us = (int64_t)want->limit_seconds * 1000000;
    }
    engine->limit_log = calloc(requests ? requests : 1, sizeof(*engine->limit_log));
    if (!engine->limit_log)
        return err_memory(err);
    limit_init(&engine->limit, want->limit_shape, requests, window_us, engine->limit_log);
    if (want->limits == SANDBOX_LIMITS_OWN)
        return 0;
    return user_limits_new(&engine->user_limits, want->limit_shape, 10, 10000000, err);
}

static void engine_release(struct engine *engine)
{
    pool_free(engine->pool);
    user_limits_free(engine->user_limits);
    json_free(engine->json);
    json_free(engine->desk.json);
    buf_release(&engine->desk.scratch);
    free(engine->limit_log);
    pthread_cond_destroy(&engine->more);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

int engine_new(struct engine **out, const struct engine_opts *opts, struct err *err)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    if (!engine)
        return err_memory(err);
    engine->desk.store = opts->store;
    engine->desk.instance = opts->instance;
    engine->desk.hooks = opts->hooks;
    engine->desk.faults = opts->sandbox->faults;
    engine->latency_us = opts->sandbox->latency_ms * 1000;
    engine->end = &engine->first;
    buf_init(&engine->desk.scratch, SCRATCH_MAX);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->more, NULL);
    if (json_new(&engine->json, BODY_MAX, err) != 0 ||
        json_new(&engine->desk.json, SCRATCH_MAX, err) != 0 ||
        make_limits(engine, opts, err) != 0 || pool_new(&engine->pool, 0, WORK_MAX, err) != 0) {
        engine_release(engine);
        return -1;
    }
    if (pthread_create(&engine->thread, NULL, run, engine) != 0) {
        engine_release(engine);
        return err_set(err, ERR_MEMORY, "cannot start the store's thread");
    }
    pthread_setname_np(engine->thread, "store");
    *out = engine;
    return 0;
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    pthread_mutex_lock(&engine->lock);
    bool closed = engine->closing;
    engine->closing = true;
    pthread_cond_signal(&engine->more);
    pthread_mutex_unlock(&engine->lock);
    if (!closed)
        pthread_join(engine->thread, NULL);
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    engine_close(engine);
    engine_release(engine);
}
