/* The inside of ledger: what its files share. Nobody else includes this. */
#ifndef USHER_LEDGER_STORE_H
#define USHER_LEDGER_STORE_H

#include "ledger/ledger.h"
#include "sql/sql.h"

#define LEDGER_KNOWN_BITS 16

#define LEDGER_AHEAD 256

/* Rows read ahead of those that are asked for, in the order of their numbers. */
struct ledger_ahead {
    struct arena arena;
    struct ledger_user users[LEDGER_AHEAD];
    size_t at, count; /* the next one expected */
    int64_t last;     /* number of the user found last */
};

/* unchanged.c: the users that are done, by a hash of what they are and have. */
struct ledger_unchanged {
    uint64_t (*sum)(struct text content); /* NULL: is never asked */
    uint64_t misses, misses_next;         /* look-ups of one row; when to think about a file next */
    uint64_t buckets;
    size_t memory_max; /* bytes */
    void *table;       /* the buckets in memory; or NULL, and they are in a file: */
    int fd;            /* -1: there is none */
    bool made, ready;  /* made, or tried; may be asked */
};

struct ledger {
    struct sql *sql;
    char *path; /* for messages: without a password */
    bool read_only, alone;
    bool broken; /* a write failed: what stands in the file is the last commit, and so it stays */
    struct hash_key key;
    int64_t changes[LEDGER_STATE_COUNT]; /* of the numbers of users, by the open transaction */
    /* States of users found or put lately: 61 bits of a hash, and in the other three what is known. */
    uint64_t *known;
    int64_t writer;          /* our id among the writers; 0: none yet */
    int64_t lease_ms;        /* how long a renewal holds */
    int64_t renewed_us;      /* when we renewed last */
    int64_t buried_us;       /* when we last looked who has died */
    int64_t counted_us;      /* when we last looked who else writes … */
    bool in_company;         /* … and whether there was somebody */
    int64_t clock_offset_ms; /* from the monotonic clock to the database's */
    int64_t swept_us;        /* when what had expired was last cleared away */
    struct ledger_ahead ahead;
    struct ledger_unchanged unchanged;
};

/* schema.c: what the database is, is made or upgraded to be, and for which migration it was made. */
int ledger_check_file(const char *path, struct err *err);
int ledger_load(struct ledger *ledger, const struct ledger_identity *identity, struct err *err);

/* writers.c: becomes a writer, or says who is in the way; ends being one. */
int ledger_enlist(struct ledger *ledger, struct err *err);
void ledger_retire(struct ledger *ledger);
/* Inside a transaction: renews the lease if a third of it is over. */
int ledger_keep_lease(struct ledger *ledger, struct err *err);
/* Inside a transaction: strikes out writers of this machine whose process is gone, at most once a second. */
int ledger_bury(struct ledger *ledger, struct err *err);
/* Inside a transaction: looks who else writes, at most once a second. */
int ledger_look_around(struct ledger *ledger, struct err *err);
/* The database's clock. */
int64_t ledger_now_ms(const struct ledger *ledger);

/* Opens a transaction if none is open. -1 also if an earlier write failed or the ledger is read only. */
int ledger_begin(struct ledger *ledger, struct err *err);
/* After a failed write: rolls back and refuses further ones. Always returns -1. */
int ledger_break(struct ledger *ledger);
/* Ends a write: passes 0 on; else wraps *err and breaks the ledger. */
int ledger_wrote(struct ledger *ledger, int status, struct err *err);

/* Small named values. *value is copied into arena, absent if there is none. */
int ledger_meta_get(struct ledger *ledger, struct text name, struct arena *arena,
                    struct text *value, struct err *err);
int ledger_meta_put(struct ledger *ledger, struct text name, struct text value, struct err *err);

/* ahead.c: the user if it was read ahead, or NULL. */
const struct ledger_user *ledger_ahead_find(struct ledger *ledger, struct text external_id);
/* After a look-up: reads ahead if the row stands beside the one found before. */
int ledger_ahead_found(struct ledger *ledger, int64_t number, struct err *err);
/* The user is written: what was read ahead of it no longer holds. */
void ledger_ahead_spoil(struct ledger *ledger, struct text external_id);
void ledger_ahead_init(struct ledger *ledger);
void ledger_ahead_release(struct ledger *ledger);

/* walk.c: up to `room` users whose number is above `after`, in its order; fewer: there are no more. */
int ledger_page(struct ledger *ledger, int64_t after, struct arena *arena,
                struct ledger_user *users, size_t room, size_t *count, struct err *err);

/* unchanged.c: nothing is known yet; what was is given back. */
void ledger_unchanged_init(struct ledger *ledger, const struct ledger_opts *opts);
void ledger_unchanged_release(struct ledger *ledger);

/* users.c: the columns of a user as ledger_read_row takes them; and its texts copied. */
#define LEDGER_COLUMNS "external_id, state, clerk_id, error_code, hashes, attempts, run, made"
#define LEDGER_READ    LEDGER_COLUMNS ", number"
void ledger_read_row(struct sql_query *query, struct ledger_user *user);
int ledger_copy_user(struct arena *arena, struct ledger_user *user, struct err *err);
/* A state as it is stored; a number that is none, as only damage leaves it, reads as one that is looked up. */
enum ledger_state ledger_state_read(struct sql_query *query, int column);
/* Puts *t into the arena; false when that is full. The absent text stays absent. */
bool ledger_copy_text(struct arena *arena, struct text *t);

#endif
