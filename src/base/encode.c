#include "base/encode.h"

#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct text t, uint8_t *to, size_t room, size_t *len)
{
    if (t.len % 2 != 0 || t.len / 2 > room)
        return false;
    for (size_t i = 0; i < t.len; i += 2) {
        int high = hex_value(t.at[i]), low = hex_value(t.at[i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i / 2] = (uint8_t)(high << 4 | low);
    }
    *len = t.len / 2;
    return true;
}

void hex_encode(struct buf *to, const uint8_t *at, size_t len)
{
    char *out = buf_room(to, len * 2);
    if (!out)
        return;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = "0123456789abcdef"[at[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[at[i] & 15];
    }
    buf_grow(to, len * 2);
}

static const char *alphabet(enum base64_form form)
{
    static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char adapted[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";
    static const char standard[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return form == BASE64_ADAPTED                          ? adapted
           : form == BASE64_URL || form == BASE64_URL_BARE ? url
                                                           : standard;
}

/* Letters: the lowest six bits are the value, the others the alphabets that have it. */
enum { STANDARD = 1 << 8, URL = 1 << 9, ADAPTED = 1 << 10, ALL = STANDARD | URL | ADAPTED };
static const uint16_t base64_letters[256] = {
    ['A'] = ALL | 0,  ['B'] = ALL | 1,      ['C'] = ALL | 2,
    ['D'] = ALL | 3,  ['E'] = ALL | 4,      ['F'] = ALL | 5,
    ['G'] = ALL | 6,  ['H'] = ALL | 7,      ['I'] = ALL | 8,
    ['J'] = ALL | 9,  ['K'] = ALL | 10,     ['L'] = ALL | 11,
    ['M'] = ALL | 12, ['N'] = ALL | 13,     ['O'] = ALL | 14,
    ['P'] = ALL | 15, ['Q'] = ALL | 16,     ['R'] = ALL | 17,
    ['S'] = ALL | 18, ['T'] = ALL | 19,     ['U'] = ALL | 20,
    ['V'] = ALL | 21, ['W'] = ALL | 22,     ['X'] = ALL | 23,
    ['Y'] = ALL | 24, ['Z'] = ALL | 25,     ['a'] = ALL | 26,
    ['b'] = ALL | 27, ['c'] = ALL | 28,     ['d'] = ALL | 29,
    ['e'] = ALL | 30, ['f'] = ALL | 31,     ['g'] = ALL | 32,
    ['h'] = ALL | 33, ['i'] = ALL | 34,     ['j'] = ALL | 35,
    ['k'] = ALL | 36, ['l'] = ALL | 37,     ['m'] = ALL | 38,
    ['n'] = ALL | 39, ['o'] = ALL | 40,     ['p'] = ALL | 41,
    ['q'] = ALL | 42, ['r'] = ALL | 43,     ['s'] = ALL | 44,
    ['t'] = ALL | 45, ['u'] = ALL | 46,     ['v'] = ALL | 47,
    ['w'] = ALL | 48, ['x'] = ALL | 49,     ['y'] = ALL | 50,
    ['z'] = ALL | 51, ['0'] = ALL | 52,     ['1'] = ALL | 53,
    ['2'] = ALL | 54, ['3'] = ALL | 55,     ['4'] = ALL | 56,
    ['5'] = ALL | 57, ['6'] = ALL | 58,     ['7'] = ALL | 59,
    ['8'] = ALL | 60, ['9'] = ALL | 61,     ['+'] = STANDARD | 62,
    ['-'] = URL | 62, ['.'] = ADAPTED | 62, ['/'] = STANDARD | ADAPTED | 63,
    ['_'] = URL | 63,
};

static uint16_t alphabet_bit(enum base64_form form)
{
    return form == BASE64_ADAPTED                          ? ADAPTED
           : form == BASE64_URL || form == BASE64_URL_BARE ? URL
                                                           : STANDARD;
}

static bool is_padded(enum base64_form form)
{
    return form == BASE64 || form == BASE64_URL;
}

/* Strips the padding of a padded form; false if it is not what the length asks for. */
static bool strip_padding(struct text *t)
{
    if (t->len % 4 != 0)
        return false;
    for (int i = 0; i < 2 && t->len > 0 && t->at[t->len - 1] == '='; i++)
        t->len--;
    return true;
}

/* Decodes the last two or three letters; false if bits are left over. */
static bool decode_tail(const uint8_t *at, size_t letters, uint8_t *to, uint16_t *common)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < letters; i++) {
        *common &= base64_letters[at[i]];
        bits |= (uint32_t)(base64_letters[at[i]] & 63) << (18 - 6 * i);
    }
    to[0] = (uint8_t)(bits >> 16);
    if (letters == 3)
        to[1] = (uint8_t)(bits >> 8);
    return (bits & (letters == 2 ? 0xFFFF : 0xFF)) == 0;
}

bool base64_decode(enum base64_form form, struct text t, uint8_t *to, size_t room, size_t *len)
{
    const uint8_t *at = (const uint8_t *)t.at;
    uint16_t of_form = alphabet_bit(form), common = of_form;
    if (is_padded(form) && !strip_padding(&t))
        return false;
    size_t groups = t.len / 4, tail = t.len % 4;
    *len = groups * 3 + (tail ? tail - 1 : 0);
    if (tail == 1 || *len > room)
        return false;
    for (size_t i = 0; i < groups; i++) {
        const uint8_t *four = at + 4 * i;
        uint16_t a = base64_letters[four[0]], b = base64_letters[four[1]];
        uint16_t c = base64_letters[four[2]], d = base64_letters[four[3]];
        uint32_t bits = (a & 63u) << 18 | (b & 63u) << 12 | (c & 63u) << 6 | (d & 63u);
        common &= a & b & c & d;
        to[3 * i] = (uint8_t)(bits >> 16);
        to[3 * i + 1] = (uint8_t)(bits >> 8);
        to[3 * i + 2] = (uint8_t)bits;
    }
    bool whole = tail == 0 || decode_tail(at + 4 * groups, tail, to + 3 * groups, &common);
    return whole && (common & of_form) != 0;
}

/* The letters of one or two last bytes; returns how many there are without padding. */
static size_t encode_tail(const char *letters, const uint8_t *at, size_t len, char *to)
{
    uint32_t bits = (uint32_t)at[0] << 16 | (len > 1 ? (uint32_t)at[1] << 8 : 0);
    for (size_t i = 0; i <= len; i++)
        to[i] = letters[bits >> (18 - 6 * i) & 63];
    return len + 1;
}

void base64_encode(enum base64_form form, struct buf *to, const uint8_t *at, size_t len)
{
    const char *letters = alphabet(form);
    size_t groups = len / 3, tail = len % 3;
    size_t behind = tail == 0 ? 0 : is_padded(form) ? 4 : tail + 1;
    char *next = len > 0 ? buf_room(to, 4 * groups + behind) : NULL;
    if (!next)
        return;
    for (size_t i = 0; i < groups; i++, at += 3, next += 4) {
        uint32_t bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
        next[0] = letters[bits >> 18];
        next[1] = letters[bits >> 12 & 63];
        next[2] = letters[bits >> 6 & 63];
        next[3] = letters[bits & 63];
    }
    for (size_t i = tail ? encode_tail(letters, at, tail, next) : 0; i < behind; i++)
        next[i] = '=';
    buf_grow(to, 4 * groups + behind);
}

void percent_encode(struct buf *to, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c && strchr("-._~", c)))
            buf_byte(to, (char)c);
        else
            buf_printf(to, "%%%02X", c);
    }
}
