/*
 * The keys are in a hash table of open addressing, with SipHash under a random key, since the names come
 * from the file.
 */
#include "source/paths.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS   ((size_t)2048) /* twice the keys, a power of two */
#define EXPECTED  256            /* places in a record whose key is remembered */
#define NAMES_MAX ((size_t)1024 * 1024)
#define NO_PLACE  (-1)

struct path {
    struct text key; /* NULL: free */
    int slot;
    uint64_t lost;
};

struct paths {
    struct hash_key hash_key;
    struct arena names;
    struct path at[PATHS_MAX];
    size_t count;
    uint16_t buckets[BUCKETS]; /* index in at, plus one */
    uint16_t expected[EXPECTED];
    size_t placed;
    uint64_t other; /* losses of keys beyond the maximum */
    struct source_loss losses[PATHS_MAX + 1];
};

int paths_new(struct paths **paths, struct err *err)
{
    *paths = calloc(1, sizeof(**paths));
    if (!*paths)
        return err_memory(err);
    (*paths)->hash_key = hash_key_random();
    arena_init(&(*paths)->names, NAMES_MAX);
    return 0;
}

void paths_free(struct paths *paths)
{
    if (!paths)
        return;
    arena_release(&paths->names);
    free(paths);
}

/* The key's entry, made if there is none; NULL when there is no more room. */
static struct path *find(struct paths *paths, struct text key)
{
    size_t bucket = hash_text(&paths->hash_key, key) % BUCKETS;
    for (; paths->buckets[bucket]; bucket = (bucket + 1) % BUCKETS) {
        struct path *path = &paths->at[paths->buckets[bucket] - 1];
        if (text_same(path->key, key))
            return path;
    }
    if (paths->count == PATHS_MAX)
        return NULL;
    struct path *path = &paths->at[paths->count];
    *path = (struct path){.key = arena_copy(&paths->names, key), .slot = NO_PLACE};
    if (!path->key.at)
        return NULL;
    paths->buckets[bucket] = (uint16_t)++paths->count;
    return path;
}

int paths_place(struct paths *paths, struct text key, struct err *err)
{
    struct path *path = find(paths, key);
    if (!path || (path->slot == NO_PLACE && paths->placed == PATHS_PLACED_MAX))
        return err_set(err, ERR_USAGE, "more than %d different paths", PATHS_PLACED_MAX);
    if (path->slot == NO_PLACE)
        path->slot = (int)paths->placed++;
    return path->slot;
}

/* Whether a value says something: not null, false, "", "false", [] or {}. */
static bool says_something(enum json_type type, struct json_value value)
{
    struct json_walk walk;
    struct text t;
    switch (type) {
    case JSON_BOOL:
        return json_true(value);
    case JSON_STRING:
        t = json_text(value);
        return t.len > 0 && !text_same(t, TEXT("false")) && !text_same(t, TEXT("{}")) &&
               !text_same(t, TEXT("[]"));
    case JSON_ARRAY:
    case JSON_OBJECT:
        walk = json_walk(value);
        return json_next(&walk);
    case JSON_INT:
    case JSON_UINT:
    case JSON_DOUBLE:
        return true;
    default:
        return false;
    }
}

static struct path *expected(struct paths *paths, size_t place, struct text key)
{
    if (place >= EXPECTED)
        return find(paths, key);
    struct path *path = &paths->at[paths->expected[place]];
    if (path->key.len == key.len && path->key.at && memcmp(path->key.at, key.at, key.len) == 0)
        return path;
    path = find(paths, key);
    if (path)
        paths->expected[place] = (uint16_t)(path - paths->at);
    return path;
}

void paths_walk(struct paths *paths, struct json_value record,
                struct json_value slots[PATHS_PLACED_MAX])
{
    struct json_walk walk = json_walk(record);
    memset(slots, 0, paths->placed * sizeof(slots[0]));
    for (size_t place = 0; json_next(&walk); place++) {
        struct path *path = expected(paths, place, walk.key);
        if (path && path->slot != NO_PLACE) {
            if (!slots[path->slot].document && walk.type != JSON_NULL)
                slots[path->slot] = walk.value;
        } else if (says_something(walk.type, walk.value)) {
            *(path ? &path->lost : &paths->other) += 1;
        }
    }
}

void paths_lose(struct paths *paths, struct text key)
{
    struct path *path = find(paths, key);
    *(path ? &path->lost : &paths->other) += 1;
}

static int more_first(const void *a, const void *b)
{
    const struct source_loss *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

const struct source_loss *paths_losses(struct paths *paths, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < paths->count; i++)
        if (paths->at[i].lost > 0)
            paths->losses[(*count)++] = (struct source_loss){paths->at[i].key, paths->at[i].lost};
    if (paths->other > 0)
        paths->losses[(*count)++] = (struct source_loss){TEXT("(other)"), paths->other};
    qsort(paths->losses, *count, sizeof(paths->losses[0]), more_first);
    return paths->losses;
}
