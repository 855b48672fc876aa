#include "sandbox/route.h"

#include <string.h>

#include "sandbox/routes.h"
#include "sandbox/unserved.h"

/* A constant's text: every request is held against all rows. */
#define WORD(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

const struct route routes[ROUTE_COUNT] = {
#define ROUTE(method, path, auth, limit, handler)                                                  \
    {WORD(#method), WORD(path), ROUTE_##auth, ROUTE_##limit, handler, NULL},
    ROUTES(ROUTE)
#undef ROUTE
};

static const struct route unserved[] = {
#define UNSERVED(method, path, operation)                                                          \
    {WORD(#method), WORD(path), ROUTE_KEY, ROUTE_INSTANCE, NULL, #operation},
    UNSERVED_OPERATIONS(UNSERVED)
#undef UNSERVED
};

/* The first byte behind "/v1/", by which most rows are told apart at a glance. */
#define TELLING 4

static bool differ(struct text pattern, struct text path)
{
    return pattern.len > TELLING && path.len > TELLING && pattern.at[TELLING] != '{' &&
           pattern.at[TELLING] != path.at[TELLING];
}

/*
 * Whether a path fits a pattern; the ids are what stands for {}, at least one byte, no slash. clerk-js ends some of its
 * paths in a slash ("/v1/me/email_addresses/").
 */
static bool fits(struct text pattern, struct text path, struct text ids[ROUTE_IDS_MAX])
{
    size_t count = 0, i = 0, k = 0;
    for (;;) {
        size_t mark = text_find(pattern, '{', i), fixed = mark - i;
        if (path.len - k < fixed || memcmp(pattern.at + i, path.at + k, fixed) != 0)
            return false;
        k += fixed;
        if (mark == pattern.len)
            return k == path.len || (k + 1 == path.len && path.at[k] == '/');
        size_t end = text_find(path, '/', k);
        if (end == k)
            return false;
        ids[count++] = text_part(path, k, end - k);
        i = mark + 2;
        k = end;
    }
}

bool route_reads(const struct route *route)
{
    static void (*const tokens[])(struct call * call) = {sessions_tokens, sessions_tokens_template,
                                                         sessions_token, sessions_template_token};
    for (size_t i = 0; i < ARRAY_COUNT(tokens); i++)
        if (route->handle == tokens[i])
            return true;
    return text_same(route->method, TEXT("GET"));
}

bool route_is_front(const struct route *route)
{
    return route->auth == ROUTE_OPEN || route->auth == ROUTE_CLIENT || route->auth == ROUTE_SESSION;
}

/* The first row that fits; the first of the API that is asked for, if there is one. */
static const struct route *find(const struct route *table, size_t count,
                                const struct route_query *query)
{
    struct text ids[ROUTE_IDS_MAX];
    const struct route *other = NULL;
    for (size_t i = 0; i < count; i++) {
        if (differ(table[i].path, query->path) || !text_same(table[i].method, query->method) ||
            !fits(table[i].path, query->path, ids))
            continue;
        if (route_is_front(&table[i]) != query->keyed)
            return &table[i];
        if (!other)
            other = &table[i];
    }
    return other;
}

static bool has_path(const struct route *table, size_t count, struct text path)
{
    struct text ids[ROUTE_IDS_MAX];
    for (size_t i = 0; i < count; i++)
        if (fits(table[i].path, path, ids))
            return true;
    return false;
}

const struct route *route_find(const struct route_query *query, struct text ids[ROUTE_IDS_MAX])
{
    const struct route *found = find(routes, ARRAY_COUNT(routes), query);
    if (!found || route_is_front(found) == query->keyed) {
        const struct route *known = find(unserved, ARRAY_COUNT(unserved), query);
        found = found && !(known && query->keyed) ? found : known;
    }
    if (found)
        fits(found->path, query->path, ids);
    return found;
}

bool route_has_path(struct text path)
{
    return has_path(routes, ARRAY_COUNT(routes), path) ||
           has_path(unserved, ARRAY_COUNT(unserved), path);
}
