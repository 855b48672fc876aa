/*
 * webhook: what Clerk tells of its users, delivered by Svix. This part proves that a message is Clerk's,
 * reads what matters here, and sends changes back to the legacy system; giving users their external id is
 * the routes' (own_webhook.c).
 *
 *     webhook_open(&webhook, &opts, &err);
 *     if (webhook_verify(webhook, &message, now_ms, &err) == 0 &&
 *         webhook_read(webhook, message.body, &arena, &event, &err) == 0) …
 *     webhook_send_back(webhook, &message, &event, &err);                  // waits: on a worker
 *     webhook_close(webhook);
 */
#ifndef USHER_TRICKLE_WEBHOOK_H
#define USHER_TRICKLE_WEBHOOK_H

#include "base/base.h"

/* What the receiver may be told: SETTING(name, meaning). All are texts. */
#define WEBHOOK_SETTINGS(SETTING)                                                                  \
    SETTING(secret, "the endpoint's signing secrets, whsec_…, joined by commas")                   \
    SETTING(back_url, "a hook that is told of users who changed at Clerk")                         \
    SETTING(back_auth, "how its requests are proven: bearer, hmac, basic or the name of a header") \
    SETTING(back_username, "the user name for basic")                                              \
    SETTING(back_secret, "the token, key or password for it")                                      \
    SETTING(ca_file, "the certificates to trust, instead of the system's")

struct webhook_opts {
#define SETTING(name, meaning) const char *name;
    WEBHOOK_SETTINGS(SETTING)
#undef SETTING
};

/* How far a message's time may be from ours, either way. */
#define WEBHOOK_TOLERANCE_MS INT64_C(300000)
#define WEBHOOK_BODY_MAX     ((size_t)1024 * 1024)

struct webhook;

/* Settings are copied. Returns 0 or -1 (ERR_USAGE names the setting, ERR_MEMORY). */
int webhook_open(struct webhook **webhook, const struct webhook_opts *opts, struct err *err);
/* NULL is fine. */
void webhook_close(struct webhook *webhook);

/* A message as it came; absent headers are absent. */
struct webhook_message {
    struct text id, timestamp, signature; /* svix-id, svix-timestamp, svix-signature */
    struct text body;
};

/*
 * Whether the message is from who has one of the secrets, and of these minutes. Returns 0 or -1
 * (ERR_REFUSED). That it comes for the first time is not its matter.
 */
int webhook_verify(const struct webhook *webhook, const struct webhook_message *message,
                   int64_t now_ms, struct err *err);

enum webhook_kind { WEBHOOK_CREATED, WEBHOOK_UPDATED, WEBHOOK_DELETED, WEBHOOK_OTHER };

/* What a message tells of a user; texts in the arena. */
struct webhook_event {
    enum webhook_kind kind;
    struct text clerk_id;
    struct text external_id; /* absent: none */
    struct text email;       /* the primary address, if Clerk has it verified; else absent */
    struct text user;        /* the user's object as JSON */
    bool has_public, has_private, has_unsafe; /* metadata that is not empty */
};

/* Reads a message's body. Returns 0 or -1 (ERR_INPUT). Other kinds than those of users are OTHER. */
int webhook_read(struct text body, struct arena *arena, struct webhook_event *event,
                 struct err *err);

/* "created", "updated", "deleted", "other". */
const char *webhook_kind_name(enum webhook_kind kind);

/* Whether changes are sent back. */
bool webhook_sends_back(const struct webhook *webhook);

/*
 * Tells the hook of a change: {"event":…,"id":…,"external_id":…,"clerk_id":…,"user":{…}}, where id is the
 * message's, the same for each repetition. Returns 0 once it has answered 2xx, else -1 with err.
 */
int webhook_send_back(struct webhook *webhook, struct text id, const struct webhook_event *event,
                      struct err *err);

#endif
