/*
 * Sessions that are signed tokens (jwt.h). The key set of `url` is fetched when it is first needed, again
 * when it is ten minutes old, and at most every half a minute for a token whose key it has not: keys
 * change, but tokens that name no key must not become requests. A set that cannot be fetched again serves
 * for an hour.
 */
#include <pthread.h>
#include <stdlib.h>

#include "trickle/bridge_inside.h"
#include "trickle/jwt.h"
#include "trickle/remote.h"

#define LEEWAY_MS 30000
#define FRESH_US  INT64_C(600000000)
#define AGAIN_US  INT64_C(30000000)
#define STALE_US  INT64_C(3600000000)

struct signed_sessions {
    const char *url; /* of the key set, or NULL */
    struct jwt_policy policy;
    struct remote remote;
    pthread_mutex_t lock;  /* of what follows */
    struct jwt_keys *keys; /* NULL: not fetched yet */
    int64_t fetched_us, tried_us;
};

static int fetch(struct signed_sessions *sessions, struct jwt_keys **keys, struct err *err)
{
    struct remote_request request = {
        .method = "GET", .url = sessions->url, .timeout_ms = BRIDGE_WAIT_MS};
    struct remote_answer answer;
    remote_init(&answer);
    int result = remote_ask(&sessions->remote, &request, &answer, err);
    if (result == 0 && answer.status != 200)
        result = err_set(err, ERR_NETWORK, "the key set: it answered %ld", answer.status);
    if (result == 0)
        result = jwt_keys_read(keys, buf_text(&answer.body), err);
    remote_release(&answer);
    return result;
}

/* Fetches the set if that is due; `missing`: a token asks for a key that it has not. */
static void refresh(struct signed_sessions *sessions, bool missing)
{
    struct jwt_keys *keys = NULL;
    struct err ignored;
    int64_t now = clock_now_us();
    pthread_mutex_lock(&sessions->lock);
    bool due =
        sessions->url && (!sessions->keys || missing || now - sessions->fetched_us > FRESH_US);
    bool may = due && (sessions->tried_us == 0 || now - sessions->tried_us > AGAIN_US);
    if (may)
        sessions->tried_us = now;
    pthread_mutex_unlock(&sessions->lock);
    if (!may || fetch(sessions, &keys, &ignored) != 0)
        return;
    pthread_mutex_lock(&sessions->lock);
    jwt_keys_free(sessions->keys);
    sessions->keys = keys;
    sessions->fetched_us = clock_now_us();
    pthread_mutex_unlock(&sessions->lock);
}

/* Checks under the lock, which holds the keys; *known: the set was fetched and is young enough. */
static enum jwt_result check(struct signed_sessions *sessions, struct text token, struct jwt *jwt,
                             bool *known)
{
    enum jwt_result result = JWT_NO_KEY;
    pthread_mutex_lock(&sessions->lock);
    int64_t age = clock_now_us() - sessions->fetched_us;
    *known = sessions->keys && (!sessions->url || age < STALE_US);
    *jwt = (struct jwt){.why = "its keys cannot be fetched"};
    if (*known)
        result = jwt_check(token, sessions->keys, &sessions->policy, clock_wall_ms(), jwt);
    *known = *known && (!sessions->url || age < AGAIN_US);
    pthread_mutex_unlock(&sessions->lock);
    return result;
}

/*
 * What is used up is what was signed: the bytes of an ECDSA signature can be changed by whoever has it, and
 * it is still one.
 */
static struct text signed_part(struct text token, struct arena *arena)
{
    size_t dot = text_find(token, '.', text_find(token, '.', 0) + 1);
    return arena_copy(arena, text_part(token, 0, dot));
}

static enum bridge_says look(void *state, struct bridge_look *look)
{
    struct signed_sessions *sessions = state;
    struct jwt jwt;
    bool fresh;
    refresh(sessions, false);
    enum jwt_result result = check(sessions, look->token, &jwt, &fresh);
    if (result == JWT_NO_KEY && sessions->url) {
        jwt_release(&jwt);
        refresh(sessions, true);
        result = check(sessions, look->token, &jwt, &fresh);
    }
    enum bridge_says says = BRIDGE_GOOD;
    if (result == JWT_GOOD) {
        json_write(jwt.claims, &look->record);
        look->once = signed_part(look->token, look->arena);
    } else if (result == JWT_BAD || fresh || !sessions->url) {
        says = bridge_refuse(look, jwt.why);
    } else {
        says = bridge_unclear(look, "%s", jwt.why);
    }
    jwt_release(&jwt);
    return says;
}

static void close_sessions(void *state)
{
    struct signed_sessions *sessions = state;
    remote_close(&sessions->remote);
    jwt_keys_free(sessions->keys);
    pthread_mutex_destroy(&sessions->lock);
    free(sessions);
}

static int fill(struct signed_sessions *sessions, const struct bridge_opts *opts, struct err *err)
{
    const struct remote_auth none = {0};
    sessions->policy = (struct jwt_policy){.issuer = text_of(opts->issuer),
                                           .audience = text_of(opts->audience),
                                           .leeway_ms = LEEWAY_MS};
    sessions->url = opts->url;
    if ((opts->url != NULL) == (opts->secret != NULL))
        return err_set(err, ERR_USAGE, "give url (a key set) or secret, one of them");
    if (jwt_policy_algs(&sessions->policy, text_of(opts->algorithms), err) != 0)
        return err_wrap(err, "algorithms");
    uint32_t shared = 1u << JWT_HS256 | 1u << JWT_HS384 | 1u << JWT_HS512;
    if (opts->url ? (sessions->policy.algs & shared) != 0 : (sessions->policy.algs & ~shared) != 0)
        return err_set(err, ERR_USAGE,
                       "algorithms: HS256, HS384 and HS512 go with a secret, all "
                       "others with a key set, and never both");
    if (opts->secret)
        return jwt_keys_secret(&sessions->keys, text_of(opts->secret), err) == 0
                   ? 0
                   : err_wrap(err, "secret");
    if (remote_check_url("url", opts->url, err) != 0)
        return -1;
    return remote_open(&sessions->remote, &none, opts->ca_file, err);
}

static int open_sessions(void **state, const struct bridge_opts *opts, struct err *err)
{
    struct signed_sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions)
        return err_memory(err);
    pthread_mutex_init(&sessions->lock, NULL);
    if (fill(sessions, opts, err) != 0) {
        close_sessions(sessions);
        return -1;
    }
    *state = sessions;
    return 0;
}

const struct bridge_kind bridge_kind_jwt = {
    .name = "jwt",
    .needs = BRIDGE_BIT(algorithms),
    .takes = BRIDGE_BIT(url) | BRIDGE_BIT(secret) | BRIDGE_BIT(issuer) | BRIDGE_BIT(audience) |
             BRIDGE_BIT(ca_file),
    .id = "sub",
    .identifier = "email",
    .issued = "iat",
    .expires = "exp",
    .open = open_sessions,
    .close = close_sessions,
    .look = look,
};
