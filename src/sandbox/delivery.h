/*
 * sandbox/delivery: sends what hook.h keeps: one thread looks for what is due, a pool of others does the
 * HTTP. The store is only asked through the engine's errands, so no endpoint, however slow, holds up a
 * request.
 *
 *     delivery_start(&delivery, engine, hooks, &err);
 *     delivery_stop(delivery);                        // before engine_close
 *     delivery_free(delivery);                        // once the engine is closed
 *
 * Signed as Svix does: the headers svix-id, svix-timestamp (seconds) and svix-signature, which is "v1," and the
 * base64 of HMAC-SHA256(the secret's key, "id.timestamp.body"). Any 2xx within HOOK_TIMEOUT_MS means
 * delivered; a redirect is a failure. As with Svix, messages may overtake each other.
 */
#ifndef USHER_SANDBOX_DELIVERY_H
#define USHER_SANDBOX_DELIVERY_H

#include "sandbox/engine.h"
#include "sandbox/hook.h"

struct delivery;

/* Starts the thread. Returns 0 or -1 (ERR_MEMORY). */
int delivery_start(struct delivery **delivery, struct engine *engine, struct hooks *hooks,
                   struct err *err);

/* Writes down what has landed, and leaves what has not for the next start. NULL is fine. */
void delivery_stop(struct delivery *delivery);
/* Stops if that has not been done, and frees. NULL is fine. */
void delivery_free(struct delivery *delivery);

/* The svix-signature of a message; false if the secret is none or memory is out. */
bool delivery_sign(struct text secret, struct text id, int64_t timestamp_s, struct text body,
                   struct buf *to);

#endif
