/*
 * plan: the state of one plan, and what its files have of each other: plan.c reads and asks, plan_user.c
 * judges one user, plan_gone.c finds who is gone.
 */
#ifndef USHER_MIGRATE_PLAN_H
#define USHER_MIGRATE_PLAN_H

#include "migrate/lookup.h"
#include "migrate/merge.h"
#include "migrate/numbers.h"
#include "migrate/owners.h"
#include "migrate/progress.h"

#define PLAN_BATCHES 8

struct candidate {
    uint64_t row;
    bool update;         /* known to the ledger, and changed since */
    bool there;          /* at the target, by external id */
    size_t steps;        /* requests that a merge takes */
    struct buf id, body; /* external id; CreateUser body */
    struct buf written;  /* update: what the ledger has */
    struct buf names;    /* identifiers: a letter, the value, a NUL */
    struct buf changes;  /* update: the fields that changed */
    struct field_hashes hashes;
    char owner[64]; /* there, and not by our doing: who it is; gone: whom the ledger has */
    struct owners owners;
};

struct plan;

struct plan_batch {
    struct plan *plan;
    struct lookup lookup;
    struct candidate users[LOOKUP_MAX];
    size_t count, at; /* users; the one whose names are asked for next */
    size_t name_at;   /* offset in its names */
    bool sent;
};

struct plan {
    const struct migrate_opts *opts;
    const struct migrate_events *events;
    const struct migrate_stop *stop;
    void (*planned)(void *arg, const struct migrate_planned *planned);
    struct migrate_totals *totals;
    struct source *source;
    struct ledger *ledger; /* NULL: there is none yet */
    struct courier *courier;
    struct field_hasher hasher;
    struct hash_key key; /* of the ledger, or random */
    struct json *json, *row_json;
    struct steps steps;
    struct buf marks;
    struct arena arena;
    struct ledger_walk walk; /* of who is gone */
    struct numbers seen;     /* rows of the ledger whose users the export has */
    struct plan_batch batches[PLAN_BATCHES];
    size_t under_way;
    uint64_t moved, requests,
        looks; /* looks: users that the import looks up, a hundred a request */
    bool at_end, failed;
    struct progress progress;
    struct err err;
};

/* Counts a user and tells of it. */
void plan_report(struct plan *plan, uint64_t row, struct text id, enum migrate_action action,
                 const char *detail);

/* Fills batches and sends their look-ups until there is nothing to fill them with (plan->at_end). 0 or -1. */
int plan_batches(struct plan *plan, int (*fill)(struct plan_batch *batch, struct err *err),
                 struct err *err);
/* The batch's users have been judged, or err says why not; it may be filled again. */
void plan_end_batch(struct plan_batch *batch, const struct err *err);

/* Tells who is no longer in the export, asking the target whether they are there. 0 or -1. */
int plan_gone(struct plan *plan, struct err *err);

/* Prepares a candidate; release gives its memory back. */
void candidate_init(struct candidate *user);
void candidate_release(struct candidate *user);

/* Takes a row; written is what the ledger has of a user who has changed since, or NULL for a new one. */
int candidate_take(struct plan *plan, struct candidate *user, const struct source_row *row,
                   const struct field_hashes *hashes, const struct text *written, struct err *err);

/* The target has the user, by external id; or somebody has an identifier of it. */
int candidate_there(struct plan *plan, struct candidate *user, struct json_value there,
                    struct err *err);
void candidate_owner(struct plan *plan, struct candidate *user, enum user_field field,
                     struct text value, struct json_value owner);

/* Everything is known: counts and tells what an import would do. */
void candidate_report(struct plan *plan, struct candidate *user);

#endif
