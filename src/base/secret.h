/* secret: what must be wiped after use and compared without telling where it differs. */
#ifndef USHER_BASE_SECRET_H
#define USHER_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrites len bytes with zeros, which no compiler may leave out. NULL with 0 is fine. */
void secret_wipe(void *at, size_t len);

/* Whether two areas of len bytes are equal, in a time that depends on len alone. */
bool secret_same(const void *a, const void *b, size_t len);

#endif
