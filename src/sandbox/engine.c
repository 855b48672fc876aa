/*
 * A request's way: engine_put (HTTP thread) → the queue → gate.h: route, key, limits, faults, body →
 * its handler → [work on the pool → the queue → the call's `then`] → commit → [signatures] → release.
 *
 * Whoever runs handlers has the turn: the store's thread with a batch, or an HTTP thread with a single GET. The
 * latter only while the queue is empty and the store's thread asleep, so it waits for no commit; it spares the
 * request two changes of thread, which cost more than the reading.
 */
#include "sandbox/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sandbox/console.h"
#include "sandbox/front.h"
#include "sandbox/gate.h"
#include "sandbox/hook.h"
#include "sandbox/leave.h"

/* So many calls share a transaction at most. */
#define BATCH_MAX 512
/* Password work that may wait; what comes then is refused. */
#define WORK_MAX 1024
/* Answers that may wait for a signature; beyond it the store's thread signs. */
#define SIGN_MAX 4096
/* Connections of an HTTP thread with which it signs itself: the last of them waits 20 ms for its turn. */
#define SIGN_HERE_MAX 64
#define SCRATCH_MAX   ((size_t)8 << 20)
#define WORK_PRIORITY 19

struct engine {
    struct desk desk;
    struct gate gate;
    struct pool *pool;    /* for slow work */
    struct pool *signers; /* for signatures and keys: not behind a queue of passwords */
    pthread_t thread;
    pthread_mutex_t turn; /* of whoever runs handlers; never waited for with the lock */
    atomic_bool idle;     /* the store's thread sleeps, and nothing waits; written under the lock */
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct call *first, **end; /* the queue; under the lock, as is what follows */
    struct errand
        *errands; /* the newest first: they are few, and their order is nobody's concern */
    bool closing;
    size_t working; /* calls that the pool has */
};

/* Under the lock. */
static void stir(struct engine *engine)
{
    engine->idle = false;
    pthread_cond_signal(&engine->more);
}

static void enqueue(struct engine *engine, struct call *call)
{
    call->next = NULL;
    *engine->end = call;
    engine->end = &call->next;
    stir(engine);
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

void engine_send(struct engine *engine, struct errand *errand)
{
    pthread_mutex_lock(&engine->lock);
    bool closing = engine->closing;
    if (!closing) {
        errand->next = engine->errands;
        engine->errands = errand;
        stir(engine);
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
        engine->idle = !engine->closing;
        pthread_cond_wait(&engine->more, &engine->lock);
    }
    engine->idle = false;
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

static struct engine *engine_of(struct call *call)
{
    return (struct engine *)((char *)call->desk - offsetof(struct engine, desk));
}

/* On a pool thread: the work, then back into the queue. Only the pool for slow work is of the lowest priority. */
static void work(void *arg)
{
    struct call *call = arg;
    struct engine *engine = engine_of(call);
    if (!call->urgent)
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
    if (pool_put(call->urgent ? engine->signers : engine->pool, work, call))
        return;
    pthread_mutex_lock(&engine->lock);
    engine->working--;
    pthread_mutex_unlock(&engine->lock);
    call->work = NULL;
    call->retry_after_s = 1;
    call_fail(call, CLERK_service_unavailable, NULL, "Too many passwords wait to be hashed.");
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
    bool first = !call->then;
    call->work = NULL;
    call->then = NULL;
    call->marked = call->urgent = false;
    if (!call->front || !first || keys_ready(call, handle))
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
    if ((!call->then && !gate_admit(&engine->gate, call)) || !gate_body(&engine->gate, call)) {
        front_finish(call);
        return 0;
    }
    int status = run_handler(call);
    if (call->work)
        send_to_work(engine, call);
    else if (call->status == 0)
        call_fail(call, CLERK_internal_clerk_error, NULL, "The handler gave no answer.");
    if (!call->work)
        front_finish(call);
    return status;
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
    desk->indexed = 0; /* an index that the transaction made is gone */
    if (hooks_aborted(desk->hooks, &ignored) != 0 ||
        settings_open(&desk->instance->settings, desk->store, &ignored) != 0)
        log_line(LOG_ERROR, "sandbox: %s", ignored.message);
    keys_reload(&desk->instance->keys, desk->store);
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

/* On shared data: waits its turn if anything of the batch may write, and reads anew what others have changed. */
static int enter(struct engine *engine, const struct batch *batch, struct err *err)
{
    struct desk *desk = &engine->desk;
    bool stale, writes = batch->errands;
    for (const struct call *call = batch->calls; call && !writes; call = call->next)
        writes = call->then || strcmp(call->request->method, "GET") != 0;
    if (store_enter(desk->store, writes, &stale, err) != 0)
        return -1;
    if (!stale)
        return 0;
    return instance_reload(desk->instance, desk->store, err) == 0 ? hooks_reload(desk->hooks, err)
                                                                  : -1;
}

static void run_batch(struct engine *engine, struct batch *batch)
{
    struct err err;
    err_set(&err, ERR_UNUSABLE, "an earlier call of the transaction failed");
    bool broken = enter(engine, batch, &err) != 0 || run_errands(engine, batch->errands, &err) != 0;
    if (broken)
        log_line(LOG_ERROR, "sandbox: %s", err.message);
    if (run_calls(engine, &batch->calls, broken) != 0)
        broken = true;
    bool committed = finish(engine, broken, &err) == 0;
    end_errands(batch->errands, committed);
    for (struct call *call = batch->calls; call; call = call->next) {
        if (committed)
            leave_note(call);
        else
            leave_note_spoiled(call, &err);
    }
}

static void let_leave(struct call *call, struct pool *signers)
{
    for (struct call *next; call; call = next) {
        next = call->next;
        leave(call, signers);
    }
}

static bool take_turn(struct engine *engine)
{
    if (!engine->idle)
        return false;
    pthread_mutex_lock(&engine->turn);
    if (engine->idle)
        return true;
    pthread_mutex_unlock(&engine->turn);
    return false;
}

/*
 * Who signs what an HTTP thread has served: that thread, unless so many others wait for it that those behind it would
 * notice, or the answer has several tokens, or one with a key that may be large.
 */
static struct pool *signers_for(const struct engine *engine, const struct call *call)
{
    bool here = call->signature_count == 1 && !call->signatures[0].key.at &&
                server_neighbours(call->request) <= SIGN_HERE_MAX;
    return here ? NULL : engine->signers;
}

/* On an HTTP thread. Shared data are far away: there the store's thread waits for them. */
static bool serve_now(struct engine *engine, struct call *call)
{
    struct batch batch = {call, NULL};
    if (!call->route || !route_reads(call->route) || store_is_shared(engine->desk.store) ||
        !take_turn(engine))
        return false;
    run_batch(engine, &batch);
    struct pool *signers = batch.calls ? signers_for(engine, call) : NULL;
    pthread_mutex_unlock(&engine->turn);
    let_leave(batch.calls, signers);
    return true;
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
    gate_find(call);
    if (serve_now(engine, call))
        return;
    pthread_mutex_lock(&engine->lock);
    bool closing = engine->closing;
    if (!closing)
        enqueue(engine, call);
    pthread_mutex_unlock(&engine->lock);
    if (closing)
        turn_away(request);
}

static void *run(void *arg)
{
    struct engine *engine = arg;
    for (;;) {
        struct batch batch = take(engine);
        if (!batch.calls && !batch.errands)
            return NULL;
        pthread_mutex_lock(&engine->turn);
        run_batch(engine, &batch);
        let_leave(batch.calls, engine->signers);
        pthread_mutex_unlock(&engine->turn);
    }
}

/* The Frontend API's documented limits, per user and address. */
static int make_limits(struct desk *desk, const struct sandbox_opts *opts, struct err *err)
{
    if (opts->limits != SANDBOX_LIMITS_CLERK)
        return 0;
    if (user_limits_new(&desk->create_limits, opts->limit_shape, 5, 10000000, err) != 0)
        return -1;
    return user_limits_new(&desk->attempt_limits, opts->limit_shape, 3, 10000000, err);
}

/* A turn is short: whoever waits for it spins a little before it sleeps. */
static void init_turn(pthread_mutex_t *turn)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(turn, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static void engine_release(struct engine *engine)
{
    pool_free(engine->pool);
    pool_free(engine->signers);
    gate_release(&engine->gate);
    user_limits_free(engine->desk.create_limits);
    user_limits_free(engine->desk.attempt_limits);
    json_free(engine->desk.json);
    buf_release(&engine->desk.scratch);
    pthread_cond_destroy(&engine->more);
    pthread_mutex_destroy(&engine->lock);
    pthread_mutex_destroy(&engine->turn);
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
    engine->desk.latency_us = opts->sandbox->latency_ms * 1000;
    engine->desk.limit = &engine->gate.limit;
    engine->desk.console = opts->console;
    engine->end = &engine->first;
    buf_init(&engine->desk.scratch, SCRATCH_MAX);
    pthread_mutex_init(&engine->lock, NULL);
    init_turn(&engine->turn);
    pthread_cond_init(&engine->more, NULL);
    if (json_new(&engine->desk.json, SCRATCH_MAX, err) != 0 ||
        gate_init(&engine->gate, opts->sandbox, opts->instance, err) != 0 ||
        make_limits(&engine->desk, opts->sandbox, err) != 0 ||
        pool_new(&engine->pool, 0, WORK_MAX, err) != 0 ||
        pool_new(&engine->signers, 0, SIGN_MAX, err) != 0) {
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
    stir(engine);
    pthread_mutex_unlock(&engine->lock);
    if (closed)
        return;
    pthread_join(engine->thread, NULL);
    pthread_mutex_lock(&engine->turn); /* a last GET on an HTTP thread */
    pthread_mutex_unlock(&engine->turn);
    pool_free(engine->signers); /* what was committed leaves before the server stops */
    engine->signers = NULL;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    engine_close(engine);
    engine_release(engine);
}
