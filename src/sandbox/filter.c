#include "sandbox/filter.h"

#include <stdio.h>
#include <string.h>

#define SQL_MAX ((size_t)256 * 1024)

struct list_filter {
    const char *param;
    bool phone;
    const char *condition; /* %s is "IN (…)" */
};

static const struct list_filter lists[] = {
    {"user_id", false, "u.id %s"},
    {"external_id", false, "u.external_id %s"},
    {"username", false, "u.username COLLATE NOCASE %s"},
    {"email_address", false,
     "u.seq IN (SELECT account FROM identifiers WHERE kind = 0 AND value COLLATE NOCASE %s)"},
    {"phone_number", true,
     "u.seq IN (SELECT account FROM identifiers WHERE kind = 1 AND value COLLATE NOCASE %s)"},
    {"organization_id", false,
     "u.seq IN (SELECT m.account FROM memberships m JOIN organizations o ON o.seq = m.org"
     " WHERE o.id %s)"},
    /* what no user of the sandbox has */
    {"web3_wallet", false, "NULL %s"},
    {"provider_user_id", false, "NULL %s"},
};

#define CONTACT_LIKE(kind)                                                                         \
    "EXISTS (SELECT 1 FROM identifiers i WHERE i.account = u.seq" kind                             \
    " AND i.value LIKE %1$s ESCAPE '\\')"
#define NAME_LIKE                                                                                  \
    "u.first_name LIKE %1$s ESCAPE '\\' OR u.last_name LIKE %1$s ESCAPE '\\' OR"                   \
    " (u.first_name || ' ' || u.last_name) LIKE %1$s ESCAPE '\\'"

struct one_filter {
    const char *param;
    const char *condition; /* %s is the value's mark */
};

static const struct one_filter patterns[] = {
    {"query", "(" CONTACT_LIKE("") " OR u.username LIKE %1$s ESCAPE '\\'"
                                   " OR u.id LIKE %1$s ESCAPE '\\' OR " NAME_LIKE ")"},
    {"email_address_query", CONTACT_LIKE(" AND i.kind = 0")},
    {"phone_number_query", CONTACT_LIKE(" AND i.kind = 1")},
    {"username_query", "u.username LIKE %s ESCAPE '\\'"},
    {"name_query", "(" NAME_LIKE ")"},
};

static const struct one_filter moments[] = {
    {"created_at_before", "u.created_at < %s"},
    {"created_at_after", "u.created_at > %s"},
    {"last_active_at_before", "u.last_active_at < %s"},
    {"last_active_at_after", "u.last_active_at > %s"},
    {"last_active_at_since", "u.last_active_at >= %s"},
    {"last_sign_in_at_before", "u.last_sign_in_at < %s"},
    {"last_sign_in_at_after", "u.last_sign_in_at > %s"},
};

static bool add_bind(struct call *call, struct filter *filter, struct filter_bind value)
{
    if (filter->bind_count == filter->bind_room)
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Too many conditions.");
    filter->binds[filter->bind_count++] = value;
    return true;
}

static void begin_condition(struct filter *filter)
{
    buf_add(&filter->where, filter->where.len == 0 ? TEXT(" WHERE ") : TEXT(" AND "));
}

bool filter_add(struct call *call, struct filter *filter, const char *condition,
                struct filter_bind value)
{
    char mark[16];
    if (!add_bind(call, filter, value))
        return false;
    snprintf(mark, sizeof(mark), "?%zu", filter->bind_count);
    begin_condition(filter);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    buf_printf(&filter->where, condition, mark);
#pragma GCC diagnostic pop
    return true;
}

struct text filter_value(struct text value, bool phone, bool *exclude)
{
    bool minus = text_starts(value, TEXT("-"));
    bool plus = text_starts(value, phone ? TEXT("++") : TEXT("+"));
    *exclude = minus;
    return text_part(value, minus || plus ? 1 : 0, value.len);
}

/* Adds the values of one list that are included, or those that are excluded. */
static bool add_list(struct call *call, struct filter *filter, const struct list_filter *list,
                     bool exclude)
{
    struct text name = text_of(list->param);
    struct buf marks;
    bool minus, ok = true;
    buf_init(&marks, 4096);
    for (size_t i = 0; ok && i < call->query.count; i++) {
        struct text value = filter_value(call->query.at[i].value, list->phone, &minus);
        if (!text_same(call->query.at[i].name, name) || minus != exclude)
            continue;
        ok = add_bind(call, filter, (struct filter_bind){.t = value});
        buf_printf(&marks, "%s?%zu", marks.len ? ", " : "IN (", filter->bind_count);
    }
    if (ok && marks.len > 0) {
        begin_condition(filter);
        buf_byte(&marks, ')');
        buf_add(&filter->where, exclude ? TEXT("coalesce(NOT (") : TEXT(""));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_printf(&filter->where, list->condition, buf_z(&marks));
#pragma GCC diagnostic pop
        buf_add(&filter->where, exclude ? TEXT("), TRUE)") : TEXT(""));
        filter->selective |= !exclude;
    }
    buf_release(&marks);
    return ok;
}

static bool read_list(struct call *call, struct filter *filter, const struct list_filter *list)
{
    size_t count = 0;
    for (size_t i = 0; i < call->query.count; i++)
        count += text_same(call->query.at[i].name, text_of(list->param));
    if (count > FILTER_LIST_MAX)
        return call_fail(call, CLERK_form_param_array_size_exceeded, list->param,
                         "`%s` takes %d values at most.", list->param, FILTER_LIST_MAX);
    return count == 0 ||
           (add_list(call, filter, list, false) && add_list(call, filter, list, true));
}

struct text filter_pattern(struct text t, struct arena *arena)
{
    char *at = arena_alloc(arena, 2 * t.len + 2);
    size_t len = 0;
    if (!at)
        return (struct text){NULL, 0};
    at[len++] = '%';
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '%' || t.at[i] == '_' || t.at[i] == '\\')
            at[len++] = '\\';
        at[len++] = t.at[i];
    }
    at[len++] = '%';
    return (struct text){at, len};
}

static bool read_pattern(struct call *call, struct filter *filter, const struct one_filter *one)
{
    struct text value = call_param(call, text_of(one->param));
    if (value.len == 0)
        return true;
    struct text pattern = filter_pattern(value, call->arena);
    if (!pattern.at)
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    return filter_add(call, filter, one->condition, (struct filter_bind){.t = pattern});
}

static bool read_moment(struct call *call, struct filter *filter, const struct one_filter *one)
{
    struct text value = call_param(call, text_of(one->param));
    uint64_t number;
    if (!value.at)
        return true;
    if (!text_u64(value, INT64_MAX, &number))
        return call_fail(call, CLERK_form_param_type_invalid, one->param,
                         "`%s` must be a whole number of milliseconds.", one->param);
    return filter_add(call, filter, one->condition,
                      (struct filter_bind){.number = (int64_t)number});
}

static bool read_banned(struct call *call, struct filter *filter)
{
    struct text value = call_param(call, TEXT("banned"));
    if (!value.at)
        return true;
    bool banned = text_same(value, TEXT("true"));
    if (!banned && !text_same(value, TEXT("false")))
        return call_fail(call, CLERK_form_param_type_invalid, "banned",
                         "`banned` must be true or false.");
    begin_condition(filter);
    buf_add(&filter->where, banned ? TEXT("u.banned = 1") : TEXT("coalesce(u.banned, 0) = 0"));
    return true;
}

bool filter_begin(struct call *call, struct filter *filter)
{
    *filter = (struct filter){.bind_room = FILTER_LIST_MAX * (ARRAY_COUNT(lists) + 1) + 32};
    buf_init(&filter->where, SQL_MAX);
    filter->binds = call_alloc(call, filter->bind_room * sizeof(*filter->binds));
    return filter->binds != NULL;
}

bool filter_add_list(struct call *call, struct filter *filter, const char *param,
                     const char *condition)
{
    return read_list(call, filter, &(struct list_filter){param, false, condition});
}

bool filter_read(struct call *call, struct filter *filter)
{
    if (!filter_begin(call, filter))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
        if (!read_list(call, filter, &lists[i]))
            return false;
    for (size_t i = 0; i < ARRAY_COUNT(patterns); i++)
        if (!read_pattern(call, filter, &patterns[i]))
            return false;
    for (size_t i = 0; i < ARRAY_COUNT(moments); i++)
        if (!read_moment(call, filter, &moments[i]))
            return false;
    return read_banned(call, filter);
}

void filter_release(struct filter *filter)
{
    buf_release(&filter->where);
}

struct sql_query *filter_query(const struct filter *filter, struct sql *sql, const char *head,
                               const char *tail, struct err *err)
{
    struct buf statement;
    buf_init(&statement, SQL_MAX + 8192);
    buf_add(&statement, text_of(head));
    buf_add(&statement, buf_text(&filter->where));
    buf_add(&statement, text_of(tail));
    const char *z = buf_z(&statement);
    struct sql_query *query = NULL;
    if (buf_ok(&statement) && buf_ok(&filter->where))
        query = sql_prepare(sql, z, err);
    else
        err_memory(err);
    buf_release(&statement);
    for (size_t i = 0; query && i < filter->bind_count; i++) {
        if (filter->binds[i].t.at)
            sql_bind_text(query, (int)i + 1, filter->binds[i].t);
        else
            sql_bind_int(query, (int)i + 1, filter->binds[i].number);
    }
    return query;
}

bool filter_count(struct call *call, const struct filter *filter, const char *head, int64_t *count)
{
    struct err err;
    struct sql_query *query = filter_query(filter, store_sql(call->desk->store), head, "", &err);
    int got = query ? sql_step(query, &err) : -1;
    *count = got > 0 ? sql_int(query, 0) : 0;
    sql_finish(query);
    return got >= 0 || call_broken(call, &err);
}
