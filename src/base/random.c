#include "base/random.h"

#include <sodium.h>

void random_bytes(void *to, size_t len)
{
    randombytes_buf(to, len);
}

uint64_t random_below(uint64_t bound)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t value;
    do
        random_bytes(&value, sizeof(value));
    while (value >= limit);
    return value % bound;
}

void random_base62(char *to, size_t len)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned char bytes[64];
    size_t have = 0;
    for (size_t i = 0; i < len;) {
        if (have == 0) {
            random_bytes(bytes, sizeof(bytes));
            have = sizeof(bytes);
        }
        unsigned char six = bytes[--have] & 63;
        if (six < 62)
            to[i++] = digits[six];
    }
    to[len] = 0;
}
