/*
 * ties: moving organizations and memberships. What this folder's ties*.c have of each other: ties.c is the loop,
 * ties_rows.c reads and decides, ties_fields.c compares and merges, ties_steps.c sends and judges
 * answers, ties_gone.c finds what is no longer in the file, ties_undo.c takes that or a run back, ties_verify.c reads everything back.
 *
 *   create:  [GET] → POST → done
 *   update:  GET → [PATCH] → [PATCH metadata] → done
 *   undo:    GET → DELETE
 *
 * An organization has no external_id at Clerk: its slug, unique in the instance, stands in for it, and its id at the
 * source is kept as private_metadata.external_id. So the fate of a lost request is known by its slug, and whose
 * it is by that id. A user is in an organization once, so that a membership sent twice is refused.
 *
 * The merge is three-way as with users, by one hash a field: of what was last written, of the source now, of the
 * target now; and metadata by its leaves, with what merges users' (merge.h).
 */
#ifndef USHER_MIGRATE_TIES_H
#define USHER_MIGRATE_TIES_H

#include "json/json.h"
#include "migrate/courier.h"
#include "migrate/migrate.h"
#include "migrate/progress.h"
#include "record/record.h"

#define TIES_AT_ONCE 128

enum tie_step {
    TIE_FREE,
    TIE_LOOK,     /* GET: what is there? */
    TIE_CREATE,   /* POST */
    TIE_UPDATE,   /* PATCH what is no metadata */
    TIE_METADATA, /* PATCH metadata */
    TIE_INSPECT,  /* undo: GET, has it been changed since? */
    TIE_DELETE    /* undo: DELETE */
};

/* In the order in which the ledger has their hashes. */
enum tie_field {
    TIE_NAME,
    TIE_SLUG,
    TIE_MEMBERS_MAX,
    TIE_ROLE, /* of memberships; the three above are of organizations */
    TIE_PUBLIC,
    TIE_PRIVATE,
    TIE_FIELD_COUNT
};

/* Keyed hashes of fields; 0: not of this kind, or not known. */
struct tie_hashes {
    uint64_t at[TIE_FIELD_COUNT];
};

struct ties;

/* An organization or membership on its way. */
struct tie {
    enum tie_step step;
    struct ties *ties;
    struct tie *next; /* in the list of free or of ready ones */
    enum roster_kind kind;
    uint64_t row;
    bool sent_before;                /* a request to make it may have left */
    bool looked;                     /* it was refused as being there, and then looked at */
    uint32_t attempts;               /* of the step */
    bool ours;                       /* it was written before, as the ledger knows */
    struct tie_hashes now, written;  /* of the source; of what was last written, if ours */
    int64_t made;                    /* as in the ledger */
    struct buf marks, written_marks; /* the leaves of their metadata (record.h), in order */
    struct buf organization, member; /* ids at the source */
    struct buf clerk_id;             /* of the organization itself, once known */
    struct buf within;               /* of a membership: its organization's Clerk id */
    struct buf user;                 /* of a membership: its user's Clerk id */
    struct buf slug, body;        /* what CreateOrganization or CreateOrganizationMembership gets */
    struct buf changes, metadata; /* what an update sends; empty: nothing */
    struct buf path, request;     /* of the current request */
    struct parcel parcel;
};

struct ties {
    const struct migrate_opts *opts;
    const struct migrate_events *events;
    const struct migrate_stop *stop;
    struct migrate_totals *totals;
    /* Called instead of sending, by a plan; NULL: send. */
    void (*planned)(struct ties *ties, const struct tie *tie, enum migrate_action action);
    void *arg; /* of whoever does the work */
    bool read_only;
    struct roster *roster;
    struct ledger *ledger;
    struct ledger_run run;
    struct courier *courier;      /* NULL: no network */
    struct json *json, *row_json; /* of answers; of the body in hand */
    struct field_hasher hasher;
    struct user_seen *seen,
        *gone;          /* what the file has; what it has no more. NULL: nobody wants to know */
    struct arena arena; /* of the entry or answer in hand */
    struct buf blob;    /* what goes into the ledger */
    struct tie at[TIES_AT_ONCE], *free, *ready, **ready_end;
    size_t flying;
    enum roster_kind pass; /* organizations first, then their members */
    bool at_end, failed;
    struct progress progress;
    struct err err; /* of `failed` */
};

/* One command on ties, as ties_do carries it out. */
struct ties_opts {
    const struct migrate_opts *migrate;
    const struct migrate_instance *instance;
    const struct migrate_events *events;
    const struct migrate_stop *stop;
    struct migrate_totals *totals;
    int (*work)(struct ties *ties, struct err *err);
    void *arg;      /* becomes ties->arg */
    bool read_only; /* the ledger is only read */
    /* A plan: called instead of sending, and the ledger only read. Else NULL. */
    void (*planned)(struct ties *ties, const struct tie *tie, enum migrate_action action);
};

/* Opens ledger and courier, does the work, ends the run that it has begun, closes. 0 or -1. */
int ties_do(const struct ties_opts *opts, struct err *err);
/* Begins a run, under the name that the ledger's list has it by. 0 or -1. */
int ties_begin(struct ties *ties, const char *command, struct err *err);
/* Moves what `fill` takes out of the source until it says so (ties->at_end), or somebody stops it. 0 or -1. */
int ties_run(struct ties *ties, int (*fill)(struct ties *ties, struct err *err), struct err *err);
/* Ends everything with an error; the first one stays. */
void ties_fail(struct ties *ties, const struct err *err);

/* A free slot, emptied; there must be one. Landing gives it back. */
struct tie *ties_take(struct ties *ties);
void tie_land(struct tie *tie);
/* Has it sent once the ledger has been committed. */
void tie_ready(struct tie *tie);

/* Writes how it stands into the ledger's open transaction; a failure ends the run. */
void tie_put(struct tie *tie, enum ledger_state state, const char *code);
/* Tells and notes that it could not be moved, and lands. */
void tie_refuse(struct tie *tie, enum ledger_state state, const char *code, const char *detail);

/*
 * Fills a slot with what an entry says: ids, body, hash. Returns 0, 1 when it was refused (and has landed), or -1.
 */
int tie_prepare(struct tie *tie, const struct roster_entry *entry, struct err *err);
/* Reads one entry, decides and, if it is to move, takes a slot. 0, or -1 as roster_next. */
int ties_read(struct ties *ties, struct err *err);

/* ties_fields.c: as Clerk names it. */
const char *tie_field_name(enum tie_field field);
/* The hashes of an Organization or OrganizationMembership object as Clerk shows it, or of the body that makes one. */
void tie_hash(struct ties *ties, enum roster_kind kind, struct json_value object,
              struct tie_hashes *hashes);
/* The leaves of its metadata, as marks in order, in place of what `marks` had. */
void tie_mark(struct ties *ties, struct json_value object, struct buf *marks);
/* The fields in which an object is not what hashes and marks say, as bits; of metadata what it has besides is nobody's
 * concern. */
unsigned tie_lacking(struct ties *ties, enum roster_kind kind, const struct tie_hashes *hashes,
                     struct text marks, struct json_value object);
/* The fields in which they differ, as bits (1 << field). */
unsigned tie_differing(const struct tie_hashes *a, const struct tie_hashes *b);
/* The ledger's form, hashes and behind them the marks; and back: what is none reads as nothing known. */
void tie_encode(const struct tie_hashes *hashes, const struct buf *marks, struct buf *to);
void tie_decode(struct text blob, struct tie_hashes *hashes, struct buf *marks);
/* How many requests it takes to write these fields. */
uint64_t tie_writes(unsigned fields);
/*
 * Which fields are to be written over what is there, as far as that can be said without looking into metadata; *kept:
 * which are not, as Clerk's side stays.
 */
unsigned tie_merge(const struct tie *tie, const struct tie_hashes *there, unsigned *kept);
/*
 * Fills changes and metadata with these fields, for an object that is there. Of metadata only leaves that are to change;
 * each that stays as Clerk has it is told. 0 or -1.
 */
int tie_write_patches(struct tie *tie, unsigned fields, struct json_value object, struct err *err);
/* Tells and counts a value that stays as Clerk has it. */
void tie_kept(struct tie *tie, const char *field);

/* Posts the request of its step. */
void tie_send(struct tie *tie);

/* ties_gone.c: notes that the file has an entry; finds, tells and, if asked to, deletes what it has no more. */
int ties_see(struct ties *ties, const struct roster_entry *entry, struct err *err);
int ties_gone(struct ties *ties, struct err *err);
/* Whether a row of the ledger was found to be gone. Asked once a row. */
int ties_is_gone(struct ties *ties, const struct ledger_tie *row, bool *is, struct err *err);
/* ties_undo.c: deletes those. */
int ties_remove_gone(struct ties *ties, struct err *err);

/* ties_undo.c: what TIE_INSPECT found (absent: nothing is there); TIE_DELETE has been answered. */
void tie_inspected(struct tie *tie, struct json_value object);
void tie_deleted(struct tie *tie);

#endif
