#include "base/text.h"

#include <string.h>
#include <strings.h>

struct text text_of(const char *z)
{
    return (struct text){z, z ? strlen(z) : 0};
}

bool text_same_nocase(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

bool text_starts(struct text whole, struct text prefix)
{
    return whole.len >= prefix.len && text_same(text_part(whole, 0, prefix.len), prefix);
}

bool text_ends(struct text whole, struct text suffix)
{
    return whole.len >= suffix.len &&
           text_same(text_part(whole, whole.len - suffix.len, suffix.len), suffix);
}

size_t text_find(struct text whole, char c, size_t from)
{
    if (from >= whole.len)
        return whole.len;
    const char *hit = memchr(whole.at + from, c, whole.len - from);
    return hit ? (size_t)(hit - whole.at) : whole.len;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct text text_trim(struct text t)
{
    while (t.len > 0 && is_space(t.at[0])) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && is_space(t.at[t.len - 1]))
        t.len--;
    return t;
}

bool text_field(struct text *rest, char separator, struct text *field)
{
    if (!rest->at)
        return false;
    size_t end = text_find(*rest, separator, 0);
    *field = text_part(*rest, 0, end);
    if (end == rest->len)
        *rest = (struct text){NULL, 0};
    else
        *rest = text_part(*rest, end + 1, rest->len);
    return true;
}

bool text_u64(struct text t, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    if (t.len == 0 || t.len > 20 || (t.len > 1 && t.at[0] == '0'))
        return false;
    for (size_t i = 0; i < t.len; i++) {
        uint64_t digit = (uint64_t)((unsigned char)t.at[i] - '0');
        if (digit > 9 || digit > max || sum > (max - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

/* The length of the well-formed sequence at s (of at most `left` bytes), or 0. RFC 3629, table 3-7. */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
    size_t need = s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (need == 0 || need > left)
        return 0;
    unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return need;
}

bool text_is_utf8(struct text t)
{
    const unsigned char *s = (const unsigned char *)t.at;
    size_t i = 0;
    while (i < t.len) {
        if (s[i] < 0x80) {
            i++;
            continue;
        }
        size_t step = utf8_sequence(s + i, t.len - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

bool text_has_nul(struct text t)
{
    return t.len > 0 && memchr(t.at, 0, t.len) != NULL;
}
