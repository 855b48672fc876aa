/*
 * fields: one keyed 64-bit hash per field of a user: what the ledger keeps instead of values, and how two
 * users are compared.
 */
#ifndef USHER_MIGRATE_FIELDS_H
#define USHER_MIGRATE_FIELDS_H

#include "base/base.h"
#include "json/json.h"
#include "user/user.h"

/* 0 stands for a field that is not set. */
struct field_hashes {
    uint64_t at[USER_FIELD_COUNT];
};

/* What hashing needs: a parser for metadata and working memory, reused from user to user. */
struct field_hasher {
    struct json *json;
    struct arena arena;
    struct buf buf;
};

/* Prepares a hasher. Returns 0 or -1 (ERR_MEMORY); release it in either case. */
int field_hasher_init(struct field_hasher *hasher, struct err *err);
void field_hasher_release(struct field_hasher *hasher);

/* Hashes every field of user under key; metadata in canonical form. Returns 0 or -1 (ERR_MEMORY). */
int field_hashes_of(struct field_hasher *hasher, const struct hash_key *key,
                    const struct user *user, struct field_hashes *hashes, struct err *err);

/* Whether the field can be read back from Clerk at all (no digest, no TOTP secret, no backup codes). */
bool field_is_readable(enum user_field field);

/* The hashes as the ledger keeps them, and back. A blob of another length reads as nothing set. */
struct text field_hashes_blob(const struct field_hashes *hashes);
void field_hashes_read(struct field_hashes *hashes, struct text blob);

#endif
