/*
 * mover: what a sign-in may wait for: the legacy system, the ledger, Clerk's Backend API. A few workers, each
 * with one person's request at a time, and a queue of fixed length in front of them.
 *
 *     mover_put(mover, &job);      // on a loop; false: the queue is full
 *     … job.done(&job) on job.loop, when the decision has come to an action that answers the request
 *
 * A job's facts are those at the beginning, and those of the decision at the end.
 */
#ifndef USHER_TRICKLE_MOVER_H
#define USHER_TRICKLE_MOVER_H

#include "net/net.h"
#include "trickle/backend.h"
#include "trickle/book.h"
#include "trickle/decide.h"
#include "trickle/events.h"
#include "trickle/legacy.h"
#include "trickle/settings.h"

struct mover;

/* How it ended, where the action alone does not say it. */
enum mover_end {
    MOVER_DECIDED,   /* action says what to do; move and fill have been done */
    MOVER_THROTTLED, /* too many guesses: retry_after_s */
    MOVER_LATER      /* as refuse_later, though the decision was to move or fill: that failed */
};

struct mover_job {
    struct loop_task task; /* first; private */
    struct loop *loop;     /* where done is called; NULL: on the worker's thread */
    void (*done)(struct mover_job *job);
    struct decide_facts facts;
    struct text identifier,
        password;        /* until done; password absent: only whether there is such a user */
    struct text address; /* of the browser */
    /* What came of it; texts in arena, which the mover initialises and whoever called releases. */
    enum decide_action action;
    enum mover_end end;
    int64_t retry_after_s;
    struct arena arena;
    struct text clerk_id, external_id; /* once known */
    bool by_phone;                     /* the old system has verified the number that was typed */
    bool moved;                        /* by this job */
    bool wants_ticket;                 /* a sign-in token, if the password is right */
    struct text ticket;
    struct mover *mover; /* private */
};

struct mover_opts {
    const struct settings *settings; /* outlive the mover */
    struct legacy *legacy;
    struct events *events;
};

/* Opens ledger and Backend API, starts the workers. Returns 0 or -1. */
int mover_open(struct mover **mover, const struct mover_opts *opts, struct err *err);
/* Finishes what is queued first. NULL is fine. */
void mover_close(struct mover *mover);

/* Finishes what is queued and takes no more: mover_put is false from now on. NULL is fine. */
void mover_finish(struct mover *mover);

/*
 * Queues a job behind the others; they are begun in this order. False, and nothing but retry_after_s is set,
 * when the queue is full: counted as busy; so long it will take to work it off.
 */
bool mover_put(struct mover *mover, struct mover_job *job);

struct mover_load {
    size_t waiting, peak, room; /* jobs queued now, at most so far, at most at all */
    int64_t job_us;             /* that a job takes, smoothed; 0: none has been done */
};
/* How the queue is. From any thread. */
void mover_look(struct mover *mover, struct mover_load *load);

/* For the endpoint of applications, which asks Clerk itself; and for the live page. */
struct backend *mover_backend(struct mover *mover);
struct book *mover_book(struct mover *mover);

#endif
