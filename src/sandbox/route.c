#include "sandbox/route.h"

#include "sandbox/routes.h"

const struct route routes[ROUTE_COUNT] = {
#define ROUTE(method, path, auth, limit, handler)                                                  \
    {#method, path, ROUTE_##auth, ROUTE_##limit, handler},
    ROUTES(ROUTE)
#undef ROUTE
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

const struct route *route_find(struct text method, struct text path, struct text ids[ROUTE_IDS_MAX],
                               bool *other_method)
{
    *other_method = false;
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
        if (!fits(text_of(routes[i].path), path, ids))
            continue;
        if (text_same(text_of(routes[i].method), method))
            return &routes[i];
        *other_method = true;
    }
    return NULL;
}
