/*
 * ledger: the durable record of what has moved: an SQLite file of mode 0600, or a PostgreSQL database
 * (postgres://…). It holds no names, addresses or digests: external id, Clerk id, state, attempts, error
 * code, one keyed 64-bit hash per field of what was last written.
 *
 * The protocol (exactly once): a user is claimed, which commits it as SENDING before the request leaves; DONE,
 * FAILED or REJECTED with its answer. After a crash whoever is SENDING is looked up at the target by external
 * id. Writes go into one transaction until ledger_commit: many users a commit, none acknowledged before it.
 *
 *     ledger_open(&ledger, &opts, &err);
 *     ledger_claim(ledger, &user, &claim, &err); … ledger_commit(ledger, &err);   // then send
 *     ledger_put(ledger, &user, &err); … ledger_commit(ledger, &err);             // the outcomes
 *     ledger_close(ledger);
 *
 * Several processes may write at the same time: imports, gateways. Each is a writer with a lease; a user that it
 * has claimed is its own until an outcome is put, and nobody else moves that user meanwhile. The lease is
 * renewed by every commit, or by ledger_renew when there is nothing to commit for a while. When it has run out,
 * or at once when the process has died on the same machine, the next one to claim the user takes over
 * (and looks at the target first). Transactions of several writers take turns: keep them short.
 *
 * After a write that failed (a full disk, a lost server) nothing more is written: every further put and commit
 * fails, the ledger stays at the last commit, and the same command goes on from there when run again. What was
 * put and not committed when the ledger is closed is dropped.
 */
#ifndef USHER_LEDGER_H
#define USHER_LEDGER_H

#include "base/base.h"

enum ledger_state {
    LEDGER_PLANNED, /* known, nothing sent */
    LEDGER_SENDING, /* a request may have left: its outcome is unknown until answered or looked up */
    LEDGER_DONE,    /* at the target, clerk_id known */
    LEDGER_FAILED, /* the target refused the user; sent again when its content changes or on --retry */
    LEDGER_REJECTED, /* never sent: the rules refused it */
    LEDGER_STATE_COUNT
};

/*
 * The error code of a PLANNED user of whom a request may have left all the same: its writer gave up asking and
 * goes on with others. Whoever claims it looks at the target first.
 */
#define LEDGER_UNANSWERED TEXT("unanswered")

/* The name of a state as `usher status` prints it ("done"). */
const char *ledger_state_name(enum ledger_state state);

struct ledger_user {
    struct text external_id;
    struct text clerk_id;   /* absent until DONE */
    struct text error_code; /* Clerk's code or the reject reason; absent if none */
    struct text hashes;     /* 8 bytes a user field of what was last written, in fields' order */
    enum ledger_state state;
    uint32_t attempts;
    int64_t run;    /* that wrote it last */
    int64_t made;   /* the run that created it at the target; 0: none of this ledger did */
    int64_t number; /* of its row, from 1: set by reading, ignored by ledger_put */
};

/*
 * What makes two runs the same migration. A ledger made for another one is refused. Without source (and
 * mapping) the instance alone decides, as for a gateway; the first import sets the other two.
 */
struct ledger_identity {
    struct text instance;  /* of the target, from its key: never the key itself */
    struct text source;    /* platform name */
    uint64_t mapping_hash; /* source_mapping_hash */
};

struct ledger_opts {
    const char *path;                /* or a URL, as sql_open takes it */
    struct ledger_identity identity; /* ignored when reading only */
    bool read_only;                  /* for status: is no writer, does not create */
    bool alone;        /* refuses to begin while there are other writers, and keeps them out */
    uint32_t lease_ms; /* how long a writer that says nothing keeps its users; 0: 60 s */
    /* What ledger_is_unchanged compares a content (ledger_user.hashes) by: its hash; NULL: it is not asked. */
    uint64_t (*sum)(struct text content);
    size_t sums_max; /* bytes of them in memory; more become a temporary file; 0: 24 MiB */
};

/* How a run came to its end. */
enum ledger_ending { LEDGER_RAN_THROUGH, LEDGER_INTERRUPTED, LEDGER_BROKE_OFF };

/* One run of a command on the ledger, for status and undo. */
struct ledger_run {
    int64_t id;
    struct text command;
    int64_t started_ms, ended_ms; /* ended 0: running or killed */
    enum ledger_ending ending;    /* once it has ended: by itself, by somebody, by an error */
    uint64_t rows, created, adopted, updated, unchanged, failed, rejected, removed, requests;
    int64_t pid;
};

struct ledger;

/*
 * Opens, creating it if missing. Returns 0, or -1: ERR_IO (unwritable, full, a directory), ERR_UNUSABLE (no
 * ledger, damaged, of a newer version, of another migration, in use by a process that wants it alone),
 * ERR_NETWORK and ERR_REFUSED as sql_open. Each message says what to do. A ledger of an older version is
 * upgraded in place.
 */
int ledger_open(struct ledger **ledger, const struct ledger_opts *opts, struct err *err);
void ledger_close(struct ledger *ledger);

/* Whether there is one: a file, or a database in which somebody has begun one. 1 or 0, or -1 as ledger_open, or
 * ERR_IO where none could be made, as the folder is missing. */
int ledger_exists(const char *path, struct err *err);

/* How messages name it: the path, or the URL without password and options. */
const char *ledger_name(const struct ledger *ledger);

/* The key of the field hashes, random per ledger. */
const struct hash_key *ledger_key(const struct ledger *ledger);

/* Finds a user. *found tells; texts of *user are copied into arena. Sees uncommitted puts. */
int ledger_find(struct ledger *ledger, struct text external_id, struct arena *arena,
                struct ledger_user *user, bool *found, struct err *err);

/*
 * Finds up to LEDGER_FIND_SOME users, none of them twice, by one statement: users[i] is that of ids[i], or its number
 * is 0: there is none (an absent id is nobody's). Texts are copied into arena.
 */
#define LEDGER_FIND_SOME 100
int ledger_find_some(struct ledger *ledger, const struct text *ids, size_t count,
                     struct arena *arena, struct ledger_user *users, struct err *err);

/*
 * Whether a user is DONE with a content of that sum, as far as that can be told without looking them up; *number
 * gets that of the row. *is false: ledger_find knows. For deciding a whole export in any order: what it tells from is
 * made once, when many had to be looked up, and does not know what is written since; so ask once a user.
 */
int ledger_is_unchanged(struct ledger *ledger, struct text external_id, uint64_t sum,
                        int64_t *number, bool *is, struct err *err);

/*
 * Writes a user (insert or replace) into the open transaction, opening one if need be, and lets go of it,
 * unless it is SENDING. If another writer has it now, because our lease had run out, nothing is written:
 * that one settles it. A user who is DONE becomes another thing only if it is ours by a claim, and never REJECTED:
 * what comes late, after another writer has moved the user and let go of it, is dropped.
 */
int ledger_put(struct ledger *ledger, const struct ledger_user *user, struct err *err);

enum ledger_claim_result {
    LEDGER_CLAIMED, /* ours: to be sent once this is committed */
    LEDGER_TAKEN,   /* another writer is moving this user now */
    LEDGER_MOVED,   /* has been moved: clerk_id */
};

struct ledger_claim {
    enum ledger_claim_result result;
    bool
        look_first; /* CLAIMED, but a request of an earlier owner may have left: look at the target before sending */
    struct text clerk_id; /* MOVED: whom it has become; in the arena */
};

/*
 * Claims a user in the open transaction, opening one if need be: with state SENDING to create it at the target, or
 * DONE to change one that has been moved (which then never answers MOVED). What else is in *user is written
 * as by ledger_put if the claim succeeds. It counts from ledger_commit on.
 */
int ledger_claim(struct ledger *ledger, const struct ledger_user *user, struct arena *arena,
                 struct ledger_claim *claim, struct err *err);
/* Renews the lease if that is due; costs nothing otherwise. For loops in which nothing may be committed. */
int ledger_renew(struct ledger *ledger, struct err *err);

/* Whether there are other writers, as of a second ago. Costs nothing. */
bool ledger_in_company(const struct ledger *ledger);

/* Makes all claims and puts so far durable (fsync). Without open transaction does nothing. */
int ledger_commit(struct ledger *ledger, struct err *err);

/*
 * Calls each(user, arg) for every user in a state, in external-id order; stops if it returns non-zero. Texts
 * are valid during the call; each may find users, and put the one it was given.
 */
int ledger_each(struct ledger *ledger, enum ledger_state state,
                int (*each)(const struct ledger_user *user, void *arg), void *arg, struct err *err);

/*
 * A walk through all users as they lie, whatever their state. The ledger is free for finds and puts in between; a user
 * written meanwhile may be shown as it was.
 *
 *     ledger_walk_begin(&walk, ledger);
 *     while ((got = ledger_walk_next(&walk, &user, &err)) > 0) use(user);
 *     ledger_walk_end(&walk);
 */
#define LEDGER_WALK_PAGE 1000

struct ledger_walk {
    /* private */
    struct ledger *ledger;
    struct arena arena;
    int64_t after; /* number of the last one read */
    size_t at, count, room;
    struct ledger_user users[LEDGER_WALK_PAGE];
};

/* Begins in front of the first user; ending gives the memory back (also of one that is zeroed and never began). */
void ledger_walk_begin(struct ledger_walk *walk, struct ledger *ledger);
void ledger_walk_end(struct ledger_walk *walk);
/* The next user, valid until the next call: 1, or 0 behind the last one, or -1. */
int ledger_walk_next(struct ledger_walk *walk, const struct ledger_user **user, struct err *err);
/*
 * The same for several at once: up to `room` (at most LEDGER_WALK_PAGE) of them, which are the caller's to put in
 * another order; *count gets how many. Not to be mixed with ledger_walk_next in one walk.
 */
int ledger_walk_some(struct ledger_walk *walk, size_t room, struct ledger_user **users,
                     size_t *count, struct err *err);

/* Forgets a user, in the open transaction. No harm if there is none. */
int ledger_remove(struct ledger *ledger, struct text external_id, struct err *err);

/* How many users are in each state, uncommitted puts included. Costs little, however many there are. */
int ledger_count(struct ledger *ledger, uint64_t counts[LEDGER_STATE_COUNT], struct err *err);

/*
 * Users FAILED or REJECTED by error code, most frequent first: calls each(code, count, example, arg), where
 * example is the first external id. Texts are valid during the call.
 */
int ledger_failures(struct ledger *ledger,
                    void (*each)(struct text code, uint64_t count, struct text example, void *arg),
                    void *arg, struct err *err);

/* An organization (member is empty), or a membership in one, by their ids at the source. */
struct ledger_tie {
    struct text organization, member;
    struct text clerk_id;   /* of the organization; of the member's user; absent until DONE */
    struct text error_code; /* Clerk's, or a reason; absent if none */
    enum ledger_state state;
    struct text hashes; /* of what was last written, opaque here; absent: not known */
    int64_t run;        /* that wrote it last */
    int64_t made;       /* the run that made it; 0: it was there before, or is not there yet */
};

/* Finds a tie. *found tells; texts of *tie are copied into arena. Sees uncommitted puts. */
int ledger_tie_find(struct ledger *ledger, struct text organization, struct text member,
                    struct arena *arena, struct ledger_tie *tie, bool *found, struct err *err);
/* Writes a tie (insert or replace) into the open transaction, opening one if need be. */
int ledger_tie_put(struct ledger *ledger, const struct ledger_tie *tie, struct err *err);
/* Forgets a membership, or an organization (empty member) with all of its own, in the open transaction. */
int ledger_tie_remove(struct ledger *ledger, struct text organization, struct text member,
                      struct err *err);
/*
 * A page of the ties: up to `room` of those that come after (organization, member), each organization in front
 * of its members. *count gets how many; fewer than room: there are no more. Texts are copied into arena.
 */
int ledger_tie_page(struct ledger *ledger, struct text organization, struct text member,
                    struct arena *arena, struct ledger_tie *ties, size_t room, size_t *count,
                    struct err *err);

/* Begins a run (committed at once, with all puts before); run->command and started_ms are taken, id and pid are set. */
int ledger_run_begin(struct ledger *ledger, struct ledger_run *run, struct err *err);
/* Writes the run's figures into the open transaction; with ended_ms set when it is over. */
int ledger_run_put(struct ledger *ledger, const struct ledger_run *run, struct err *err);
/* The run of that id; *found tells. Texts are copied into arena. */
int ledger_run_find(struct ledger *ledger, int64_t id, struct arena *arena, struct ledger_run *run,
                    bool *found, struct err *err);
/* The runs, newest first, at most `room`; *count gets how many. Texts are copied into arena. */
int ledger_runs(struct ledger *ledger, struct arena *arena, struct ledger_run *runs, size_t room,
                size_t *count, struct err *err);

/*
 * What several gateways must know of each other, each under a kind ("bridge") and a key. Of the key only a keyed
 * hash of 128 bits is kept; a value is kept as it is, so put no names or addresses into one. Everything has a
 * time, in milliseconds since the epoch, from which on it is as if it were not there, and is cleared away
 * later. All are part of the open transaction, which they open if need be, and count from ledger_commit on.
 */

/* Whether a key is seen for the first time (a session that was bridged, the id of a webhook). */
int ledger_once(struct ledger *ledger, const char *kind, struct text key, int64_t expires_ms,
                bool *first, struct err *err);
/*
 * Adds to a counter that begins at 0 (guesses in a window) and gives its sum. expires_ms is taken by the first
 * addition, and *until_ms gets the one that holds.
 */
int ledger_tally(struct ledger *ledger, const char *kind, struct text key, int64_t add,
                 int64_t expires_ms, int64_t *sum, int64_t *until_ms, struct err *err);
/* The sum of a counter, without writing; 0 if there is none. */
int ledger_tally_get(struct ledger *ledger, const char *kind, struct text key, int64_t *sum,
                     struct err *err);
/* A value of at most 64 KiB; putting replaces one. Getting copies into the arena; absent if there is none. */
int ledger_value_put(struct ledger *ledger, const char *kind, struct text key, struct text value,
                     int64_t expires_ms, struct err *err);
int ledger_value_get(struct ledger *ledger, const char *kind, struct text key, struct arena *arena,
                     struct text *value, struct err *err);
/* Forgets a key of any of the three. No harm if there is none. */
int ledger_forget(struct ledger *ledger, const char *kind, struct text key, struct err *err);

#endif
