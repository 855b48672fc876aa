#include "migrate/fields.h"

#include <string.h>

/* A record of 16 MiB may hold three metadata objects; canonical forms are no longer than that. */
#define WORK_MAX ((size_t)64 << 20)

int field_hasher_init(struct field_hasher *hasher, struct err *err)
{
    arena_init(&hasher->arena, WORK_MAX);
    buf_init(&hasher->buf, WORK_MAX);
    return json_new(&hasher->json, WORK_MAX, err);
}

void field_hasher_release(struct field_hasher *hasher)
{
    json_free(hasher->json);
    arena_release(&hasher->arena);
    buf_release(&hasher->buf);
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

int field_hashes_of(struct field_hasher *hasher, const struct hash_key *key,
                    const struct user *user, struct field_hashes *hashes, struct err *err)
{
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        hashes->at[field] = 0;
        if (!user_field_is_set(user, field))
            continue;
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
        uint64_t hash = hash_text(key, buf_text(&hasher->buf));
        hashes->at[field] = hash ? hash : 1;
    }
    return 0;
}

bool field_is_readable(enum user_field field)
{
    enum user_kind kind = user_field_infos[field].kind;
    return kind != USER_SECRET && kind != USER_SECRETS && field != USER_FIELD_password_hasher;
}

struct text field_hashes_blob(const struct field_hashes *hashes)
{
    return (struct text){(const char *)hashes->at, sizeof(hashes->at)};
}

void field_hashes_read(struct field_hashes *hashes, struct text blob)
{
    memset(hashes, 0, sizeof(*hashes));
    if (blob.len == sizeof(hashes->at))
        memcpy(hashes->at, blob.at, sizeof(hashes->at));
}
