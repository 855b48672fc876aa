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

static const struct route *find(const struct route *table, size_t count, struct text method,
                                struct text path, struct text ids[ROUTE_IDS_MAX],
                                bool *other_method)
{
    for (size_t i = 0; i < count; i++) {
        if (!fits(text_of(table[i].path), path, ids))
            continue;
        if (text_same(text_of(table[i].method), method))
            return &table[i];
        *other_method = true;
    }
    return NULL;
}

const struct route *route_find(struct text method, struct text path, struct text ids[ROUTE_IDS_MAX],
                               bool *other_method)
{
    *other_method = false;
    const struct route *found = find(routes, ARRAY_COUNT(routes), method, path, ids, other_method);
    return found ? found : find(unserved, ARRAY_COUNT(unserved), method, path, ids, other_method);
}
