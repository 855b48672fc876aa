#include "json/json.h"

#include <stdlib.h>
#include <string.h>

struct member {
    struct text key;
    struct json_value value;
};

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    size_t len = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = len ? memcmp(x->key.at, y->key.at, len) : 0;
    return order ? order : (x->key.len > y->key.len) - (x->key.len < y->key.len);
}

static bool write_value(struct json_value value, struct arena *arena, struct json_out *out);

static bool write_object(struct json_value value, struct arena *arena, struct json_out *out)
{
    size_t count = 0;
    struct member *members = arena_zalloc(arena, json_count(value) + 1, sizeof(*members));
    if (!members)
        return false;
    for (struct json_walk walk = json_walk(value); json_next(&walk);)
        members[count++] = (struct member){walk.key, walk.value};
    qsort(members, count, sizeof(*members), by_key);
    json_open(out, '{');
    for (size_t i = 0; i < count; i++) {
        json_key(out, members[i].key);
        if (!write_value(members[i].value, arena, out))
            return false;
    }
    json_close(out, '}');
    return true;
}

static bool write_array(struct json_value value, struct arena *arena, struct json_out *out)
{
    json_open(out, '[');
    for (struct json_walk walk = json_walk(value); json_next(&walk);)
        if (!write_value(walk.value, arena, out))
            return false;
    json_close(out, ']');
    return true;
}

/* A double that is a whole number is written as one: 1.0 and 1 are the same value. */
static bool is_whole(double number)
{
    return number >= -9007199254740992.0 && number <= 9007199254740992.0 &&
           (double)(int64_t)number == number;
}

static bool write_value(struct json_value value, struct arena *arena, struct json_out *out)
{
    switch (json_type(value)) {
    case JSON_OBJECT:
        return write_object(value, arena, out);
    case JSON_ARRAY:
        return write_array(value, arena, out);
    case JSON_DOUBLE:
        if (is_whole(json_double(value))) {
            json_put_int(out, (int64_t)json_double(value));
            return true;
        }
        break;
    default:
        break;
    }
    json_put_value(out, value);
    return true;
}

bool json_write_canonical(struct json_value value, struct arena *arena, struct buf *to)
{
    struct json_out out = json_out(to);
    return write_value(value, arena, &out);
}
