/*
 * book: the shared ledger as the gateway's workers use it: one connection, in turn, opened again after it
 * failed. What several gateways and imports must agree on is in there and nowhere else: who is being moved,
 * who has been, how many guesses were made.
 *
 * All that writes returns once it is durable; what many workers write at the same time shares a commit.
 */
#ifndef USHER_TRICKLE_BOOK_H
#define USHER_TRICKLE_BOOK_H

#include "ledger/ledger.h"

struct book;

/* Opens the ledger of an instance. Returns 0 or -1 as ledger_open. */
int book_open(struct book **book, const char *path, struct text instance, struct err *err);
void book_close(struct book *book);

/* All that follow: from any thread; -1: the ledger cannot be used right now. */

/* Whether a user has been moved; *clerk_id in the arena, absent if not. */
int book_find(struct book *book, struct text external_id, struct arena *arena,
              struct text *clerk_id, struct err *err);

/* The key under which records of users are made. */
int book_key(struct book *book, struct hash_key *key, struct err *err);

/* Something that is counted: the guesses of a key ("guess", "jane@example.com") in the running window. */
struct book_tally {
    const char *kind;
    struct text key;
    int64_t add;
    int64_t sum, until_ms; /* what it has come to, and the end of the window */
};

/* Adds to each, all in one transaction. A window begins with the first addition and is so many seconds long. */
int book_tally(struct book *book, struct book_tally *tallies, size_t count, int64_t seconds,
               struct err *err);

/* A claim; whoever makes it keeps it where it is until it is settled. */
struct book_claim {
    struct text external_id;   /* of whom, set by the caller; lives as long */
    struct text record;        /* of what the create is to bring, set by the caller; absent: none */
    struct ledger_claim found; /* TAKEN also if another worker of this process has the user */
    struct book_claim *next;   /* private */
};

/* Claims a user as ledger_claim does, and adds to tallies in the same transaction. */
int book_claim(struct book *book, struct book_claim *claim, struct arena *arena,
               struct book_tally *tallies, size_t count, struct err *err);

/*
 * Settles a claimed user: DONE with a clerk_id, FAILED with an error_code, PLANNED if nothing was sent. Without a
 * record (hashes) a later import takes the user for one whom it did not write. The claim is over in any case.
 */
int book_settle(struct book *book, struct book_claim *claim, const struct ledger_user *outcome,
                struct err *err);

/* Settles as DONE a user whom this gateway moved, and counts the hour, in one transaction. */
int book_settle_moved(struct book *book, struct book_claim *claim,
                      const struct ledger_user *outcome, struct err *err);

/* How many users all gateways moved in each of the last hours, the running one first. */
#define BOOK_HOURS 48
int book_hours(struct book *book, uint32_t hours[BOOK_HOURS], struct err *err);

/* Whether a key of a kind is seen for the first time. As ledger_once. */
int book_once(struct book *book, const char *kind, struct text key, int64_t expires_ms, bool *first,
              struct err *err);

/* Whether a key was noted, and notes one. */
int book_seen(struct book *book, const char *kind, struct text key, bool *seen, struct err *err);
int book_note(struct book *book, const char *kind, struct text key, int64_t expires_ms,
              struct err *err);

/* How many users are done; for the live page. */
int book_done(struct book *book, uint64_t *count, struct err *err);

/* Keeps the lease. Now and then. */
void book_tend(struct book *book);

#endif
