/*
 * Metadata, as Clerk merges it: an object goes into an object member by member, null removes, everything
 * else replaces. So the body of the PATCH holds the leaves that are to change, and null for those that the
 * source removed.
 *
 * Values are compared where they lie: a leaf with a leaf, an object with an object. Where one side has an
 * object and the other does not, the whole of it counts as one value, as written if each of its leaves is.
 */
#include "migrate/merge.h"

#define PATH_MAX_BYTES ((size_t)16 << 20)

struct place {
    struct merge *merge;
    enum user_field field;
    struct buf path;
    struct json_out out;
};

static bool is_absent(struct json_value value)
{
    return json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL;
}

/* The hash that was written at a path; 0 for none. */
static uint64_t written_at(const struct place *place, struct text path)
{
    uint64_t hash = 0;
    record_get(&place->merge->written,
               record_key(place->merge->key, RECORD_LEAF, place->field, path), &hash);
    return hash;
}

struct check {
    const struct place *place;
    bool as_written;
};

static void check_leaf(void *arg, struct text path, struct json_value leaf)
{
    struct check *check = arg;
    const struct merge *merge = check->place->merge;
    uint64_t written = written_at(check->place, path);
    if (written == 0 || written != field_value_hash(merge->hasher, merge->key, leaf))
        check->as_written = false;
}

/* Whether what lies at the current path is what was last written there. */
static bool as_written(struct place *place, struct json_value value)
{
    struct check check = {place, true};
    if (is_absent(value))
        return written_at(place, buf_text(&place->path)) == 0;
    record_leaves(value, &place->path, check_leaf, &check);
    return check.as_written;
}

/* The hash of a leaf; 0 for anything else. */
static uint64_t leaf_hash(const struct place *place, struct json_value value)
{
    const struct merge *merge = place->merge;
    return is_absent(value) || record_is_branch(value)
               ? 0
               : field_value_hash(merge->hasher, merge->key, value);
}

/* Settles the current path, which is called by its keys with dots between them. */
static bool settle(struct place *place, enum merge_result result, struct json_value source,
                   struct json_value target)
{
    char name[128];
    size_t len = place->path.len ? place->path.len - 1 : 0;
    if (len > sizeof(name))
        len = sizeof(name);
    for (size_t i = 0; i < len; i++)
        name[i] = place->path.at[i] ? place->path.at[i] : '.';
    struct merge_value value = {
        .field = place->field,
        .path = {name, len},
        .key = is_absent(source) ? 0
                                 : record_key(place->merge->key, RECORD_LEAF, place->field,
                                              buf_text(&place->path)),
        .source = leaf_hash(place, source),
        .target = leaf_hash(place, target),
    };
    return merge_settle(place->merge, result, &value);
}

static enum merge_result both_changed(const struct place *place)
{
    return merge_prefers(place->merge, place->field) ? MERGE_OVERRULED : MERGE_KEPT;
}

static bool same(const struct place *place, struct json_value a, struct json_value b)
{
    const struct merge *merge = place->merge;
    return !is_absent(a) && !is_absent(b) &&
           field_value_hash(merge->hasher, merge->key, a) ==
               field_value_hash(merge->hasher, merge->key, b);
}

static enum merge_result compare(struct place *place, struct json_value source,
                                 struct json_value target)
{
    if (as_written(place, source) || same(place, source, target))
        return MERGE_NOTHING;
    return as_written(place, target) ? MERGE_WRITE : both_changed(place);
}

static void merge_leaf(struct place *place, struct text key, struct json_value source,
                       struct json_value target)
{
    if (!settle(place, compare(place, source, target), source, target))
        return;
    json_key(&place->out, key);
    json_put_value(&place->out, source);
}

static void remove_leaf(struct place *place, struct text key, struct json_value target)
{
    if (place->merge->keeps_all)
        return;
    if (!record_is_branch(target) && written_at(place, buf_text(&place->path)) == 0)
        return; /* somebody's own, added in Clerk */
    if (!settle(place, as_written(place, target) ? MERGE_WRITE : both_changed(place),
                (struct json_value){NULL, 0}, target))
        return;
    json_key(&place->out, key);
    json_put_null(&place->out);
}

static bool merge_members(struct place *place, struct json_value source, struct json_value target);

/* An object inside the body; none if nothing in it is to change. */
static void merge_branch(struct place *place, struct text key, struct json_value source,
                         struct json_value target)
{
    struct json_out before = place->out;
    size_t len = before.to->len;
    json_key(&place->out, key);
    json_open(&place->out, '{');
    bool any = merge_members(place, source, target);
    json_close(&place->out, '}');
    if (any)
        return;
    place->out = before;
    before.to->len = len;
}

static void merge_member(struct place *place, struct text key, struct json_value source,
                         struct json_value target)
{
    size_t len = record_path_enter(&place->path, key);
    bool below = record_is_branch(target);
    if (is_absent(source) && (!below || as_written(place, target)))
        remove_leaf(place, key, target);
    else if (is_absent(source) || (record_is_branch(source) && (below || is_absent(target))))
        merge_branch(place, key, source, target);
    else
        merge_leaf(place, key, source, target);
    record_path_leave(&place->path, len);
}

/* Writes the members that are to change; whether there are any. */
static bool merge_members(struct place *place, struct json_value source, struct json_value target)
{
    size_t before = place->out.to->len;
    for (struct json_walk walk = json_walk(source); json_next(&walk);)
        if (!is_absent(walk.value))
            merge_member(place, walk.key, walk.value, json_get(target, walk.key));
    for (struct json_walk walk = json_walk(target); json_next(&walk);)
        if (!is_absent(walk.value) && is_absent(json_get(source, walk.key)))
            merge_member(place, walk.key, (struct json_value){NULL, 0}, walk.value);
    return place->out.to->len > before;
}

void merge_metadata(struct merge *merge, struct buf *body)
{
    struct place place = {.merge = merge, .out = json_out(body)};
    buf_init(&place.path, PATH_MAX_BYTES);
    json_open(&place.out, '{');
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        struct text name = text_of(user_field_infos[field].name);
        place.field = field;
        if (user_field_infos[field].kind == USER_OBJECT)
            merge_branch(&place, name, json_get(merge->row, name), json_get(merge->target, name));
    }
    json_close(&place.out, '}');
    if (body->len <= 2)
        buf_reset(body);
    buf_release(&place.path);
}
