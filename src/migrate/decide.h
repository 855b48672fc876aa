/*
 * decide: what is to be done with a user, as pure functions of what the ledger knows, what the export
 * says now and what the target answers. No I/O, so that the whole truth table can be tested.
 */
#ifndef USHER_MIGRATE_DECIDE_H
#define USHER_MIGRATE_DECIDE_H

#include "ledger/ledger.h"
#include "migrate/migrate.h"
#include "record/record.h"

struct decision {
    enum migrate_action action;
    bool look_first; /* a request may have left before: look the user up, then create or adopt */
};

/* `known` is the ledger's record, or NULL; `written` what it says of the content. */
struct decision decide(const struct ledger_user *known, const struct record *written,
                       const struct field_hashes *now);

/* What an answer to CreateUser means. */
enum verdict {
    VERDICT_CREATED,
    VERDICT_EXISTS,  /* a user with this external id is there */
    VERDICT_TAKEN,   /* a user with one of the identifiers is there */
    VERDICT_SPLIT,   /* an identifier was refused (which kind: problem.param) */
    VERDICT_REFUSED, /* this user cannot be created as it is */
    VERDICT_UNKNOWN, /* it may or may not have happened: look it up */
    VERDICT_STOP     /* nobody can be created: key, plan, quota */
};
struct clerk_problem;
enum verdict decide_answer(int status, bool has_user, const struct clerk_problem *problem);

/* Whether an answer ends everything: the key, the plan, the quota. */
bool decide_is_stop(int status, const struct clerk_problem *problem);

/* What is known of a user of the target who has an identifier of the row. */
struct decide_owner {
    enum user_field field; /* of the identifier that both have */
    bool verified_here, verified_there;
    bool has_external_id;               /* the owner belongs to somebody else already */
    bool contacts_here, contacts_there; /* any email address or phone number */
};

/*
 * Whether the row and the owner are the same person, so that the owner may be taken over: the owner has no
 * external id, and both sides have verified the email address or phone number that they share. A username
 * proves nothing, except between two who have nothing else.
 */
bool decide_is_same_person(const struct decide_owner *owner);

#endif
