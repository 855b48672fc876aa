/*
 * sandbox/engine: the one thread that owns the store. It takes all requests that wait, runs their
 * handlers inside one transaction, commits, and only then lets the answers go: group commit. A handler
 * that fails undoes what it did itself and nothing else. While it sleeps, whoever brings a GET runs it in its stead.
 *
 *     engine_new(&engine, &opts, &err);
 *     engine_put(engine, request);     // from any HTTP thread
 *     engine_close(engine);            // answers what has come, then stops
 *     engine_free(engine);             // once the server is gone
 */
#ifndef USHER_SANDBOX_ENGINE_H
#define USHER_SANDBOX_ENGINE_H

#include "sandbox/call.h"
#include "sandbox/limit.h"
#include "sandbox/sandbox.h"

struct engine;

struct engine_opts {
    struct store *store;
    struct instance *instance;
    struct hooks *hooks;
    const struct console *console;
    const struct sandbox_opts *sandbox; /* limits, latency, faults; read at engine_new only */
};

/* Starts the thread and the pool. All of them must outlive the engine. */
int engine_new(struct engine **engine, const struct engine_opts *opts, struct err *err);

/* Takes a request from an HTTP thread, and answers it before it returns if it can. */
void engine_put(struct engine *engine, struct server_request *request);

/*
 * What another thread wants of the store without being a request: run is called on the store's thread, inside
 * the shared transaction (-1 with err: the transaction is undone), then done, on the same thread, after
 * the commit or its failure. The errand belongs to the engine from engine_send to the call of done, which must
 * not send again. After engine_close done(errand, false) is called at once.
 */
struct errand {
    struct errand *next;
    int (*run)(struct errand *errand, struct desk *desk, struct err *err);
    void (*done)(struct errand *errand, bool committed);
};

/* From any thread. */
void engine_send(struct engine *engine, struct errand *errand);

/* Answers all that has come and stops the thread; what comes from now on gets a 503. NULL is fine. */
void engine_close(struct engine *engine);

/* Closes if that has not been done, and frees. No request may come any more. NULL is fine. */
void engine_free(struct engine *engine);

#endif
