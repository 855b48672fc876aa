/*
 * clerk/id: Clerk's ids: a prefix that names the kind ("user_", "idn_") and 27 base62 digits, a KSUID:
 * 32 bits of seconds since 2014-05-13T16:53:20Z, then 128 bits that make it unique. Ids of one kind sort
 * by age.
 */
#ifndef USHER_CLERK_ID_H
#define USHER_CLERK_ID_H

#include "base/base.h"

#define CLERK_ID_MAX 48

/*
 * Makes ids in ascending order: within a second the first 64 of the 128 bits count up, the rest is
 * random. One maker belongs to one thread.
 */
struct clerk_ids {
    uint32_t second;
    uint64_t count;
    uint8_t random[256]; /* the kernel is asked for many bytes at a time */
    size_t random_left;
};

/* Writes a fresh id with that prefix and a NUL; returns its length. */
size_t clerk_id_new(struct clerk_ids *ids, const char *prefix, int64_t now_ms,
                    char to[CLERK_ID_MAX]);

/* The same with the caller's 128 bits, so that it can be made again. */
size_t clerk_id_of(const char *prefix, int64_t at_ms, const uint8_t bits[16],
                   char to[CLERK_ID_MAX]);

#endif
