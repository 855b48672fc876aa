/* A job goes round: decide → find out what is missing → decide again, until an action answers the request. */
#include "trickle/mover_inside.h"

#include <stdlib.h>

#define JOB_MEMORY_MAX   ((size_t)4 * 1024 * 1024)
#define QUEUE_PER_WORKER 8
#define BUSY_WAIT_MAX_S  60

struct backend *mover_backend(struct mover *mover)
{
    return mover->backend;
}

struct book *mover_book(struct mover *mover)
{
    return mover->book;
}

/* One step towards an action that answers. Returns false when it is reached. */
static bool step(struct mover_work *work)
{
    struct mover_job *job = work->job;
    job->action = decide_next(&job->facts, &job->mover->opts.settings->policy);
    switch (job->action) {
    case DECIDE_ACTION_look_up:
        mover_look_up(work);
        return job->end == MOVER_DECIDED;
    case DECIDE_ACTION_ask_legacy:
        mover_ask_legacy(work);
        return job->end == MOVER_DECIDED;
    case DECIDE_ACTION_move:
        job->end = mover_move(work) ? MOVER_DECIDED : MOVER_LATER;
        return false;
    case DECIDE_ACTION_fill:
        job->end = mover_fill(work) ? MOVER_DECIDED : MOVER_LATER;
        return false;
    default:
        return false;
    }
}

static void deliver(struct loop_task *task)
{
    struct mover_job *job = (struct mover_job *)task;
    job->done(job);
}

/* A sixteenth of the way to what this job took. Two workers at once may lose one of two steps: no matter. */
static void note_time(struct mover *mover, int64_t began_us)
{
    int64_t took = clock_now_us() - began_us, so_far = atomic_load(&mover->job_us);
    atomic_store(&mover->job_us, so_far ? so_far + (took - so_far) / 16 : took);
}

static void work_on(struct mover_job *job)
{
    struct mover_work work = {.job = job};
    struct err err;
    work.seat = backend_take(job->mover->backend, &err);
    job->end = work.seat ? MOVER_DECIDED : MOVER_LATER;
    while (work.seat && step(&work))
        continue;
    if (work.seat)
        mover_mint(&work);
    mover_forgive_now(&work);
    written_release(&work.written);
    legacy_drop(work.call);
    backend_give(job->mover->backend, work.seat);
}

static void run(void *arg)
{
    struct mover_job *job = arg;
    int64_t began_us = clock_now_us();
    work_on(job);
    note_time(job->mover, began_us);
    job->task.run = deliver;
    if (job->loop)
        loop_post(job->loop, &job->task);
    else
        job->done(job);
}

void mover_look(struct mover *mover, struct mover_load *load)
{
    struct pool_load pool;
    pool_look(mover->pool, &pool);
    *load = (struct mover_load){.waiting = pool.waiting,
                                .peak = pool.peak,
                                .room = mover->room,
                                .job_us = atomic_load(&mover->job_us)};
}

/* How long a queue that is full takes to be worked off. */
static int64_t wait_s(const struct mover *mover)
{
    int64_t all_us = atomic_load(&mover->job_us) * (int64_t)mover->room;
    int64_t s = all_us / mover->opts.settings->workers / 1000000 + 1;
    return s < BUSY_WAIT_MAX_S ? s : BUSY_WAIT_MAX_S;
}

bool mover_put(struct mover *mover, struct mover_job *job)
{
    job->mover = mover;
    arena_init(&job->arena, JOB_MEMORY_MAX);
    if (pool_put(mover->pool, run, job))
        return true;
    job->retry_after_s = wait_s(mover);
    events_count(mover->opts.events, EVENTS_busy);
    return false;
}

static int open_parts(struct mover *mover, struct err *err)
{
    const struct settings *settings = mover->opts.settings;
    char instance[CLERK_ID_MAX];
    if (backend_open(&mover->backend, settings->clerk.api_url, settings->clerk.secret_key, err) !=
            0 ||
        backend_instance(mover->backend, instance, err) != 0 ||
        book_open(&mover->book, settings->ledger, text_of(instance), err) != 0)
        return -1;
    mover->room = (size_t)settings->workers * QUEUE_PER_WORKER;
    return pool_new(&mover->pool, settings->workers, mover->room, err);
}

int mover_open(struct mover **out, const struct mover_opts *opts, struct err *err)
{
    struct mover *mover = calloc(1, sizeof(*mover));
    if (!mover)
        return err_memory(err);
    mover->opts = *opts;
    if (open_parts(mover, err) != 0) {
        mover_close(mover);
        return -1;
    }
    *out = mover;
    return 0;
}

void mover_finish(struct mover *mover)
{
    if (mover)
        pool_stop(mover->pool);
}

void mover_close(struct mover *mover)
{
    if (!mover)
        return;
    pool_free(mover->pool);
    book_close(mover->book);
    backend_close(mover->backend);
    free(mover);
}
