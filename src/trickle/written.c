#include "trickle/written.h"

#define CONTENT_MAX ((size_t)16 << 20)

int written_take(struct written *written, const struct hash_key *key, const struct user *user,
                 struct err *err)
{
    struct field_hasher hasher;
    written->key = *key;
    buf_init(&written->marks, CONTENT_MAX);
    buf_init(&written->content, CONTENT_MAX);
    int status = field_hasher_init(&hasher, err);
    if (status == 0)
        status = field_hashes_of(&hasher, key, user, &written->fields, err);
    if (status == 0)
        status = record_add_user(&hasher, key, user, &written->marks, err);
    field_hasher_release(&hasher);
    record_add_proof(&written->marks);
    return status;
}

void written_release(struct written *written)
{
    buf_release(&written->marks);
    buf_release(&written->content);
}

void written_see(struct written *written, struct json_value user)
{
    const unsigned seen = 1u << RECORD_FACTOR | 1u << RECORD_CHANGED;
    record_add_witnesses(&written->key, user, seen, &written->marks);
}

struct text written_content(struct written *written)
{
    buf_reset(&written->content);
    record_encode(&written->fields, &written->marks, &written->content);
    return buf_text(&written->content);
}
