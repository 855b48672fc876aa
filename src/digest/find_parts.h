/* The parts of digest_find. Internal to src/digest. */
#ifndef USHER_DIGEST_FIND_PARTS_H
#define USHER_DIGEST_FIND_PARTS_H

#include "digest/digest.h"
#include "digest/find.h"
#include "digest/native.h"

#define FIND_CANDIDATES_MAX 96

/* A digest in Clerk's form that may be it. */
struct find_candidate {
    struct digest digest;
    const char *from; /* the platform that stores it so; NULL: given in Clerk's form */
    const char *note;
};

struct find {
    const struct digest_find_opts *opts;
    struct arena *arena;
    struct digest_finding *out;
    struct native native; /* for the tools of native.h */
    struct digest_conversion conversion;
    struct err ignored;
    struct find_candidate candidates[FIND_CANDIDATES_MAX];
    size_t count;
};

/* Adds a candidate if it parses and is not there yet. */
void find_add(struct find *find, const char *hasher, struct text digest, const char *from,
              const char *note);

/* Whether a parsed digest verifies a password; "cannot tell" is no proof. */
bool find_verifies(const struct digest *digest, struct text password);

/*
 * Answers; each returns true, for `return find_…`. find_held gives a digest for hasher, held to
 * digest_parse and to what CreateUser refuses (then with the reason for a note).
 */
bool find_held(struct find *find, const char *hasher, struct text digest, struct text how,
               const char *note);
bool find_not_held(struct find *find, struct text how, const char *note);

/* Hashes and HMACs; each returns how many bytes it wrote, 0 if the library could not. */
enum find_md {
    FIND_MD5,
    FIND_SHA1,
    FIND_SHA224,
    FIND_SHA256,
    FIND_SHA384,
    FIND_SHA512,
    FIND_SHA3_256,
    FIND_SHA3_512
};
#define FIND_HASH_MAX 64
size_t find_hash(enum find_md md, struct text t, uint8_t to[FIND_HASH_MAX]);
size_t find_hmac(enum find_md md, struct text key, struct text t, uint8_t to[FIND_HASH_MAX]);

struct find_hashing {
    enum find_md md;
    bool base64;     /* else hex */
    struct text key; /* absent: no HMAC */
};
/* The hash of t as text in the arena; absent on failure. */
struct text find_hash_text(struct find *find, const struct find_hashing *how, struct text t);

/* The steps: each returns true once something verified. */
bool find_plain(struct find *find);     /* the candidates as they are */
bool find_raw(struct find *find);       /* plain hashes, HMAC: find_raw.c */
bool find_disguised(struct find *find); /* candidates over a password hashed or peppered before */
bool find_crypt(struct find *find);   /* crypt(3), Drupal, passlib's bcrypt-sha256: find_crypt.c */
bool find_scrypt(struct find *find);  /* scrypt that Clerk's form has no room for */
bool find_chained(struct find *find); /* Symfony with any number of iterations: find_raw.c */

#endif
