#include "trickle/statement.h"

#define STATEMENT_MAX ((size_t)64 * 1024)

/* What is left of the SQL, and what has become of the rest. */
struct reading {
    struct text rest;
    struct buf out;
    int used;
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void copy(struct reading *reading, size_t len)
{
    buf_add(&reading->out, text_part(reading->rest, 0, len));
    reading->rest = text_part(reading->rest, len, reading->rest.len);
}

/* How long a quoted text or a comment at the beginning is; 0 if there is none. */
static size_t opaque(struct text t)
{
    size_t end;
    char c = t.at[0];
    if (c == '\'' || c == '"' || c == '`') {
        end = text_find(t, c, 1);
        return end < t.len ? end + 1 : t.len;
    }
    if (text_starts(t, TEXT("--")))
        return text_find(t, '\n', 0);
    if (!text_starts(t, TEXT("/*")))
        return 0;
    for (end = 2; end < t.len && !text_starts(text_part(t, end, 2), TEXT("*/")); end++)
        ;
    return end + 2 < t.len ? end + 2 : t.len;
}

static int take_name(struct reading *reading, struct statement *statement, const char *const *names,
                     struct err *err)
{
    size_t len = 1;
    while (len < reading->rest.len && is_word(reading->rest.at[len]))
        len++;
    struct text name = text_part(reading->rest, 1, len - 1);
    for (int i = 0; names[i]; i++) {
        if (!text_same(name, text_of(names[i])))
            continue;
        if (statement->number[i] == 0)
            statement->number[i] = ++reading->used;
        buf_printf(&reading->out, "?%d", statement->number[i]);
        reading->rest = text_part(reading->rest, len, reading->rest.len);
        return 0;
    }
    return err_set(err, ERR_USAGE, "there is no parameter :%.*s here",
                   TEXT_ARG(text_part(name, 0, 64)));
}

/* One step: a quoted text, a comment, a cast, a parameter or a character. */
static int step(struct reading *reading, struct statement *statement, const char *const *names,
                struct err *err)
{
    struct text rest = reading->rest;
    size_t whole = opaque(rest);
    char next = rest.len > 1 ? rest.at[1] : 0;
    if (whole > 0)
        copy(reading, whole);
    else if (rest.at[0] == ':' && next == ':')
        copy(reading, 2);
    else if (rest.at[0] == ':' && is_word(next) && !(next >= '0' && next <= '9'))
        return take_name(reading, statement, names, err);
    else if (rest.at[0] == '?' || (rest.at[0] == '$' && next >= '0' && next <= '9'))
        return err_set(err, ERR_USAGE, "parameters stand here by name, as :%s", names[0]);
    else
        copy(reading, 1);
    return 0;
}

int statement_read(struct statement *statement, const char *sql, const char *const *names,
                   struct arena *arena, struct err *err)
{
    struct reading reading = {.rest = text_of(sql)};
    int result = 0;
    *statement = (struct statement){0};
    buf_init(&reading.out, STATEMENT_MAX);
    while (result == 0 && reading.rest.len > 0)
        result = step(&reading, statement, names, err);
    if (result == 0 && !buf_ok(&reading.out))
        result = err_set(err, ERR_USAGE, "longer than %zu bytes", STATEMENT_MAX);
    statement->text = arena_copy(arena, buf_text(&reading.out)).at;
    buf_release(&reading.out);
    return result == 0 && !statement->text ? err_memory(err) : result;
}

void statement_bind(const struct statement *statement, struct sql_query *query, int name,
                    struct text value)
{
    if (statement->number[name] > 0)
        sql_bind_text(query, statement->number[name], value);
}
