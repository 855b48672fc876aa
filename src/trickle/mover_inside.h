/* The inside of mover: what its files share. Nobody else includes this. */
#ifndef USHER_TRICKLE_MOVER_INSIDE_H
#define USHER_TRICKLE_MOVER_INSIDE_H

#include <stdatomic.h>

#include "trickle/mover.h"
#include "trickle/written.h"

struct mover {
    struct mover_opts opts;
    struct backend *backend;
    struct book *book;
    struct pool *pool;
    size_t room;            /* of its queue */
    _Atomic int64_t job_us; /* that a job takes, smoothed; 0: none has been done */
};

/* A job that a worker has begun. */
struct mover_work {
    struct mover_job *job;
    struct backend_seat *seat;
    const struct user *user; /* of the legacy system, once it said yes */
    struct legacy_call *call;
    struct backend_user holder; /* who has the identifier at Clerk, once looked up */
    bool looked_up;
    bool counted; /* as a guess */
    bool knew;    /* the password, so it was none; not written down yet */
    struct book_claim claim;
    struct written written; /* the record of what a create brings … */
    bool wrote;             /* … and whether one has, or may have, come through */
};

/* --- mover_guess.c --- */

#define MOVER_TALLIES 2

/*
 * Counts a guess before it is made, so that many at once are no way around; once a job. False, and job->end says
 * it: that is one too many, or nobody can count.
 */
bool mover_may_guess(struct mover_work *work);
/* The guess that is to be taken back, to be written with something else. Returns how many tallies. */
size_t mover_forgive(struct mover_work *work, struct book_tally to[MOVER_TALLIES]);
/* Takes it back by itself, if nothing else was written. */
void mover_forgive_now(struct mover_work *work);

/* --- mover_ask.c: facts --- */

/* Clerk's Backend API, about the identifier. */
void mover_look_up(struct mover_work *work);
/* The legacy system, and on a yes whether the user has been moved. */
void mover_ask_legacy(struct mover_work *work);

/* --- mover_move.c: deeds; false: not now --- */

/* Makes the user at Clerk, or finds that it has been made meanwhile. */
bool mover_move(struct mover_work *work);
/* Gives a user without a password the one that was proven. */
bool mover_fill(struct mover_work *work);
/* A sign-in token for who has proven the password; none shows in job->ticket. */
void mover_mint(struct mover_work *work);

#endif
