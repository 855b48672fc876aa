/* numbers: a set of whole numbers that lie close together, a bit each: the rows of a ledger. */
#ifndef USHER_MIGRATE_NUMBERS_H
#define USHER_MIGRATE_NUMBERS_H

#include "base/base.h"

/* Begins zeroed. */
struct numbers {
    uint64_t *words;
    size_t count;
};

/* Gives the memory back; the set is empty then. */
void numbers_release(struct numbers *numbers);

/* Adds number >= 0. Returns 0 or -1 (ERR_MEMORY). */
int numbers_add(struct numbers *numbers, int64_t number, struct err *err);
bool numbers_has(const struct numbers *numbers, int64_t number);

#endif
