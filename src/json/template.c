/*
 * A compiled template is a list of parts, each a stretch of plain text or a list of operands:
 *
 *     template  = { text | "{{" expr "}}" }
 *     expr      = operand { "||" operand } [ "|" filter ]
 *     operand   = path | "'" text "'" | number | "true" | "false" | "null"
 */
#include "json/template.h"

#include <string.h>

enum operand_kind { OPERAND_PATH, OPERAND_TEXT, OPERAND_JSON };

struct operand {
    struct operand *next;
    enum operand_kind kind;
    struct text text; /* the path, the text without quotes, or the JSON of a literal */
};

struct part {
    struct part *next;
    struct text plain; /* if there are no operands */
    struct operand *operands;
};

struct template
{
    struct part *parts;
    struct text filter;
    bool alone; /* a single shortcode and nothing else */
};

struct compiler {
    struct arena *arena;
    struct text source;
    size_t at; /* behind "{{" */
    struct err *err;
};

static int mistake(struct compiler *c, const char *what)
{
    return err_set(c->err, ERR_USAGE, "in \"%.*s\": %s", TEXT_ARG(text_part(c->source, 0, 100)),
                   what);
}

static void skip_spaces(struct compiler *c)
{
    while (c->at < c->source.len && (c->source.at[c->at] == ' ' || c->source.at[c->at] == '\t'))
        c->at++;
}

static bool is_at(const struct compiler *c, struct text wanted)
{
    return text_starts(text_part(c->source, c->at, wanted.len), wanted);
}

static bool is_path_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80 || (c && strchr("_.$@:/-# ", c));
}

/* Whether t is a JSON number. */
static bool is_number(struct text t)
{
    size_t i = t.len > 0 && t.at[0] == '-';
    size_t digits = 0, dots = 0;
    for (; i < t.len; i++) {
        if (t.at[i] == '.' && digits > 0 && dots == 0 && i + 1 < t.len)
            dots++;
        else if (t.at[i] >= '0' && t.at[i] <= '9')
            digits++;
        else
            return false;
    }
    bool zero = t.len > 1 && t.at[0] == '0' && t.at[1] != '.';
    return digits > 0 && !zero;
}

static bool is_literal(struct text t)
{
    return is_number(t) || text_same(t, TEXT("true")) || text_same(t, TEXT("false")) ||
           text_same(t, TEXT("null"));
}

static int take_quoted(struct compiler *c, struct operand *operand)
{
    size_t from = ++c->at;
    c->at = text_find(c->source, '\'', from);
    if (c->at == c->source.len)
        return mistake(c, "a quote is not closed");
    operand->kind = OPERAND_TEXT;
    operand->text = text_part(c->source, from, c->at - from);
    c->at++;
    return 0;
}

static int take_word(struct compiler *c, struct operand *operand)
{
    size_t from = c->at;
    while (c->at < c->source.len && is_path_byte(c->source.at[c->at]))
        c->at++;
    operand->text = text_trim(text_part(c->source, from, c->at - from));
    if (operand->text.len == 0)
        return mistake(c, "a path, a 'text', a number, true, false or null is missing");
    operand->kind = is_literal(operand->text) ? OPERAND_JSON : OPERAND_PATH;
    if (text_starts(operand->text, TEXT(".")) || text_ends(operand->text, TEXT(".")))
        return mistake(c, "a path begins or ends with a dot");
    return 0;
}

static int take_operand(struct compiler *c, struct operand ***end)
{
    struct operand *operand = arena_zalloc(c->arena, 1, sizeof(*operand));
    if (!operand)
        return err_memory(c->err);
    skip_spaces(c);
    int result = is_at(c, TEXT("'")) ? take_quoted(c, operand) : take_word(c, operand);
    skip_spaces(c);
    **end = operand;
    *end = &operand->next;
    return result;
}

static int take_filter(struct compiler *c, struct template *template)
{
    c->at++;
    skip_spaces(c);
    size_t from = c->at;
    while (c->at < c->source.len && is_path_byte(c->source.at[c->at]))
        c->at++;
    template->filter = text_trim(text_part(c->source, from, c->at - from));
    return template->filter.len > 0 ? 0 : mistake(c, "the name of a filter is missing behind |");
}

static int take_expression(struct compiler *c, struct template *template, struct part *part)
{
    struct operand **end = &part->operands;
    if (take_operand(c, &end) != 0)
        return -1;
    while (is_at(c, TEXT("||"))) {
        c->at += 2;
        if (take_operand(c, &end) != 0)
            return -1;
    }
    if (is_at(c, TEXT("|")) && take_filter(c, template) != 0)
        return -1;
    if (!is_at(c, TEXT("}}")))
        return mistake(c, "\"}}\" or \"||\" is missing");
    c->at += 2;
    return 0;
}

/* Takes the plain text up to the next "{{", or the shortcode that is there. */
static int take_part(struct compiler *c, struct template *template, struct part *part)
{
    size_t from = c->at;
    if (is_at(c, TEXT("{{"))) {
        c->at += 2;
        return take_expression(c, template, part);
    }
    const char *next = memmem(c->source.at + from, c->source.len - from, "{{", 2);
    c->at = next ? (size_t)(next - c->source.at) : c->source.len;
    part->plain = text_part(c->source, from, c->at - from);
    return 0;
}

int template_new(struct template **template, struct text source, struct arena *arena,
                 struct err *err)
{
    struct compiler c = {.arena = arena, .err = err};
    struct template *made = arena_zalloc(arena, 1, sizeof(*made));
    if (source.len > TEMPLATE_MAX)
        return err_set(err, ERR_USAGE, "a template of more than %zu bytes", TEMPLATE_MAX);
    c.source = arena_copy(arena, source);
    if (!made || !c.source.at)
        return err_memory(err);
    for (struct part **end = &made->parts; c.at < c.source.len; end = &(*end)->next) {
        *end = arena_zalloc(arena, 1, sizeof(**end));
        if (!*end)
            return err_memory(err);
        if (take_part(&c, made, *end) != 0)
            return -1;
    }
    made->alone = made->parts && made->parts->operands && !made->parts->next;
    if (made->filter.at && !made->alone)
        return mistake(&c, "a filter goes with a shortcode that stands alone");
    *template = made;
    return 0;
}

/* What an expression comes to: a value of the data, or the operand itself. */
struct result {
    struct json_value value;
    const struct operand *literal; /* NULL if it is the value */
};

static bool is_nothing(const struct result *result)
{
    enum json_type type = json_type(result->value);
    if (result->literal)
        return result->literal->kind == OPERAND_JSON &&
               (text_same(result->literal->text, TEXT("null")) ||
                text_same(result->literal->text, TEXT("false")));
    return type == JSON_ABSENT || type == JSON_NULL ||
           (type == JSON_BOOL && !json_true(result->value));
}

static struct result evaluate(const struct operand *operand, struct json_value root)
{
    struct result result = {0};
    for (; operand; operand = operand->next) {
        result = (struct result){0};
        if (operand->kind == OPERAND_PATH)
            result.value = json_path(root, operand->text);
        else
            result.literal = operand;
        if (!is_nothing(&result))
            break;
    }
    return result;
}

static void write_result(const struct result *result, struct buf *to)
{
    struct json_out out = json_out(to);
    if (!result->literal)
        json_write(result->value, to);
    else if (result->literal->kind == OPERAND_TEXT)
        json_put_text(&out, result->literal->text);
    else
        buf_add(to, result->literal->text);
}

/* Appends the inside of a JSON string: what json_put_text writes, without its quotes. */
static void write_inside(struct text t, struct buf *to)
{
    size_t from = to->len;
    struct json_out out = json_out(to);
    json_put_text(&out, t);
    if (!buf_ok(to))
        return;
    memmove(to->at + from, to->at + from + 1, to->len - from - 1);
    to->len -= 2;
}

static void write_in_text(const struct result *result, struct buf *to)
{
    if (result->literal) {
        write_inside(result->literal->text, to);
    } else if (json_type(result->value) == JSON_STRING) {
        write_inside(json_text(result->value), to);
    } else {
        struct buf json;
        buf_init(&json, to->max);
        json_write(result->value, &json);
        write_inside(buf_text(&json), to);
        to->failed |= !buf_ok(&json);
        buf_release(&json);
    }
}

void template_write(const struct template *template, struct json_value root, struct buf *to)
{
    if (template->alone) {
        struct result result = evaluate(template->parts->operands, root);
        write_result(&result, to);
        return;
    }
    buf_byte(to, '"');
    for (const struct part *part = template->parts; part; part = part->next) {
        struct result result = evaluate(part->operands, root);
        if (part->operands)
            write_in_text(&result, to);
        else
            write_inside(part->plain, to);
    }
    buf_byte(to, '"');
}

struct text template_filter(const struct template *template)
{
    return template->filter;
}

struct text template_path(const struct template *template, size_t n)
{
    for (const struct part *part = template->parts; part; part = part->next)
        for (const struct operand *o = part->operands; o; o = o->next)
            if (o->kind == OPERAND_PATH && n-- == 0)
                return o->text;
    return (struct text){NULL, 0};
}

static int expand_string(struct text source, struct json_value root, struct arena *arena,
                         struct buf *to, struct err *err)
{
    struct template *template;
    if (template_new(&template, source, arena, err) != 0)
        return -1;
    if (template->filter.at)
        return err_set(err, ERR_USAGE, "in \"%.*s\": there are no filters here",
                       TEXT_ARG(text_part(source, 0, 100)));
    template_write(template, root, to);
    return 0;
}

int template_expand(struct json_value tree, struct json_value root, struct arena *arena,
                    struct buf *to, struct err *err)
{
    bool object = json_type(tree) == JSON_OBJECT;
    struct json_walk walk = json_walk(tree);
    struct json_out out = json_out(to);
    if (json_type(tree) == JSON_STRING)
        return expand_string(json_text(tree), root, arena, to, err);
    if (!object && json_type(tree) != JSON_ARRAY) {
        json_write(tree, to);
        return 0;
    }
    json_open(&out, object ? '{' : '[');
    while (json_next(&walk)) {
        if (object)
            json_key(&out, walk.key);
        else
            json_put_raw(&out, TEXT(""));
        if (template_expand(walk.value, root, arena, to, err) != 0)
            return -1;
        out.comma = true;
    }
    json_close(&out, object ? '}' : ']');
    return 0;
}
