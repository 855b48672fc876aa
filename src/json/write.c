#include "json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_out json_out(struct buf *to)
{
    return (struct json_out){to, false};
}

static void before(struct json_out *out)
{
    if (out->comma)
        buf_byte(out->to, ',');
    out->comma = true;
}

void json_open(struct json_out *out, char bracket)
{
    before(out);
    buf_byte(out->to, bracket);
    out->comma = false;
}

void json_close(struct json_out *out, char bracket)
{
    buf_byte(out->to, bracket);
    out->comma = true;
}

/* Bytes that can stand in a JSON string as they are. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void put_escaped(struct buf *to, unsigned char c)
{
    static const char shorts[] = "btn?fr"; /* 8 to 13; 11 has none */
    if (c == '"' || c == '\\') {
        buf_byte(to, '\\');
        buf_byte(to, (char)c);
    } else if (c >= 8 && c <= 13 && c != 11) {
        buf_byte(to, '\\');
        buf_byte(to, shorts[c - 8]);
    } else {
        buf_printf(to, "\\u%04x", c);
    }
}

static void put_utf8(struct buf *to, struct text t)
{
    size_t from = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (is_plain((unsigned char)t.at[i]))
            continue;
        buf_add(to, text_part(t, from, i - from));
        put_escaped(to, (unsigned char)t.at[i]);
        from = i + 1;
    }
    buf_add(to, text_part(t, from, t.len));
}

/* Byte by byte, for the rare text that is not UTF-8: what is no whole sequence becomes U+FFFD. */
static void put_mended(struct buf *to, struct text t)
{
    size_t i = 0;
    while (i < t.len) {
        size_t len = 1;
        while (len <= 4 && len <= t.len - i && !text_is_utf8(text_part(t, i, len)))
            len++;
        if (len <= 4 && len <= t.len - i) {
            put_utf8(to, text_part(t, i, len));
            i += len;
        } else {
            buf_add(to, TEXT("\xEF\xBF\xBD"));
            i++;
        }
    }
}

/* What a string is made of, from the bits of all its bytes. */
enum bytes { BYTES_ASCII, BYTES_UTF8, BYTES_SPECIAL };

/* Eight bytes at a time: whether any is a control, a quote or a backslash, or none of ASCII. */
static enum bytes bytes_of(struct text t)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t special = 0, wide = 0, x;
    for (size_t i = 0; i < t.len; i += 8) {
        x = ones * ' ';
        memcpy(&x, t.at + i, t.len - i < 8 ? t.len - i : 8);
        uint64_t quote = x ^ ones * '"', backslash = x ^ ones * '\\';
        special |= (x - ones * ' ') & ~x;
        special |= ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
        wide |= x;
    }
    return special & high ? BYTES_SPECIAL : wide & high ? BYTES_UTF8 : BYTES_ASCII;
}

/* Puts a string, with a comma in front or a colon behind. `known`: it is UTF-8 for sure. */
static void put_string(struct json_out *out, struct text t, bool known, bool colon)
{
    struct buf *to = out->to;
    enum bytes bytes = bytes_of(t);
    char *at = bytes == BYTES_SPECIAL ? NULL : buf_room(to, t.len + 4);
    if (at && (bytes == BYTES_ASCII || known || text_is_utf8(t))) {
        size_t len = 0;
        if (out->comma)
            at[len++] = ',';
        at[len++] = '"';
        if (t.len > 0)
            memcpy(at + len, t.at, t.len);
        len += t.len;
        at[len++] = '"';
        if (colon)
            at[len++] = ':';
        buf_grow(to, len);
    } else {
        before(out);
        buf_byte(to, '"');
        if (known || text_is_utf8(t))
            put_utf8(to, t);
        else
            put_mended(to, t);
        buf_add(to, colon ? TEXT("\":") : TEXT("\""));
    }
    out->comma = !colon;
}

void json_key(struct json_out *out, struct text key)
{
    put_string(out, key, false, true);
}

void json_put_text(struct json_out *out, struct text t)
{
    put_string(out, t, false, false);
}

void json_put_text_or_null(struct json_out *out, struct text t)
{
    if (t.at)
        json_put_text(out, t);
    else
        json_put_null(out);
}

void json_put_int(struct json_out *out, int64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0)
        digits[--at] = '-';
    before(out);
    buf_add(out->to, (struct text){digits + at, sizeof(digits) - at});
}

void json_put_bool(struct json_out *out, bool value)
{
    json_put_raw(out, value ? TEXT("true") : TEXT("false"));
}

void json_put_null(struct json_out *out)
{
    json_put_raw(out, TEXT("null"));
}

void json_put_raw(struct json_out *out, struct text json)
{
    before(out);
    buf_add(out->to, json);
}

void json_field_text(struct json_out *out, const char *key, struct text value)
{
    json_key(out, text_of(key));
    json_put_text_or_null(out, value);
}

void json_field_int(struct json_out *out, const char *key, int64_t value)
{
    json_key(out, text_of(key));
    if (value == INT64_MIN)
        json_put_null(out);
    else
        json_put_int(out, value);
}

void json_field_bool(struct json_out *out, const char *key, bool value)
{
    json_key(out, text_of(key));
    json_put_bool(out, value);
}

void json_field_raw(struct json_out *out, const char *key, struct text json)
{
    json_key(out, text_of(key));
    if (json.at)
        json_put_raw(out, json);
    else
        json_put_null(out);
}

/* The shortest decimal form that reads back as the same number. */
static void put_double(struct buf *to, double number)
{
    char form[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(form, sizeof(form), "%.*g", digits, number);
        if (strtod(form, NULL) == number)
            break;
    }
    buf_add(to, text_of(form));
    if (!strpbrk(form, ".e"))
        buf_add(to, TEXT(".0"));
}

static void write_members(struct json_value value, struct json_out *out);

void json_put_value(struct json_out *out, struct json_value value)
{
    switch (json_type(value)) {
    case JSON_ABSENT:
    case JSON_NULL:
        json_put_null(out);
        break;
    case JSON_BOOL:
        json_put_bool(out, json_true(value));
        break;
    case JSON_INT:
        json_put_int(out, json_int(value));
        break;
    case JSON_UINT:
        before(out);
        buf_printf(out->to, "%llu", (unsigned long long)json_uint(value));
        break;
    case JSON_DOUBLE:
        before(out);
        put_double(out->to, json_double(value));
        break;
    case JSON_STRING:
        put_string(out, json_text(value), true, false);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        write_members(value, out);
        break;
    }
}

static void write_members(struct json_value value, struct json_out *out)
{
    bool object = json_type(value) == JSON_OBJECT;
    struct json_walk walk = json_walk(value);
    json_open(out, object ? '{' : '[');
    while (json_next(&walk)) {
        if (object)
            put_string(out, walk.key, true, true);
        json_put_value(out, walk.value);
    }
    json_close(out, object ? '}' : ']');
}

void json_write(struct json_value value, struct buf *to)
{
    struct json_out out = json_out(to);
    json_put_value(&out, value);
}
