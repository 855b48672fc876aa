/* What find_read.c cuts out of a digest for find_raw.c. Internal to src/digest. */
#ifndef USHER_DIGEST_FIND_RAW_H
#define USHER_DIGEST_FIND_RAW_H

#include "digest/find_parts.h"

#define FIELDS_MAX 16
#define HASHES_MAX 24
#define EXTRAS_MAX 96

/* Bytes and how they were written or made. */
struct reading {
    struct text bytes;
    const char *coding;
};

struct raw {
    struct find *find;
    struct text fields[FIELDS_MAX];
    struct reading hashes[HASHES_MAX], salts[EXTRAS_MAX], peppers[EXTRAS_MAX],
        passwords[4] /* the first as given, the second in UTF-16LE */;
    size_t field_count, hash_count, salt_count, pepper_count, password_count;
    struct buf message, key;
};

/* Fills fields, hashes, salts, peppers and passwords. */
void raw_read(struct raw *raw);

#endif
