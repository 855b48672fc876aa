/* The transforms of platform.h, one function each; apply[] is in the order of the enumeration. */
#include "source/draft.h"

#include <string.h>

/* A value that is there, with what every transform asks of it. */
struct given {
    struct json_value value;
    enum json_type type;
    struct text text; /* of a string */
};

static void *field_at(struct draft *draft, const struct platform_row *row)
{
    return (char *)draft->user + user_field_infos[row->field].offset;
}

static int as_text(struct draft *draft, const struct platform_row *row, const struct given *given)
{
    if (given->type != JSON_STRING)
        return draft_wrong_type(draft, row->path, given->value, "a string");
    return draft_take(draft, row->path, given->text, field_at(draft, row));
}

/* Discord writes names as "name#0" or "name#1234". */
static struct text without_discriminator(struct text name)
{
    size_t digits = 0;
    while (digits < name.len && digits < 4 && name.at[name.len - 1 - digits] >= '0' &&
           name.at[name.len - 1 - digits] <= '9')
        digits++;
    if (digits > 0 && digits < name.len && name.at[name.len - 1 - digits] == '#')
        name.len -= digits + 1;
    return name;
}

/* Copies a name with single spaces between its words. */
static struct text with_single_spaces(struct draft *draft, struct text name)
{
    char *to = arena_alloc(draft->arena, name.len + 1);
    size_t len = 0;
    if (!to)
        return (struct text){NULL, 0};
    for (size_t i = 0; i < name.len; i++) {
        bool space = name.at[i] == ' ' || (name.at[i] >= '\t' && name.at[i] <= '\r');
        if (!space)
            to[len++] = name.at[i];
        else if (len > 0 && to[len - 1] != ' ')
            to[len++] = ' ';
    }
    return (struct text){to, len};
}

/* The first word is the first name, everything behind it the last name. */
static int as_full_name(struct draft *draft, const struct platform_row *row,
                        const struct given *given)
{
    if (given->type != JSON_STRING)
        return draft_wrong_type(draft, row->path, given->value, "a string");
    struct text name = without_discriminator(text_trim(given->text));
    name = with_single_spaces(draft, text_trim(name));
    if (!name.at)
        return draft_no_memory(draft);
    size_t space = text_find(name, ' ', 0);
    if (name.len == 0)
        return 0;
    if (draft_take(draft, row->path, text_part(name, 0, space), &draft->user->first_name) != 0)
        return -1;
    if (space == name.len)
        return 0;
    return draft_take(draft, row->path, text_part(name, space + 1, name.len),
                      &draft->user->last_name);
}

static int as_time(struct draft *draft, const struct platform_row *row, const struct given *given)
{
    enum user_reason reason = row->field == USER_FIELD_created_at
                                  ? USER_REASON_invalid_created_at
                                  : USER_REASON_invalid_legal_accepted_at;
    if (given->type == JSON_BOOL || given->type == JSON_ARRAY || given->type == JSON_OBJECT)
        return draft_wrong_type(draft, row->path, given->value, "a date");
    if (!draft_time(given->value, field_at(draft, row)))
        return user_reject(&draft->reject, reason, "%s is no date", row->path);
    return 0;
}

static int as_flag(struct draft *draft, const struct platform_row *row, const struct given *given)
{
    enum user_flag flag = draft_flag(given->value);
    if (flag == USER_FLAG_UNSET)
        return draft_wrong_type(draft, row->path, given->value, "true or false");
    *(enum user_flag *)field_at(draft, row) = flag;
    return 0;
}

static int as_flag_if_true(struct draft *draft, const struct platform_row *row,
                           const struct given *given)
{
    if (draft_flag(given->value) == USER_FLAG_FALSE)
        return 0;
    return as_flag(draft, row, given);
}

static int as_number(struct draft *draft, const struct platform_row *row, const struct given *given)
{
    uint64_t number = (uint64_t)json_int(given->value);
    bool good = given->type == JSON_INT || text_u64(given->text, INT64_MAX, &number);
    if (!good || number > INT64_MAX)
        return draft_wrong_type(draft, row->path, given->value, "a whole number");
    *(int64_t *)field_at(draft, row) = (int64_t)number;
    return 0;
}

/* Splits off the next of several values joined by | or a comma. */
static bool next_of(struct text *rest, struct text *one)
{
    if (!rest->at)
        return false;
    size_t end = 0;
    while (end < rest->len && rest->at[end] != '|' && rest->at[end] != ',')
        end++;
    *one = text_trim(text_part(*rest, 0, end));
    *rest = end < rest->len ? text_part(*rest, end + 1, rest->len) : (struct text){NULL, 0};
    return true;
}

static int add_text(struct draft *draft, const char *path, struct text t, struct user_texts *to)
{
    return t.len == 0 ? 0 : draft_take(draft, path, t, &to->at[to->count++]);
}

static int as_texts(struct draft *draft, const struct platform_row *row, const struct given *given)
{
    struct user_texts *to = field_at(draft, row);
    struct json_walk walk = json_walk(given->value);
    struct text rest = given->text, one;
    size_t most = given->type == JSON_ARRAY ? json_count(given->value) : rest.len / 2 + 1;
    if (given->type != JSON_ARRAY && given->type != JSON_STRING)
        return draft_wrong_type(draft, row->path, given->value, "an array of strings");
    to->at = arena_zalloc(draft->arena, most + 1, sizeof(to->at[0]));
    if (!to->at)
        return draft_no_memory(draft);
    while (given->type == JSON_ARRAY && json_next(&walk)) {
        if (json_type(walk.value) != JSON_STRING)
            return draft_wrong_type(draft, row->path, walk.value, "a string in its array");
        if (add_text(draft, row->path, json_text(walk.value), to) != 0)
            return -1;
    }
    while (next_of(&rest, &one))
        if (add_text(draft, row->path, one, to) != 0)
            return -1;
    return 0;
}

static int as_object(struct draft *draft, const struct platform_row *row, const struct given *given)
{
    struct err ignored;
    struct json_value inner = given->value;
    if (given->type == JSON_STRING && json_parse(draft->json, given->text, &inner, &ignored) != 0)
        return user_reject(&draft->reject, USER_REASON_invalid_metadata,
                           "%s is a string that is not the text of a JSON object", row->path);
    if (json_type(inner) == JSON_NULL)
        return 0;
    if (json_type(inner) != JSON_OBJECT)
        return user_reject(&draft->reject, USER_REASON_invalid_metadata, "%s is %s, not an object",
                           row->path, json_type_name(json_type(inner)));
    return draft_object(draft, inner, field_at(draft, row));
}

static int add_identifier(struct draft *draft, const struct platform_row *row,
                          struct json_value value, enum draft_status status)
{
    if (json_type(value) != JSON_STRING)
        return draft_wrong_type(draft, row->path, value, "a string");
    return draft_identifier(draft, row->field, json_text(value), status);
}

static int as_identifier(struct draft *draft, const struct platform_row *row,
                         const struct given *given)
{
    return add_identifier(draft, row, given->value, ASSUMED_RESERVED);
}

static int as_identifier_sure(struct draft *draft, const struct platform_row *row,
                              const struct given *given)
{
    return add_identifier(draft, row, given->value, SAID_VERIFIED);
}

static int as_primary(struct draft *draft, const struct platform_row *row,
                      const struct given *given)
{
    return add_identifier(draft, row, given->value, ASSUMED_VERIFIED);
}

static int as_phone_digits(struct draft *draft, const struct platform_row *row,
                           const struct given *given)
{
    if (given->type != JSON_STRING)
        return draft_wrong_type(draft, row->path, given->value, "a string");
    struct text t = text_trim(given->text);
    if (t.len > 0 && t.at[0] >= '0' && t.at[0] <= '9')
        t = arena_printf(draft->arena, "+%.*s", TEXT_ARG(t));
    return draft_identifier(draft, row->field, t, ASSUMED_RESERVED);
}

static int as_verified(struct draft *draft, const struct platform_row *row,
                       const struct given *given)
{
    struct draft_identifiers *ids = draft_identifiers(draft, row->field);
    enum user_flag flag = draft_flag(given->value);
    int64_t ms;
    if (flag == USER_FLAG_UNSET && draft_time(given->value, &ms))
        flag = USER_FLAG_TRUE;
    if (flag == USER_FLAG_UNSET)
        return draft_wrong_type(draft, row->path, given->value,
                                "true, false or the date of verification");
    for (size_t i = 0; i < ids->count && flag == USER_FLAG_TRUE; i++)
        if (ids->status[i] < SAID_VERIFIED)
            ids->status[i] = SAID_VERIFIED;
    return 0;
}

/* The address in an element of a list: a string, or an object of one of several interfaces. */
static struct json_value address_of(struct json_value value)
{
    static const char *const names[] = {"email_address", "phone_number", "value", "email", "phone"};
    struct json_value found = value;
    if (json_type(value) != JSON_OBJECT)
        return value;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        found = json_get(value, text_of(names[i]));
        if (json_type(found) == JSON_STRING)
            break;
    }
    return found;
}

/* What the element itself says of its verification; `status` if nothing. */
static enum draft_status said_status(struct json_value value, enum draft_status status)
{
    struct json_value said = json_path(value, TEXT("verification.status"));
    if (json_type(value) != JSON_OBJECT)
        return status;
    if (json_type(said) == JSON_STRING)
        return text_same(json_text(said), TEXT("verified")) ? SAID_VERIFIED : SAID_RESERVED;
    said = json_get(value, TEXT("verified"));
    if (draft_is_absent(said))
        return json_type(json_get(value, TEXT("verification"))) == JSON_NULL ? SAID_RESERVED
                                                                             : status;
    return draft_flag(said) == USER_FLAG_TRUE ? SAID_VERIFIED : SAID_RESERVED;
}

static int add_list(struct draft *draft, const struct platform_row *row, struct json_value value,
                    enum draft_status status)
{
    struct text rest = json_text(value), one;
    struct json_walk walk = json_walk(value);
    if (json_type(value) != JSON_ARRAY && json_type(value) != JSON_STRING)
        return draft_wrong_type(draft, row->path, value, "an array");
    while (json_type(value) == JSON_ARRAY && json_next(&walk))
        if (!draft_is_absent(walk.value) && add_identifier(draft, row, address_of(walk.value),
                                                           said_status(walk.value, status)) != 0)
            return -1;
    while (next_of(&rest, &one))
        if (draft_identifier(draft, row->field, one, status) != 0)
            return -1;
    return 0;
}

static int as_verified_list(struct draft *draft, const struct platform_row *row,
                            const struct given *given)
{
    return add_list(draft, row, given->value, SAID_VERIFIED);
}

static int as_reserved_list(struct draft *draft, const struct platform_row *row,
                            const struct given *given)
{
    return add_list(draft, row, given->value, SAID_RESERVED);
}

static int as_list(struct draft *draft, const struct platform_row *row, const struct given *given)
{
    return add_list(draft, row, given->value, ASSUMED_VERIFIED);
}

static int as_statuses(struct draft *draft, const struct platform_row *row,
                       const struct given *given)
{
    struct draft_identifiers *ids = draft_identifiers(draft, row->field);
    struct json_walk walk = json_walk(given->value);
    size_t i = 0;
    if (given->type != JSON_ARRAY)
        return draft_wrong_type(draft, row->path, given->value, "an array");
    for (; json_next(&walk); i++) {
        bool verified = text_same(json_text(walk.value), TEXT("verified"));
        if (!verified && !text_same(json_text(walk.value), TEXT("reserved")))
            return user_reject(&draft->reject, USER_REASON_invalid_type,
                               "%s has something else than \"verified\" and \"reserved\"",
                               row->path);
        if (i < ids->count)
            ids->status[i] = verified ? SAID_VERIFIED : SAID_RESERVED;
    }
    if (i != ids->count)
        return user_reject(&draft->reject, USER_REASON_invalid_type,
                           "%s has %zu elements for %zu addresses", row->path, i, ids->count);
    return 0;
}

static int as_native_digest(struct draft *draft, const struct platform_row *row,
                            const struct given *given)
{
    if (given->type == JSON_STRING)
        return draft_take(draft, row->path, given->text, &draft->native);
    if (given->type != JSON_OBJECT)
        return draft_wrong_type(draft, row->path, given->value, "a string or an object");
    return draft_object(draft, given->value, &draft->native);
}

static int as_keyed_digest(struct draft *draft, const struct platform_row *row,
                           const struct given *given)
{
    struct json_out out = json_out(draft->scratch);
    if (draft->native.at)
        return 0;
    buf_reset(draft->scratch);
    json_open(&out, '{');
    json_key(&out, text_of(row->path));
    if (given->type == JSON_STRING)
        json_put_raw(&out, given->text);
    else
        json_write(given->value, draft->scratch);
    json_close(&out, '}');
    draft->native = arena_copy(draft->arena, buf_text(draft->scratch));
    return buf_ok(draft->scratch) && draft->native.at ? 0 : draft_no_memory(draft);
}

static int as_spare_name(struct draft *draft, const struct platform_row *row,
                         const struct given *given)
{
    (void)given;
    if (!draft->user->first_name.at && !draft->user->last_name.at)
        paths_lose(draft->paths, text_of(row->path));
    return 0;
}

static int as_deleted(struct draft *draft, const struct platform_row *row,
                      const struct given *given)
{
    if (draft_flag(given->value) == USER_FLAG_FALSE)
        return 0;
    return user_reject(&draft->reject, USER_REASON_deleted_user, "%s is set", row->path);
}

static int as_banned_until(struct draft *draft, const struct platform_row *row,
                           const struct given *given)
{
    int64_t ms;
    if (text_same(given->text, TEXT("infinity")))
        ms = INT64_MAX;
    else if (!draft_time(given->value, &ms))
        return draft_wrong_type(draft, row->path, given->value, "a date");
    if (ms > draft->now_ms)
        draft->user->banned = USER_FLAG_TRUE;
    return 0;
}

static int as_finish(struct draft *draft, const struct platform_row *row, const struct given *given)
{
    (void)draft;
    (void)row;
    (void)given;
    return 0;
}

int draft_apply(struct draft *draft, const struct platform_row *row, struct json_value value)
{
    static int (*const apply[])(struct draft *, const struct platform_row *,
                                const struct given *) = {
        [AS_TEXT] = as_text,
        [AS_FULL_NAME] = as_full_name,
        [AS_TIME] = as_time,
        [AS_FLAG] = as_flag,
        [AS_FLAG_IF_TRUE] = as_flag_if_true,
        [AS_NUMBER] = as_number,
        [AS_TEXTS] = as_texts,
        [AS_OBJECT] = as_object,
        [AS_IDENTIFIER] = as_identifier,
        [AS_IDENTIFIER_SURE] = as_identifier_sure,
        [AS_PHONE_DIGITS] = as_phone_digits,
        [AS_VERIFIED] = as_verified,
        [AS_PRIMARY] = as_primary,
        [AS_VERIFIED_LIST] = as_verified_list,
        [AS_RESERVED_LIST] = as_reserved_list,
        [AS_LIST] = as_list,
        [AS_STATUSES] = as_statuses,
        [AS_NATIVE_DIGEST] = as_native_digest,
        [AS_KEYED_DIGEST] = as_keyed_digest,
        [AS_SPARE_NAME] = as_spare_name,
        [AS_DELETED] = as_deleted,
        [AS_BANNED_UNTIL] = as_banned_until,
        [AS_FINISH] = as_finish,
    };
    struct given given = {.value = value, .type = json_type(value)};
    if (given.type == JSON_STRING)
        given.text = json_text(value);
    bool absent = given.type == JSON_STRING ? given.text.len == 0 : given.type <= JSON_NULL;
    return absent ? 0 : apply[row->transform](draft, row, &given);
}
