/*
 * Whatever kind a session is of, it comes down to a record, a JSON object of claims or columns, of which the
 * fields named by configuration are read here and held against the clock.
 */
#include "trickle/bridge_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_MAX ((size_t)128 * 1024)
#define RECORD_MAX   ((size_t)256 * 1024)
#define ID_MAX       512
/* Every kind takes these. */
#define COMMON                                                                                     \
    (BRIDGE_BIT(session) | BRIDGE_BIT(cookie) | BRIDGE_BIT(origins) | BRIDGE_BIT(id) |             \
     BRIDGE_BIT(identifier) | BRIDGE_BIT(issued) | BRIDGE_BIT(changed))

struct bridge {
    struct arena arena;
    struct bridge_opts opts; /* its texts in the arena */
    const struct bridge_kind *kind;
    void *state;
};

static const struct bridge_kind *const kinds[] = {&bridge_kind_jwt, &bridge_kind_introspection,
                                                  &bridge_kind_sql};

static const struct {
    const char *name;
    size_t offset;
} settings[BRIDGE_SETTING_COUNT] = {
#define SETTING(name, meaning) {#name, offsetof(struct bridge_opts, name)},
    BRIDGE_SETTINGS(SETTING)
#undef SETTING
};

enum bridge_says bridge_refuse(struct bridge_look *look, const char *why)
{
    err_set(look->err, ERR_REFUSED, "%s", why);
    return BRIDGE_REFUSED;
}

enum bridge_says bridge_unclear(struct bridge_look *look, const char *format, ...)
{
    char why[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    err_set(look->err, ERR_NETWORK, "%s", why);
    return BRIDGE_CANNOT_TELL;
}

/* --- opening --- */

static const char **setting_at(struct bridge_opts *opts, size_t setting)
{
    return (const char **)(void *)((char *)opts + settings[setting].offset);
}

static int copy_opts(struct bridge *bridge, const struct bridge_opts *opts, struct err *err)
{
    bridge->opts = *opts;
    for (size_t i = 0; i < BRIDGE_SETTING_COUNT; i++) {
        const char **at = setting_at(&bridge->opts, i);
        if (*at && !(*at = arena_copy(&bridge->arena, text_of(*at)).at))
            return err_memory(err);
    }
    return 0;
}

static int check_settings(struct bridge *bridge, struct err *err)
{
    const struct bridge_kind *kind = bridge->kind;
    uint32_t needs = kind->needs | BRIDGE_BIT(origins), takes = needs | kind->takes | COMMON;
    for (size_t i = 0; i < BRIDGE_SETTING_COUNT; i++) {
        const char *value = *setting_at(&bridge->opts, i);
        uint32_t bit = UINT32_C(1) << i;
        if ((needs & bit) && (!value || !*value))
            return err_set(err, ERR_USAGE, "bridge: a session by %s needs the setting %s",
                           kind->name, settings[i].name);
        if (value && !(takes & bit))
            return err_set(err, ERR_USAGE, "bridge: a session by %s takes no setting %s",
                           kind->name, settings[i].name);
    }
    return 0;
}

static int check_origins(const struct bridge *bridge, struct err *err)
{
    struct text rest = text_of(bridge->opts.origins), origin;
    while (text_field(&rest, ',', &origin))
        if (!bridge_is_origin(text_trim(origin)))
            return err_set(err, ERR_USAGE,
                           "bridge: origins: \"%.*s\" is not https://HOST in lower case, without "
                           "slash behind it (http only for this machine)",
                           TEXT_ARG(text_part(text_trim(origin), 0, 128)));
    return 0;
}

static int find_kind(struct bridge *bridge, struct err *err)
{
    const char *name = bridge->opts.session;
    for (size_t i = 0; name && i < ARRAY_COUNT(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            bridge->kind = kinds[i];
    return bridge->kind ? 0
                        : err_set(err, ERR_USAGE,
                                  "bridge: session is jwt, introspection or sql, not \"%.32s\"",
                                  name ? name : "");
}

static int start(struct bridge *bridge, const struct bridge_opts *opts, struct err *err)
{
    if (copy_opts(bridge, opts, err) != 0 || find_kind(bridge, err) != 0 ||
        check_settings(bridge, err) != 0 || check_origins(bridge, err) != 0)
        return -1;
    return bridge->kind->open(&bridge->state, &bridge->opts, err) == 0 ? 0
                                                                       : err_wrap(err, "bridge");
}

int bridge_open(struct bridge **bridge, const struct bridge_opts *opts, struct err *err)
{
    struct bridge *made = calloc(1, sizeof(*made));
    if (!made)
        return err_memory(err);
    arena_init(&made->arena, SETTINGS_MAX);
    if (start(made, opts, err) != 0) {
        bridge_close(made);
        return -1;
    }
    *bridge = made;
    return 0;
}

void bridge_close(struct bridge *bridge)
{
    if (!bridge)
        return;
    if (bridge->state)
        bridge->kind->close(bridge->state);
    arena_release(&bridge->arena);
    free(bridge);
}

struct text bridge_cookie(const struct bridge *bridge)
{
    return text_of(bridge->opts.cookie);
}

/* --- reading a record --- */

static struct json_value field_of(struct json_value record, const char *configured,
                                  const char *usual)
{
    const char *name = configured ? configured : usual;
    return name ? json_path(record, text_of(name)) : (struct json_value){0};
}

/* A text, or a whole number as one; absent otherwise. */
static struct text read_id(struct json_value value, struct arena *arena)
{
    struct text t = json_text(value);
    if (json_type(value) == JSON_INT)
        return arena_printf(arena, "%lld", (long long)json_int(value));
    if (t.len == 0 || t.len > ID_MAX || text_has_nul(t))
        return (struct text){NULL, 0};
    return arena_copy(arena, t);
}

/* A moment as text or number: true with BRIDGE_UNKNOWN without one, false if it is none. */
static bool read_time(struct json_value value, int64_t *ms)
{
    char digits[32];
    double seconds = json_double(value);
    *ms = BRIDGE_UNKNOWN;
    switch (json_type(value)) {
    case JSON_ABSENT:
    case JSON_NULL:
        return true;
    case JSON_STRING:
        return date_parse(json_text(value), ms);
    case JSON_INT:
        snprintf(digits, sizeof(digits), "%lld", (long long)json_int(value));
        return date_parse(text_of(digits), ms);
    case JSON_DOUBLE:
        *ms = seconds >= 0 && seconds < 1e11 ? (int64_t)(seconds * 1000) : BRIDGE_UNKNOWN;
        return *ms != BRIDGE_UNKNOWN;
    default:
        return false;
    }
}

bool bridge_is_stale(const struct bridge_session *session, int64_t changed_ms)
{
    return changed_ms != BRIDGE_UNKNOWN &&
           (session->issued_ms == BRIDGE_UNKNOWN || session->issued_ms < changed_ms);
}

static enum bridge_says judge(const struct bridge *bridge, struct bridge_look *look,
                              struct json_value record, struct bridge_session *session)
{
    const struct bridge_opts *opts = &bridge->opts;
    const struct bridge_kind *kind = bridge->kind;
    int64_t changed_ms;
    session->id = read_id(field_of(record, opts->id, kind->id), look->arena);
    session->identifier =
        read_id(field_of(record, opts->identifier, kind->identifier), look->arena);
    if (!session->id.at)
        return bridge_unclear(look, "the session has no id of a user where one is expected");
    if (!read_time(field_of(record, opts->issued, kind->issued), &session->issued_ms) ||
        !read_time(field_of(record, opts->expires, kind->expires), &session->expires_ms) ||
        !read_time(field_of(record, opts->changed, kind->changed), &changed_ms))
        return bridge_unclear(look, "the session has a time that is none");
    if (session->expires_ms != BRIDGE_UNKNOWN && session->expires_ms <= clock_wall_ms())
        return bridge_refuse(look, "the session has expired");
    if (bridge_is_stale(session, changed_ms))
        return bridge_refuse(look, "the session is older than the password");
    return BRIDGE_GOOD;
}

static enum bridge_says read_record(const struct bridge *bridge, struct bridge_look *look,
                                    struct bridge_session *session)
{
    struct json *json = NULL;
    struct json_value record;
    enum bridge_says says = BRIDGE_CANNOT_TELL;
    if (json_new(&json, RECORD_MAX, look->err) == 0 && buf_ok(&look->record) &&
        json_parse(json, buf_text(&look->record), &record, look->err) == 0)
        says = judge(bridge, look, record, session);
    json_free(json);
    session->once = look->once.at ? look->once : arena_copy(look->arena, look->token);
    return says;
}

enum bridge_says bridge_read(struct bridge *bridge, struct text token, struct arena *arena,
                             struct bridge_session *session, struct err *err)
{
    struct bridge_look look = {.token = token, .arena = arena, .err = err};
    *session = (struct bridge_session){.issued_ms = BRIDGE_UNKNOWN, .expires_ms = BRIDGE_UNKNOWN};
    *err = (struct err){.code = ERR_NONE};
    if (token.len == 0 || token.len > BRIDGE_TOKEN_MAX || text_has_nul(token) ||
        !text_is_utf8(token))
        return bridge_refuse(&look, "there is no session, or none that could be one");
    buf_init(&look.record, RECORD_MAX);
    enum bridge_says says = bridge->kind->look(bridge->state, &look);
    if (says == BRIDGE_GOOD)
        says = read_record(bridge, &look, session);
    buf_release(&look.record);
    return says;
}

/* --- where to --- */

/* The configured origin number n; absent behind the last. */
static struct text origin_at(const struct bridge *bridge, size_t n)
{
    struct text rest = text_of(bridge->opts.origins), origin = {NULL, 0};
    do
        if (!text_field(&rest, ',', &origin))
            return (struct text){NULL, 0};
    while (n-- > 0);
    return text_trim(origin);
}

bool bridge_allows(const struct bridge *bridge, struct text origin)
{
    struct text one;
    for (size_t i = 0; (one = origin_at(bridge, i)).at; i++)
        if (text_same(one, origin))
            return true;
    return false;
}

/* Nothing that a browser reads otherwise than it stands. */
static bool is_plain(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] <= ' ' || t.at[i] > '~' || strchr("\\\"<>^`{|}", t.at[i]))
            return false;
    return true;
}

/* A path of the origin: one slash and not two, which would be another host. */
static bool is_path(struct text t)
{
    return t.len > 0 && t.at[0] == '/' && !(t.len > 1 && t.at[1] == '/');
}

bool bridge_return_to(const struct bridge *bridge, struct text asked, struct buf *location)
{
    struct text origin, rest;
    if (asked.len == 0 || asked.len > 4096 || !is_plain(asked))
        return false;
    if (is_path(asked)) {
        buf_add(location, origin_at(bridge, 0));
        buf_add(location, asked);
        return buf_ok(location);
    }
    for (size_t i = 0; (origin = origin_at(bridge, i)).at; i++) {
        if (!text_starts(asked, origin))
            continue;
        rest = text_part(asked, origin.len, asked.len);
        if (rest.len > 0 && !is_path(rest))
            continue;
        buf_add(location, asked);
        return buf_ok(location);
    }
    return false;
}
