/*
 * migrate: moving users in bulk. Each command of this folder reads an export (source/), knows what has
 * moved (ledger/) and talks to Clerk (target/); it prints nothing, but tells what happens through
 * struct migrate_events.
 *
 * The way of a user through an import, exactly once:
 *
 *     source_next → decide (ledger) → ledger: SENDING, committed → pace → POST /v1/users → ledger: DONE
 *
 * A request whose fate is unknown (crash, timeout, connection lost, 5xx) is never repeated blindly: its
 * user is looked up by external id, and adopted or sent again. External ids are unique at the target, so
 * even a race of the two makes one user.
 */
#ifndef USHER_MIGRATE_H
#define USHER_MIGRATE_H

#include "base/base.h"
#include "digest/digest.h"
#include "ledger/ledger.h"
#include "migrate/map.h"
#include "source/source.h"
#include "target/target.h"
#include "user/user.h"

/* What is done with a user. */
enum migrate_action {
    MIGRATE_CREATE,
    MIGRATE_UPDATE,    /* known, and changed at the source since */
    MIGRATE_UNCHANGED, /* known, and the same as last time */
    MIGRATE_ADOPT,     /* at the target already, and taken over */
    MIGRATE_BAN,       /* no longer in the export, and banned */
    MIGRATE_DELETE,    /* the same, or by an undo, and deleted */
    MIGRATE_CONFLICT,  /* an identifier belongs to another user of the target */
    MIGRATE_REJECT,    /* the rules refuse the row */
    MIGRATE_ACTION_COUNT
};

/* "create", "update", … */
const char *migrate_action_name(enum migrate_action action);

/* The figures of a command; what does not apply stays 0. */
struct migrate_totals {
    uint64_t rows, accepted, rejected;
    uint64_t created, adopted, updated, unchanged, failed, conflicts;
    uint64_t split;           /* identifiers left behind because the target refused them */
    uint64_t kept, overruled; /* values that both sides changed, by who won */
    uint64_t gone;            /* in the ledger, and no longer in the export */
    uint64_t departed;        /* verify: the same, and no longer at the target either */
    uint64_t removed;         /* of those, or by an undo: deleted or banned now */
    uint64_t spared;          /* undo: left because they have signed in or changed */
    uint64_t pending;         /* accepted but not moved: stopped before */
    /* verify: users of the target, and of those that are ours: as written, other than written (changed by
     * somebody in Clerk since, or not), and not there at all; changed at the source since the last import;
     * secrets that cannot be compared */
    uint64_t at_target, others, same, changed, different, missing, stale, unseen;
    uint64_t requests, refused_429, retries;
    uint64_t reasons[USER_REASON_COUNT];
    int64_t elapsed_us;
};

struct migrate_progress {
    const struct migrate_totals *totals;
    uint64_t bytes_read, bytes_total; /* of the export; total 0 if unknown */
    double rate;                      /* requests a second over the last ten seconds */
    double allowance;                 /* requests a second that the limit allows; 0: unlimited */
};

/* A user that did not come through as it was in the export. */
struct migrate_trouble {
    uint64_t row;
    struct text id;
    const char *code;   /* a reason name or Clerk's error code */
    const char *field;  /* the identifier or field meant, or "" */
    const char *detail; /* one sentence, no secret */
};

/* Called on the command's thread; any of them may be NULL. */
struct migrate_events {
    void (*opened)(void *arg, const struct source *source);           /* the export is open */
    void (*row)(void *arg, const struct source_row *row);             /* every row read */
    void (*closing)(void *arg, struct source *source);                /* all rows have been read */
    void (*failed)(void *arg, const struct migrate_trouble *trouble); /* a user was not moved */
    void (*split)(void *arg,
                  const struct migrate_trouble *trouble); /* an identifier stayed behind */
    void (*differs)(void *arg, const struct migrate_trouble *trouble);  /* verify */
    void (*conflict)(void *arg, const struct migrate_trouble *trouble); /* somebody else has it */
    void (*merged)(void *arg,
                   const struct migrate_trouble *trouble);          /* both sides changed a value */
    void (*gone)(void *arg, const struct migrate_trouble *trouble); /* no longer in the export */
    /* Whether to go on with what cannot be taken back; NULL: no. */
    bool (*consent)(void *arg, const struct migrate_totals *totals);
    void (*progress)(void *arg, const struct migrate_progress *progress); /* ten times a second */
    void *arg;
};

/* Where to send, and how fast. */
struct migrate_target {
    struct text api_url, key;
    const char *key_from; /* where the key was found, for messages */
    uint32_t rate;        /* requests a second; 0: what Clerk allows the kind of instance */
    bool unlimited;       /* no pacing at all (a sandbox without limits) */
    uint32_t share;       /* percent of the allowance, 1-100; 0: 100 */
    int64_t patience_us;  /* how long to go on without an answer; 0: five minutes */
    uint32_t spent;       /* requests of this process that count against the limit already … */
    int64_t spent_us;     /* … and when the last of them was answered (clock_now_us) */
};

/* What to do with a user whom the target has and the ledger does not know. */
enum migrate_existing {
    MIGRATE_EXISTING_REPORT, /* a conflict */
    MIGRATE_EXISTING_ADOPT,  /* taken into the ledger, with the external id if it has none */
    MIGRATE_EXISTING_UPDATE  /* the same, and what it lacks is written */
};

/* What to do with users who are no longer in the export. */
enum migrate_gone { MIGRATE_GONE_REPORT, MIGRATE_GONE_BAN, MIGRATE_GONE_DELETE };

struct migrate_opts {
    struct source_opts source;
    const char *ledger;  /* path; NULL for commands that do without */
    const char *rejects; /* where raw rejected and failed rows go, or NULL */
    struct migrate_target target;
    uint64_t limit;          /* at most so many users are moved; 0: all */
    const char *const *only; /* external ids, only_count of them; 0: all */
    size_t only_count;
    uint64_t prefer; /* bits of the fields in which the source wins over Clerk (USER_FIELD_BIT) */
    enum migrate_existing existing;
    enum migrate_gone gone;
    bool force; /* act on a suspicious share of gone users; undo: also who has signed in since */
};

/*
 * Raised by a signal handler: the first request stops reading and sending and waits for what is in
 * flight; the second leaves at once. Either way the ledger can go on.
 */
struct migrate_stop {
    volatile int requests;
};

/* What the answers said about the target: for the first line of a command and the ledger's identity. */
struct migrate_instance {
    char id[64];          /* "ins_…" */
    char environment[24]; /* "development", "production" */
    uint32_t requests;    /* that it took to ask */
};

/*
 * Asks the target who it is (GET /v1/instance), which also proves URL, TLS and key. Returns 0, or -1:
 * ERR_NETWORK (unreachable, TLS, no Clerk there), ERR_REFUSED (the key), each with the next step.
 */
int migrate_probe(const struct migrate_target *target, struct migrate_instance *instance,
                  struct err *err);

/* Reads the export and counts; no network, no ledger. 0, or -1 as source_next. */
int migrate_check(const struct migrate_opts *opts, const struct migrate_events *events,
                  const struct migrate_stop *stop, struct migrate_totals *totals, struct err *err);

/* What an import would do with a row. */
struct migrate_planned {
    uint64_t row;
    struct text id;
    enum migrate_action action;
    const char *detail; /* why, or "" */
};

/*
 * Says what an import would do, writing nothing: `planned` is called for each row that is wanted, not
 * always in file order. The ledger is read if there is one. totals->requests becomes the number of
 * requests that the import would take, *allowance how many a second the limit allows (0: unlimited).
 * Returns 0 or -1.
 */
int migrate_plan(const struct migrate_opts *opts, const struct migrate_instance *instance,
                 const struct migrate_events *events,
                 void (*planned)(void *arg, const struct migrate_planned *planned),
                 const struct migrate_stop *stop, struct migrate_totals *totals, double *allowance,
                 struct err *err);

/* Moves the users. 0 when it ran to the end or was stopped (see totals->pending), or -1. */
int migrate_import(const struct migrate_opts *opts, const struct migrate_instance *instance,
                   const struct migrate_events *events, const struct migrate_stop *stop,
                   struct migrate_totals *totals, struct err *err);

/*
 * Takes back what a run created: shows how many would go and who is spared (events.differs), asks
 * events.consent, deletes. totals: removed, spared, and pending if consent was not given. 0, or -1.
 */
int migrate_undo(const struct migrate_opts *opts, const struct migrate_instance *instance,
                 int64_t run, const struct migrate_events *events, const struct migrate_stop *stop,
                 struct migrate_totals *totals, struct err *err);

/*
 * The same for organizations and their members (source/roster.h): opts->source.path is read twice, organizations
 * first. Members need their users in the ledger. totals count organizations and memberships together.
 */
int migrate_plan_organizations(const struct migrate_opts *opts,
                               const struct migrate_instance *instance,
                               const struct migrate_events *events,
                               void (*planned)(void *arg, const struct migrate_planned *planned),
                               const struct migrate_stop *stop, struct migrate_totals *totals,
                               struct err *err);
int migrate_import_organizations(const struct migrate_opts *opts,
                                 const struct migrate_instance *instance,
                                 const struct migrate_events *events,
                                 const struct migrate_stop *stop, struct migrate_totals *totals,
                                 struct err *err);
int migrate_verify_organizations(const struct migrate_opts *opts,
                                 const struct migrate_instance *instance,
                                 const struct migrate_events *events,
                                 const struct migrate_stop *stop, struct migrate_totals *totals,
                                 struct err *err);
int migrate_undo_organizations(const struct migrate_opts *opts,
                               const struct migrate_instance *instance, int64_t run,
                               const struct migrate_events *events, const struct migrate_stop *stop,
                               struct migrate_totals *totals, struct err *err);

/* A class of digests in an export, and whether a canary stands for it. */
struct migrate_class {
    char name[DIGEST_CLASS_MAX];
    uint64_t count;
    char example[128]; /* an external id of the class, to take a canary from */
    bool covered;
};

#define MIGRATE_CLASSES_MAX 64

/* What is known of the canaries after the export has been read. */
struct migrate_canaries {
    struct migrate_class classes[MIGRATE_CLASSES_MAX];
    size_t class_count;
    uint64_t uncovered; /* digests in classes without a canary */
    size_t passwords, passwords_proven, totps, totps_proven;
    uint64_t requests; /* that it took to move and prove them */
};

/*
 * Canaries prove the digests and second factors before the many go: a few users whose passwords are known. Of a
 * second factor the code that its app shows now is (totp_code), or the secret behind it (totp_secret), or neither:
 * then the secret that the export has is proven.
 *
 *     canaries_open(&canaries, "canaries.jsonl", &err);     // {"external_id":…,"password":…} a line
 *     canaries_survey(canaries, &opts, &found, &err);       // reads the export: classes, who covers which
 *     canaries_prove(canaries, …);                          // moves the canaries alone, verifies each
 *     canaries_close(canaries);                             // wipes the passwords
 */
struct canaries;

/* Reads them: JSON Lines, or "external_id,password" lines. -1: ERR_IO, or ERR_INPUT naming the line. */
int canaries_open(struct canaries **canaries, const char *path, struct err *err);
void canaries_close(struct canaries *canaries);

/* Reads the export once. -1: as source_next; ERR_INPUT if a canary is not in it, or not what it is to prove. */
int canaries_survey(struct canaries *canaries, const struct migrate_opts *opts,
                    struct migrate_canaries *found, struct err *err);

/*
 * Moves the canaries, and nobody else, and asks the target to verify each one's password and code. Returns 0 when
 * all are proven, or -1: ERR_REFUSED naming the canary and what failed.
 */
int canaries_prove(struct canaries *canaries, const struct migrate_opts *opts,
                   const struct migrate_instance *instance, const struct migrate_events *events,
                   const struct migrate_stop *stop, struct migrate_canaries *found,
                   struct err *err);

/*
 * Asks the target, for canaries that have been moved, to verify each one's password and code; moves nobody, and
 * needs no ledger. The export must have been surveyed. Returns and fails as canaries_prove.
 */
int canaries_verify(struct canaries *canaries, const struct migrate_opts *opts,
                    struct migrate_canaries *found, struct err *err);

/*
 * Reads every user of the target back and compares field by field with what the export says and what the
 * ledger did: events.differs, with the code
 *     changed   somebody has changed the user in Clerk since the last write
 *     lost      nobody has, and yet it is not what was written
 *     other     it is not what was written, and nobody can tell why
 *     missing   the ledger, or the export, has the user, the target has not
 *     stale     the source has changed since the last import
 * Without a ledger (opts->ledger NULL) the export alone says what should be there. totals then balance:
 * rows = created + updated + unchanged + adopted + rejected + conflicts + failed + pending, and
 * at_target = same + changed + different + others. Who has left the export and the target both is `departed`, and
 * nothing that differs. 0, or -1.
 */
int migrate_verify(const struct migrate_opts *opts, const struct migrate_events *events,
                   const struct migrate_stop *stop, struct migrate_totals *totals, struct err *err);

#endif
