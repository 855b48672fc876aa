/* jwt_keys: the inside of a key set, for jwt.c (which verifies) and jwt_keys.c (which reads sets). */
#ifndef USHER_TRICKLE_JWT_KEYS_H
#define USHER_TRICKLE_JWT_KEYS_H

#include <openssl/evp.h>

#include "trickle/jwt.h"

struct jwt_key {
    enum jwt_kind kind;
    unsigned bits;      /* of an EC key's curve */
    struct text id;     /* kid; absent if it has none */
    struct text alg;    /* the one algorithm that it is for; absent: any */
    struct text secret; /* JWT_OCT */
    EVP_PKEY *public;   /* all others */
};

struct jwt_keys {
    struct arena arena;
    struct jwt_key keys[JWT_KEYS_MAX];
    size_t count;
};

#endif
