#include "sandbox/route.h"

#include "sandbox/routes.h"
#include "sandbox/unserved.h"

const struct route routes[ROUTE_COUNT] = {
#define ROUTE(method, path, auth, limit, handler)                                                  \
    {#method, path, ROUTE_##auth, ROUTE_##limit, handler, NULL},
    ROUTES(ROUTE)
#undef ROUTE
};

static const struct route unserved[] = {
#define UNSERVED(method, path, operation)                                                          \
    {#method, path, ROUTE_KEY, ROUTE_INSTANCE, NULL, #operation},
    UNSERVED_OPERATIONS(UNSERVED)
#undef UNSERVED
};

/* Whether a path fits a pattern; the ids are what stands for {}, at least one byte, no slash. */
static bool fits(struct text pattern, struct text path, struct text ids[ROUTE_IDS_MAX])
{
    size_t count = 0, i = 0, k = 0;
    while (i < pattern.len) {
        if (pattern.at[i] != '{') {
            if (k == path.len || pattern.at[i++] != path.at[k++])
                return false;
            continue;
        }
        size_t end = text_find(path, '/', k);
        if (end == k)
            return false;
        ids[count++] = text_part(path, k, end - k);
        i += 2;
        k = end;
    }
    return k == path.len;
}

bool route_reads(const struct route *route)
{
    static void (*const tokens[])(struct call * call) = {sessions_tokens, sessions_tokens_template,
                                                         sessions_token, sessions_template_token};
    for (size_t i = 0; i < ARRAY_COUNT(tokens); i++)
        if (route->handle == tokens[i])
            return true;
    return text_same(text_of(route->method), TEXT("GET"));
}

bool route_is_front(const struct route *route)
{
    return route->auth == ROUTE_OPEN || route->auth == ROUTE_CLIENT || route->auth == ROUTE_SESSION;
}

/* The first row that fits; the first of the API that is asked for, if there is one. */
static const struct route *find(const struct route *table, size_t count,
                                const struct route_query *query, bool *other_method)
{
    struct text ids[ROUTE_IDS_MAX];
    const struct route *other = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!fits(text_of(table[i].path), query->path, ids))
            continue;
        if (!text_same(text_of(table[i].method), query->method))
            *other_method = true;
        else if (route_is_front(&table[i]) != query->keyed)
            return &table[i];
        else if (!other)
            other = &table[i];
    }
    return other;
}

const struct route *route_find(const struct route_query *query, struct text ids[ROUTE_IDS_MAX],
                               bool *other_method)
{
    *other_method = false;
    const struct route *found = find(routes, ARRAY_COUNT(routes), query, other_method);
    if (!found || route_is_front(found) == query->keyed) {
        const struct route *known = find(unserved, ARRAY_COUNT(unserved), query, other_method);
        found = found && !(known && query->keyed) ? found : known;
    }
    if (found)
        fits(text_of(found->path), query->path, ids);
    return found;
}
