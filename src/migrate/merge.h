/*
 * merge: the three-way merge of a user: what was last written (the ledger's record), what the source says
 * now, what the target holds now. No I/O.
 *
 *   source as written                    nothing to do, whatever the target holds
 *   target has what the source says      nothing to do
 *   source changed, target as written    written
 *   both changed                         Clerk keeps its value, and it is told; or the source's is written,
 *                                        for a field of `prefer`, and that is told
 *
 * It works on the smallest parts: a name, one email address of several, one leaf of a metadata object. So a
 * key that somebody added in Clerk stays, and one that the source removed becomes null.
 *
 * Digests, TOTP secrets and backup codes cannot be read back. For them the witness decides (record.h): only
 * where Clerk shows the same as right after the last write is a new one sent. A password is never
 * preferred over one that was set in Clerk. One that was typed at a gateway is the newest there is, and stays.
 *
 * What a gateway wrote comes from another view of the source than an export: that the export lacks a value then
 * does not mean that it was removed. So nothing is removed until an import has written the user.
 */
#ifndef USHER_MIGRATE_MERGE_H
#define USHER_MIGRATE_MERGE_H

#include "record/record.h"
#include "migrate/steps.h"

enum merge_result {
    MERGE_NOTHING,
    MERGE_WRITE,     /* the source has changed, the target has not */
    MERGE_KEPT,      /* both have: Clerk wins */
    MERGE_OVERRULED, /* both have: the source wins, because it was asked for */
};

/* One value: hashes, 0 for absent. */
enum merge_result merge_values(uint64_t written, uint64_t source, uint64_t target, bool prefer);

/* One secret, of which the target shows only a witness. */
enum merge_result merge_secret(uint64_t written, uint64_t source, enum record_touch touch,
                               bool prefer);

struct merge {
    struct field_hasher *hasher;
    const struct hash_key *key;
    struct record written; /* zeroed: nothing of ours is there (a user found at the target) */
    const struct field_hashes *source; /* of the row */
    struct json_value row;             /* its CreateUser body */
    struct json_value target;          /* the User object; in another document than row */
    uint64_t prefer;                   /* bits of fields in which the source wins */
    bool take_over; /* write nothing, tell nothing: mark what Clerk has of its own */
    /* Told of every value that both sides changed; path is a leaf ("plan.name") or an identifier, or empty. */
    void (*told)(void *arg, enum user_field field, struct text path, enum merge_result merge);
    void *arg;
    /* filled: */
    struct steps *steps;
    struct buf *marks;    /* of the row (record_add_user); merging adds what Clerk kept */
    struct text clerk_id; /* of the target */
    uint64_t secrets;     /* bits of the secret fields that a step sets or removes */
    /* private */
    struct field_hashes there;
    bool keeps_all; /* nothing is removed */
};

/* Merges a user. 0, or -1: ERR_NETWORK (target is no User object), ERR_MEMORY. */
int merge_user(struct merge *merge, struct err *err);

/*
 * Merges the metadata alone, of anything that has some: row, target and the leaves of `written` count, and steps are
 * none. Writes the body of the PATCH that Clerk merges in, or nothing if nothing is to change.
 */
void merge_metadata(struct merge *merge, struct buf *body);

/* A part, in a file of its own; only merge_user calls it. */
void merge_identifiers(struct merge *merge, enum user_field field);

/* Whether the source wins where both sides changed a field. */
bool merge_prefers(const struct merge *merge, enum user_field field);
/* One value of a field: how it is called, its mark, and what each side has. */
struct merge_value {
    enum user_field field;
    struct text path; /* as `told` */
    uint64_t key;     /* record.h */
    uint64_t source, target;
};
/* Tells what is to be told, and marks what Clerk keeps; true if the source's value is to be written. */
bool merge_settle(struct merge *merge, enum merge_result result, const struct merge_value *value);

#endif
