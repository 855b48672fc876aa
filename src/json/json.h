/*
 * json: reading (simdjson's DOM, one document at a time) and writing (onto a buf).
 *
 *     json_new(&json, 16 << 20, &err);
 *     json_parse(json, text, &root, &err);          // root is valid until the next json_parse
 *     struct json_value email = json_get(root, TEXT("email"));
 *     if (json_type(email) == JSON_STRING) use(json_text(email));
 *     json_free(json);
 *
 * The parser is strict: RFC 8259, valid UTF-8, whole 64-bit integers exact, nothing behind the document.
 */
#ifndef USHER_JSON_H
#define USHER_JSON_H

#include "base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that must be readable (any content) behind a text given to json_parse_padded. */
#define JSON_PADDING 64
/* How deep arrays and objects may nest. */
#define JSON_DEPTH_MAX 128

enum json_type {
    JSON_ABSENT, /* what json_get returns for a missing key; a zeroed json_value */
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,  /* fits int64_t */
    JSON_UINT, /* above INT64_MAX, fits uint64_t */
    JSON_DOUBLE,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json; /* a parser with its memory */

/* A value inside the parser's current document. Cheap to copy; zeroed means absent. */
struct json_value {
    const void *document;
    size_t index;
};

/* Makes a parser for documents of at most max bytes. Returns 0 or -1 (ERR_MEMORY). */
int json_new(struct json **json, size_t max, struct err *err);
void json_free(struct json *json);

/*
 * Parses one whole document. On -1 err is ERR_INPUT and says what is wrong and, where known, at which
 * byte. Strings that the values give point into the parser and live until the next parse.
 */
int json_parse(struct json *json, struct text t, struct json_value *root, struct err *err);

/* The same without a copy, for a text with JSON_PADDING readable bytes behind it. */
int json_parse_padded(struct json *json, struct text t, struct json_value *root, struct err *err);

enum json_type json_type(struct json_value value);
const char *json_type_name(enum json_type type);

/* The string, decoded, UTF-8; the absent text for any other type. */
struct text json_text(struct json_value value);
/* true for `true` only. */
bool json_true(struct json_value value);
/* The number of a JSON_INT (0 for any other type). */
int64_t json_int(struct json_value value);
/* The number of a JSON_UINT, or of a JSON_INT that is not negative (0 for any other). */
uint64_t json_uint(struct json_value value);
/* The number of a JSON_INT, JSON_UINT or JSON_DOUBLE (0 for any other type). */
double json_double(struct json_value value);

/* The value under key in an object; absent if there is none or value is no object. First of doubles. */
struct json_value json_get(struct json_value value, struct text key);
/* The same down a dotted path: "identities.0.provider" (digits index arrays). */
struct json_value json_path(struct json_value value, struct text path);
/* Elements of an array or members of an object; 0 for any other type. */
size_t json_count(struct json_value value);

/*
 * Walks an array or object:
 *     struct json_walk walk = json_walk(value);
 *     while (json_next(&walk)) use(walk.key, walk.value);
 * key is absent in an array. Any other type has no elements.
 */
struct json_walk {
    struct text key;
    struct json_value value;
    enum json_type type; /* of value */
    /* private */
    const void *document;
    size_t at, end;
    bool object;
};
struct json_walk json_walk(struct json_value value);
bool json_next(struct json_walk *walk);

/* Appends value as compact JSON. An absent value writes null. */
void json_write(struct json_value value, struct buf *to);

/*
 * Appends value in the one form that equal values have: members sorted by key, whole numbers without a
 * fraction. For hashing and comparing. Working memory comes from arena; false if that is full.
 */
bool json_write_canonical(struct json_value value, struct arena *arena, struct buf *to);

/*
 * Writing piece by piece; commas are put where they belong.
 *     struct json_out out = json_out(&buf);
 *     json_open(&out, '{'); json_key(&out, TEXT("id")); json_put_text(&out, id); json_close(&out, '}');
 */
struct json_out {
    struct buf *to;
    bool comma;
};
struct json_out json_out(struct buf *to);
void json_open(struct json_out *out, char bracket);
void json_close(struct json_out *out, char bracket);
void json_key(struct json_out *out, struct text key);
/* A string; bytes that are not UTF-8 become U+FFFD. */
void json_put_text(struct json_out *out, struct text t);
/* The same, or null for the absent text. */
void json_put_text_or_null(struct json_out *out, struct text t);
void json_put_int(struct json_out *out, int64_t number);
void json_put_bool(struct json_out *out, bool value);
void json_put_null(struct json_out *out);
/* A value of a parsed document, as compact JSON. */
void json_put_value(struct json_out *out, struct json_value value);
/* A text that already is JSON. */
void json_put_raw(struct json_out *out, struct text json);

/* A key and its value in one: null for the absent text and for INT64_MIN. key is a string constant. */
void json_field_text(struct json_out *out, const char *key, struct text value);
void json_field_int(struct json_out *out, const char *key, int64_t value);
void json_field_bool(struct json_out *out, const char *key, bool value);
void json_field_raw(struct json_out *out, const char *key, struct text json);

#ifdef __cplusplus
}
#endif

/* `template` is a word of C++, in which read.cc is written. */
#ifndef __cplusplus
#include "json/template.h"
#endif

#endif
