#include "sandbox/body.h"

/* How many items an array of strings has at most. */
#define ITEMS_MAX 1000

static bool wrong_type(struct call *call, const struct body_field *field, const char *wanted)
{
    return call_fail(call, CLERK_form_param_type_invalid, field->name, "`%s` must be %s.",
                     field->name, wanted);
}

static bool read_text(struct call *call, const struct body_field *field, struct json_value value,
                      struct text *to)
{
    if (json_type(value) != JSON_STRING)
        return wrong_type(call, field, "a string");
    *to = json_text(value);
    if (text_has_nul(*to))
        return call_fail(call, CLERK_form_param_format_invalid, field->name, "`%s` has a NUL byte.",
                         field->name);
    return true;
}

size_t body_characters(struct text t)
{
    size_t count = 0;
    for (size_t i = 0; i < t.len; i++)
        count += ((unsigned char)t.at[i] & 0xc0) != 0x80;
    return count;
}

bool body_is_choice(const char *choices, struct text t)
{
    struct text rest = text_of(choices), choice;
    while (text_field(&rest, '|', &choice))
        if (text_same(choice, t))
            return true;
    return false;
}

static bool check_choice(struct call *call, const struct body_field *field, struct text t)
{
    return !field->choices || body_is_choice(field->choices, t) ||
           call_fail(call, CLERK_form_param_value_invalid, field->name, "`%s` must be one of: %s.",
                     field->name, field->choices);
}

static bool check_text(struct call *call, const struct body_field *field, struct text t)
{
    size_t length = field->min > 0 || field->max > 0 ? body_characters(t) : 0;
    if (field->max > 0 && length > (size_t)field->max)
        return call_fail(call, CLERK_form_param_max_length_exceeded, field->name,
                         "`%s` may have %lld characters at most.", field->name,
                         (long long)field->max);
    if (length < (size_t)field->min)
        return call_fail(call, CLERK_form_param_min_length_exceeded, field->name,
                         "`%s` needs %lld characters.", field->name, (long long)field->min);
    return check_choice(call, field, t);
}

static bool check_count(struct call *call, const struct body_field *field, size_t count)
{
    size_t max = field->max > 0 ? (size_t)field->max : ITEMS_MAX;
    if (count > max)
        return call_fail(call, CLERK_form_param_array_size_exceeded, field->name,
                         "`%s` may have %zu items at most.", field->name, max);
    return count >= (size_t)field->min ||
           call_fail(call, CLERK_form_param_value_invalid, field->name,
                     "`%s` needs %lld items at least.", field->name, (long long)field->min);
}

static bool read_texts(struct call *call, const struct body_field *field, struct json_value value,
                       struct user_texts *to)
{
    size_t count = json_count(value);
    if (json_type(value) != JSON_ARRAY)
        return wrong_type(call, field, "an array of strings");
    if (!check_count(call, field, count))
        return false;
    to->count = 0;
    to->at = call_alloc(call, (count + 1) * sizeof(*to->at));
    if (!to->at)
        return false;
    for (struct json_walk walk = json_walk(value); json_next(&walk);)
        if (!read_text(call, field, walk.value, &to->at[to->count]) ||
            !check_choice(call, field, to->at[to->count++]))
            return false;
    return true;
}

static bool read_identifiers(struct call *call, const struct body_field *field,
                             struct json_value value, struct user_identifiers *to)
{
    struct user_texts texts;
    if (!read_texts(call, field, value, &texts))
        return false;
    to->count = texts.count;
    to->at = call_alloc(call, (texts.count + 1) * sizeof(*to->at));
    for (size_t i = 0; to->at && i < texts.count; i++)
        to->at[i] = (struct user_identifier){texts.at[i], true};
    return to->at != NULL;
}

static bool read_object(struct call *call, const struct body_field *field, struct json_value value,
                        struct text *to)
{
    struct buf *scratch = &call->desk->scratch;
    if (json_type(value) != JSON_OBJECT)
        return wrong_type(call, field, "an object");
    buf_reset(scratch);
    json_write(value, scratch);
    *to = buf_ok(scratch) ? arena_copy(call->arena, buf_text(scratch)) : (struct text){NULL, 0};
    return to->at || call_fail(call, CLERK_form_param_exceeds_allowed_size, field->name,
                               "`%s` is too large.", field->name);
}

/* RFC 3339 alone, where date_parse would also take other forms: "2012-10-20T07:15:20.902Z". */
static bool is_rfc3339(struct text t)
{
    if (t.len < 20 || (t.at[10] != 'T' && t.at[10] != 't'))
        return false;
    char last = t.at[t.len - 1], sign = t.at[t.len - 6];
    return last == 'Z' || last == 'z' || ((sign == '+' || sign == '-') && t.at[t.len - 3] == ':');
}

static bool read_time(struct call *call, const struct body_field *field, struct json_value value,
                      int64_t *to)
{
    struct text t;
    if (!read_text(call, field, value, &t))
        return false;
    if (is_rfc3339(t) && date_parse(t, to))
        return true;
    return call_fail(call, CLERK_form_param_invalid_date, field->name,
                     "`%s` must be a date and time as in RFC 3339 (2012-10-20T07:15:20.902Z).",
                     field->name);
}

static bool read_number(struct call *call, const struct body_field *field, struct json_value value,
                        int64_t *to)
{
    if (json_type(value) != JSON_INT)
        return wrong_type(call, field, "a whole number");
    *to = json_int(value);
    if (*to >= field->min && (field->max == 0 || *to <= field->max))
        return true;
    return call_fail(call, CLERK_form_param_value_invalid, field->name, "`%s` is not in its range.",
                     field->name);
}

static bool read_flag(struct call *call, const struct body_field *field, struct json_value value,
                      enum user_flag *to)
{
    if (json_type(value) != JSON_BOOL)
        return wrong_type(call, field, "a boolean");
    *to = json_true(value) ? USER_FLAG_TRUE : USER_FLAG_FALSE;
    return true;
}

static bool read_bool(struct call *call, const struct body_field *field, struct json_value value,
                      bool *to)
{
    enum user_flag flag = USER_FLAG_UNSET;
    if (!read_flag(call, field, value, &flag))
        return false;
    *to = flag == USER_FLAG_TRUE;
    return true;
}

static bool read_null(struct call *call, const struct body_field *field, void *member)
{
    if (field->needed)
        return call_fail(call, CLERK_form_param_nil, field->name, "`%s` must not be null.",
                         field->name);
    if (field->kind == BODY_TIME || field->kind == BODY_NUMBER)
        *(int64_t *)member = USER_UNSET;
    return true;
}

bool body_read_value(struct call *call, const struct body_field *field, struct json_value value,
                     void *to)
{
    void *member = (char *)to + field->offset;
    if (json_type(value) == JSON_NULL)
        return read_null(call, field, member);
    switch (field->kind) {
    case BODY_TEXT:
    case BODY_SECRET:
        return read_text(call, field, value, member) &&
               check_text(call, field, *(const struct text *)member);
    case BODY_TEXTS:
    case BODY_SECRETS:
        return read_texts(call, field, value, member);
    case BODY_IDENTIFIERS:
        return read_identifiers(call, field, value, member);
    case BODY_OBJECT:
        return read_object(call, field, value, member);
    case BODY_TIME:
        return read_time(call, field, value, member);
    case BODY_NUMBER:
        return read_number(call, field, value, member);
    case BODY_FLAG:
        return read_flag(call, field, value, member);
    case BODY_BOOL:
        return read_bool(call, field, value, member);
    }
    return false;
}

/* The row of a name. Bodies come in the order of the table more often than not: `from` is a guess. */
static size_t find(const struct body_field *fields, size_t count, struct text name, size_t from)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = (from + i) % count;
        if (text_same(text_of(fields[at].name), name))
            return at;
    }
    return count;
}

bool body_unknown(struct call *call, struct text name)
{
    name = text_part(name, 0, 64);
    return call_fail(call, CLERK_form_param_unknown, arena_copy(call->arena, name).at,
                     "`%.*s` is no parameter of this request.", TEXT_ARG(name));
}

bool body_read_object(struct call *call, const struct body_field *fields, size_t count,
                      struct json_value object, void *to, uint64_t *given)
{
    size_t at = 0;
    *given = 0;
    for (struct json_walk walk = json_walk(object); json_next(&walk); at++) {
        at = find(fields, count, walk.key, at);
        if (at == count)
            return body_unknown(call, walk.key);
        if (*given >> at & 1)
            return call_fail(call, CLERK_form_param_duplicate, fields[at].name,
                             "`%s` stands there twice.", fields[at].name);
        if (!body_read_value(call, &fields[at], walk.value, to))
            return false;
        *given |= UINT64_C(1) << at;
    }
    for (at = 0; at < count; at++)
        if (fields[at].needed && !(*given >> at & 1))
            return call_fail(call, CLERK_form_param_missing, fields[at].name, "`%s` is missing.",
                             fields[at].name);
    return true;
}

bool body_read(struct call *call, const struct body_field *fields, size_t count, void *to,
               uint64_t *given)
{
    return body_read_object(call, fields, count, call->body, to, given);
}
