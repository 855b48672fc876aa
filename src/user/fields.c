#include "user/user.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct user_field_info user_field_infos[USER_FIELD_COUNT] = {
#define FIELD(name, kind) {#name, USER_##kind, offsetof(struct user, name)},
    USER_FIELDS(FIELD)
#undef FIELD
};

static const struct {
    const char *name, *meaning;
} reasons[USER_REASON_COUNT] = {[USER_ACCEPTED] = {"accepted", "the row is fine"},
#define REASON(name, meaning) [USER_REASON_##name] = {#name, meaning},
                                USER_REASONS(REASON)
#undef REASON
};

enum user_field user_field_find(struct text name)
{
    int field = 0;
    while (field < USER_FIELD_COUNT && !text_same(text_of(user_field_infos[field].name), name))
        field++;
    return field;
}

const char *user_reason_name(enum user_reason reason)
{
    return reasons[reason].name;
}

const char *user_reason_meaning(enum user_reason reason)
{
    return reasons[reason].meaning;
}

void user_init(struct user *user)
{
    memset(user, 0, sizeof(*user));
    user->created_at = user->legal_accepted_at = USER_UNSET;
    user->create_organizations_limit = USER_UNSET;
}

int user_reject(struct user_reject *reject, enum user_reason reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    reject->reason = reason;
    vsnprintf(reject->detail, sizeof(reject->detail), format, args);
    va_end(args);
    return -1;
}

bool user_has_identifier(const struct user *user)
{
    return user->email_address.count > 0 || user->phone_number.count > 0 || user->username.len > 0;
}

static const void *member(const struct user *user, enum user_field field)
{
    return (const char *)user + user_field_infos[field].offset;
}

bool user_field_is_set(const struct user *user, enum user_field field)
{
    const void *at = member(user, field);
    switch (user_field_infos[field].kind) {
    case USER_TEXT:
    case USER_SECRET:
    case USER_OBJECT:
        return ((const struct text *)at)->at != NULL;
    case USER_SECRETS:
        return ((const struct user_texts *)at)->count > 0;
    case USER_IDENTIFIERS:
        return ((const struct user_identifiers *)at)->count > 0;
    case USER_TIME:
    case USER_NUMBER:
        return *(const int64_t *)at != USER_UNSET;
    case USER_FLAG:
        return *(const enum user_flag *)at != USER_FLAG_UNSET;
    }
    return false;
}

/* Each item ends with a NUL, so that no two lists give the same bytes. */
static void write_item(struct buf *to, char mark, struct text item)
{
    buf_byte(to, mark);
    buf_add(to, item);
    buf_byte(to, 0);
}

void user_field_write(const struct user *user, enum user_field field, struct buf *to)
{
    const void *at = member(user, field);
    const struct user_texts *texts = at;
    const struct user_identifiers *identifiers = at;
    if (!user_field_is_set(user, field))
        return;
    switch (user_field_infos[field].kind) {
    case USER_TEXT:
    case USER_SECRET:
    case USER_OBJECT:
        buf_add(to, *(const struct text *)at);
        break;
    case USER_SECRETS:
        for (size_t i = 0; i < texts->count; i++)
            write_item(to, ' ', texts->at[i]);
        break;
    case USER_IDENTIFIERS:
        for (size_t i = 0; i < identifiers->count; i++)
            write_item(to, identifiers->at[i].verified ? 'v' : 'r', identifiers->at[i].value);
        break;
    case USER_TIME:
    case USER_NUMBER:
        buf_add(to, (struct text){at, sizeof(int64_t)});
        break;
    case USER_FLAG:
        buf_byte(to, *(const enum user_flag *)at == USER_FLAG_TRUE ? '1' : '0');
        break;
    }
}

static bool copy_text(struct arena *arena, struct text *t)
{
    if (!t->at)
        return true;
    *t = arena_copy(arena, *t);
    return t->at != NULL;
}

static bool copy_texts(struct arena *arena, struct user_texts *texts)
{
    const struct text *from = texts->at;
    if (texts->count == 0)
        return true;
    texts->at = arena_zalloc(arena, texts->count, sizeof(texts->at[0]));
    for (size_t i = 0; texts->at && i < texts->count; i++) {
        texts->at[i] = from[i];
        if (!copy_text(arena, &texts->at[i]))
            return false;
    }
    return texts->at != NULL;
}

static bool copy_identifiers(struct arena *arena, struct user_identifiers *ids)
{
    const struct user_identifier *from = ids->at;
    if (ids->count == 0)
        return true;
    ids->at = arena_zalloc(arena, ids->count, sizeof(ids->at[0]));
    for (size_t i = 0; ids->at && i < ids->count; i++) {
        ids->at[i] = from[i];
        if (!copy_text(arena, &ids->at[i].value))
            return false;
    }
    return ids->at != NULL;
}

int user_copy(const struct user *user, struct arena *arena, struct user *to, struct err *err)
{
    bool ok = true;
    *to = *user;
    for (int field = 0; ok && field < USER_FIELD_COUNT; field++) {
        void *at = (char *)to + user_field_infos[field].offset;
        switch (user_field_infos[field].kind) {
        case USER_TEXT:
        case USER_SECRET:
        case USER_OBJECT:
            ok = copy_text(arena, at);
            break;
        case USER_SECRETS:
            ok = copy_texts(arena, at);
            break;
        case USER_IDENTIFIERS:
            ok = copy_identifiers(arena, at);
            break;
        default:
            break; /* nothing but the value itself */
        }
    }
    return ok ? 0 : err_memory(err);
}
