/*
 * Reading a mapping: each field becomes a tree of templates of the same shape as its JSON. Every mistake
 * is named with its key and with what could stand there.
 */
#include "source/mapping.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest/digest.h"
#include "source/input.h"
#include "source/mapping_parts.h"

#define FILE_MAX   ((size_t)1024 * 1024)
#define MEMORY_MAX ((size_t)8 * 1024 * 1024)
#define VALUE_MAX  ((size_t)16 * 1024 * 1024)
#define NODES_MAX  4096

static bool is_text(struct text from)
{
    return text_starts(from, TEXT("{"));
}

bool mapping_is_own(struct text from)
{
    return is_text(from) || text_ends(from, TEXT(".json")) || text_find(from, '/', 0) < from.len;
}

static int mistake(const struct mapping *mapping, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int mistake(const struct mapping *mapping, struct err *err, const char *format, ...)
{
    char what[ERR_MESSAGE_MAX - 64];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    return err_set(err, ERR_USAGE, "mapping %s: %s", mapping->path, what);
}

static int read_file(struct mapping *mapping, struct err *err)
{
    struct input *input;
    char *at = arena_alloc(&mapping->arena, FILE_MAX + 1);
    size_t len = 0;
    ssize_t got = 1;
    if (!at)
        return err_memory(err);
    if (input_open(&input, mapping->path, err) != 0) {
        err->code = ERR_USAGE;
        return err_wrap(err, "mapping");
    }
    while (len <= FILE_MAX && (got = input_read(input, at + len, FILE_MAX + 1 - len, err)) > 0)
        len += (size_t)got;
    input_close(input);
    if (got < 0)
        return err_wrap(err, "mapping");
    if (len > FILE_MAX)
        return mistake(mapping, err, "larger than %zu bytes", FILE_MAX);
    mapping->text = (struct text){at, len};
    return 0;
}

static int compile(struct mapping *mapping, const char *name, struct json_value value,
                   struct node **node, struct err *err);

static int compile_children(struct mapping *mapping, const char *name, struct json_value value,
                            struct node *node, struct err *err)
{
    struct json_walk walk = json_walk(value);
    struct node **end = &node->children;
    node->bracket = json_type(value) == JSON_OBJECT ? '{' : '[';
    for (; json_next(&walk); end = &(*end)->next) {
        if (compile(mapping, name, walk.value, end, err) != 0)
            return -1;
        (*end)->key = arena_copy(&mapping->arena, walk.key);
        if (!(*end)->key.at)
            return err_memory(err);
    }
    return 0;
}

static int compile_literal(struct mapping *mapping, struct json_value value, struct node *node,
                           struct err *err)
{
    buf_reset(&mapping->value);
    json_write(value, &mapping->value);
    node->literal = arena_copy(&mapping->arena, buf_text(&mapping->value));
    return buf_ok(&mapping->value) && node->literal.at ? 0 : err_memory(err);
}

static int compile(struct mapping *mapping, const char *name, struct json_value value,
                   struct node **node, struct err *err)
{
    *node = arena_zalloc(&mapping->arena, 1, sizeof(**node));
    if (!*node)
        return err_memory(err);
    if (++mapping->node_count > NODES_MAX)
        return mistake(mapping, err, "more than %d values", NODES_MAX);
    if (json_type(value) == JSON_OBJECT || json_type(value) == JSON_ARRAY)
        return compile_children(mapping, name, value, *node, err);
    if (json_type(value) != JSON_STRING)
        return compile_literal(mapping, value, *node, err);
    if (template_new(&(*node)->template, json_text(value), &mapping->arena, err) != 0)
        return err->code == ERR_USAGE ? err_wrap(err, "mapping %s: fields.%s", mapping->path, name)
                                      : -1;
    return 0;
}

static void put_field_names(struct buf *to)
{
    for (size_t i = 0; i < USER_FIELD_COUNT; i++)
        buf_printf(to, "%s, ", user_field_infos[i].name);
    buf_add(to, TEXT("password"));
}

/* Finds the field that a key names: a field, "password", or a metadata field with one key behind a dot. */
static int find_target(struct mapping *mapping, struct text key, struct mapped *mapped,
                       struct err *err)
{
    size_t dot = text_find(key, '.', 0);
    mapped->password = text_same(key, TEXT("password"));
    mapped->field =
        mapped->password ? USER_FIELD_password_digest : user_field_find(text_part(key, 0, dot));
    if (mapped->field == USER_FIELD_COUNT) {
        buf_reset(&mapping->value);
        put_field_names(&mapping->value);
        return mistake(mapping, err, "fields.%.*s: there is no such field; there are %s",
                       TEXT_ARG(text_part(key, 0, 64)), buf_z(&mapping->value));
    }
    if (dot == key.len)
        return 0;
    mapped->part = text_part(key, dot + 1, key.len);
    if (user_field_infos[mapped->field].kind != USER_OBJECT)
        return mistake(mapping, err,
                       "fields.%.*s: only public_metadata, private_metadata and "
                       "unsafe_metadata take a key behind a dot",
                       TEXT_ARG(text_part(key, 0, 64)));
    if (mapped->part.len == 0 || text_find(mapped->part, '.', 0) < mapped->part.len)
        return mistake(mapping, err,
                       "fields.%.*s: one key goes behind the dot; write what lies "
                       "deeper as an object",
                       TEXT_ARG(text_part(key, 0, 64)));
    return 0;
}

/* Whether there is such a form of digests: an empty one is refused in its own way. */
static bool is_native(struct mapping *mapping, struct text name)
{
    struct digest_conversion made;
    struct err err = {0};
    return digest_convert(name, TEXT("x"), &mapping->arena, &made, &err) == 0 ||
           err.code != ERR_USAGE;
}

/* Filters mean something in two places: `verified` on an address, a form of digest on a password. */
static int check_filter(struct mapping *mapping, const struct mapped *mapped,
                        const struct node *node, struct err *err)
{
    struct text filter = node->template ? template_filter(node->template) : (struct text){NULL, 0};
    bool addresses = user_field_infos[mapped->field].kind == USER_IDENTIFIERS;
    for (const struct node *child = node->children; child; child = child->next)
        if (check_filter(mapping, mapped, child, err) != 0)
            return -1;
    if (!filter.at || (addresses && text_same(filter, TEXT("verified"))))
        return 0;
    if (mapped->password && is_native(mapping, filter))
        return 0;
    return mistake(mapping, err, "fields.%s: there is no filter \"%.*s\" here; %s", mapped->name,
                   TEXT_ARG(text_part(filter, 0, 64)),
                   addresses ? "an address takes \"verified\""
                   : mapped->password
                       ? "a password takes the form of its digest (django, keycloak, "
                         "auto …; see docs/digests)"
                       : "only addresses and passwords take one");
}

/* The form of an address: a template, or {"value": …, "verified": …}. */
static bool is_address(const struct node *node)
{
    bool value = false;
    if (node->template)
        return true;
    if (node->bracket != '{')
        return false;
    for (const struct node *child = node->children; child; child = child->next) {
        if (!text_same(child->key, TEXT("value")) && !text_same(child->key, TEXT("verified")))
            return false;
        value |= text_same(child->key, TEXT("value"));
    }
    return value;
}

static int check_form(struct mapping *mapping, const struct mapped *mapped, struct err *err)
{
    enum user_kind kind = user_field_infos[mapped->field].kind;
    const struct node *node = mapped->node;
    if (kind == USER_IDENTIFIERS) {
        bool good = node->bracket == '[' || is_address(node);
        for (const struct node *child = node->children; good && node->bracket == '[' && child;
             child = child->next)
            good = is_address(child);
        return good ? 0
                    : mistake(mapping, err,
                              "fields.%s: an address is \"{{email}}\", \"{{email | verified}}\" or "
                              "{\"value\": …, \"verified\": …}, or an array of them",
                              mapped->name);
    }
    if (kind == USER_OBJECT && !mapped->part.at && node->bracket != '{' && !node->template)
        return mistake(mapping, err, "fields.%s: an object, or a \"{{path}}\" to one, goes here",
                       mapped->name);
    if (kind != USER_OBJECT && kind != USER_SECRETS && node->bracket && !mapped->password)
        return mistake(mapping, err, "fields.%s: a string goes here, like \"{{path}}\"",
                       mapped->name);
    return 0;
}

static int add_field(struct mapping *mapping, struct text key, struct json_value value,
                     struct err *err)
{
    struct mapped *mapped = &mapping->fields[mapping->field_count];
    if (mapping->field_count == MAPPING_FIELDS_MAX)
        return mistake(mapping, err, "more than %d fields", MAPPING_FIELDS_MAX);
    *mapped = (struct mapped){.name = arena_copy(&mapping->arena, key).at};
    if (!mapped->name)
        return err_memory(err);
    if (find_target(mapping, text_of(mapped->name), mapped, err) != 0 ||
        compile(mapping, mapped->name, value, &mapped->node, err) != 0 ||
        check_form(mapping, mapped, err) != 0 ||
        check_filter(mapping, mapped, mapped->node, err) != 0)
        return -1;
    mapping->field_count++;
    return 0;
}

static int add_pattern(struct mapping *mapping, struct rule *rule, struct text field,
                       struct json_value value, struct err *err)
{
    char why[128];
    enum user_kind kind = user_field_infos[rule->field].kind;
    if (kind != USER_TEXT && kind != USER_SECRET && kind != USER_IDENTIFIERS)
        return mistake(mapping, err, "rules.%.*s.pattern: this field is no text", TEXT_ARG(field));
    if (json_type(value) != JSON_STRING || text_has_nul(json_text(value)))
        return mistake(mapping, err, "rules.%.*s.pattern: a string goes here", TEXT_ARG(field));
    struct text text = arena_copy(&mapping->arena, json_text(value));
    if (!text.at)
        return err_memory(err);
    int code = regcomp(&rule->pattern, text.at, REG_EXTENDED);
    if (code == 0) {
        rule->pattern_text = text.at;
        rule->has_pattern = true;
        return 0;
    }
    regerror(code, &rule->pattern, why, sizeof(why));
    return mistake(mapping, err,
                   "rules.%.*s.pattern: %s (an extended regular expression of POSIX "
                   "goes here)",
                   TEXT_ARG(field), why);
}

static int add_rule(struct mapping *mapping, struct text field, struct json_value value,
                    struct err *err)
{
    struct json_walk walk = json_walk(value);
    struct rule *rule = &mapping->rules[mapping->rule_count];
    if (mapping->rule_count == MAPPING_FIELDS_MAX)
        return mistake(mapping, err, "more than %d rules", MAPPING_FIELDS_MAX);
    field = text_part(field, 0, 64);
    *rule = (struct rule){.field = text_same(field, TEXT("password")) ? USER_FIELD_password_digest
                                                                      : user_field_find(field)};
    if (rule->field == USER_FIELD_COUNT) {
        buf_reset(&mapping->value);
        put_field_names(&mapping->value);
        return mistake(mapping, err, "rules.%.*s: there is no such field; there are %s",
                       TEXT_ARG(field), buf_z(&mapping->value));
    }
    if (json_type(value) != JSON_OBJECT)
        return mistake(mapping, err, "rules.%.*s: an object goes here", TEXT_ARG(field));
    mapping->rule_count++;
    while (json_next(&walk)) {
        if (text_same(walk.key, TEXT("required")) && json_type(walk.value) == JSON_BOOL)
            rule->required = json_true(walk.value);
        else if (!text_same(walk.key, TEXT("pattern")))
            return mistake(mapping, err,
                           "rules.%.*s.%.*s: there are required (true or false) and "
                           "pattern",
                           TEXT_ARG(field), TEXT_ARG(text_part(walk.key, 0, 64)));
        else if (add_pattern(mapping, rule, field, walk.value, err) != 0)
            return -1;
    }
    return 0;
}

static int set_platform(struct mapping *mapping, struct json_value value, struct err *err)
{
    mapping->platform = platform_find(json_text(value));
    if (mapping->platform)
        return 0;
    buf_reset(&mapping->value);
    platform_put_names(&mapping->value);
    return mistake(mapping, err, "extends: there is no such platform; there are %s",
                   buf_z(&mapping->value));
}

static int take_member(struct mapping *mapping, struct text key, struct json_value value,
                       struct err *err)
{
    bool fields = text_same(key, TEXT("fields"));
    struct json_walk walk = json_walk(value);
    if (text_same(key, TEXT("extends")))
        return set_platform(mapping, value, err);
    if (!fields && !text_same(key, TEXT("rules")))
        return mistake(mapping, err, "\"%.*s\": there are extends, fields and rules",
                       TEXT_ARG(text_part(key, 0, 64)));
    if (json_type(value) != JSON_OBJECT)
        return mistake(mapping, err, "%.*s: an object goes here", TEXT_ARG(key));
    while (json_next(&walk)) {
        int result = fields ? add_field(mapping, walk.key, walk.value, err)
                            : add_rule(mapping, walk.key, walk.value, err);
        if (result != 0)
            return -1;
    }
    return 0;
}

static int compile_file(struct mapping *mapping, struct err *err)
{
    struct json_value root;
    struct text text = mapping->text;
    if (text_starts(text, TEXT("\xEF\xBB\xBF")))
        text = text_part(text, 3, text.len);
    if (json_parse(mapping->json, text, &root, err) != 0) {
        err->code = ERR_USAGE;
        return err_wrap(err, "mapping %s", mapping->path);
    }
    if (json_type(root) != JSON_OBJECT)
        return mistake(mapping, err, "an object with extends, fields and rules goes here");
    struct json_walk walk = json_walk(root);
    while (json_next(&walk))
        if (take_member(mapping, walk.key, walk.value, err) != 0)
            return -1;
    if (mapping->platform || mapping->field_count > 0)
        return 0;
    return mistake(mapping, err, "it has neither extends nor fields: nothing would be mapped");
}

int mapping_open(struct mapping **mapping, struct text from, struct err *err)
{
    struct mapping *made = calloc(1, sizeof(*made));
    *mapping = made;
    if (!made)
        return err_memory(err);
    arena_init(&made->arena, MEMORY_MAX);
    buf_init(&made->value, VALUE_MAX);
    struct text copy = arena_copy(&made->arena, from);
    if (!copy.at)
        return err_memory(err);
    made->path = is_text(from) ? "as given" : copy.at;
    made->text = copy;
    if (json_new(&made->json, VALUE_MAX, err) != 0 || (!is_text(from) && read_file(made, err) != 0))
        return -1;
    return compile_file(made, err);
}

void mapping_close(struct mapping *mapping)
{
    if (!mapping)
        return;
    for (size_t i = 0; i < mapping->rule_count; i++)
        if (mapping->rules[i].has_pattern)
            regfree(&mapping->rules[i].pattern);
    json_free(mapping->json);
    buf_release(&mapping->value);
    arena_release(&mapping->arena);
    free(mapping);
}

const struct platform *mapping_platform(const struct mapping *mapping)
{
    return mapping->platform;
}

struct text mapping_text(const struct mapping *mapping)
{
    return mapping->text;
}

static int place_node(const struct node *node, struct paths *paths, struct err *err)
{
    struct text path, first;
    for (size_t i = 0; node->template && (path = template_path(node->template, i)).at; i++)
        if (text_field(&path, '.', &first) && paths_place(paths, first, err) < 0)
            return -1;
    for (const struct node *child = node->children; child; child = child->next)
        if (place_node(child, paths, err) != 0)
            return -1;
    return 0;
}

int mapping_place(const struct mapping *mapping, struct paths *paths, struct err *err)
{
    for (size_t i = 0; i < mapping->field_count; i++)
        if (place_node(mapping->fields[i].node, paths, err) != 0)
            return err_wrap(err, "mapping %s", mapping->path);
    return 0;
}
