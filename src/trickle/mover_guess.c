/*
 * Guesses are counted in the ledger, for all gateways: by the browser's address, and by the identifier if a
 * password is tried. Who turns out to know the password has not been guessing; the guess is taken back in the
 * transaction that claims the user, as each one costs the disk a commit.
 */
#include "trickle/mover_inside.h"

static struct text lower(struct arena *arena, struct text t)
{
    struct text copy = arena_copy(arena, t);
    char *at = (char *)(uintptr_t)copy.at;
    for (size_t i = 0; at && i < copy.len; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] |= 0x20;
    return copy;
}

/* What a guess counts for: the address, and the identifier if a password is tried. Returns how many. */
static size_t guess_tallies(struct mover_job *job, int64_t add, struct book_tally to[MOVER_TALLIES])
{
    size_t count = 0;
    if (job->address.len > 0)
        to[count++] = (struct book_tally){"guess-address", job->address, add, 0, 0};
    if (job->password.at)
        to[count++] =
            (struct book_tally){"guess-identifier", lower(&job->arena, job->identifier), add, 0, 0};
    return count;
}

/* Whether none of the counters has come to more than it may; else says when they begin anew. */
static bool are_within(struct mover_job *job, const struct book_tally *tallies, size_t count)
{
    const struct settings_throttle *throttle = &job->mover->opts.settings->throttle;
    bool within = true;
    for (size_t i = 0; i < count; i++) {
        bool by_address = tallies[i].key.at == job->address.at;
        int64_t left_ms = tallies[i].until_ms - clock_wall_ms();
        if (tallies[i].sum <= (by_address ? throttle->address : throttle->identifier))
            continue;
        within = false;
        job->retry_after_s = left_ms > 1000 ? (left_ms + 999) / 1000 : 1;
    }
    return within;
}

bool mover_may_guess(struct mover_work *work)
{
    struct mover_job *job = work->job;
    struct book_tally tallies[MOVER_TALLIES];
    struct err err;
    if (work->counted)
        return true;
    size_t count = guess_tallies(job, 1, tallies);
    int64_t seconds = job->mover->opts.settings->throttle.seconds;
    if (book_tally(job->mover->book, tallies, count, seconds, &err) != 0)
        job->end = MOVER_LATER;
    else if (are_within(job, tallies, count))
        work->counted = true;
    else
        job->end = MOVER_THROTTLED;
    return work->counted;
}

size_t mover_forgive(struct mover_work *work, struct book_tally to[MOVER_TALLIES])
{
    size_t count = work->knew ? guess_tallies(work->job, -1, to) : 0;
    work->knew = false;
    return count;
}

void mover_forgive_now(struct mover_work *work)
{
    struct book_tally forgiven[MOVER_TALLIES];
    struct err err;
    size_t count = mover_forgive(work, forgiven);
    book_tally(work->job->mover->book, forgiven, count, 0, &err);
}
