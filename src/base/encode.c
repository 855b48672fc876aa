#include "base/encode.h"

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

static bool is_padded(enum base64_form form)
{
    return form == BASE64 || form == BASE64_URL;
}

static int base64_value(const char *letters, char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == letters[62] ? 62 : c == letters[63] ? 63 : -1;
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

bool base64_decode(enum base64_form form, struct text t, uint8_t *to, size_t room, size_t *len)
{
    const char *letters = alphabet(form);
    uint32_t bits = 0;
    unsigned have = 0;
    size_t out = 0;
    if (is_padded(form) && !strip_padding(&t))
        return false;
    if (t.len % 4 == 1)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        int value = base64_value(letters, t.at[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (out == room)
                return false;
            to[out++] = (uint8_t)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    *len = out;
    return bits == 0;
}

void base64_encode(enum base64_form form, struct buf *to, const uint8_t *at, size_t len)
{
    const char *letters = alphabet(form);
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)at[i] << 16;
        bits |= have > 1 ? (uint32_t)at[i + 1] << 8 : 0;
        bits |= have > 2 ? (uint32_t)at[i + 2] : 0;
        for (size_t k = 0; k <= have; k++)
            buf_byte(to, letters[bits >> (18 - 6 * k) & 63]);
        for (size_t k = have; is_padded(form) && k < 3; k++)
            buf_byte(to, '=');
    }
}
