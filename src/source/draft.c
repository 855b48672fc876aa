#include "source/draft.h"

#include <string.h>

void draft_start(struct draft *draft, struct json_value record)
{
    draft->record = record;
    draft->lasting = false;
    draft->emails.count = 0;
    draft->phones.count = 0;
    draft->native = draft->native_kind = (struct text){NULL, 0};
    draft->reject.reason = USER_ACCEPTED;
    draft->reject.detail[0] = 0;
    draft->err.code = ERR_NONE;
    user_init(draft->user);
}

int draft_wrong_type(struct draft *draft, const char *path, struct json_value value,
                     const char *wanted)
{
    return user_reject(&draft->reject, USER_REASON_invalid_type, "%s is %s, not %s", path,
                       json_type_name(json_type(value)), wanted);
}

int draft_no_memory(struct draft *draft)
{
    return err_set(&draft->err, ERR_MEMORY, "no memory for a record, or it is too large");
}

bool draft_is_absent(struct json_value value)
{
    enum json_type type = json_type(value);
    return type == JSON_ABSENT || type == JSON_NULL ||
           (type == JSON_STRING && json_text(value).len == 0);
}

int draft_take(struct draft *draft, const char *path, struct text from, struct text *to)
{
    if (text_has_nul(from))
        return user_reject(&draft->reject, USER_REASON_invalid_type, "%s has a NUL character",
                           path);
    *to = draft->lasting ? from : arena_copy(draft->arena, from);
    return to->at ? 0 : draft_no_memory(draft);
}

int draft_object(struct draft *draft, struct json_value value, struct text *to)
{
    struct json_walk walk = json_walk(value);
    if (!json_next(&walk))
        return 0;
    buf_reset(draft->scratch);
    json_write(value, draft->scratch);
    if (!buf_ok(draft->scratch))
        return draft_no_memory(draft);
    *to = arena_copy(draft->arena, buf_text(draft->scratch));
    return to->at ? 0 : draft_no_memory(draft);
}

struct draft_identifiers *draft_identifiers(struct draft *draft, enum user_field field)
{
    return field == USER_FIELD_email_address ? &draft->emails : &draft->phones;
}

int draft_identifier(struct draft *draft, enum user_field field, struct text value,
                     enum draft_status status)
{
    struct draft_identifiers *ids = draft_identifiers(draft, field);
    const char *name = user_field_infos[field].name;
    value = text_trim(value);
    if (value.len == 0)
        return 0;
    for (size_t i = 0; i < ids->count; i++) {
        if (!text_same_nocase(ids->value[i], value))
            continue;
        if (status > ids->status[i])
            ids->status[i] = status;
        return 0;
    }
    if (ids->count == DRAFT_IDENTIFIERS_MAX)
        return user_reject(&draft->reject, USER_REASON_invalid_type, "more than %d values for %s",
                           DRAFT_IDENTIFIERS_MAX, name);
    if (draft_take(draft, name, value, &ids->value[ids->count]) != 0)
        return -1;
    ids->status[ids->count++] = status;
    return 0;
}

static int put_identifiers(struct draft *draft, const struct draft_identifiers *from,
                           struct user_identifiers *to)
{
    if (from->count == 0)
        return 0;
    to->at = arena_zalloc(draft->arena, from->count, sizeof(to->at[0]));
    if (!to->at)
        return draft_no_memory(draft);
    for (size_t i = 0; i < from->count; i++) {
        to->at[i].value = from->value[i];
        to->at[i].verified =
            from->status[i] == ASSUMED_VERIFIED || from->status[i] == SAID_VERIFIED;
    }
    to->count = from->count;
    return 0;
}

int draft_end(struct draft *draft)
{
    if (put_identifiers(draft, &draft->emails, &draft->user->email_address) != 0 ||
        put_identifiers(draft, &draft->phones, &draft->user->phone_number) != 0)
        return -1;
    return draft_password(draft);
}

enum user_flag draft_flag(struct json_value value)
{
    static const struct {
        const char *name;
        enum user_flag flag;
    } names[] = {{"true", USER_FLAG_TRUE}, {"false", USER_FLAG_FALSE}, {"t", USER_FLAG_TRUE},
                 {"f", USER_FLAG_FALSE},   {"1", USER_FLAG_TRUE},      {"0", USER_FLAG_FALSE},
                 {"yes", USER_FLAG_TRUE},  {"no", USER_FLAG_FALSE}};
    if (json_type(value) == JSON_BOOL)
        return json_true(value) ? USER_FLAG_TRUE : USER_FLAG_FALSE;
    if (json_type(value) == JSON_INT && (json_int(value) == 0 || json_int(value) == 1))
        return json_int(value) ? USER_FLAG_TRUE : USER_FLAG_FALSE;
    struct text t = text_trim(json_text(value));
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (text_same_nocase(t, text_of(names[i].name)))
            return names[i].flag;
    return USER_FLAG_UNSET;
}

/* Fewer than 12 digits are seconds, as in date_parse. */
bool draft_time(struct json_value value, int64_t *ms)
{
    const int64_t seconds_below = INT64_C(100000000000), most = INT64_C(253402300799999);
    if (json_type(value) == JSON_STRING)
        return date_parse(json_text(value), ms);
    if (json_type(value) == JSON_DOUBLE) {
        double number = json_double(value);
        if (!(number >= 0 && number < (double)most))
            return false;
        *ms = (int64_t)(number < (double)seconds_below ? number * 1000 : number);
        return true;
    }
    if (json_type(value) != JSON_INT || json_int(value) < 0 || json_int(value) > most)
        return false;
    *ms = json_int(value) < seconds_below ? json_int(value) * 1000 : json_int(value);
    return true;
}
