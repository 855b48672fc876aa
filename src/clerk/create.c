#include "clerk/clerk.h"

#include <stdio.h>

static void put_identifiers(struct json_out *out, const char *name,
                            const struct user_identifiers *list)
{
    char status[64];
    bool reserved = false;
    json_key(out, text_of(name));
    json_open(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        json_put_text(out, list->at[i].value);
        reserved = reserved || !list->at[i].verified;
    }
    json_close(out, ']');
    if (!reserved)
        return;
    snprintf(status, sizeof(status), "%s_identification_status", name);
    json_key(out, text_of(status));
    json_open(out, '[');
    for (size_t i = 0; i < list->count; i++)
        json_put_text(out, list->at[i].verified ? TEXT("verified") : TEXT("reserved"));
    json_close(out, ']');
}

static void put_texts(struct json_out *out, const char *name, const struct user_texts *texts)
{
    json_key(out, text_of(name));
    json_open(out, '[');
    for (size_t i = 0; i < texts->count; i++)
        json_put_text(out, texts->at[i]);
    json_close(out, ']');
}

static void put_date(struct json_out *out, const char *name, int64_t ms)
{
    char date[DATE_TEXT_MAX];
    date_format(ms, date);
    json_key(out, text_of(name));
    json_put_text(out, text_of(date));
}

static void put_field(struct json_out *out, const struct user_field_info *info, const void *at)
{
    switch (info->kind) {
    case USER_TEXT:
    case USER_SECRET:
        json_key(out, text_of(info->name));
        json_put_text(out, *(const struct text *)at);
        break;
    case USER_SECRETS:
        put_texts(out, info->name, at);
        break;
    case USER_IDENTIFIERS:
        put_identifiers(out, info->name, at);
        break;
    case USER_OBJECT:
        json_key(out, text_of(info->name));
        json_put_raw(out, *(const struct text *)at);
        break;
    case USER_TIME:
        put_date(out, info->name, *(const int64_t *)at);
        break;
    case USER_FLAG:
        json_key(out, text_of(info->name));
        json_put_bool(out, *(const enum user_flag *)at == USER_FLAG_TRUE);
        break;
    case USER_NUMBER:
        json_key(out, text_of(info->name));
        json_put_int(out, *(const int64_t *)at);
        break;
    }
}

static void put_user(struct json_out *out, const struct user *user)
{
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (user_field_is_set(user, field))
            put_field(out, &user_field_infos[field],
                      (const char *)user + user_field_infos[field].offset);
}

static void put_true(struct json_out *out, const char *name)
{
    json_key(out, text_of(name));
    json_put_bool(out, true);
}

static void put_password(struct json_out *out, struct text password)
{
    json_key(out, TEXT("password"));
    json_put_text(out, password);
    put_true(out, "skip_password_checks");
}

void clerk_create_body(const struct user *user, struct buf *to)
{
    clerk_create_body_with(user, (struct text){NULL, 0}, to);
}

void clerk_create_body_with(const struct user *user, struct text password, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    put_user(&out, user);
    if (!user->password_digest.at && password.at)
        put_password(&out, password);
    else if (!user->password_digest.at)
        put_true(&out, "skip_password_requirement");
    json_close(&out, '}');
}

void clerk_password_body(const struct user *user, struct text password, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    if (user->password_digest.at) {
        json_key(&out, TEXT("password_digest"));
        json_put_text(&out, user->password_digest);
        json_key(&out, TEXT("password_hasher"));
        json_put_text(&out, user->password_hasher);
    } else {
        put_password(&out, password);
    }
    json_close(&out, '}');
}
