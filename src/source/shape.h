/*
 * shape: whether a JSON object at the beginning of a file is a user or a wrapper around an array of
 * users, seen from its first bytes.
 */
#ifndef USHER_SOURCE_SHAPE_H
#define USHER_SOURCE_SHAPE_H

#include "base/base.h"

struct shape {
    bool wrapper;
    size_t array_at; /* of the array's opening bracket */
    unsigned depth;  /* objects that are open around it: 1 or 2 */
};

/*
 * Looks at t, which begins with '{' and may be cut off anywhere. It is a wrapper if a member of it, or
 * of an object that is a member of it, is an array whose first element is an object (or, failing that,
 * an empty array), and it does not have an id, address or name of its own as a user has.
 */
struct shape shape_of(struct text t);

#endif
