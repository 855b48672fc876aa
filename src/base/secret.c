#include "base/secret.h"

#include <stdint.h>
#include <string.h>

void secret_wipe(void *at, size_t len)
{
    if (len > 0)
        explicit_bzero(at, len);
}

bool secret_same(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    uint64_t differ = 0, left, right;
    for (; len >= sizeof(left); len -= sizeof(left), x += sizeof(left), y += sizeof(left)) {
        memcpy(&left, x, sizeof(left));
        memcpy(&right, y, sizeof(right));
        differ |= left ^ right;
    }
    while (len-- > 0)
        differ |= (uint64_t)(*x++ ^ *y++);
    /* Keeps the compiler from seeing that only "zero or not" is wanted, and leaving the loop early. */
    __asm__ volatile("" : "+r"(differ));
    return differ == 0;
}
