/*
 * flight: one user on the way into the target. A flight is taken for a row, its intent is put into the
 * ledger, and after that commit it goes through its steps until an outcome is put there:
 *
 *   create:  [look up] → POST /v1/users → (identifiers left over: POST each) → done
 *   update:  look up → PATCH, PUT metadata, ban → (new identifiers: POST each) → done
 *
 * Flights come from a fixed number of slots, so that memory is bounded. Only the import uses this file.
 */
#ifndef USHER_MIGRATE_FLIGHT_H
#define USHER_MIGRATE_FLIGHT_H

#include "base/base.h"
#include "clerk/clerk.h"
#include "migrate/courier.h"
#include "migrate/decide.h"
#include "migrate/fields.h"

enum flight_step {
    FLIGHT_FREE,
    FLIGHT_LOOK,     /* to be looked up, then created or adopted, or updated */
    FLIGHT_CREATE,   /* POST /v1/users */
    FLIGHT_PATCH,    /* PATCH /v1/users/{id} */
    FLIGHT_METADATA, /* PUT /v1/users/{id}/metadata */
    FLIGHT_BAN,      /* POST /v1/users/{id}/ban or unban */
    FLIGHT_ADD       /* POST /v1/email_addresses or phone_numbers, one after another */
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
    bool split;              /* an identifier has been taken out of the body */
    struct buf id, clerk_id; /* external id; Clerk's id once known */
    struct buf user;         /* the CreateUser body of the row */
    struct buf path, body;   /* of the current request */
    struct buf adds;         /* identifiers still to add, see flight_split */
    size_t adds_at;
    struct field_hashes hashes;  /* of the row */
    struct field_hashes written; /* of the ledger, for an update */
    uint64_t write;              /* update: bit set of fields to write */
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
bool flight_split(struct flight *flight, struct json *json, const char *param, bool *username);

/*
 * Compares the user with the target's (User object) and fills write and adds. Calls kept(flight, field)
 * for each field that Clerk's side wins.
 */
int flight_merge(struct flight *flight, struct field_hasher *hasher, const struct hash_key *key,
                 struct json *json, struct json_value target,
                 void (*kept)(struct flight *flight, enum user_field field), struct err *err);

/* Moves on to the next step that has anything to do and builds its request; false: none is left. */
bool flight_next(struct flight *flight, struct json *json);

/* After FLIGHT_ADD was answered: the identifier it was about, then on to the next. */
struct text flight_added(struct flight *flight, const char **kind);

#endif
