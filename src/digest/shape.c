#include "digest/shape.h"

#include <string.h>

enum { HEX = 1, BASE64_LETTER = 2, CRYPT64 = 4 };

static const uint8_t kinds[256] = {
    ['0' ... '9'] = HEX | BASE64_LETTER | CRYPT64,
    ['A' ... 'F'] = HEX | BASE64_LETTER | CRYPT64,
    ['G' ... 'Z'] = BASE64_LETTER | CRYPT64,
    ['a' ... 'f'] = HEX | BASE64_LETTER | CRYPT64,
    ['g' ... 'z'] = BASE64_LETTER | CRYPT64,
    ['+'] = BASE64_LETTER,
    ['/'] = BASE64_LETTER | CRYPT64,
    ['.'] = CRYPT64,
};

static bool all_are(struct text t, uint8_t kind)
{
    uint8_t common = kind;
    for (size_t i = 0; i < t.len; i++)
        common &= kinds[(uint8_t)t.at[i]];
    return common == kind;
}

bool shape_fields(struct text whole, char separator, struct text *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!text_field(&whole, separator, &fields[i]))
            return false;
    return !whole.at;
}

bool shape_literal(struct text t)
{
    return t.len > 0 && t.len <= SHAPE_FIELD_MAX && text_is_utf8(t);
}

bool shape_hex(struct text t, size_t *bytes)
{
    *bytes = t.len / 2;
    return t.len % 2 == 0 && all_are(t, HEX);
}

bool shape_base64_bare(struct text t, size_t *bytes)
{
    /* The letters whose lowest four, or two, bits are zero. */
    static const char four_zero[] = "AQgw", two_zero[] = "AEIMQUYcgkosw048";
    size_t rest = t.len % 4;
    if (rest == 1 || !all_are(t, BASE64_LETTER))
        return false;
    *bytes = t.len / 4 * 3 + (rest ? rest - 1 : 0);
    return rest == 0 || strchr(rest == 2 ? four_zero : two_zero, t.at[t.len - 1]) != NULL;
}

bool shape_base64(struct text t, size_t *bytes)
{
    if (t.len % 4 != 0)
        return false;
    for (int i = 0; i < 2 && t.len > 0 && t.at[t.len - 1] == '='; i++)
        t.len--;
    return shape_base64_bare(t, bytes);
}

bool shape_crypt64(struct text t)
{
    return all_are(t, CRYPT64);
}
