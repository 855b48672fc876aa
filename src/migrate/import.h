/*
 * import: the state of one import, and what its files have of each other: import.c is the loop,
 * import_rows.c reads, import_steps.c sends and judges answers, import_slots.c keeps slots and ledger.
 */
#ifndef USHER_MIGRATE_IMPORT_H
#define USHER_MIGRATE_IMPORT_H

#include "migrate/courier.h"
#include "migrate/fields.h"
#include "migrate/flight.h"
#include "migrate/lookup.h"
#include "migrate/migrate.h"
#include "migrate/progress.h"

#define IMPORT_LOOKUPS 8 /* look-ups under way at once */

struct rejects;

struct flight_queue {
    struct flight *first, *last;
    size_t count;
};

struct import {
    const struct migrate_opts *opts;
    const struct migrate_events *events;
    const struct migrate_stop *stop;
    struct migrate_totals *totals;
    struct source *source;
    struct ledger *ledger;
    struct ledger_run run;
    struct courier *courier;
    struct rejects *rejects;
    struct progress progress;
    struct field_hasher hasher;
    struct json *json, *lookup_json;
    struct arena arena; /* of the row in hand */
    struct flight *flights, *free;
    size_t flight_count, flying; /* slots; those not free */
    struct flight_queue ready;   /* intents put, not durable yet */
    struct flight_queue look;    /* to be looked up */
    struct lookup lookups[IMPORT_LOOKUPS];
    int64_t look_at; /* when a look-up that is not full is sent */
    size_t puts;     /* into the ledger since the last commit */
    int64_t first_put, drain_until;
    uint64_t taken;
    bool at_end, stopping, failed;
    struct err err; /* of `failed` */
};

/* Lists of flights: a stack of the free ones, queues of the others. NULL when there is none. */
void import_push(struct flight **list, struct flight *flight);
struct flight *import_pop(struct flight **list);
void import_queue(struct flight_queue *queue, struct flight *flight);
struct flight *import_dequeue(struct flight_queue *queue);

/* Ends the whole import with an error; the first one stays. */
void import_fail(struct import *import, const struct err *err);

/* Puts a record into the open transaction of the ledger; a failure ends the import. */
void import_put(struct import *import, const struct ledger_user *user);
void import_put_flight(struct flight *flight, enum ledger_state state, const char *code);
/* Claims the user to be created and queues the flight, or lands it if another process has the user. */
int import_claim(struct flight *flight, struct err *err);

/* Gives a slot back. The others put the outcome first: done (counted in *counter), failed, to be taken up
 * by the next run. */
void import_land(struct flight *flight);
void import_done(struct flight *flight, uint64_t *counter);
void import_failed(struct flight *flight, const char *code, const char *field, const char *detail);
void import_put_back(struct flight *flight);

/* Says that an identifier was left behind. */
void import_split(struct flight *flight, const char *code, const char *field, const char *detail);

/* Says that a field changed at the source, but that Clerk's side wins. */
void import_kept(struct flight *flight, enum user_field field);

/* Posts the user's creation; or has it looked up in delay_us. */
void import_create(struct flight *flight);
void import_look(struct flight *flight, int64_t delay_us);

/* Sends look-ups for the flights that wait for one, up to 100 in each; what they find. */
void import_send_lookups(struct import *import);
void import_found(struct lookup *lookup, struct lookup_item *item, struct json_value user);
void import_ended(struct lookup *lookup, const struct err *err);

/* Reads one row, decides and, if it is to move, takes a flight. 0, or -1 as source_next. */
int import_read_row(struct import *import, struct err *err);

#endif
