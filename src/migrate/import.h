/*
 * import: the engine behind import and undo, and what its files have of each other: import.c is the loop,
 * import_rows.c reads the export, import_gone.c acts on who is no longer in it, undo.c takes a run back;
 * import_steps.c sends and judges answers, import_found.c sends look-ups and judges what they find,
 * import_merge.c merges a user found with its row, import_owners.c finds who has an identifier, import_slots.c
 * keeps slots and ledger.
 */
#ifndef USHER_MIGRATE_IMPORT_H
#define USHER_MIGRATE_IMPORT_H

#include "migrate/courier.h"
#include "migrate/flight.h"
#include "migrate/lookup.h"
#include "migrate/merge.h"
#include "migrate/migrate.h"
#include "migrate/numbers.h"
#include "migrate/progress.h"
#include "record/record.h"

#define IMPORT_LOOKUPS 8 /* look-ups under way at once */

/* What a user under way is about, where that is not plain from the state: the error code of SENDING. */
#define IMPORT_CLAIMING TEXT("claiming") /* a user found at the target gets our external id */
#define IMPORT_DELETING TEXT("deleting")

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
    struct source *source; /* NULL: none is read */
    struct ledger *ledger;
    struct ledger_run run;
    struct courier *courier;
    struct rejects *rejects;
    struct progress progress;
    struct field_hasher hasher;
    struct json *json, *lookup_json;
    struct arena arena; /* of the row in hand */
    struct buf content; /* of the user that is put */
    struct flight *flights, *free;
    size_t flight_count, flying;            /* slots; those not free */
    struct flight_queue ready;              /* intents put, not durable yet */
    struct flight_queue parked;             /* another process has their users now */
    struct flight_queue look[LOOKUP_KINDS]; /* to be looked up, by what */
    struct lookup lookups[IMPORT_LOOKUPS];
    int64_t look_at;    /* when a look-up that is not full is sent */
    int64_t park_until; /* when those parked are claimed again */
    size_t puts;        /* into the ledger since the last commit */
    int64_t first_put, drain_until;
    uint64_t taken;
    struct numbers seen; /* rows of the ledger whose users the export has */
    /* Where users come from: takes the next one, or sets at_end. 0 or -1. */
    int (*feed)(struct import *import, struct err *err);
    struct ledger_walk walk; /* for feeds that walk the ledger */
    int64_t undo;            /* the run that is taken back */
    bool undo_preview;       /* undo: counts only */
    bool at_end, stopping, failed;
    struct err err; /* of `failed` */
};

/* Runs the loop until the feed ends and everybody has landed. 0, or -1. */
int import_run(struct import *import, struct err *err);

/* Opens ledger, courier and slots; closes all. */
int import_open(struct import *import, const struct ledger_opts *ledger, struct err *err);
void import_close(struct import *import);
/* Begins a run, under the name that the ledger's list has it by; ends it, if one was begun, with the last commit. */
int import_begin(struct import *import, struct text command, struct err *err);
int import_end(struct import *import, bool failed, struct err *err);

/* Whether Ctrl-C was pressed or the import has failed. */
bool import_is_over(const struct import *import);

/* Lists of flights: a stack of the free ones, queues of the others. NULL when there is none. */
void import_push(struct flight **list, struct flight *flight);
struct flight *import_pop(struct flight **list);
void import_queue(struct flight_queue *queue, struct flight *flight);
struct flight *import_dequeue(struct flight_queue *queue);

/* Takes a free slot for a user. */
struct flight *import_take(struct import *import, uint64_t row, struct text id,
                           enum migrate_action action);

/* Ends the whole import with an error; the first one stays. */
void import_fail(struct import *import, const struct err *err);

/* The record of the flight's row, as the ledger keeps it; valid until the next call. */
struct text import_content(struct flight *flight);
/* Puts a record into the open transaction of the ledger; a failure ends the import. */
void import_put(struct import *import, const struct ledger_user *user);
/* The flight's user, with the content that its hashes and marks tell; or with what the ledger had. */
void import_put_flight(struct flight *flight, enum ledger_state state, const char *code);
void import_put_written(struct flight *flight, enum ledger_state state, struct text code);
/* Claims the user to be created and queues the flight, or lands it if another process has the user. */
int import_claim(struct flight *flight, struct err *err);
/* Claims those parked again, if it is time to. */
int import_retake(struct import *import, struct err *err);

/* Gives a slot back. The others put the outcome first: done, failed, a conflict, to be taken up by the next
 * run, gone from the ledger. */
void import_land(struct flight *flight);
void import_done(struct flight *flight);
void import_failed(struct flight *flight, const char *code, const char *field, const char *detail);
void import_conflict(struct flight *flight, const char *code, const char *field,
                     const char *detail);
void import_put_back(struct flight *flight);
void import_removed(struct flight *flight);

/* Says that an identifier was left behind. */
void import_split(struct flight *flight, const char *code, const char *field, const char *detail);
/* Says that both sides changed a value; struct merge.told. */
void import_merged(void *flight, enum user_field field, struct text path, enum merge_result merge);

/* Posts the user's creation; has it looked up in delay_us; its identifiers' owners. */
void import_create(struct flight *flight);
void import_look(struct flight *flight, int64_t delay_us);
void import_look_owners(struct flight *flight);

/* Posts the first step of a flight whose intent is durable. */
void import_begin_steps(struct flight *flight);
/* On to the next step of a user who is at the target; done when there is none. */
void import_go_on(struct flight *flight);
/* Claims the user, puts the intent, and queues the flight for its steps; or lands it if another process
 * has the user. */
void import_intend(struct flight *flight, struct text code);

/* Sends look-ups for the flights that wait for one, up to 100 in each; what they find. */
void import_send_lookups(struct import *import);
void import_found(struct lookup *lookup, struct lookup_item *item, struct json_value user);
void import_ended(struct lookup *lookup, const struct err *err);

/* A user is found who is to be merged (take_over: as it is); or whom a create of ours has made; or who was there
 * before. */
void import_merge_found(struct flight *flight, struct json_value there, bool take_over);
void import_ours_found(struct flight *flight, struct json_value user);
void import_existing_found(struct flight *flight, struct json_value user);
/* Adds to what was written the witnesses of a create whose answer was lost, as far as they can be known. */
void import_witness_create(struct flight *flight, struct json_value there);

/* Queues the flight for the next kind of identifier that it has, from `from` on; somebody has that value. */
void import_ask_owners(struct flight *flight, size_t from);
void import_owner_found(struct flight *flight, struct text value, struct json_value user);

/* Feeds: the rows of the export; who is no longer in it; whom a run created. */
int import_read_row(struct import *import, struct err *err);
int import_feed_gone(struct import *import, struct err *err);
int import_feed_undo(struct import *import, struct err *err);

/* Begins a walk through the ledger, in place of the one before. */
void import_walk(struct import *import);
/* The next user of the ledger; NULL at the end (*err untouched) or on an error (-1). */
int import_next_known(struct import *import, const struct ledger_user **user, struct err *err);

/* Lists who is gone, asks, acts. 0 or -1. */
int import_gone(struct import *import, struct err *err);

/* What a look-up found of a user whom undo is about. */
void import_undo_found(struct flight *flight, struct json_value user);

#endif
