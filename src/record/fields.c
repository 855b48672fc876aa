#include "record/fields.h"

#include <string.h>

/* A record of 16 MiB may hold three metadata objects; canonical forms are no longer than that. */
#define WORK_MAX ((size_t)64 << 20)

int field_hasher_init(struct field_hasher *hasher, struct err *err)
{
    arena_init(&hasher->arena, WORK_MAX);
    buf_init(&hasher->buf, WORK_MAX);
    buf_init(&hasher->path, WORK_MAX);
    return json_new(&hasher->json, WORK_MAX, err);
}

void field_hasher_release(struct field_hasher *hasher)
{
    json_free(hasher->json);
    arena_release(&hasher->arena);
    buf_release(&hasher->buf);
    buf_release(&hasher->path);
}

static int write_canonical(struct field_hasher *hasher, struct text object, struct err *err)
{
    struct json_value root;
    if (json_parse(hasher->json, object, &root, err))
        return -1;
    arena_reset(&hasher->arena);
    if (!json_write_canonical(root, &hasher->arena, &hasher->buf))
        return err_memory(err);
    return 0;
}

static const struct text *object_of(const struct user *user, enum user_field field)
{
    return (const struct text *)((const char *)user + user_field_infos[field].offset);
}

static uint64_t hash_of_buf(const struct field_hasher *hasher, const struct hash_key *key)
{
    uint64_t hash = hash_text(key, buf_text(&hasher->buf));
    return hash ? hash : 1;
}

/* Clerk shows every user as banned and locked or not: `false` is as good as nothing. */
static bool counts_as_set(const struct user *user, enum user_field field)
{
    if (field == USER_FIELD_banned)
        return user->banned == USER_FLAG_TRUE;
    if (field == USER_FIELD_locked)
        return user->locked == USER_FLAG_TRUE;
    return user_field_is_set(user, field);
}

int field_hash_of(struct field_hasher *hasher, const struct hash_key *key, const struct user *user,
                  enum user_field field, uint64_t *hash, struct err *err)
{
    *hash = 0;
    if (!counts_as_set(user, field))
        return 0;
    buf_reset(&hasher->buf);
    buf_byte(&hasher->buf, (char)field);
    if (user_field_infos[field].kind == USER_OBJECT) {
        if (write_canonical(hasher, *object_of(user, field), err))
            return -1;
    } else {
        user_field_write(user, field, &hasher->buf);
    }
    if (!buf_ok(&hasher->buf))
        return err_memory(err);
    *hash = hash_of_buf(hasher, key);
    return 0;
}

int field_hashes_of(struct field_hasher *hasher, const struct hash_key *key,
                    const struct user *user, struct field_hashes *hashes, struct err *err)
{
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (field_hash_of(hasher, key, user, field, &hashes->at[field], err))
            return -1;
    return 0;
}

bool field_hashes_same(const struct field_hashes *a, const struct field_hashes *b)
{
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (a->at[field] != b->at[field] && field != USER_FIELD_created_at)
            return false;
    return true;
}

uint64_t field_hashes_sum(const struct field_hashes *hashes)
{
    uint64_t sum = 0;
    /* Each is a keyed hash of value and field, or 0. */
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (field != USER_FIELD_created_at)
            sum += hashes->at[field];
    return sum;
}

uint64_t field_value_hash(struct field_hasher *hasher, const struct hash_key *key,
                          struct json_value value)
{
    buf_reset(&hasher->buf);
    arena_reset(&hasher->arena);
    json_write_canonical(value, &hasher->arena, &hasher->buf);
    return hash_of_buf(hasher, key);
}

bool field_is_readable(enum user_field field)
{
    enum user_kind kind = user_field_infos[field].kind;
    return kind != USER_SECRET && kind != USER_SECRETS && field != USER_FIELD_password_hasher;
}
