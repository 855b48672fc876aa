/*
 * find: what is this digest? Given the one password that it must verify, tries everything that is
 * known to be stored: the 22 hashers, the forms of every platform, plain hashes with salts and peppers
 * in any order and encoding, crypt(3). An answer is a proof: the computation gave the stored hash.
 */
#ifndef USHER_DIGEST_FIND_H
#define USHER_DIGEST_FIND_H

#include "base/base.h"

/* Salts and peppers at most. */
#define DIGEST_FIND_EXTRAS_MAX 16

struct digest_find_opts {
    struct text digest;   /* as it is stored; may be JSON */
    struct text password; /* at most DIGEST_PASSWORD_MAX bytes */
    const struct text *salts,
        *peppers;                    /* columns beside the digest; tried as text, hex and base64 */
    size_t salt_count, pepper_count; /* at most DIGEST_FIND_EXTRAS_MAX each */
};

struct digest_finding {
    bool verified;      /* something gave the stored hash */
    const char *hasher; /* Clerk's name; NULL when nothing verified or Clerk cannot hold it */
    struct text digest; /* Clerk's form, in the arena */
    struct text
        how; /* what verified ("SHA-1 of salt + password …"), or what it looks like; or absent */
    const char *note; /* a remark, a reason with the way out, or NULL; a string constant */
};

/*
 * Searches. Takes as long as the digest's cost says, several times over. Returns 0 with *out filled,
 * found or not, or -1 with err: ERR_USAGE (too many salts, too long a password), ERR_MEMORY.
 */
int digest_find(const struct digest_find_opts *opts, struct arena *arena,
                struct digest_finding *out, struct err *err);

#endif
