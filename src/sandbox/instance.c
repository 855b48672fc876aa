#include "sandbox/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/call.h"
#include "sandbox/cookie.h"
#include "sandbox/role_set.h"
#include "sandbox/routes.h"

#define SECRET_KEY_LEN  42
#define INSTANCE_MEMORY ((size_t)64 * 1024)

static int open_id(struct instance *instance, struct store *store, struct arena *arena,
                   struct err *err)
{
    struct clerk_ids ids = {0};
    struct text id;
    if (store_value_get(store, "id", arena, &id, err) != 0)
        return -1;
    if (id.at && id.len < sizeof(instance->id)) {
        memcpy(instance->id, id.at, id.len);
        return 0;
    }
    clerk_id_new(&ids, "ins_", clock_wall_ms(), instance->id);
    return store_value_put(store, "id", text_of(instance->id), err);
}

static int take_secret_key(struct instance *instance, struct text key, struct err *err)
{
    if (key.len >= sizeof(instance->secret_key) ||
        (instance->kind = clerk_key_instance(key)) == CLERK_UNKNOWN)
        return err_set(err, ERR_USAGE, "a secret key starts with sk_test_ or sk_live_");
    memcpy(instance->secret_key, key.at, key.len);
    instance->secret_key[key.len] = 0;
    return 0;
}

static int open_secret_key(struct instance *instance, struct store *store, struct arena *arena,
                           struct text given, bool production, struct err *err)
{
    char fresh[16 + SECRET_KEY_LEN + 1];
    struct text stored;
    if (store_value_get(store, "secret_key", arena, &stored, err) != 0)
        return -1;
    if (!given.at && stored.at)
        return take_secret_key(instance, stored, err);
    if (!given.at) {
        memcpy(fresh, production ? "sk_live_" : "sk_test_", 8);
        random_base62(fresh + 8, SECRET_KEY_LEN);
        given = text_of(fresh);
    }
    if (take_secret_key(instance, given, err) != 0)
        return -1;
    return store_value_put(store, "secret_key", given, err);
}

int instance_open(struct instance *instance, struct store *store, struct text secret_key,
                  bool production, struct err *err)
{
    struct clerk_ids ids = {0};
    struct arena arena;
    bool stale; /* nothing has been read yet */
    memset(instance, 0, sizeof(*instance));
    arena_init(&arena, INSTANCE_MEMORY);
    int status = store_enter(store, true, &stale, err);
    if (status == 0)
        status = open_id(instance, store, &arena, err);
    if (status == 0)
        status = open_secret_key(instance, store, &arena, secret_key, production, err);
    if (status == 0)
        status = keys_open(&instance->keys, store, err);
    if (status == 0)
        status = claims_open(&instance->claims, store, err);
    instance->settings.production = instance->kind == CLERK_PRODUCTION;
    if (status == 0)
        status = settings_open(&instance->settings, store, err);
    if (status == 0)
        status = roles_seed(store, &ids, clock_wall_ms(), err);
    if (status == 0)
        status = role_sets_seed(store, &ids, clock_wall_ms(), err);
    if (status == 0)
        status = store_commit(store, err);
    instance->limits = clerk_limits_of(instance->kind);
    arena_release(&arena);
    return status;
}

int instance_reload(struct instance *instance, struct store *store, struct err *err)
{
    struct claims fresh = {.json = NULL};
    keys_reload(&instance->keys, store);
    if (claims_open(&fresh, store, err) != 0) {
        claims_close(&fresh);
        return -1;
    }
    claims_close(&instance->claims);
    instance->claims = fresh;
    return settings_open(&instance->settings, store, err);
}

void instance_close(struct instance *instance)
{
    keys_close(&instance->keys);
    claims_close(&instance->claims);
    settings_close(&instance->settings);
    secret_wipe(instance, sizeof(*instance));
}

/* Frontend hosts of development instances that identify browsers by a dev browser, as clerk-js has them. */
static bool has_dev_browsers(struct text host)
{
    static const char *const suffixes[] = {
        "accounts.dev",      "accountsstage.dev", ".lcl.dev",
        ".stg.dev",          ".lclstage.dev",     ".stgstage.dev",
        ".dev.lclclerk.com", ".stg.lclclerk.com", ".accounts.lclclerk.com"};
    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++)
        if (text_ends(host, text_of(suffixes[i])))
            return true;
    return false;
}

/* "pk_test_" or "pk_live_", then base64("host$"). */
static void set_publishable_key(struct instance *instance)
{
    char host[sizeof(instance->frontend_host) + 1];
    struct buf key;
    int len = snprintf(host, sizeof(host), "%s$", instance->frontend_host);
    buf_init(&key, INSTANCE_KEY_MAX - 1);
    buf_printf(&key, "pk_%s_", instance->kind == CLERK_PRODUCTION ? "live" : "test");
    base64_encode(BASE64, &key, (const uint8_t *)host, (size_t)len);
    snprintf(instance->publishable_key, sizeof(instance->publishable_key), "%s", buf_z(&key));
    buf_release(&key);
}

void instance_listen(struct instance *instance, const char *address, const char *frontend_host)
{
    snprintf(instance->frontend_host, sizeof(instance->frontend_host), "%s",
             frontend_host ? frontend_host : address);
    instance->dev_browsers =
        instance->kind == CLERK_DEVELOPMENT && has_dev_browsers(text_of(instance->frontend_host));
    set_publishable_key(instance);
    cookie_suffix(text_of(instance->publishable_key), instance->suffix);
}
