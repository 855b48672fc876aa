/*
 * Single values are compared by the hashes of their fields, lists and objects by their marks: each mark of
 * the record must be found among those of the target's user. What Clerk kept at a merge counts as it is.
 */
#include "migrate/compare.h"

#include "clerk/clerk.h"

#define WORK_MAX ((size_t)16 << 20)

void compare_init(struct compare *compare, struct field_hasher *hasher, const struct hash_key *key)
{
    compare->hasher = hasher;
    compare->key = key;
    arena_init(&compare->arena, WORK_MAX);
    buf_init(&compare->marks, WORK_MAX);
}

void compare_release(struct compare *compare)
{
    arena_release(&compare->arena);
    buf_release(&compare->marks);
}

static bool is_kept(const struct record *record, uint64_t key, uint64_t there)
{
    uint64_t kept;
    return record_get(record, record_kept_key(key), &kept) && kept == there;
}

/* Digests and the like: there must be one. */
static const struct {
    enum user_field field;
    const char *shown;
} secrets[] = {
    {USER_FIELD_password_digest, "password_enabled"},
    {USER_FIELD_totp_secret, "totp_enabled"},
    {USER_FIELD_backup_codes, "backup_code_enabled"},
};

static void compare_secrets(const struct record *record, struct json_value target,
                            struct comparison *comparison)
{
    for (size_t i = 0; i < ARRAY_COUNT(secrets); i++) {
        enum user_field field = secrets[i].field;
        if (record->fields.at[field] == 0)
            continue;
        if (json_true(json_get(target, text_of(secrets[i].shown))))
            comparison->unseen |= USER_FIELD_BIT(field);
        else
            comparison->different |= USER_FIELD_BIT(field);
    }
}

static bool is_compared(enum user_field field, bool created)
{
    enum user_kind kind = user_field_infos[field].kind;
    return field_is_readable(field) && kind != USER_OBJECT && kind != USER_IDENTIFIERS &&
           (created || field != USER_FIELD_created_at);
}

static int compare_values(const struct compare *compare, const struct record *record,
                          const struct user *user, bool created, struct comparison *comparison,
                          struct err *err)
{
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        uint64_t written = record->fields.at[field], there;
        if (written == 0 || !is_compared(field, created))
            continue;
        if (field_hash_of(compare->hasher, compare->key, user, field, &there, err))
            return -1;
        uint64_t key = record_key(compare->key, RECORD_FIELD, field, TEXT(""));
        if (written != there && !is_kept(record, key, there))
            comparison->different |= USER_FIELD_BIT(field);
    }
    return 0;
}

/* A mark that is not as the target has it. A reserved identifier becomes verified at a sign-in. */
static bool is_other(const struct record *record, const struct record_mark *mark, uint64_t there)
{
    enum record_kind kind = record_kind_of(mark->key);
    if (mark->value == there || is_kept(record, mark->key, there))
        return false;
    return kind == RECORD_LEAF || kind == RECORD_PRIMARY ||
           (kind == RECORD_MEMBER && there < mark->value);
}

/* The marks of the user there; metadata is read where it stands. */
static int add_marks(struct compare *compare, const struct user *user, struct json_value target,
                     struct err *err)
{
    buf_reset(&compare->marks);
    if (record_add_user(compare->hasher, compare->key, user, &compare->marks, err))
        return -1;
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (user_field_infos[field].kind == USER_OBJECT)
            record_add_leaves(compare->hasher, compare->key, field,
                              json_get(target, text_of(user_field_infos[field].name)),
                              &compare->marks);
    record_sort(&compare->marks);
    return buf_ok(&compare->marks) ? 0 : err_memory(err);
}

static void compare_marks(const struct record *record, const struct record *there,
                          struct comparison *comparison)
{
    for (size_t i = 0; i < record->mark_count; i++) {
        struct record_mark mark = record_mark_at(record, i);
        uint64_t value = 0;
        record_get(there, mark.key, &value);
        if (is_other(record, &mark, value))
            comparison->different |= USER_FIELD_BIT(record_field_of(mark.key));
    }
}

int compare_user(struct compare *compare, const struct record *record, struct json_value target,
                 bool created, struct comparison *comparison, struct err *err)
{
    struct user user;
    struct record there = {0};
    struct text clerk_id;
    *comparison = (struct comparison){0};
    arena_reset(&compare->arena);
    if (!clerk_decode_user_values(target, &compare->arena, &user, &clerk_id))
        return err_set(err, ERR_NETWORK, "the target's answer holds no User object");
    if (add_marks(compare, &user, target, err) ||
        compare_values(compare, record, &user, created, comparison, err))
        return -1;
    there.marks = compare->marks.at;
    there.mark_count = compare->marks.len / sizeof(struct record_mark);
    compare_marks(record, &there, comparison);
    compare_secrets(record, target, comparison);
    enum record_touch touch = record_touched(record, compare->key, RECORD_CHANGED, target);
    comparison->touched = touch == RECORD_TOUCHED;
    comparison->unknown = touch == RECORD_UNKNOWN;
    return 0;
}
