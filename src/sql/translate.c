/*
 * One pass over a statement: strings, quoted names and comments go through as they are; ?N becomes $N in
 * PostgreSQL and ? in MySQL; PostgreSQL gets its own words for types in CREATE and ALTER TABLE, and ILIKE.
 */
#include "sql/translate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct pass {
    const char *at;
    enum sql_kind kind;
    struct buf *to;
    struct sql_marks *marks;
    size_t words; /* of this statement so far */
    bool defines; /* the statement began with CREATE or ALTER … */
    bool table;   /* … TABLE */
};

static const struct {
    const char *word, *postgres;
} definitions[] = {
    {"INTEGER", "BIGINT"}, {"BLOB", "BYTEA"}, {"TEXT", "TEXT COLLATE \"C\""},
    {"WITHOUT", ""},       {"ROWID", ""},
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Behind what begins here: a string, a quoted name or a comment; NULL if it is none of them. */
static const char *end_of_quoted(const char *at, enum sql_kind kind)
{
    const char *end;
    if (strncmp(at, "--", 2) == 0)
        return at + strcspn(at, "\n");
    if (strncmp(at, "/*", 2) == 0)
        return (end = strstr(at + 2, "*/")) ? end + 2 : at + strlen(at);
    if (*at != '\'' && *at != '"' && *at != '`')
        return NULL;
    for (end = at + 1; *end && *end != *at; end++)
        if (*end == '\\' && kind == SQL_MYSQL && end[1])
            end++;
    return *end ? end + 1 : end;
}

static int add_mark(struct pass *pass, size_t param, struct err *err)
{
    struct sql_marks *marks = pass->marks;
    if (param == 0 || param > SQL_PARAMS_MAX)
        return err_set(err, ERR_USAGE, "a statement has parameters ?1 to ?%d", SQL_PARAMS_MAX);
    if (pass->kind == SQL_POSTGRES) {
        marks->count = param > marks->count ? param : marks->count;
        buf_printf(pass->to, "$%zu", param);
        return 0;
    }
    if (marks->count == marks->room) {
        size_t room = marks->room ? 2 * marks->room : 16;
        uint16_t *params = realloc(marks->params, room * sizeof(*params));
        if (!params)
            return err_memory(err);
        marks->params = params;
        marks->room = room;
    }
    marks->params[marks->count++] = (uint16_t)param;
    buf_byte(pass->to, '?');
    return 0;
}

/* A mark without a number is one more than the highest before it, as in SQLite. */
static size_t next_param(const struct sql_marks *marks, enum sql_kind kind)
{
    size_t highest = 0;
    if (kind == SQL_POSTGRES)
        return marks->count + 1;
    for (size_t i = 0; i < marks->count; i++)
        highest = marks->params[i] > highest ? marks->params[i] : highest;
    return highest + 1;
}

static int pass_mark(struct pass *pass, struct err *err)
{
    size_t param = 0;
    const char *digits = ++pass->at;
    for (; isdigit((unsigned char)*pass->at); pass->at++)
        param = param > SQL_PARAMS_MAX ? param : param * 10 + (size_t)(*pass->at - '0');
    if (pass->at == digits)
        param = next_param(pass->marks, pass->kind);
    return add_mark(pass, param, err);
}

static struct text postgres_word(const struct pass *pass, struct text word)
{
    if (text_same_nocase(word, TEXT("LIKE")))
        return TEXT("ILIKE");
    for (size_t i = 0; pass->table && i < ARRAY_COUNT(definitions); i++)
        if (text_same_nocase(word, text_of(definitions[i].word)))
            return text_of(definitions[i].postgres);
    return word;
}

static void pass_word(struct pass *pass)
{
    struct text word = {pass->at, 0};
    while (is_word(*pass->at))
        pass->at++;
    word.len = (size_t)(pass->at - word.at);
    if (pass->words == 0)
        pass->defines =
            text_same_nocase(word, TEXT("CREATE")) || text_same_nocase(word, TEXT("ALTER"));
    else if (pass->words == 1)
        pass->table = pass->defines && text_same_nocase(word, TEXT("TABLE"));
    pass->words++;
    buf_add(pass->to, pass->kind == SQL_POSTGRES ? postgres_word(pass, word) : word);
}

static int pass_one(struct pass *pass, struct err *err)
{
    const char *end = end_of_quoted(pass->at, pass->kind);
    if (end) {
        buf_add(pass->to, (struct text){pass->at, (size_t)(end - pass->at)});
        pass->at = end;
    } else if (*pass->at == '?') {
        return pass_mark(pass, err);
    } else if (is_word(*pass->at)) {
        pass_word(pass);
    } else {
        if (*pass->at == ';')
            pass->words = 0, pass->defines = pass->table = false;
        buf_byte(pass->to, *pass->at++);
    }
    return 0;
}

int sql_translate(const char *statement, enum sql_kind kind, struct buf *to,
                  struct sql_marks *marks, struct err *err)
{
    struct pass pass = {.at = statement, .kind = kind, .to = to, .marks = marks};
    while (*pass.at)
        if (pass_one(&pass, err) != 0)
            return -1;
    return buf_ok(to) ? 0 : err_memory(err);
}
