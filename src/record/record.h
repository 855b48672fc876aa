/*
 * record: what the ledger knows of a user's content, in place of the content itself. Per field one keyed
 * 64-bit hash of what the source said when it was last written; and marks, pairs of a key and a value of 64
 * bits each, for what lies below a field or beside it:
 *
 *     leaf     a leaf of a metadata object, by its path, with the hash of its value
 *     member   an identifier, with 1 for reserved or 2 for verified
 *     primary  which of a list of identifiers was the first, with that one's key
 *     witness  what Clerk showed right after the last write: when the password was set, when the second
 *              factor was, when the user was changed. Another value later: somebody was there since
 *     proven   the password was typed at a gateway, which proved it and wrote the user: enum record_proof
 *     sending  the secret that a request under way carries, with its hash
 *     kept     what Clerk has of its own where the source says something else: the key of the leaf, member,
 *              primary or field that it is about, with the value that Clerk has (0: none)
 *
 * The low byte of a key tells kind and field; the rest is a keyed hash of the name.
 *
 * The form in the ledger: a bit set of the fields that are set, a hash for each of them, then the marks in
 * ascending order of their keys; all little-endian words of 64 bits. Fields count by their place in
 * user/fields.h, so a new field goes to the end of that table.
 */
#ifndef USHER_RECORD_H
#define USHER_RECORD_H

#include "record/fields.h"

struct record_mark {
    uint64_t key, value;
};

/* A record read from the ledger; marks point into the text it was read from. */
struct record {
    struct field_hashes fields;
    const char *marks;
    size_t mark_count;
};

enum record_kind {
    RECORD_LEAF,
    RECORD_MEMBER,
    RECORD_PRIMARY,
    RECORD_FIELD, /* a whole field: for RECORD_KEPT only, the hash itself is in `fields` */
    RECORD_WITNESS,
    RECORD_SENDING,
    RECORD_KEPT
};

/* The key of a mark. The name may be empty. */
uint64_t record_key(const struct hash_key *key, enum record_kind kind, enum user_field field,
                    struct text name);
/* The key of what Clerk kept instead of what `key` marks. */
uint64_t record_kept_key(uint64_t key);
enum record_kind record_kind_of(uint64_t key);
enum user_field record_field_of(uint64_t key);

/* The same of an identifier in its list: letters are folded. */
uint64_t record_member_key(const struct hash_key *key, enum user_field field, struct text value);

/* A path in a metadata object is the keys down to it, each with a NUL behind it: one key further, and back
 * to what it was (its length then). */
size_t record_path_enter(struct buf *path, struct text key);
void record_path_leave(struct buf *path, size_t len);

/* Whether a value has leaves below it: an object with members. Any other value but null is a leaf. */
bool record_is_branch(struct json_value value);

/* Calls each(arg, path, leaf) for every leaf at and below a value that lies at `path`. */
void record_leaves(struct json_value value, struct buf *path,
                   void (*each)(void *arg, struct text path, struct json_value leaf), void *arg);

/* Adds a mark to a list of them. A full buffer shows in buf_ok. */
void record_add(struct buf *marks, uint64_t key, uint64_t value);

/* Takes the marks with that key out of a list. */
void record_take_out(struct buf *marks, uint64_t key);

/* Adds the members, leaves and primaries of a user. 0 or -1 (ERR_MEMORY). */
int record_add_user(struct field_hasher *hasher, const struct hash_key *key,
                    const struct user *user, struct buf *marks, struct err *err);

/* Adds the leaves of a metadata object; a value that is none has none. */
void record_add_leaves(struct field_hasher *hasher, const struct hash_key *key,
                       enum user_field field, struct json_value object, struct buf *marks);

/* What Clerk shows of when something was last set. */
enum record_witness { RECORD_PASSWORD, RECORD_FACTOR, RECORD_CHANGED };
#define RECORD_WITNESSES 7u /* the bits of all of them */

/* Adds those witnesses of the bit set that a User object bears, in place of those in the list. */
void record_add_witnesses(const struct hash_key *key, struct json_value target, unsigned set,
                          struct buf *marks);
/* Adds the witnesses that a record has, and its proof. */
void record_carry_witnesses(const struct record *record, struct buf *marks);

/*
 * Which witnesses of a User object are as old as the user: what they bear has not been set since the create. For
 * a user whose create went unanswered, so that nobody knows what else has happened to it. A user is as old as
 * the first of its email addresses and phone numbers; of one without any nobody can tell: none.
 */
unsigned record_fresh_witnesses(struct json_value target);

/* Whether a gateway proved the password and wrote the record, and whether an import has written since. */
enum record_proof { RECORD_NOT_PROVEN, RECORD_PROVEN_LATELY, RECORD_PROVEN };
enum record_proof record_proof(const struct record *record);
void record_add_proof(struct buf *marks);

/* Adds the marks of a record. */
void record_carry(const struct record *record, struct buf *marks);

/* Brings a list of marks into the order in which record_get finds them. */
void record_sort(struct buf *marks);

/* Appends the ledger's form; sorts the marks on the way. */
void record_encode(const struct field_hashes *fields, struct buf *marks, struct buf *to);

/* Reads it. What is no record (damage) reads as one with nothing set. */
void record_decode(struct record *record, struct text blob);

/* The field_hashes_sum of a record as the ledger has it; struct ledger_opts.sum. */
uint64_t record_sum(struct text blob);

/* The hash that a ban leaves in a record's fields (0: no memory), and whether the ledger's form has it. */
uint64_t record_ban_hash(struct field_hasher *hasher, const struct hash_key *key);
bool record_is_banned(struct field_hasher *hasher, const struct hash_key *key, struct text blob);

/* Whether anything was written. */
bool record_is_there(const struct record *record);

/* The value of a mark; false if there is none. */
bool record_get(const struct record *record, uint64_t key, uint64_t *value);

/* The mark at index i (< mark_count), in ascending order of keys. */
struct record_mark record_mark_at(const struct record *record, size_t i);

/* Whether the target still bears a witness: yes, no, or none was ever taken. */
enum record_touch { RECORD_UNTOUCHED, RECORD_TOUCHED, RECORD_UNKNOWN };
enum record_touch record_touched(const struct record *record, const struct hash_key *key,
                                 enum record_witness witness, struct json_value target);

#endif
