/*
 * map: who is who: the external ids of a ledger with their Clerk ids, for the application's own tables.
 *
 *     struct map_opts opts = {.ledger = "usher.ledger", .form = MAP_SQL, .dialect = MAP_POSTGRES,
 *                             .table = TEXT("orders"), .column = TEXT("user_id")};
 *     map_write(&opts, write, arg, &users, &err);        // streams; memory does not grow with the users
 *
 * SQL comes in batches of so many users, a transaction each. A batch replaces the external ids in the column by
 * Clerk ids; what is replaced no longer matches, so the file may be run again, or from the start after a stop.
 */
#ifndef USHER_MIGRATE_MAP_H
#define USHER_MIGRATE_MAP_H

#include "base/base.h"

enum map_form { MAP_CSV, MAP_JSONL, MAP_SQL };
enum map_dialect { MAP_POSTGRES, MAP_MYSQL, MAP_SQLITE };

struct map_opts {
    const char *ledger;
    enum map_form form;
    /* MAP_SQL */
    enum map_dialect dialect;
    struct text table;  /* "orders", "shop.orders": each part is quoted */
    struct text column; /* holds the external id */
    struct text into;   /* gets the Clerk id; absent: column */
    struct text
        type; /* of column, if it is no text ("bigint", "uuid"); absent: text. PostgreSQL needs it */
    uint64_t batch; /* users a transaction, from 1 */
};

/*
 * Calls write(arg, piece) with the whole text, piece by piece; it returns 0, or -1 to stop with err as it left it.
 * *users gets how many users were written. Returns 0, or -1: as ledger_open, ERR_USAGE for a type that is none.
 */
int map_write(const struct map_opts *opts,
              int (*write)(void *arg, struct text piece, struct err *err), void *arg,
              uint64_t *users, struct err *err);

/* A user who was signed in to see the session token. */
struct map_claims {
    struct text user_id, external_id; /* external_id absent: the new user */
    struct text claims;               /* the token's payload, JSON */
};

struct migrate_target;

/*
 * Signs in a user of the ledger, and a new one that is made for it and deleted afterwards whatever happens, and reads
 * their session tokens; the sessions are revoked. Needs an instance that lets the Backend API begin sessions
 * (development ones). Texts live in arena. Returns 0, or -1: ERR_UNUSABLE when the ledger has nobody at the
 * target, ERR_REFUSED with what Clerk says, ERR_NETWORK.
 */
int map_check_claims(const struct migrate_target *target, const char *ledger, struct arena *arena,
                     struct map_claims *migrated, struct map_claims *fresh, struct err *err);

#endif
