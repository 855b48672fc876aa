/*
 * Applying a mapping: a field's tree is written out as JSON for the record, parsed, and put through the
 * transform that Usher's own form has for the field, so that a mapped value is judged like any other.
 * An address that the mapping says nothing more of keeps the status that the platform's table found.
 */
#include "source/mapping_parts.h"

#include <string.h>

/* Writes a node; members of an object that come to null are left out. */
static void write_node(const struct node *node, struct json_value record, struct buf *to)
{
    bool first = true;
    if (node->template) {
        template_write(node->template, record, to);
        return;
    }
    if (!node->bracket) {
        buf_add(to, node->literal);
        return;
    }
    buf_byte(to, node->bracket);
    for (const struct node *child = node->children; child; child = child->next) {
        struct json_out out = json_out(to);
        size_t before = to->len;
        out.comma = !first;
        if (node->bracket == '{')
            json_key(&out, child->key);
        else
            json_put_raw(&out, TEXT(""));
        size_t value = to->len;
        write_node(child, record, to);
        if (node->bracket == '{' &&
            text_same(text_part(buf_text(to), value, to->len), TEXT("null")))
            to->len = before;
        else
            first = false;
    }
    buf_byte(to, node->bracket == '{' ? '}' : ']');
}

/* A number stands where a text should: ids often are numbers. */
static void quote_number(struct buf *to)
{
    struct text t = buf_text(to);
    if (t.len == 0 || (t.at[0] != '-' && (t.at[0] < '0' || t.at[0] > '9')))
        return;
    buf_byte(to, '"');
    buf_byte(to, '"');
    if (!buf_ok(to))
        return;
    memmove(to->at + 1, to->at, to->len - 2);
    to->at[0] = '"';
}

/* The node's value for the record, in the mapping's parser. */
static int value_of(struct mapping *mapping, struct draft *draft, const struct node *node,
                    bool as_text, struct json_value *value)
{
    buf_reset(&mapping->value);
    write_node(node, draft->record, &mapping->value);
    if (as_text)
        quote_number(&mapping->value);
    if (!buf_ok(&mapping->value))
        return draft_no_memory(draft);
    if (json_parse(mapping->json, buf_text(&mapping->value), value, &draft->err) != 0)
        return -1;
    return 0;
}

static void clear_field(struct user *user, enum user_field field)
{
    const struct user_field_info *info = &user_field_infos[field];
    struct user empty;
    static const size_t sizes[] = {[USER_TEXT] = sizeof(struct text),
                                   [USER_SECRET] = sizeof(struct text),
                                   [USER_SECRETS] = sizeof(struct user_texts),
                                   [USER_IDENTIFIERS] = sizeof(struct user_identifiers),
                                   [USER_OBJECT] = sizeof(struct text),
                                   [USER_TIME] = sizeof(int64_t),
                                   [USER_FLAG] = sizeof(enum user_flag),
                                   [USER_NUMBER] = sizeof(int64_t)};
    user_init(&empty);
    memcpy((char *)user + info->offset, (const char *)&empty + info->offset, sizes[info->kind]);
}

static enum platform_transform transform_of(enum user_kind kind)
{
    static const enum platform_transform transforms[] = {
        [USER_TEXT] = AS_TEXT,        [USER_SECRET] = AS_TEXT,   [USER_SECRETS] = AS_TEXTS,
        [USER_IDENTIFIERS] = AS_LIST, [USER_OBJECT] = AS_OBJECT, [USER_TIME] = AS_TIME,
        [USER_FLAG] = AS_FLAG,        [USER_NUMBER] = AS_NUMBER};
    return transforms[kind];
}

static int apply_plain(struct mapping *mapping, struct draft *draft, const struct mapped *mapped)
{
    enum user_kind kind = user_field_infos[mapped->field].kind;
    struct platform_row row = {mapped->name, mapped->field, transform_of(kind)};
    struct json_value value;
    clear_field(draft->user, mapped->field);
    if (mapped->field == USER_FIELD_password_digest || mapped->field == USER_FIELD_password_hasher)
        draft->native = (struct text){NULL, 0};
    if (value_of(mapping, draft, mapped->node, kind == USER_TEXT || kind == USER_SECRET, &value) !=
        0)
        return -1;
    return draft_apply(draft, &row, value);
}

static int apply_password(struct mapping *mapping, struct draft *draft, const struct mapped *mapped)
{
    struct platform_row row = {mapped->name, mapped->field, AS_NATIVE_DIGEST};
    struct text filter =
        mapped->node->template ? template_filter(mapped->node->template) : (struct text){NULL, 0};
    struct json_value value;
    clear_field(draft->user, USER_FIELD_password_hasher);
    clear_field(draft->user, USER_FIELD_password_digest);
    draft->native = (struct text){NULL, 0};
    draft->native_kind = filter.at ? filter : TEXT("auto");
    if (value_of(mapping, draft, mapped->node, false, &value) != 0)
        return -1;
    return draft_apply(draft, &row, value);
}

/* Adds the address, or the addresses, that a template comes to. */
static int add_addresses(struct draft *draft, const struct mapped *mapped, struct json_value value,
                         enum draft_status status)
{
    struct json_walk walk = json_walk(value);
    if (draft_is_absent(value))
        return 0;
    if (json_type(value) == JSON_STRING)
        return draft_identifier(draft, mapped->field, json_text(value), status);
    if (json_type(value) != JSON_ARRAY)
        return draft_wrong_type(draft, mapped->name, value, "a string");
    while (json_next(&walk)) {
        if (draft_is_absent(walk.value))
            continue;
        if (json_type(walk.value) != JSON_STRING)
            return draft_wrong_type(draft, mapped->name, walk.value, "a string");
        if (draft_identifier(draft, mapped->field, json_text(walk.value), status) != 0)
            return -1;
    }
    return 0;
}

/* What the "verified" of an address comes to. */
static int status_of(struct mapping *mapping, struct draft *draft, const struct mapped *mapped,
                     const struct node *node, enum draft_status *status)
{
    struct json_value value;
    int64_t ms;
    if (value_of(mapping, draft, node, false, &value) != 0)
        return -1;
    enum user_flag flag = draft_flag(value);
    if (flag == USER_FLAG_UNSET && !draft_is_absent(value) && !draft_time(value, &ms))
        return draft_wrong_type(draft, mapped->name, value,
                                "true, false or the date of verification");
    bool verified = flag == USER_FLAG_TRUE || (flag == USER_FLAG_UNSET && !draft_is_absent(value));
    *status = verified ? SAID_VERIFIED : SAID_RESERVED;
    return 0;
}

static int apply_address(struct mapping *mapping, struct draft *draft, const struct mapped *mapped,
                         const struct node *node)
{
    enum draft_status status = ASSUMED_RESERVED;
    const struct node *address = node;
    struct json_value value;
    if (node->template && template_filter(node->template).at)
        status = SAID_VERIFIED;
    for (const struct node *child = node->children; child; child = child->next) {
        if (text_same(child->key, TEXT("value")))
            address = child;
        else if (status_of(mapping, draft, mapped, child, &status) != 0)
            return -1;
    }
    if (value_of(mapping, draft, address, true, &value) != 0)
        return -1;
    return add_addresses(draft, mapped, value, status);
}

/* Gives addresses of which nothing is said the status that the table has found for them. */
static void inherit(struct draft_identifiers *ids, const struct draft_identifiers *old)
{
    for (size_t i = 0; i < ids->count; i++)
        for (size_t k = 0; k < old->count && ids->status[i] == ASSUMED_RESERVED; k++)
            if (text_same_nocase(ids->value[i], old->value[k]))
                ids->status[i] = old->status[k];
}

static int apply_addresses(struct mapping *mapping, struct draft *draft,
                           const struct mapped *mapped)
{
    struct draft_identifiers *ids = draft_identifiers(draft, mapped->field);
    struct draft_identifiers old = *ids;
    ids->count = 0;
    if (mapped->node->bracket != '[') {
        if (apply_address(mapping, draft, mapped, mapped->node) != 0)
            return -1;
    } else {
        for (const struct node *child = mapped->node->children; child; child = child->next)
            if (apply_address(mapping, draft, mapped, child) != 0)
                return -1;
    }
    inherit(ids, &old);
    return 0;
}

/* Puts one key into a metadata object, over one of the same name. */
static int apply_part(struct mapping *mapping, struct draft *draft, const struct mapped *mapped)
{
    struct text *object = (void *)((char *)draft->user + user_field_infos[mapped->field].offset);
    struct json_value old = {0};
    struct buf *to = draft->scratch;
    struct json_out out = json_out(to);
    buf_reset(&mapping->value);
    write_node(mapped->node, draft->record, &mapping->value);
    if (object->at && json_parse(draft->json, *object, &old, &draft->err) != 0)
        return -1;
    struct json_walk walk = json_walk(old);
    buf_reset(to);
    json_open(&out, '{');
    while (json_next(&walk)) {
        if (text_same(walk.key, mapped->part))
            continue;
        json_key(&out, walk.key);
        json_write(walk.value, to);
        out.comma = true;
    }
    if (!text_same(buf_text(&mapping->value), TEXT("null"))) {
        json_key(&out, mapped->part);
        json_put_raw(&out, buf_text(&mapping->value));
    }
    json_close(&out, '}');
    *object = text_same(buf_text(to), TEXT("{}")) ? (struct text){NULL, 0}
                                                  : arena_copy(draft->arena, buf_text(to));
    return buf_ok(to) && buf_ok(&mapping->value) ? 0 : draft_no_memory(draft);
}

static int apply_whole(struct mapping *mapping, struct draft *draft, const struct mapped *mapped)
{
    if (mapped->password)
        return apply_password(mapping, draft, mapped);
    if (user_field_infos[mapped->field].kind == USER_IDENTIFIERS)
        return apply_addresses(mapping, draft, mapped);
    return apply_plain(mapping, draft, mapped);
}

int mapping_apply(struct mapping *mapping, struct draft *draft)
{
    for (size_t i = 0; i < mapping->field_count; i++)
        if (!mapping->fields[i].part.at && apply_whole(mapping, draft, &mapping->fields[i]) != 0)
            return -1;
    for (size_t i = 0; i < mapping->field_count; i++)
        if (mapping->fields[i].part.at && apply_part(mapping, draft, &mapping->fields[i]) != 0)
            return -1;
    return 0;
}

bool mapping_replaces(const struct mapping *mapping, enum user_field field)
{
    for (size_t i = 0; i < mapping->field_count; i++)
        if (mapping->fields[i].field == field && !mapping->fields[i].part.at)
            return true;
    return false;
}

struct text mapping_id(struct mapping *mapping, struct json_value record, struct arena *arena)
{
    struct json_value value;
    struct err ignored;
    for (size_t i = 0; i < mapping->field_count; i++) {
        if (mapping->fields[i].field != USER_FIELD_external_id)
            continue;
        buf_reset(&mapping->value);
        write_node(mapping->fields[i].node, record, &mapping->value);
        quote_number(&mapping->value);
        if (json_parse(mapping->json, buf_text(&mapping->value), &value, &ignored) == 0 &&
            json_text(value).len > 0)
            return arena_copy(arena, json_text(value));
    }
    return (struct text){NULL, 0};
}

static enum user_reason reason_of(enum user_field field)
{
    switch (field) {
    case USER_FIELD_username:
        return USER_REASON_invalid_username;
    case USER_FIELD_email_address:
        return USER_REASON_invalid_email;
    case USER_FIELD_phone_number:
        return USER_REASON_invalid_phone;
    case USER_FIELD_first_name:
    case USER_FIELD_last_name:
        return USER_REASON_invalid_name;
    default:
        return USER_REASON_invalid_type;
    }
}

static bool matches(const struct rule *rule, struct text t)
{
    regmatch_t match = {.rm_so = 0, .rm_eo = (regoff_t)t.len};
    return regexec(&rule->pattern, t.at, 1, &match, REG_STARTEND) == 0;
}

static bool all_match(const struct rule *rule, const struct user *user)
{
    const struct user_field_info *info = &user_field_infos[rule->field];
    const void *at = (const char *)user + info->offset;
    const struct user_identifiers *ids = at;
    if (info->kind != USER_IDENTIFIERS) {
        const struct text *t = at;
        return !t->at || matches(rule, *t);
    }
    for (size_t i = 0; i < ids->count; i++)
        if (!matches(rule, ids->at[i].value))
            return false;
    return true;
}

int mapping_check(const struct mapping *mapping, const struct user *user,
                  struct user_reject *reject)
{
    for (size_t i = 0; i < mapping->rule_count; i++) {
        const struct rule *rule = &mapping->rules[i];
        const char *name = user_field_infos[rule->field].name;
        if (rule->required && !user_field_is_set(user, rule->field))
            return user_reject(reject, USER_REASON_missing_field, "the mapping requires %s", name);
        if (rule->has_pattern && !all_match(rule, user))
            return user_reject(reject, reason_of(rule->field),
                               "%s does not match the mapping's pattern %s", name,
                               rule->pattern_text);
    }
    return 0;
}
