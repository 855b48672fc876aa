/*
 * fields: keyed 64-bit hashes of a user's fields: what the ledger keeps instead of values, and how two
 * users are compared.
 */
#ifndef USHER_RECORD_FIELDS_H
#define USHER_RECORD_FIELDS_H

#include "base/base.h"
#include "json/json.h"
#include "user/user.h"

/* 0 stands for a field that is not set. A ban or lock of `false` counts as not set: Clerk always shows one. */
struct field_hashes {
    uint64_t at[USER_FIELD_COUNT];
};

/* What hashing needs: a parser for metadata and working memory, reused from user to user. */
struct field_hasher {
    struct json *json;
    struct arena arena;
    struct buf buf, path;
};

/* Prepares a hasher. Returns 0 or -1 (ERR_MEMORY); release it in either case. */
int field_hasher_init(struct field_hasher *hasher, struct err *err);
void field_hasher_release(struct field_hasher *hasher);

/* Hashes every field of user under key; metadata in canonical form. Returns 0 or -1 (ERR_MEMORY). */
int field_hashes_of(struct field_hasher *hasher, const struct hash_key *key,
                    const struct user *user, struct field_hashes *hashes, struct err *err);

/* The hash of one field. */
int field_hash_of(struct field_hasher *hasher, const struct hash_key *key, const struct user *user,
                  enum user_field field, uint64_t *hash, struct err *err);

/* Whether they are the same but for created_at, which is written once and never again. */
bool field_hashes_same(const struct field_hashes *a, const struct field_hashes *b);

/* One hash of all those, but for created_at: the same if field_hashes_same. */
uint64_t field_hashes_sum(const struct field_hashes *hashes);

/* The hash of a JSON value in canonical form; never 0 (for a value absent, too). */
uint64_t field_value_hash(struct field_hasher *hasher, const struct hash_key *key,
                          struct json_value value);

/* Whether the field can be read back from Clerk at all (no digest, no TOTP secret, no backup codes). */
bool field_is_readable(enum user_field field);

#endif
