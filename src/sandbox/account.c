/*
 * Users. The SQL is made from the user's field table (user/fields.h) and STORE_NUMBERS, so a new field
 * needs no line here. Parameters are numbered in that order: seq, id, fields, numbers, primaries.
 */
#include <string.h>

#include "sandbox/entry.h"
#include "sandbox/org.h"
#include "sandbox/store_private.h"

#define MARK_FIELD(name, kind)    ", ?"
#define MARK_NUMBER(name, member) ", ?"
#define SET_FIELD(name, kind)     ", " #name " = ?"
#define SET_NUMBER(name, member)  ", " #name " = ?"
#define NAME_PRIMARY(name, which) ", " #name
#define MARK_PRIMARY(name, which) ", ?"
#define SET_PRIMARY(name, which)                                                                   \
    ", " #name " = (SELECT i.value FROM identifiers i WHERE i.account = users.seq AND i.number = " \
    "?)"
#define READ_FIELD(name, kind)    ", u." #name
#define READ_NUMBER(name, member) ", u." #name

/* Columns of a row as account_columns names them. */
enum { COLUMN_SEQ, COLUMN_ID, COLUMN_FIELDS, COLUMN_NUMBERS = COLUMN_FIELDS + USER_FIELD_COUNT };

const char account_columns[] = "u.seq, u.id" USER_FIELDS(READ_FIELD) STORE_NUMBERS(READ_NUMBER);

static const size_t number_offsets[] = {
#define NUMBER(name, member) offsetof(struct account, member),
    STORE_NUMBERS(NUMBER)
#undef NUMBER
};

const int account_column_count = COLUMN_NUMBERS + (int)ARRAY_COUNT(number_offsets);

static struct text encode_secrets(const struct user_texts *secrets, struct arena *arena)
{
    struct buf json;
    buf_init(&json, STORE_JSON_MAX);
    struct json_out out = json_out(&json);
    json_open(&out, '[');
    for (size_t i = 0; i < secrets->count; i++)
        json_put_text(&out, secrets->at[i]);
    json_close(&out, ']');
    struct text copy = buf_ok(&json) ? arena_copy(arena, buf_text(&json)) : (struct text){NULL, 0};
    buf_release(&json);
    return copy;
}

static void bind_number(struct sql_query *query, int at, int64_t number)
{
    if (number == USER_UNSET)
        sql_bind_null(query, at);
    else
        sql_bind_int(query, at, number);
}

static int bind_field(struct sql_query *query, int at, const struct user *user,
                      const struct user_field_info *info, struct arena *arena)
{
    const void *member = (const char *)user + info->offset;
    switch (info->kind) {
    case USER_TEXT:
    case USER_SECRET:
    case USER_OBJECT:
        sql_bind_text(query, at, *(const struct text *)member);
        return 0;
    case USER_SECRETS: {
        const struct user_texts *secrets = member;
        struct text json = {NULL, 0};
        if (secrets->count > 0 && !(json = encode_secrets(secrets, arena)).at)
            return -1;
        sql_bind_text(query, at, json);
        return 0;
    }
    case USER_TIME:
    case USER_NUMBER:
        bind_number(query, at, *(const int64_t *)member);
        return 0;
    case USER_FLAG: {
        enum user_flag flag = *(const enum user_flag *)member;
        bind_number(query, at, flag == USER_FLAG_UNSET ? USER_UNSET : flag == USER_FLAG_TRUE);
        return 0;
    }
    case USER_IDENTIFIERS:
        sql_bind_null(query, at);
        return 0;
    }
    return -1;
}

/* Binds fields and numbers from parameter `at` on; returns the next parameter, or -1. */
static int bind_row(struct sql_query *query, int at, const struct account *account,
                    struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < USER_FIELD_COUNT; i++)
        if (bind_field(query, at++, &account->clerk.user, &user_field_infos[i], arena) != 0)
            return err_memory(err);
    for (size_t i = 0; i < ARRAY_COUNT(number_offsets); i++)
        bind_number(query, at++, *(const int64_t *)((const char *)account + number_offsets[i]));
    return at;
}

static int delete_by_seq(struct store *store, const char *statement, int64_t seq, struct err *err)
{
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, seq);
    return sql_run(query, err);
}

enum store_answer account_delete(struct store *store, const struct account *account,
                                 struct err *err)
{
    static const char identifiers[] = "DELETE FROM identifiers WHERE account = ?1";
    static const char user[] = "DELETE FROM users WHERE seq = ?1";
    if (membership_delete_of(store, account->seq, err) != 0 ||
        (account->image != USER_UNSET && image_delete(store, account->clerk.id, err) != 0) ||
        entry_delete_named(store, ENTRY_ORG_SUGGESTION, account->clerk.id, err) != STORE_OK ||
        entry_delete_named(store, ENTRY_ORG_REQUEST, account->clerk.id, err) != STORE_OK ||
        delete_by_seq(store, identifiers, account->seq, err) != 0 ||
        delete_by_seq(store, user, account->seq, err) != 0)
        return STORE_FAILED;
    if (store->users != USER_UNSET)
        store->users--;
    return STORE_OK;
}

static enum store_answer add_identifiers(struct store *store, struct account *account,
                                         struct err *err)
{
    for (size_t i = 0; i < account->identifier_count; i++) {
        struct account_identifier *identifier = &account->identifiers[i];
        identifier->account = account->seq;
        identifier->number = (int64_t)i;
        enum store_answer answer = identifier_insert(store, identifier, err);
        if (answer != STORE_OK)
            return answer;
    }
    return STORE_OK;
}

/* The value of the identifier with that number among those that come with the account. */
static struct text value_of(const struct account *account, int64_t number)
{
    bool there = number >= 0 && (size_t)number < account->identifier_count;
    return there ? account->identifiers[number].clerk.value : (struct text){NULL, 0};
}

enum store_answer account_add(struct store *store, struct account *account, struct arena *arena,
                              struct err *err)
{
    static const char statement[] =
        "INSERT INTO users (seq, id" USER_FIELDS(STORE_COLUMN) STORE_NUMBERS(STORE_NUMBER_COLUMN)
            STORE_PRIMARIES(NAME_PRIMARY) ") VALUES (?, ?" USER_FIELDS(MARK_FIELD)
                STORE_NUMBERS(MARK_NUMBER) STORE_PRIMARIES(MARK_PRIMARY) ")";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query || store_next_seq(store, &account->seq, err) != 0)
        return STORE_FAILED;
    sql_bind_int(query, 1, account->seq);
    sql_bind_text(query, 2, account->clerk.id);
    int at = bind_row(query, 3, account, arena, err);
    if (at < 0)
        return STORE_FAILED;
#define BIND_PRIMARY(name, which) sql_bind_text(query, at++, value_of(account, account->which));
    STORE_PRIMARIES(BIND_PRIMARY)
#undef BIND_PRIMARY
    if (sql_run(query, err) != 0)
        return store_failure(store, "id");
    if (store->users != USER_UNSET)
        store->users++;
    enum store_answer answer = add_identifiers(store, account, err);
    if (answer == STORE_TAKEN && account_delete(store, account, err) != STORE_OK)
        return STORE_FAILED;
    return answer;
}

enum store_answer account_put(struct store *store, const struct account *account,
                              struct arena *arena, struct err *err)
{
    static const char statement[] = "UPDATE users SET id = ?" USER_FIELDS(SET_FIELD)
        STORE_NUMBERS(SET_NUMBER) STORE_PRIMARIES(SET_PRIMARY) " WHERE seq = ?";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, account->clerk.id);
    int at = bind_row(query, 2, account, arena, err);
    if (at < 0)
        return STORE_FAILED;
#define BIND_PRIMARY(name, which) bind_number(query, at++, account->which);
    STORE_PRIMARIES(BIND_PRIMARY)
#undef BIND_PRIMARY
    sql_bind_int(query, at, account->seq);
    if (sql_run(query, err) != 0)
        return store_failure(store, "id");
    return STORE_OK;
}

static int read_secrets(struct store *store, struct text json, struct arena *arena,
                        struct user_texts *secrets, struct err *err)
{
    struct json_value array;
    if (!json.at)
        return 0;
    if (json_parse(store->json, json, &array, err) != 0)
        return err_wrap(err, "stored backup codes");
    secrets->at = arena_zalloc(arena, json_count(array), sizeof(*secrets->at));
    if (!secrets->at)
        return err_memory(err);
    for (struct json_walk walk = json_walk(array); json_next(&walk);) {
        struct text copy = arena_copy(arena, json_text(walk.value));
        if (!copy.at)
            return err_memory(err);
        secrets->at[secrets->count++] = copy;
    }
    return 0;
}

static int read_text(struct sql_query *query, int at, struct arena *arena, struct text *to,
                     struct err *err)
{
    struct text stored = sql_text(query, at);
    *to = stored.at ? arena_copy(arena, stored) : (struct text){NULL, 0};
    return stored.at && !to->at ? err_memory(err) : 0;
}

static int64_t read_number(struct sql_query *query, int at)
{
    return sql_is_null(query, at) ? USER_UNSET : sql_int(query, at);
}

static int read_field(struct store *store, struct sql_query *query, int at, struct arena *arena,
                      struct user *user, const struct user_field_info *info, struct err *err)
{
    void *member = (char *)user + info->offset;
    int64_t number;
    switch (info->kind) {
    case USER_TEXT:
    case USER_SECRET:
    case USER_OBJECT:
        return read_text(query, at, arena, member, err);
    case USER_SECRETS:
        return read_secrets(store, sql_text(query, at), arena, member, err);
    case USER_TIME:
    case USER_NUMBER:
        *(int64_t *)member = read_number(query, at);
        return 0;
    case USER_FLAG:
        number = read_number(query, at);
        *(enum user_flag *)member = number == USER_UNSET ? USER_FLAG_UNSET
                                    : number             ? USER_FLAG_TRUE
                                                         : USER_FLAG_FALSE;
        return 0;
    case USER_IDENTIFIERS:
        return 0;
    }
    return 0;
}

void account_tell_lock(const struct store *store, struct account *account, int64_t now_ms)
{
    struct clerk_user *clerk = &account->clerk;
    bool locked = account->locked_until != USER_UNSET && account->locked_until > now_ms;
    bool ends = locked && account->locked_until != ACCOUNT_LOCKED_FOREVER;
    int64_t left = store->attempts_max - account->failed_attempts;
    clerk->user.locked = locked ? USER_FLAG_TRUE : USER_FLAG_FALSE;
    clerk->lockout_expires_in_s = ends ? (account->locked_until - now_ms + 999) / 1000 : USER_UNSET;
    clerk->attempts_remaining = store->attempts_max == 0 ? USER_UNSET
                                : locked || left < 0     ? 0
                                                         : left;
}

/* What follows from what is stored: whether there is a password, a lock … */
static void derive(const struct store *store, struct account *account, int64_t now_ms)
{
    struct clerk_user *clerk = &account->clerk;
    clerk->password_enabled = clerk->user.password_digest.at;
    clerk->totp_enabled = clerk->user.totp_secret.at;
    clerk->backup_code_enabled = clerk->user.backup_codes.count > 0;
    if (account->failed_attempts == USER_UNSET)
        account->failed_attempts = 0;
    account_tell_lock(store, account, now_ms);
}

int account_read(struct store *store, struct sql_query *query, int64_t now_ms, struct arena *arena,
                 struct account *account, struct err *err)
{
    memset(account, 0, sizeof(*account));
    user_init(&account->clerk.user);
    account->seq = sql_int(query, COLUMN_SEQ);
    if (read_text(query, COLUMN_ID, arena, &account->clerk.id, err) != 0)
        return -1;
    for (int i = 0; i < USER_FIELD_COUNT; i++)
        if (read_field(store, query, COLUMN_FIELDS + i, arena, &account->clerk.user,
                       &user_field_infos[i], err) != 0)
            return -1;
    for (int i = 0; i < (int)ARRAY_COUNT(number_offsets); i++)
        *(int64_t *)((char *)account + number_offsets[i]) = read_number(query, COLUMN_NUMBERS + i);
    derive(store, account, now_ms);
    return image_url(store, account->clerk.id, account->image, arena, &account->clerk.image_url,
                     err);
}

void account_arrange(struct account *account, struct clerk_identifier *room)
{
    struct clerk_user *clerk = &account->clerk;
    const struct account_identifier *all = account->identifiers;
    clerk->emails = room;
    clerk->email_count = clerk->phone_count = 0;
    clerk->primary_email_id = clerk->primary_phone_id = (struct text){NULL, 0};
    for (size_t i = 0; i < account->identifier_count; i++) {
        if (all[i].kind != ACCOUNT_EMAIL)
            continue;
        if (all[i].number == account->primary_email)
            clerk->primary_email_id = all[i].clerk.id;
        clerk->emails[clerk->email_count++] = all[i].clerk;
    }
    clerk->phones = room + clerk->email_count;
    for (size_t i = 0; i < account->identifier_count; i++) {
        if (all[i].kind != ACCOUNT_PHONE)
            continue;
        if (all[i].number == account->primary_phone)
            clerk->primary_phone_id = all[i].clerk.id;
        clerk->phones[clerk->phone_count++] = all[i].clerk;
    }
}

int account_fill(struct store *store, struct arena *arena, struct account *account, struct err *err)
{
    if (identifier_list(store, account, arena, err) != 0)
        return -1;
    struct clerk_identifier *room =
        arena_alloc(arena, (account->identifier_count + 1) * sizeof(*room));
    if (!room)
        return err_memory(err);
    account_arrange(account, room);
    return 0;
}

static enum store_answer get_one(struct store *store, struct sql_query *query, int64_t now_ms,
                                 struct arena *arena, struct account *account, struct err *err)
{
    int got = sql_step(query, err);
    if (got <= 0)
        return got < 0 ? STORE_FAILED : STORE_NONE;
    int status = account_read(store, query, now_ms, arena, account, err);
    sql_reset(query);
    if (status != 0 || account_fill(store, arena, account, err) != 0)
        return STORE_FAILED;
    return STORE_OK;
}

enum store_answer account_get(struct store *store, struct text id, int64_t now_ms,
                              struct arena *arena, struct account *account, struct err *err)
{
    static const char statement[] = "SELECT u.seq, u.id" USER_FIELDS(READ_FIELD)
        STORE_NUMBERS(READ_NUMBER) " FROM users u WHERE u.id = ?1";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, id);
    return get_one(store, query, now_ms, arena, account, err);
}

enum store_answer account_get_seq(struct store *store, int64_t seq, int64_t now_ms,
                                  struct arena *arena, struct account *account, struct err *err)
{
    static const char statement[] = "SELECT u.seq, u.id" USER_FIELDS(READ_FIELD)
        STORE_NUMBERS(READ_NUMBER) " FROM users u WHERE u.seq = ?1";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, seq);
    return get_one(store, query, now_ms, arena, account, err);
}

static enum store_answer find_seq(struct store *store, const char *statement,
                                  struct text identifier, int64_t *seq, struct err *err)
{
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, identifier);
    int got = sql_step(query, err);
    *seq = got > 0 ? sql_int(query, 0) : 0;
    sql_reset(query);
    return got < 0 ? STORE_FAILED : got > 0 ? STORE_OK : STORE_NONE;
}

enum store_answer account_find(struct store *store, struct text identifier, int64_t now_ms,
                               struct arena *arena, struct account *account, struct err *err)
{
    static const char contact[] =
        "SELECT account FROM identifiers WHERE value COLLATE NOCASE = ?1 AND claim = 0";
    static const char username[] = "SELECT seq FROM users WHERE username COLLATE NOCASE = ?1";
    int64_t seq;
    enum store_answer got = find_seq(store, contact, identifier, &seq, err);
    if (got == STORE_NONE)
        got = find_seq(store, username, identifier, &seq, err);
    return got == STORE_OK ? account_get_seq(store, seq, now_ms, arena, account, err) : got;
}

int account_count(struct store *store, int64_t max, int64_t *count, struct err *err)
{
    if (store->users != USER_UNSET) {
        *count = max > 0 && max < store->users ? max : store->users;
        return 0;
    }
    static const char statement[] = "SELECT count(*) FROM (SELECT 1 FROM users LIMIT ?1) u";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, max > 0 ? max : INT64_MAX);
    int got = sql_step(query, err);
    *count = got > 0 ? sql_int(query, 0) : 0;
    sql_reset(query);
    if (got > 0 && max == 0 && !store_is_shared(store))
        store->users = *count;
    return got < 0 ? -1 : 0;
}
