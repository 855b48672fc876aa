/*
 * Two tables. webhook_endpoints is small, and also in memory. webhook_deliveries has a row for each
 * message and endpoint: due_at is NULL when it is done with, settled_at until then; status is that of the last
 * answer, 0 for none.
 */
#include "sandbox/hook.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/event.h"
#include "sandbox/hook_private.h"
#include "sandbox/store_private.h"

#define URL_MAX    2048
#define KEY_LEN    24
#define EVENTS_MAX 4096

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS webhook_endpoints (id TEXT PRIMARY KEY, url TEXT NOT NULL UNIQUE,"
    " secret TEXT NOT NULL, events TEXT, created_at BIGINT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS webhook_deliveries (message TEXT NOT NULL, endpoint TEXT NOT NULL,"
    " event TEXT NOT NULL, body TEXT NOT NULL, created_at BIGINT NOT NULL, attempts BIGINT NOT "
    "NULL,"
    " due_at BIGINT, claimed_until BIGINT NOT NULL, status BIGINT NOT NULL, failure TEXT,"
    " settled_at BIGINT, PRIMARY KEY (message, endpoint));"
    "CREATE INDEX IF NOT EXISTS webhook_deliveries_due ON webhook_deliveries"
    " (endpoint, due_at, message) WHERE due_at IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS webhook_deliveries_settled ON webhook_deliveries (settled_at)"
    " WHERE settled_at IS NOT NULL;";

/* --- secrets --- */

size_t hook_key(struct text secret, uint8_t to[64])
{
    struct text prefix = TEXT(HOOK_SECRET_PREFIX);
    struct text key = text_part(secret, prefix.len, secret.len);
    size_t len;
    if (!text_starts(secret, prefix) || secret.len >= HOOK_SECRET_MAX ||
        !base64_decode(BASE64, key, to, 64, &len) || len < KEY_LEN)
        return 0;
    return len;
}

static void make_secret(char to[HOOK_SECRET_MAX])
{
    uint8_t key[KEY_LEN];
    struct buf secret;
    buf_init(&secret, HOOK_SECRET_MAX - 1);
    random_bytes(key, sizeof(key));
    buf_add(&secret, TEXT(HOOK_SECRET_PREFIX));
    base64_encode(BASE64, &secret, key, sizeof(key));
    memcpy(to, buf_z(&secret), secret.len + 1);
    buf_release(&secret);
    secret_wipe(key, sizeof(key));
}

/* --- endpoints --- */

static uint64_t kinds_of(struct text names)
{
    uint64_t kinds = 0;
    struct text name;
    if (!names.at)
        return UINT64_MAX;
    while (text_field(&names, ',', &name)) {
        enum event_kind kind = event_of(name);
        if (kind < EVENT_KINDS)
            kinds |= UINT64_C(1) << kind;
    }
    return kinds;
}

/* The names of the kinds, or the absent text for all of them. */
static struct text names_of(uint64_t kinds, struct buf *to)
{
    if (kinds == UINT64_MAX)
        return (struct text){NULL, 0};
    buf_add(to, TEXT(""));
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (kinds >> kind & 1)
            buf_printf(to, "%s%s", to->len ? "," : "", event_name((enum event_kind)kind));
    return (struct text){buf_z(to), to->len};
}

static void forget(struct hooks *hooks)
{
    for (size_t i = 0; i < hooks->count; i++)
        free((void *)(uintptr_t)hooks->at[i].url.at);
    secret_wipe(hooks->at, sizeof(hooks->at));
    hooks->count = 0;
}

struct hook *hook_find(struct hooks *hooks, struct text id)
{
    for (size_t i = 0; i < hooks->count; i++)
        if (text_same(text_of(hooks->at[i].id), id))
            return &hooks->at[i];
    return NULL;
}

static bool copy_text(struct text from, char *to, size_t room)
{
    if (from.len >= room)
        return false;
    memcpy(to, from.at, from.len);
    to[from.len] = 0;
    return true;
}

static int read_row(struct sql_query *query, struct hook *hook, struct err *err)
{
    struct text url = sql_text(query, 1);
    char *copy = strndup(url.at, url.len);
    *hook = (struct hook){.url = {copy, url.len},
                          .kinds = kinds_of(sql_text(query, 3)),
                          .created_at = sql_int(query, 4)};
    if (!copy)
        return err_memory(err);
    if (copy_text(sql_text(query, 0), hook->id, sizeof(hook->id)) &&
        copy_text(sql_text(query, 2), hook->secret, sizeof(hook->secret)))
        return 0;
    free(copy);
    return err_set(err, ERR_UNUSABLE, "a stored webhook endpoint cannot be read");
}

static int load_rows(struct hooks *hooks, struct sql_query *query, struct err *err)
{
    int got;
    while ((got = sql_step(query, err)) > 0 && hooks->count < HOOKS_MAX) {
        if (read_row(query, &hooks->at[hooks->count], err) != 0)
            return -1;
        hooks->count++;
    }
    return got < 0 ? -1 : 0;
}

static int load(struct hooks *hooks, struct err *err)
{
    static const char statement[] =
        "SELECT id, url, secret, events, created_at FROM webhook_endpoints ORDER BY created_at, id";
    struct sql_query *query = sql_query(store_sql(hooks->store), statement, err);
    struct hooks old = *hooks;
    if (!query)
        return -1;
    hooks->count = 0;
    int status = load_rows(hooks, query, err);
    sql_reset(query);
    for (size_t i = 0; i < hooks->count; i++) {
        const struct hook *before = hook_find(&old, text_of(hooks->at[i].id));
        hooks->at[i].flying = before ? before->flying : 0;
    }
    forget(&old);
    return status;
}

int hooks_open(struct hooks **out, struct store *store, struct err *err)
{
    struct hooks *hooks = calloc(1, sizeof(*hooks));
    if (!hooks)
        return err_memory(err);
    hooks->store = store;
    if (store_define(store, schema, err) != 0 || load(hooks, err) != 0 ||
        (!store_is_shared(store) && hooks_unclaim(hooks, err) != 0)) {
        hooks_close(hooks);
        return -1;
    }
    *out = hooks;
    return 0;
}

int hooks_reload(struct hooks *hooks, struct err *err)
{
    return load(hooks, err);
}

void hooks_close(struct hooks *hooks)
{
    if (!hooks)
        return;
    forget(hooks);
    free(hooks);
}

const struct hook *hooks_get(struct hooks *hooks, struct text id)
{
    return hook_find(hooks, id);
}

const struct hook *hooks_all(const struct hooks *hooks, size_t *count)
{
    *count = hooks->count;
    return hooks->at;
}

bool hooks_want(const struct hooks *hooks, unsigned kind)
{
    for (size_t i = 0; i < hooks->count; i++)
        if (hooks->at[i].kinds >> kind & 1)
            return true;
    return false;
}

static int check(const struct hook_opts *opts, struct err *err)
{
    uint8_t key[64];
    struct text url = opts->url;
    size_t scheme = text_starts(url, TEXT("https://"))  ? 8
                    : text_starts(url, TEXT("http://")) ? 7
                                                        : 0;
    bool plain = scheme > 0 && url.len > scheme && url.len <= URL_MAX;
    for (size_t i = 0; plain && i < url.len; i++)
        plain = url.at[i] > ' ' && url.at[i] < 0x7f;
    if (!plain)
        return err_set(err, ERR_USAGE, "'%.*s' is no http:// or https:// URL to send webhooks to",
                       TEXT_ARG(text_part(url, 0, 200)));
    bool secret = !opts->secret.at || hook_key(opts->secret, key) > 0;
    secret_wipe(key, sizeof(key));
    return secret ? 0
                  : err_set(err, ERR_USAGE,
                            "a webhook secret is whsec_ and the base64 of 24 to 64 bytes");
}

static const struct hook *find_url(const struct hooks *hooks, struct text url)
{
    for (size_t i = 0; i < hooks->count; i++)
        if (text_same(hooks->at[i].url, url))
            return &hooks->at[i];
    return NULL;
}

static int write_endpoint(struct hooks *hooks, const struct hook_opts *opts, struct text secret,
                          int64_t now_ms, struct err *err)
{
    static const char statement[] =
        "INSERT INTO webhook_endpoints (id, url, secret, events, created_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (url) DO UPDATE SET"
        " secret = excluded.secret, events = excluded.events";
    struct sql_query *query = store_writes(hooks->store, statement, err);
    char id[CLERK_ID_MAX];
    struct buf events;
    if (!query)
        return -1;
    buf_init(&events, EVENTS_MAX);
    clerk_id_new(&hooks->ids, "ep_", now_ms, id);
    sql_bind_text(query, 1, text_of(id));
    sql_bind_text(query, 2, opts->url);
    sql_bind_text(query, 3, secret);
    sql_bind_text(query, 4, names_of(opts->kinds, &events));
    sql_bind_int(query, 5, now_ms);
    int status = sql_run(query, err);
    buf_release(&events);
    return status;
}

int hooks_add(struct hooks *hooks, const struct hook_opts *opts, int64_t now_ms,
              const struct hook **hook, bool *made, struct err *err)
{
    const struct hook *old = find_url(hooks, opts->url);
    char secret[HOOK_SECRET_MAX];
    if (check(opts, err) != 0)
        return -1;
    if (!old && hooks->count == HOOKS_MAX)
        return err_set(err, ERR_USAGE, "there are %d webhook endpoints already; delete one first",
                       HOOKS_MAX);
    *made = !opts->secret.at && !old;
    if (*made)
        make_secret(secret);
    else
        copy_text(opts->secret.at ? opts->secret : text_of(old->secret), secret, sizeof(secret));
    int status = write_endpoint(hooks, opts, text_of(secret), now_ms, err);
    secret_wipe(secret, sizeof(secret));
    if (status != 0 || store_touch(hooks->store, err) != 0 || load(hooks, err) != 0)
        return -1;
    hooks->stirred = true;
    *hook = find_url(hooks, opts->url);
    return *hook ? 0 : err_set(err, ERR_UNUSABLE, "the webhook endpoint was not stored");
}

static int run_with_id(struct hooks *hooks, const char *statement, struct text id, struct err *err)
{
    struct sql_query *query = store_writes(hooks->store, statement, err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, id);
    return sql_run(query, err);
}

enum store_answer hooks_delete(struct hooks *hooks, struct text id, struct err *err)
{
    static const char deliveries[] = "DELETE FROM webhook_deliveries WHERE endpoint = ?1";
    static const char endpoint[] = "DELETE FROM webhook_endpoints WHERE id = ?1";
    if (!hook_find(hooks, id))
        return STORE_NONE;
    if (run_with_id(hooks, deliveries, id, err) != 0 ||
        run_with_id(hooks, endpoint, id, err) != 0 || store_touch(hooks->store, err) != 0 ||
        load(hooks, err) != 0)
        return STORE_FAILED;
    hooks->stirred = true;
    return STORE_OK;
}

void hooks_watch(struct hooks *hooks, void (*wake)(void *arg), void *arg)
{
    hooks->wake = wake;
    hooks->wake_arg = arg;
}

void hooks_committed(struct hooks *hooks)
{
    if (hooks->stirred && hooks->wake)
        hooks->wake(hooks->wake_arg);
    hooks->stirred = false;
}

int hooks_aborted(struct hooks *hooks, struct err *err)
{
    if (!hooks->stirred)
        return 0;
    hooks->stirred = false;
    return load(hooks, err);
}
