/* seen: the sizes behind user_seen_new, so that tests can make them small. Only user/ uses this file. */
#ifndef USHER_USER_SEEN_H
#define USHER_USER_SEEN_H

#include "user/user.h"

struct user_seen_sizes {
    size_t slots;      /* of the table in memory, a power of two above 4 * USER_IDENTIFIERS_MAX */
    size_t bloom_bits; /* of the filter over what was spilled, a power of two of at least 512 */
};

/* user_seen_new with other sizes. Returns 0 or -1 (ERR_MEMORY). */
int user_seen_new_sized(struct user_seen **seen, const struct user_seen_sizes *sizes,
                        struct err *err);

#endif
