/*
 * A message's way: its transaction commits → wake → the errand claims it → the pool posts it → it lands →
 * wake → the next errand writes down how it went, and claims more.
 */
#include "sandbox/delivery.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define ANSWER_MAX ((size_t)64 << 10)
#define HEADER_MAX 256
/* How long it waits after the store has failed, and until it looks again when nothing is known to be due. */
#define PAUSE_MS 1000
#define LONG_MS  HOOK_CLAIM_MS
#define SENDERS  (HOOKS_MAX * HOOK_FLOWN)

struct delivery {
    struct engine *engine;
    struct hooks *hooks;
    struct http *http;
    struct pool *pool; /* NULL until there is something to send */
    atomic_bool stop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    bool stirred;                 /* by a commit */
    struct hook_delivery *landed; /* to be written down */
    size_t flying;
    bool asked, committed; /* the errand is under way; how it ended */
    /* the errand's, between engine_send and its end */
    struct errand errand;
    struct hook_delivery *settling, *taken;
    int64_t next_ms;
};

bool delivery_sign(struct text secret, struct text id, int64_t timestamp_s, struct text body,
                   struct buf *to)
{
    uint8_t key[64], mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    size_t key_len = hook_key(secret, key);
    struct buf content;
    buf_init(&content, id.len + body.len + 32);
    buf_printf(&content, "%.*s.%lld.", TEXT_ARG(id), (long long)timestamp_s);
    buf_add(&content, body);
    bool ok = key_len > 0 && buf_ok(&content) &&
              HMAC(EVP_sha256(), key, (int)key_len, (const uint8_t *)content.at, content.len, mac,
                   &mac_len);
    if (ok) {
        buf_add(to, TEXT("v1,"));
        base64_encode(BASE64, to, mac, mac_len);
    }
    buf_release(&content);
    secret_wipe(key, sizeof(key));
    return ok && buf_ok(to);
}

/* --- on a thread of the pool --- */

/* Fails what could not even be sent; the sentence is for the page. */
static void fail(struct hook_delivery *message, const char *why)
{
    message->status = 0;
    message->failure = arena_copy(&message->arena, text_of(why));
}

static void post(struct delivery *delivery, struct hook_delivery *message, const char *signature)
{
    char id[HEADER_MAX], timestamp[HEADER_MAX], signed_by[HEADER_MAX];
    const char *headers[] = {"Content-Type: application/json",
                             "User-Agent: usher/" USHER_VERSION,
                             "Expect:",
                             id,
                             timestamp,
                             signed_by,
                             NULL};
    struct http_request request = {.url = message->url.at,
                                   .headers = headers,
                                   .body = message->body,
                                   .timeout_ms = HOOK_TIMEOUT_MS,
                                   .stop = &delivery->stop};
    struct buf answer;
    struct err err;
    snprintf(id, sizeof(id), "svix-id: %.*s", TEXT_ARG(message->message));
    snprintf(timestamp, sizeof(timestamp), "svix-timestamp: %lld", (long long)message->sent_s);
    snprintf(signed_by, sizeof(signed_by), "svix-signature: %s", signature);
    buf_init(&answer, ANSWER_MAX);
    if (http_exchange(delivery->http, &request, &answer, &message->status, &err) != 0)
        fail(message, err.message);
    buf_release(&answer);
}

/* One that was broken off by the stop is as if it had never been sent. */
static void land(struct delivery *delivery, struct hook_delivery *message)
{
    bool broken_off = message->status == 0 && atomic_load(&delivery->stop);
    pthread_mutex_lock(&delivery->lock);
    if (!broken_off) {
        message->next = delivery->landed;
        delivery->landed = message;
    }
    delivery->flying--;
    pthread_cond_signal(&delivery->changed);
    pthread_mutex_unlock(&delivery->lock);
    if (broken_off)
        hook_delivery_free(message);
}

static void send_one(void *arg)
{
    struct hook_delivery *message = arg;
    struct delivery *delivery = message->sender;
    struct buf signature;
    buf_init(&signature, HEADER_MAX);
    message->sent_s = clock_wall_ms() / 1000;
    if (delivery_sign(message->secret, message->message, message->sent_s, message->body,
                      &signature))
        post(delivery, message, buf_z(&signature));
    else
        fail(message, "it could not be signed");
    buf_release(&signature);
    land(delivery, message);
}

/* --- on the store's thread --- */

static void wake(void *arg)
{
    struct delivery *delivery = arg;
    pthread_mutex_lock(&delivery->lock);
    delivery->stirred = true;
    pthread_cond_signal(&delivery->changed);
    pthread_mutex_unlock(&delivery->lock);
}

static struct delivery *delivery_of(struct errand *errand)
{
    return (struct delivery *)((char *)errand - offsetof(struct delivery, errand));
}

static int run_errand(struct errand *errand, struct desk *desk, struct err *err)
{
    struct delivery *delivery = delivery_of(errand);
    int64_t now = clock_wall_ms();
    hooks_landed(desk->hooks, delivery->settling);
    if (hooks_settle(desk->hooks, delivery->settling, now, err) != 0)
        return -1;
    if (atomic_load(&delivery->stop))
        return 0;
    return hooks_take(desk->hooks, now, &delivery->taken, &delivery->next_ms, err);
}

static void end_errand(struct errand *errand, bool committed)
{
    struct delivery *delivery = delivery_of(errand);
    if (!committed)
        hooks_landed(delivery->hooks, delivery->taken);
    pthread_mutex_lock(&delivery->lock);
    delivery->asked = false;
    delivery->committed = committed;
    pthread_cond_signal(&delivery->changed);
    pthread_mutex_unlock(&delivery->lock);
}

/* --- on its own thread --- */

static void free_all(struct hook_delivery **list)
{
    for (struct hook_delivery *at = *list, *next; at; at = next) {
        next = at->next;
        hook_delivery_free(at);
    }
    *list = NULL;
}

/* Under the lock: whether there is a reason to ask the store. *wait_ms gets how long there is none. */
static bool has_work(const struct delivery *delivery, int64_t *wait_ms)
{
    bool stopping = atomic_load(&delivery->stop);
    int64_t wait = stopping ? LONG_MS : delivery->next_ms - clock_wall_ms();
    *wait_ms = wait < LONG_MS ? wait : LONG_MS;
    if (stopping)
        return delivery->landed || delivery->flying == 0;
    return delivery->stirred || delivery->landed || wait <= 0;
}

/* Under the lock. After LONG_MS it looks anyway: claims lapse that others had. */
static void wait_for_work(struct delivery *delivery)
{
    int64_t wait_ms;
    while (!has_work(delivery, &wait_ms)) {
        int64_t until = clock_now_us() + wait_ms * 1000;
        struct timespec at = {until / 1000000, until % 1000000 * 1000};
        if (pthread_cond_timedwait(&delivery->changed, &delivery->lock, &at) == ETIMEDOUT)
            return;
    }
}

/* Under the lock, which it gives up meanwhile. */
static void ask(struct delivery *delivery)
{
    delivery->settling = delivery->landed;
    delivery->landed = NULL;
    delivery->stirred = false;
    delivery->asked = true;
    pthread_mutex_unlock(&delivery->lock);
    engine_send(delivery->engine, &delivery->errand);
    pthread_mutex_lock(&delivery->lock);
    while (delivery->asked)
        pthread_cond_wait(&delivery->changed, &delivery->lock);
}

static bool start_pool(struct delivery *delivery)
{
    struct err err;
    if (delivery->pool || pool_new(&delivery->pool, SENDERS, SENDERS, &err) == 0)
        return true;
    log_line(LOG_ERROR, "webhooks: %s", err.message);
    return false;
}

/* Under the lock. A message that finds no sender is sent when its claim has lapsed. */
static void dispatch(struct delivery *delivery)
{
    struct hook_delivery *next;
    for (; delivery->taken; delivery->taken = next) {
        struct hook_delivery *message = delivery->taken;
        next = message->next;
        message->sender = delivery;
        if (start_pool(delivery) && pool_put(delivery->pool, send_one, message))
            delivery->flying++;
        else
            hook_delivery_free(message);
    }
}

static void *run(void *arg)
{
    struct delivery *delivery = arg;
    pthread_mutex_lock(&delivery->lock);
    while (!atomic_load(&delivery->stop) || delivery->flying > 0 || delivery->landed) {
        wait_for_work(delivery);
        ask(delivery);
        free_all(&delivery->settling);
        if (delivery->committed) {
            dispatch(delivery);
        } else {
            free_all(&delivery->taken);
            delivery->next_ms = clock_wall_ms() + PAUSE_MS;
        }
    }
    pthread_mutex_unlock(&delivery->lock);
    return NULL;
}

static void release(struct delivery *delivery)
{
    pool_free(delivery->pool);
    http_free(delivery->http);
    pthread_cond_destroy(&delivery->changed);
    pthread_mutex_destroy(&delivery->lock);
    free(delivery);
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int delivery_start(struct delivery **out, struct engine *engine, struct hooks *hooks,
                   struct err *err)
{
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    if (!delivery)
        return err_memory(err);
    delivery->engine = engine;
    delivery->hooks = hooks;
    delivery->errand = (struct errand){.run = run_errand, .done = end_errand};
    delivery->stirred = true;
    pthread_mutex_init(&delivery->lock, NULL);
    init_condition(&delivery->changed);
    hooks_watch(hooks, wake, delivery);
    if (http_new(&delivery->http, err) != 0 ||
        pthread_create(&delivery->thread, NULL, run, delivery) != 0) {
        hooks_watch(hooks, NULL, NULL);
        release(delivery);
        return err_set(err, ERR_MEMORY, "cannot start the webhooks' thread");
    }
    pthread_setname_np(delivery->thread, "webhooks");
    *out = delivery;
    return 0;
}

void delivery_stop(struct delivery *delivery)
{
    if (!delivery || atomic_exchange(&delivery->stop, true))
        return;
    pthread_mutex_lock(&delivery->lock);
    pthread_cond_signal(&delivery->changed);
    pthread_mutex_unlock(&delivery->lock);
    pthread_join(delivery->thread, NULL);
}

void delivery_free(struct delivery *delivery)
{
    if (!delivery)
        return;
    delivery_stop(delivery);
    release(delivery);
}
