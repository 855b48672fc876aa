/*
 * compare: a user as the target shows it, against the record of what was written. Nothing that people may
 * have added in Clerk counts (a metadata key, an email address): what we wrote must be there.
 */
#ifndef USHER_MIGRATE_COMPARE_H
#define USHER_MIGRATE_COMPARE_H

#include "record/record.h"

/* What is needed for it, reused from user to user. */
struct compare {
    struct field_hasher *hasher;
    const struct hash_key *key;
    struct arena arena;
    struct buf marks;
};

/* What came out. Sets of fields (USER_FIELD_BIT). */
struct comparison {
    uint64_t different; /* other at the target, or not there */
    uint64_t unseen;    /* secrets that are there, and that Clerk does not show */
    bool touched;       /* somebody has changed the user since the last write */
    bool unknown;       /* nobody can tell whether anybody has */
};

/* Prepares it; release gives the memory back. */
void compare_init(struct compare *compare, struct field_hasher *hasher, const struct hash_key *key);
void compare_release(struct compare *compare);

/* Compares; `created` says that created_at was ours to write. -1: ERR_NETWORK (no User object), ERR_MEMORY. */
int compare_user(struct compare *compare, const struct record *record, struct json_value target,
                 bool created, struct comparison *comparison, struct err *err);

#endif
