#include "base/secret.h"

#include <string.h>
#include <sodium.h>

void secret_wipe(void *at, size_t len)
{
    if (len > 0)
        explicit_bzero(at, len);
}

bool secret_same(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}
