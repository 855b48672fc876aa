/*
 * text: a borrowed view of bytes. Nothing here allocates or takes ownership; a text is valid as long
 * as what it views. The empty text has len 0; `at` may then be NULL, which means "absent" where a
 * caller tells absent from empty.
 */
#ifndef USHER_BASE_TEXT_H
#define USHER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    const char *at;
    size_t len;
};

/* A text of a string literal. */
#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})
/* Arguments for a "%.*s" conversion. */
#define TEXT_ARG(t) ((int)(t).len), ((t).at ? (t).at : "")

/* A text of a NUL-terminated string; NULL gives the absent text. */
struct text text_of(const char *z);

/* Byte equality; text_same_nocase folds ASCII letters only. */
static inline bool text_same(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
bool text_same_nocase(struct text a, struct text b);

/* Whether whole begins or ends with these bytes. */
bool text_starts(struct text whole, struct text prefix);
bool text_ends(struct text whole, struct text suffix);

/* Index of the first byte c at or after from, or whole.len. */
size_t text_find(struct text whole, char c, size_t from);

/* The part of whole from `from` (at most whole.len) of at most len bytes. */
static inline struct text text_part(struct text whole, size_t from, size_t len)
{
    if (from > whole.len)
        from = whole.len;
    if (len > whole.len - from)
        len = whole.len - from;
    return (struct text){whole.at ? whole.at + from : NULL, len};
}

/* Without ASCII white space (space, \t \n \v \f \r) at both ends. */
struct text text_trim(struct text t);

/*
 * Splits off the first field of *rest at `separator`: *field gets the bytes before it, *rest what
 * follows. At the last field *rest becomes absent (at NULL). Returns false when *rest is absent.
 */
bool text_field(struct text *rest, char separator, struct text *field);

/*
 * Reads a whole unsigned decimal number: digits only, no sign, no leading zero unless alone, at most
 * `max`. Returns false, *value untouched, on anything else.
 */
bool text_u64(struct text t, uint64_t max, uint64_t *value);

/* Whether t is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
bool text_is_utf8(struct text t);

/* Whether t holds a NUL byte. */
bool text_has_nul(struct text t);

#endif
