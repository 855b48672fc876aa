/*
 * flight: one user on the way into the target. A flight is taken for a row, its intent is put into the
 * ledger, and after that commit it goes through its steps until an outcome is put there:
 *
 *   create:  [look up] → POST /v1/users → [who has the identifiers? → again] → [steps] → done
 *   update:  look up → merge → intent → steps (steps.h) → [look up] → done
 *
 * Flights come from a fixed number of slots, so that memory is bounded. Only the import uses this file.
 */
#ifndef USHER_MIGRATE_FLIGHT_H
#define USHER_MIGRATE_FLIGHT_H

#include "base/base.h"
#include "clerk/clerk.h"
#include "migrate/courier.h"
#include "migrate/decide.h"
#include "migrate/owners.h"
#include "migrate/steps.h"

enum flight_step {
    FLIGHT_FREE,
    FLIGHT_LOOK,   /* to be looked up by external id, then created, adopted or merged */
    FLIGHT_CREATE, /* POST /v1/users */
    FLIGHT_OWNERS, /* to be looked up by identifiers: who has them? */
    FLIGHT_STEPS,  /* the requests of a merge */
    FLIGHT_SETTLE  /* to be looked up once more: what Clerk shows after the last write */
};

struct import;

struct flight {
    enum flight_step step;
    enum migrate_action action;
    struct import *import;
    struct flight
        *next; /* in the list of free, of committed-and-to-post, or of to-look-up flights */
    uint64_t row;
    uint32_t attempts;
    int64_t made;    /* the run that created the user; 0: none of ours */
    bool split;      /* an identifier has been taken out of the body */
    bool existing;   /* the user was at the target before: found there, not created */
    bool maybe_sent; /* an earlier run may have sent the create */
    bool claiming,
        claimed;      /* the steps give a user found at the target our external id; have done so */
    bool deleting;    /* an earlier run was about to delete the user */
    bool stranded;    /* left under way by an earlier run, and not in this export */
    size_t asking;    /* FLIGHT_OWNERS: which kind of identifier */
    int64_t sent_ms;  /* wall clock of the first create */
    unsigned refresh; /* bits of the witnesses to take anew */
    bool witnessed;   /* the marks hold what Clerk showed after the last request */
    struct buf id, clerk_id; /* external id; Clerk's id once known */
    struct buf user;         /* the CreateUser body of the row */
    struct buf asked;        /* FLIGHT_OWNERS: what is asked for, each with a NUL behind it */
    struct buf body;   /* of the current request, where it differs from the row's or the step's */
    struct steps adds; /* identifiers split off, to be added after the create */
    struct steps steps;
    struct step current;        /* of steps, while FLIGHT_STEPS */
    struct owners owners;       /* who has the identifiers that were refused */
    struct field_hashes hashes; /* of the row */
    struct buf source_marks;    /* of the row, as record_add_user makes them */
    struct buf marks;           /* what the ledger will get */
    struct buf written;         /* an update: what the ledger has */
    struct parcel parcel;
};

/* Prepares a slot; release gives its buffers back, wiped. */
void flight_init(struct flight *flight, struct import *import);
void flight_release(struct flight *flight);
/* Empties a flight for its next user. */
void flight_clear(struct flight *flight);

/*
 * Reacts to a refused identifier of kind `param`: takes it out of the body of the next create. What can
 * still be added afterwards is queued in adds. Returns false if the user cannot do without: it is the
 * only one of the kind that the user signs in with. *username gets true if a username was given up.
 */
bool flight_split(struct flight *flight, const struct hash_key *key, struct json *json,
                  const char *param, bool *username);

/*
 * Takes those identifiers out of the body that somebody else has. Returns false if one of them is the one
 * that the user signs in with.
 */
bool flight_do_without(struct flight *flight, const struct hash_key *key, struct json *json);

/* Moves the queued identifiers into the steps, now that the user has an id. */
void flight_add_identifiers(struct flight *flight, struct json *json);

/* On to the next step: its method, path and body are those of the parcel then. False: none is left. */
bool flight_next(struct flight *flight);

/* Takes a refused field out of the current step and repeats it; false if nothing of it is left. */
bool flight_retry_without(struct flight *flight, struct json *json, const char *param);

#endif
