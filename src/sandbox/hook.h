/*
 * sandbox/hook: webhook endpoints and the messages that wait for them, in the store. All of it runs on the
 * store's thread; delivery.h sends. The time is passed in (milliseconds since the epoch).
 *
 *     hooks_open(&hooks, store, &err);
 *     hooks_put(hooks, &message, &err);                   // a row for each endpoint that wants it
 *     … commit …
 *     hooks_take(hooks, now, max, &list, &next, &err);    // what is due; claimed, so that none is sent twice at once
 *     hooks_settle(hooks, list, now, &err);               // delivered, or due again by Svix's schedule
 *     hooks_landed(hooks, list);
 *
 * At least once: a message whose claim has lapsed (a killed process) is sent again with the same id.
 */
#ifndef USHER_SANDBOX_HOOK_H
#define USHER_SANDBOX_HOOK_H

#include "sandbox/store.h"

/* Endpoints at most, and how many messages may be on their way to one of them at a time. */
#define HOOKS_MAX  8
#define HOOK_FLOWN 4
/* How long an endpoint may take to answer (Svix), and how long a claim holds. */
#define HOOK_TIMEOUT_MS 15000
#define HOOK_CLAIM_MS   60000
/* How many messages that are done with are kept to look at. */
#define HOOK_KEPT 1000

#define HOOK_SECRET_PREFIX "whsec_"
#define HOOK_SECRET_MAX    128

struct hook {
    char id[CLERK_ID_MAX];        /* "ep_…" */
    char secret[HOOK_SECRET_MAX]; /* "whsec_" and base64 */
    struct text url;              /* malloced, NUL-terminated */
    uint64_t kinds;               /* bit i: wants event kind i */
    int64_t created_at;
    uint32_t flying; /* messages on their way */
};

struct hooks;

/* Makes the tables and reads the endpoints. Returns 0 or -1. */
int hooks_open(struct hooks **hooks, struct store *store, struct err *err);
void hooks_close(struct hooks *hooks);
/* Reads the endpoints anew, which another process may have changed. Returns 0 or -1. */
int hooks_reload(struct hooks *hooks, struct err *err);

/* All endpoints, oldest first; valid until one is added or deleted. */
const struct hook *hooks_all(const struct hooks *hooks, size_t *count);

/* The endpoint of that id; NULL if there is none. */
const struct hook *hooks_get(struct hooks *hooks, struct text id);

struct hook_opts {
    struct text url;    /* http:// or https:// */
    struct text secret; /* absent: a fresh one, or the one that the URL has already */
    uint64_t kinds;
};

/*
 * Adds an endpoint, or changes the one with that URL. *made tells whether its secret is a fresh one. Returns 0,
 * or -1: ERR_USAGE for a URL or secret that is none, or HOOKS_MAX reached.
 */
int hooks_add(struct hooks *hooks, const struct hook_opts *opts, int64_t now_ms,
              const struct hook **hook, bool *made, struct err *err);
/* Deletes an endpoint with all that waits for it. */
enum store_answer hooks_delete(struct hooks *hooks, struct text id, struct err *err);

/* Whether some endpoint wants that kind of event. */
bool hooks_want(const struct hooks *hooks, unsigned kind);

struct hook_message {
    struct text id; /* "msg_…" */
    unsigned kind;
    struct text event; /* "user.created" */
    struct text body;
    int64_t now_ms;
};

/* Puts the message for every endpoint that wants it; due at once. */
int hooks_put(struct hooks *hooks, const struct hook_message *message, struct err *err);

/* A message on its way to one endpoint, in an arena of its own. */
struct hook_delivery {
    struct hook_delivery *next;
    struct arena arena;
    struct text message, endpoint, url, secret, body; /* url is NUL-terminated */
    int64_t attempts;                                 /* before this one */
    void *sender;                                     /* of who sends it, as is sent_s */
    int64_t sent_s;
    /* the outcome, set by who sends it */
    long status;         /* HTTP; 0: no answer */
    struct text failure; /* why there was none; absent if there was */
};

/*
 * Claims what is due, at most HOOK_FLOWN an endpoint on their way. *list gets them, also on -1: they are the
 * caller's, who gives each to hooks_landed in the end. *next_ms gets when something will be due at the
 * earliest (INT64_MAX: nothing).
 */
int hooks_take(struct hooks *hooks, int64_t now_ms, struct hook_delivery **list, int64_t *next_ms,
               struct err *err);
/* Writes the outcomes of a list. */
int hooks_settle(struct hooks *hooks, const struct hook_delivery *list, int64_t now_ms,
                 struct err *err);
/* They are no longer on their way, written down or not: others may be taken. */
void hooks_landed(struct hooks *hooks, const struct hook_delivery *list);
void hook_delivery_free(struct hook_delivery *delivery);

/* Makes a message due again now, whatever became of it. */
enum store_answer hooks_resend(struct hooks *hooks, struct text message, struct text endpoint,
                               int64_t now_ms, struct err *err);

/* How long after its failed attempt number `attempt` (from 1) the next one is due; -1: never. */
int64_t hook_retry_ms(int64_t attempt);

/* The key in a secret. Returns its length, 0 if it is none ("whsec_" and base64 of 24 to 64 bytes). */
size_t hook_key(struct text secret, uint8_t to[64]);

/*
 * What is called when a transaction that put messages or endpoints has been committed, to wake who sends; on
 * the store's thread. hooks_committed is called by the engine after each commit.
 */
void hooks_watch(struct hooks *hooks, void (*wake)(void *arg), void *arg);
void hooks_committed(struct hooks *hooks);
/* After a transaction that came to nothing: reads the endpoints again. */
int hooks_aborted(struct hooks *hooks, struct err *err);

#endif
