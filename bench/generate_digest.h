/* What bench/generate's two files share: made-up numbers, and digests of a known password. */
#ifndef USHER_BENCH_GENERATE_DIGEST_H
#define USHER_BENCH_GENERATE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PASSWORD   "Correct-Horse-9"
#define DIGEST_MAX 256

/* Firebase's hash parameters of the made-up project; the memory cost is low so that its digests are cheap. */
#define FIREBASE_SIGNER_KEY                                                                        \
    "bWFkZSB1cCBmb3IgdGhlIHNhbXBsZXMgb2YgVXNoZXI6IG5vdCB0aGUga2V5IG9mIGFueSBwcm9qZWN0IDAxMg=="
#define FIREBASE_SEPARATOR "Bw=="
#define FIREBASE_ROUNDS    8
#define FIREBASE_MEM_COST  4

#define HASHER_COUNT 7
#define KEPT_COUNT   16

struct generator {
    uint64_t state; /* of the numbers that follow from the seed */
    bool real;      /* digests are of PASSWORD, not only of the right shape */
    char kept[HASHER_COUNT][KEPT_COUNT][DIGEST_MAX]; /* real ones that were made, else "" */
};

uint64_t draw(struct generator *g);
void draw_hex(struct generator *g, char *to, size_t digits);

struct hasher {
    const char *name;
    void (*make)(struct generator *g, char to[DIGEST_MAX]);
};
/* The hashers by name, bcrypt first. */
extern const struct hasher hashers[HASHER_COUNT];

/* A digest of PASSWORD in Clerk's form (bcrypt: if real), one of a few that are made once. */
void make_digest(struct generator *g, const struct hasher *hasher, char to[DIGEST_MAX]);

/* Firebase's hash and salt, both in base64. */
void make_firebase(struct generator *g, char hash[DIGEST_MAX], char salt[32]);

#endif
