#include "record/record.h"

#include <stdlib.h>
#include <string.h>

#define TESTIMONY_MAX  ((size_t)4096)
#define ONE_REQUEST_MS 50 /* how far apart the times that one create sets may be */

#define KIND_SHIFT 5
#define FIELD_MASK 31u
#define TAG_MASK   UINT64_C(0xff)
_Static_assert(USER_FIELD_COUNT <= FIELD_MASK && RECORD_KEPT < 8, "a byte holds kind and field");

uint64_t record_key(const struct hash_key *key, enum record_kind kind, enum user_field field,
                    struct text name)
{
    return (hash_text(key, name) & ~TAG_MASK) | (uint64_t)kind << KIND_SHIFT | (uint64_t)field;
}

uint64_t record_kept_key(uint64_t key)
{
    /* Told apart by what it is about: a field's own key, a leaf and a member never share a name. */
    return (key & ~TAG_MASK) | (uint64_t)RECORD_KEPT << KIND_SHIFT | (key & FIELD_MASK);
}

enum record_kind record_kind_of(uint64_t key)
{
    return (enum record_kind)((key & TAG_MASK) >> KIND_SHIFT);
}

enum user_field record_field_of(uint64_t key)
{
    return (enum user_field)(key & FIELD_MASK);
}

uint64_t record_member_key(const struct hash_key *key, enum user_field field, struct text value)
{
    char folded[256];
    if (value.len > sizeof(folded))
        return record_key(key, RECORD_MEMBER, field, value);
    for (size_t i = 0; i < value.len; i++)
        folded[i] =
            value.at[i] >= 'A' && value.at[i] <= 'Z' ? (char)(value.at[i] | 0x20) : value.at[i];
    return record_key(key, RECORD_MEMBER, field, (struct text){folded, value.len});
}

size_t record_path_enter(struct buf *path, struct text key)
{
    size_t len = path->len;
    buf_add(path, key);
    buf_byte(path, 0);
    return len;
}

void record_path_leave(struct buf *path, size_t len)
{
    path->len = len;
}

bool record_is_branch(struct json_value value)
{
    return json_type(value) == JSON_OBJECT && json_count(value) > 0;
}

void record_leaves(struct json_value value, struct buf *path,
                   void (*each)(void *arg, struct text path, struct json_value leaf), void *arg)
{
    if (!record_is_branch(value)) {
        if (json_type(value) != JSON_NULL && json_type(value) != JSON_ABSENT)
            each(arg, buf_text(path), value);
        return;
    }
    for (struct json_walk walk = json_walk(value); json_next(&walk);) {
        size_t len = record_path_enter(path, walk.key);
        record_leaves(walk.value, path, each, arg);
        record_path_leave(path, len);
    }
}

void record_add(struct buf *marks, uint64_t key, uint64_t value)
{
    struct record_mark mark = {key, value};
    buf_add(marks, (struct text){(const char *)&mark, sizeof(mark)});
}

static struct record_mark mark_at(const char *marks, size_t i)
{
    struct record_mark mark;
    memcpy(&mark, marks + i * sizeof(mark), sizeof(mark));
    return mark;
}

void record_take_out(struct buf *marks, uint64_t key)
{
    size_t kept = 0;
    for (size_t at = 0; at < marks->len; at += sizeof(struct record_mark)) {
        if (mark_at(marks->at + at, 0).key == key)
            continue;
        memmove(marks->at + kept, marks->at + at, sizeof(struct record_mark));
        kept += sizeof(struct record_mark);
    }
    marks->len = kept;
}

/* ---- what a user consists of ---- */

static void add_identifiers(const struct hash_key *key, enum user_field field,
                            const struct user_identifiers *list, struct buf *marks)
{
    for (size_t i = 0; i < list->count; i++) {
        uint64_t member = record_member_key(key, field, list->at[i].value);
        record_add(marks, member, list->at[i].verified ? 2 : 1);
        if (i == 0)
            record_add(marks, record_key(key, RECORD_PRIMARY, field, TEXT("primary")), member);
    }
}

struct leaves {
    struct field_hasher *hasher;
    const struct hash_key *key;
    enum user_field field;
    struct buf *marks;
};

static void add_leaf(void *arg, struct text path, struct json_value value)
{
    struct leaves *leaves = arg;
    record_add(leaves->marks, record_key(leaves->key, RECORD_LEAF, leaves->field, path),
               field_value_hash(leaves->hasher, leaves->key, value));
}

void record_add_leaves(struct field_hasher *hasher, const struct hash_key *key,
                       enum user_field field, struct json_value object, struct buf *marks)
{
    struct leaves leaves = {hasher, key, field, marks};
    buf_reset(&hasher->path);
    if (record_is_branch(object))
        record_leaves(object, &hasher->path, add_leaf, &leaves);
}

int record_add_user(struct field_hasher *hasher, const struct hash_key *key,
                    const struct user *user, struct buf *marks, struct err *err)
{
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        const void *at = (const char *)user + user_field_infos[field].offset;
        struct json_value root;
        if (!user_field_is_set(user, field))
            continue;
        if (user_field_infos[field].kind == USER_IDENTIFIERS) {
            add_identifiers(key, field, at, marks);
        } else if (user_field_infos[field].kind == USER_OBJECT) {
            if (json_parse(hasher->json, *(const struct text *)at, &root, err))
                return -1;
            record_add_leaves(hasher, key, field, root, marks);
        }
    }
    return buf_ok(marks) ? 0 : err_memory(err);
}

/* ---- witnesses ---- */

/* The members of a User object that bear each witness. */
static const char *const witnesses[][4] = {
    [RECORD_PASSWORD] = {"password_enabled", "password_last_updated_at"},
    [RECORD_FACTOR] = {"totp_enabled", "backup_code_enabled", "mfa_enabled_at", "mfa_disabled_at"},
    [RECORD_CHANGED] = {"updated_at"},
};

static uint64_t testimony(const struct hash_key *key, enum record_witness witness,
                          struct json_value target)
{
    struct buf buf;
    buf_init(&buf, TESTIMONY_MAX);
    for (size_t i = 0; i < ARRAY_COUNT(witnesses[witness]); i++) {
        if (witnesses[witness][i])
            json_write(json_get(target, text_of(witnesses[witness][i])), &buf);
        buf_byte(&buf, ' ');
    }
    uint64_t hash = hash_text(key, buf_text(&buf));
    buf_release(&buf);
    return hash;
}

static uint64_t witness_key(enum record_witness witness)
{
    return (uint64_t)RECORD_WITNESS << KIND_SHIFT | (uint64_t)witness;
}

void record_add_witnesses(const struct hash_key *key, struct json_value target, unsigned set,
                          struct buf *marks)
{
    for (size_t i = 0; i < ARRAY_COUNT(witnesses); i++) {
        if (!(set >> i & 1))
            continue;
        uint64_t mark = witness_key((enum record_witness)i);
        record_take_out(marks, mark);
        record_add(marks, mark, testimony(key, (enum record_witness)i, target));
    }
}

#define PROOF_KEY ((uint64_t)RECORD_WITNESS << KIND_SHIFT | ARRAY_COUNT(witnesses))

void record_add_proof(struct buf *marks)
{
    record_add(marks, PROOF_KEY, RECORD_PROVEN_LATELY);
}

enum record_proof record_proof(const struct record *record)
{
    uint64_t value;
    if (!record_get(record, PROOF_KEY, &value))
        return RECORD_NOT_PROVEN;
    return value == RECORD_PROVEN_LATELY ? RECORD_PROVEN_LATELY : RECORD_PROVEN;
}

void record_carry_witnesses(const struct record *record, struct buf *marks)
{
    uint64_t value;
    if (record_proof(record) != RECORD_NOT_PROVEN)
        record_add(marks, PROOF_KEY, RECORD_PROVEN);
    for (size_t i = 0; i < ARRAY_COUNT(witnesses); i++) {
        uint64_t key = witness_key((enum record_witness)i);
        if (record_get(record, key, &value))
            record_add(marks, key, value);
    }
}

/* When the first identifier was made, in milliseconds; 0: there is none. */
static int64_t born(struct json_value target)
{
    static const char *const lists[] = {"email_addresses", "phone_numbers"};
    int64_t first = 0;
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
        for (struct json_walk walk = json_walk(json_get(target, text_of(lists[i])));
             json_next(&walk);) {
            int64_t at = json_int(json_get(walk.value, TEXT("created_at")));
            first = at > 0 && (first == 0 || at < first) ? at : first;
        }
    return first;
}

unsigned record_fresh_witnesses(struct json_value target)
{
    static const struct {
        enum record_witness witness;
        const char *at; /* the member that tells when */
    } times[] = {{RECORD_PASSWORD, "password_last_updated_at"},
                 {RECORD_FACTOR, "mfa_enabled_at"},
                 {RECORD_FACTOR, "mfa_disabled_at"},
                 {RECORD_CHANGED, "updated_at"}};
    int64_t then = born(target);
    unsigned fresh = then > 0 ? RECORD_WITNESSES : 0;
    for (size_t i = 0; i < ARRAY_COUNT(times); i++)
        if (json_int(json_get(target, text_of(times[i].at))) > then + ONE_REQUEST_MS)
            fresh &= ~(1u << times[i].witness);
    return fresh;
}

enum record_touch record_touched(const struct record *record, const struct hash_key *key,
                                 enum record_witness witness, struct json_value target)
{
    uint64_t then;
    if (!record_get(record, witness_key(witness), &then))
        return RECORD_UNKNOWN;
    return then == testimony(key, witness, target) ? RECORD_UNTOUCHED : RECORD_TOUCHED;
}

/* ---- the ledger's form ---- */

void record_carry(const struct record *record, struct buf *marks)
{
    buf_add(marks, (struct text){record->marks, record->mark_count * sizeof(struct record_mark)});
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = mark_at(a, 0).key, y = mark_at(b, 0).key;
    return (x > y) - (x < y);
}

void record_sort(struct buf *marks)
{
    if (marks->len > 0)
        qsort(marks->at, marks->len / sizeof(struct record_mark), sizeof(struct record_mark),
              by_key);
}

void record_encode(const struct field_hashes *fields, struct buf *marks, struct buf *to)
{
    uint64_t words[USER_FIELD_COUNT + 1] = {0};
    size_t count = 1;
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        if (!fields->at[field])
            continue;
        words[0] |= USER_FIELD_BIT(field);
        words[count++] = fields->at[field];
    }
    buf_add(to, (struct text){(const char *)words, count * sizeof(*words)});
    record_sort(marks);
    buf_add(to, buf_text(marks));
}

void record_decode(struct record *record, struct text blob)
{
    uint64_t set = 0;
    size_t at = sizeof(set);
    memset(record, 0, sizeof(*record));
    if (blob.len < sizeof(set))
        return;
    memcpy(&set, blob.at, sizeof(set));
    if (set >> USER_FIELD_COUNT)
        return;
    for (int field = 0; field < USER_FIELD_COUNT && at + sizeof(set) <= blob.len; field++) {
        if (!(set & USER_FIELD_BIT(field)))
            continue;
        memcpy(&record->fields.at[field], blob.at + at, sizeof(set));
        at += sizeof(set);
    }
    record->marks = blob.at + at;
    record->mark_count = (blob.len - at) / sizeof(struct record_mark);
}

uint64_t record_sum(struct text blob)
{
    struct record record;
    record_decode(&record, blob);
    return field_hashes_sum(&record.fields);
}

uint64_t record_ban_hash(struct field_hasher *hasher, const struct hash_key *key)
{
    struct field_hashes hashes;
    struct user user;
    struct err err;
    user_init(&user);
    user.banned = USER_FLAG_TRUE;
    return field_hashes_of(hasher, key, &user, &hashes, &err) ? 0 : hashes.at[USER_FIELD_banned];
}

bool record_is_banned(struct field_hasher *hasher, const struct hash_key *key, struct text blob)
{
    struct record record;
    record_decode(&record, blob);
    return record.fields.at[USER_FIELD_banned] == record_ban_hash(hasher, key);
}

bool record_is_there(const struct record *record)
{
    return record->fields.at[USER_FIELD_external_id] != 0;
}

struct record_mark record_mark_at(const struct record *record, size_t i)
{
    return mark_at(record->marks, i);
}

bool record_get(const struct record *record, uint64_t key, uint64_t *value)
{
    size_t from = 0, to = record->mark_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        struct record_mark mark = mark_at(record->marks, middle);
        if (mark.key == key) {
            *value = mark.value;
            return true;
        }
        if (mark.key < key)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}
