/*
 * template: shortcodes inside JSON strings, the language of Clerk's token templates and of mappings.
 *
 *     "{{user.external_id || user.id}}"      a string that is only a shortcode takes the value's own type
 *     "Hello {{first_name}}"                 inside other text it makes a string (null prints as null)
 *
 * An expression is operands joined by ||: the first that is neither null nor false, else the last one.
 * An operand is a path (steps joined by dots, digits index arrays; an unknown one is null), a text in
 * 'single quotes', a number, true, false or null. Where the caller allows it, a filter may stand at the
 * end of a string that is only a shortcode: "{{password_hash | django}}"; its meaning is the caller's.
 *
 *     template_new(&template, TEXT("{{a.b || 'x'}}"), &arena, &err);
 *     template_write(template, record, &buf);
 */
#ifndef USHER_JSON_TEMPLATE_H
#define USHER_JSON_TEMPLATE_H

#include "json/json.h"

/* No template string is longer than this many bytes. */
#define TEMPLATE_MAX ((size_t)64 * 1024)

struct template;

/*
 * Compiles one string into the arena, which the template lives in and from which it is never freed
 * alone. Returns 0, or -1: ERR_USAGE with what is wrong, ERR_MEMORY.
 */
int template_new(struct template **template, struct text source, struct arena *arena,
                 struct err *err);

/* Appends the value of the template, as JSON, for the data under root. */
void template_write(const struct template *template, struct json_value root, struct buf *to);

/* The filter's name, or the absent text. */
struct text template_filter(const struct template *template);

/* The n-th path that the template uses; absent behind the last. */
struct text template_path(const struct template *template, size_t n);

/*
 * Appends a JSON value in which every string is a template, at any depth. Keys stay as they are, filters
 * are refused. Returns 0, or -1 as template_new.
 */
int template_expand(struct json_value tree, struct json_value root, struct arena *arena,
                    struct buf *to, struct err *err);

#endif
