/*
 * decide: what is to be done with a user, as pure functions of what the ledger knows, what the export
 * says now and what the target holds. No I/O, so that the whole truth table can be tested.
 */
#ifndef USHER_MIGRATE_DECIDE_H
#define USHER_MIGRATE_DECIDE_H

#include "ledger/ledger.h"
#include "migrate/fields.h"
#include "migrate/migrate.h"

struct decision {
    enum migrate_action action;
    bool look_first; /* a request may have left before: look the user up, then create or adopt */
};

/* `known` is the ledger's record, or NULL. */
struct decision decide(const struct ledger_user *known, const struct field_hashes *now);

/* The three-way merge of one field: what was last written, the source now, the target now. */
enum merge {
    MERGE_NOTHING, /* the source has not changed, or the target has the new value already */
    MERGE_WRITE,   /* the source has changed, the target has not */
    MERGE_KEPT,    /* the target has changed, or cannot be read: Clerk wins, and it is said */
};
enum merge decide_field(enum user_field field, uint64_t written, uint64_t source, uint64_t target);

/* What an answer to CreateUser means. */
enum verdict {
    VERDICT_CREATED,
    VERDICT_EXISTS,  /* a user with this external id is there: adopt it */
    VERDICT_SPLIT,   /* an identifier was refused (which kind: problem.param) */
    VERDICT_REFUSED, /* this user cannot be created as it is */
    VERDICT_UNKNOWN, /* it may or may not have happened: look it up */
    VERDICT_STOP     /* nobody can be created: key, plan, quota */
};
struct clerk_problem;
enum verdict decide_answer(int status, bool has_user, const struct clerk_problem *problem);

#endif
