/* Opening and closing: settings against the connector's lists, then its parts. Asking is in asking.c. */
#include "trickle/asking.h"

#include <stdlib.h>

#define SETTINGS_MAX ((size_t)256 * 1024)
#define BUDGET_MS    3000
#define THREADS      8
#define QUEUE        256
#define TIMERS_MAX   65536 /* answered calls keep theirs until it is due */
#define FAILURES     5
#define REST_US      INT64_C(1000000)
#define REST_MAX_US  INT64_C(30000000)

static const struct legacy_ops *const connectors[] = {
#define CONNECTOR(name) &legacy_ops_##name,
    LEGACY_CONNECTORS(CONNECTOR)
#undef CONNECTOR
};

static const struct {
    const char *name;
    size_t offset;
} settings[LEGACY_SETTING_COUNT] = {
#define SETTING(name, meaning) {#name, offsetof(struct legacy_opts, name)},
    LEGACY_SETTINGS(SETTING)
#undef SETTING
};

const char *legacy_says_name(enum legacy_says says)
{
    static const char *const names[LEGACY_SAYS_COUNT] = {"cannot_tell", "yes", "no", "unknown"};
    return names[says];
}

const char *legacy_health_name(enum legacy_health health)
{
    static const char *const names[] = {"not_asked", "well", "ailing", "down"};
    return names[health];
}

static const char **setting_at(struct legacy_opts *opts, size_t setting)
{
    return (const char **)(void *)((char *)opts + settings[setting].offset);
}

bool legacy_has(const struct legacy_opts *opts, uint32_t bits)
{
    for (size_t i = 0; i < LEGACY_SETTING_COUNT; i++)
        if ((bits & (UINT32_C(1) << i)) && !*setting_at((struct legacy_opts *)opts, i))
            return false;
    return true;
}

/* Copies a text of the options in place. */
static bool keep(struct arena *arena, const char **z)
{
    if (!*z)
        return true;
    *z = arena_copy(arena, text_of(*z)).at;
    return *z != NULL;
}

static int copy_opts(struct legacy *legacy, const struct legacy_opts *opts, struct err *err)
{
    bool ok;
    legacy->opts = *opts;
    ok = keep(&legacy->arena, &legacy->opts.connector) && keep(&legacy->arena, &legacy->opts.from);
    for (size_t i = 0; ok && i < LEGACY_SETTING_COUNT; i++)
        ok = keep(&legacy->arena, setting_at(&legacy->opts, i));
    return ok ? 0 : err_memory(err);
}

static int no_such_connector(const char *name, struct err *err)
{
    struct buf names;
    buf_init(&names, 512);
    for (size_t i = 0; i < ARRAY_COUNT(connectors); i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", connectors[i]->name);
    err_set(err, ERR_USAGE, "legacy: there is no connector \"%.64s\"; there are %s",
            name ? name : "", buf_z(&names));
    buf_release(&names);
    return -1;
}

static int find_connector(struct legacy *legacy, struct err *err)
{
    const char *name = legacy->opts.connector;
    for (size_t i = 0; name && i < ARRAY_COUNT(connectors); i++)
        if (text_same(text_of(connectors[i]->name), text_of(name)))
            legacy->ops = connectors[i];
    return legacy->ops ? 0 : no_such_connector(name, err);
}

static int takes_no(const struct legacy_ops *ops, size_t setting, struct err *err)
{
    struct buf names;
    buf_init(&names, 1024);
    for (size_t i = 0; i < LEGACY_SETTING_COUNT; i++)
        if ((ops->needs | ops->takes) & (UINT32_C(1) << i))
            buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", settings[i].name);
    err_set(err, ERR_USAGE, "legacy %s: takes no setting %s; it takes %s", ops->name,
            settings[setting].name, buf_z(&names));
    buf_release(&names);
    return -1;
}

static int check_settings(struct legacy *legacy, struct err *err)
{
    const struct legacy_ops *ops = legacy->ops;
    for (size_t i = 0; i < LEGACY_SETTING_COUNT; i++) {
        const char *value = *setting_at(&legacy->opts, i);
        uint32_t bit = UINT32_C(1) << i;
        if ((ops->needs & bit) && (!value || !*value))
            return err_set(err, ERR_USAGE, "legacy %s: the setting %s is missing", ops->name,
                           settings[i].name);
        if (value && !((ops->needs | ops->takes) & bit))
            return takes_no(ops, i, err);
    }
    return 0;
}

static int open_mapping(struct legacy *legacy, struct err *err)
{
    const char *from = legacy->opts.from ? legacy->opts.from : legacy->ops->from(&legacy->opts);
    struct source_opts opts = {.from = text_of(from)};
    if (source_single_open(&legacy->single, &opts, err) != 0)
        return err_wrap(err, "legacy %s: from", legacy->ops->name);
    return 0;
}

static int start_threads(struct legacy *legacy, struct err *err)
{
    const struct legacy_opts *opts = &legacy->opts;
    size_t threads = opts->threads ? opts->threads : THREADS;
    size_t queue = opts->queue_max ? opts->queue_max : QUEUE;
    legacy->budget_us = (opts->budget_ms > 0 ? opts->budget_ms : BUDGET_MS) * 1000;
    breaker_init(&legacy->breaker, FAILURES, REST_US, REST_MAX_US);
    return timer_new(&legacy->timer, TIMERS_MAX, err) == 0 &&
                   pool_new(&legacy->pool, threads, queue, err) == 0
               ? 0
               : -1;
}

static int start(struct legacy *legacy, const struct legacy_opts *opts, struct err *err)
{
    if (copy_opts(legacy, opts, err) != 0 || find_connector(legacy, err) != 0 ||
        check_settings(legacy, err) != 0 || open_mapping(legacy, err) != 0)
        return -1;
    if (legacy->ops->open(&legacy->system, &legacy->opts, err) != 0)
        return err_wrap(err, "legacy %s", legacy->ops->name);
    return start_threads(legacy, err);
}

int legacy_open(struct legacy **legacy, const struct legacy_opts *opts, struct err *err)
{
    struct legacy *made = calloc(1, sizeof(*made));
    if (!made)
        return err_memory(err);
    arena_init(&made->arena, SETTINGS_MAX);
    pthread_mutex_init(&made->lock, NULL);
    pthread_mutex_init(&made->single_lock, NULL);
    if (start(made, opts, err) != 0) {
        legacy_close(made);
        return -1;
    }
    *legacy = made;
    return 0;
}

void legacy_close(struct legacy *legacy)
{
    if (!legacy)
        return;
    if (legacy->timer)
        timer_stop(legacy->timer); /* every call that is going on runs out of time now */
    pool_free(legacy->pool);
    timer_free(legacy->timer);
    if (legacy->system)
        legacy->ops->close(legacy->system);
    source_single_close(legacy->single);
    pthread_mutex_destroy(&legacy->lock);
    pthread_mutex_destroy(&legacy->single_lock);
    arena_release(&legacy->arena);
    free(legacy);
}

static enum legacy_health health_of(const struct legacy *legacy)
{
    if (breaker_now(&legacy->breaker, clock_now_us()) != BREAKER_CLOSED)
        return LEGACY_DOWN;
    for (size_t i = 0; i < LEGACY_SAYS_COUNT; i++)
        if (legacy->state.said[i] > 0)
            return legacy->last_clear ? LEGACY_WELL : LEGACY_AILING;
    return LEGACY_NOT_ASKED;
}

void legacy_look(struct legacy *legacy, struct legacy_state *state)
{
    pthread_mutex_lock(&legacy->lock);
    *state = legacy->state;
    state->connector = legacy->ops->name;
    state->health = health_of(legacy);
    pthread_mutex_unlock(&legacy->lock);
}
