/* canary: what canary.c (reads and surveys them) and canary_prove.c (moves and proves them) have of each other. */
#ifndef USHER_MIGRATE_CANARY_H
#define USHER_MIGRATE_CANARY_H

#include "migrate/migrate.h"

#define CANARIES_MAX      256
#define CANARIES_FILE_MAX ((size_t)1 << 20)

struct canary {
    struct text id, password;           /* in the arena; what is not to be proven is empty */
    struct text totp_secret, totp_code; /* the code of an app if it was given, else of the secret */
    bool seen, has_digest, has_totp;    /* in the export */
    size_t class;                       /* of migrate_canaries */
    struct text clerk_id;               /* at the target; absent until it was looked up */
};

struct canaries {
    struct arena arena;
    struct canary at[CANARIES_MAX];
    const char *ids[CANARIES_MAX]; /* for --only */
    size_t count;
};

/* Whether a canary has a second factor to prove. */
bool canary_proves_totp(const struct canary *canary);

#endif
