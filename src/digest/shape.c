#include "digest/shape.h"

#include <endian.h>
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

/* Decodes eight digits, the first in the lowest byte, to four bytes in the same order. */
static uint32_t decode_eight(uint64_t digits)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    /* The lower half of a digit is its value, of a letter its place in the alphabet. */
    uint64_t values = (digits & each * 15) + (digits >> 6 & each) * 9;
    uint64_t pairs = (values << 4 | values >> 8) & UINT64_C(0x00FF00FF00FF00FF);
    pairs = (pairs | pairs >> 8) & UINT64_C(0x0000FFFF0000FFFF);
    return (uint32_t)(pairs | pairs >> 16);
}

/* At most eight digits. With a constant len the compiler makes one load and one store of it. */
static inline void decode_some(const char *at, size_t len, uint8_t *to)
{
    uint64_t digits = 0;
    memcpy(&digits, at, len);
    uint32_t four = htole32(decode_eight(le64toh(digits)));
    memcpy(to, &four, len / 2);
}

size_t shape_unhex(struct text t, uint8_t *to)
{
    size_t i = 0;
    for (; i + 8 <= t.len; i += 8)
        decode_some(t.at + i, 8, to + i / 2);
    if (i < t.len)
        decode_some(t.at + i, t.len - i, to + i / 2);
    return t.len / 2;
}
