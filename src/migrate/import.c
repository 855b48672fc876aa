/*
 * One thread, one loop:
 *
 *   fill     rows are read while flights are free; each user's intent (SENDING) is put into the ledger;
 *   commit   intents and outcomes become durable in one transaction (group commit);
 *   post     flights whose intent is durable are handed to the courier, or to a look-up;
 *   work     the courier sends at the pace allowed and delivers answers, which put outcomes.
 *
 * A user whom another process on the same ledger has is parked, and claimed again until that one has settled it
 * or is gone. In company transactions are kept short, since they take turns.
 *
 * Nothing leaves before its intent is durable; nothing counts as moved before its outcome is.
 */
#include "migrate/import.h"

#include <stdlib.h>

#include "migrate/rejects.h"

#define AHEAD       1024            /* intents committed ahead of what is in flight, … */
#define AHEAD_US    INT64_C(250000) /* … of what leaves within this: who signs in waits for those */
#define COMMIT_PUTS 1024            /* puts that make a commit worth it at once … */
#define COMMIT_US   INT64_C(50000)    /* … or the time that the first of them waits at most, */
#define COMPANY_US  INT64_C(5000)     /* and with other writers on the ledger */
#define DRAIN_US    INT64_C(15000000) /* how long a stop waits for what is in flight */

/* Hands the flights whose intents are durable now to the courier or to a look-up. */
static void post_ready(struct import *import)
{
    struct flight *flight;
    while ((flight = import_dequeue(&import->ready))) {
        if (flight->step == FLIGHT_LOOK)
            import_look(flight, 0);
        else if (flight->step == FLIGHT_STEPS)
            import_begin_steps(flight);
        else
            import_create(flight);
    }
}

static int commit(struct import *import, struct err *err)
{
    import->run.rows = import->totals->rows;
    import->run.created = import->totals->created;
    import->run.adopted = import->totals->adopted;
    import->run.updated = import->totals->updated;
    import->run.unchanged = import->totals->unchanged;
    import->run.failed = import->totals->failed + import->totals->conflicts;
    import->run.removed = import->totals->removed;
    import->run.rejected = import->totals->rejected;
    import->run.requests = courier_requests(import->courier);
    if ((import->run.id && ledger_run_put(import->ledger, &import->run, err)) ||
        ledger_commit(import->ledger, err))
        return -1;
    import->puts = 0;
    post_ready(import);
    return 0;
}

static bool commit_is_due(const struct import *import)
{
    if (import->puts == 0)
        return import->ready.count > 0;
    bool idle = courier_in_flight(import->courier) == 0 && courier_waiting(import->courier) == 0;
    int64_t patience = ledger_in_company(import->ledger) ? COMPANY_US : COMMIT_US;
    return import->puts >= COMMIT_PUTS || idle || clock_now_us() - import->first_put >= patience;
}

static bool may_read(const struct import *import)
{
    bool at_limit = import->opts->limit && import->taken >= import->opts->limit;
    uint32_t soon = courier_within(import->courier, AHEAD_US);
    return !import->at_end && !import->stopping && !import->failed && !at_limit && import->free &&
           import->ready.count + courier_waiting(import->courier) < (soon < AHEAD ? soon : AHEAD);
}

static void show_progress(struct import *import, bool now)
{
    import->totals->requests = courier_requests(import->courier);
    import->totals->refused_429 = courier_refused(import->courier);
    progress_show(&import->progress, now);
}

/* Takes back every flight that has not left: its user goes on in the next run. */
static void call_back(struct import *import)
{
    for (size_t i = 0; i < import->flight_count; i++) {
        struct flight *flight = &import->flights[i];
        if (flight->step == FLIGHT_CREATE && courier_recall(import->courier, &flight->parcel))
            import_put_back(flight);
    }
    struct flight *flight;
    while ((flight = import_dequeue(&import->parked))) {
        import->totals->pending++;
        import_land(flight);
    }
    while ((flight = import_dequeue(&import->ready)))
        if (flight->step == FLIGHT_CREATE)
            import_put_back(flight);
        else
            import_land(flight); /* as the ledger has it: under way, or an update to come */
}

/* Notices Ctrl-C, a fatal answer and a second Ctrl-C; false when it is time to leave. */
static bool go_further(struct import *import)
{
    bool stop = import->stop && import->stop->requests > 0;
    if ((stop || import->failed) && !import->stopping) {
        import->stopping = true;
        import->drain_until = clock_now_us() + DRAIN_US;
        call_back(import);
    }
    if (import->stopping &&
        ((import->stop && import->stop->requests > 1) || clock_now_us() > import->drain_until))
        return false;
    return import->flying > 0 || import->puts > 0 || may_read(import);
}

bool import_is_over(const struct import *import)
{
    return import->failed || (import->stop && import->stop->requests > 0);
}

int import_run(struct import *import, struct err *err)
{
    while (go_further(import)) {
        if (import_retake(import, err))
            return -1;
        while (may_read(import))
            if (import->feed(import, err))
                return -1;
        if (commit_is_due(import) && commit(import, err))
            return -1;
        import_send_lookups(import);
        if (import->flying > 0 && courier_work(import->courier, 10000, err))
            return -1;
        if (ledger_renew(import->ledger, err))
            return -1;
        show_progress(import, false);
    }
    return commit(import, err);
}

int import_next_known(struct import *import, const struct ledger_user **user, struct err *err)
{
    *user = NULL;
    return ledger_walk_next(&import->walk, user, err) < 0 ? -1 : 0;
}

void import_walk(struct import *import)
{
    ledger_walk_end(&import->walk);
    ledger_walk_begin(&import->walk, import->ledger);
}

/* Who was under way in an earlier run and is not in this export: looked up, and put where they belong. */
static int feed_stranded(struct import *import, struct err *err)
{
    const struct ledger_user *user;
    if (import_next_known(import, &user, err))
        return -1;
    import->at_end = !user;
    if (!user || user->state != LEDGER_SENDING || user->run == import->run.id)
        return 0;
    struct ledger_claim claim;
    import->puts++;
    if (ledger_claim(import->ledger, user, &import->arena, &claim, err))
        return -1;
    if (claim.result != LEDGER_CLAIMED)
        return 0;
    struct flight *flight = import_take(import, 0, user->external_id, MIGRATE_CREATE);
    flight->stranded = true;
    flight->made = user->made ? user->made : user->clerk_id.len ? 0 : user->run;
    buf_add(&flight->clerk_id, user->clerk_id);
    buf_add(&flight->written, user->hashes);
    import_look(flight, 0);
    return 0;
}

static int settle_stranded(struct import *import, struct err *err)
{
    uint64_t counts[LEDGER_STATE_COUNT];
    if (import_is_over(import) || !import->at_end || import->opts->only_count > 0)
        return 0;
    if (ledger_count(import->ledger, counts, err))
        return -1;
    if (counts[LEDGER_SENDING] == 0)
        return 0;
    import->feed = feed_stranded;
    import_walk(import);
    import->at_end = false;
    return import_run(import, err);
}

static int open_slots(struct import *import, struct err *err)
{
    import->flight_count = courier_room(import->courier) + AHEAD;
    import->flights = calloc(import->flight_count, sizeof(*import->flights));
    if (!import->flights)
        return err_memory(err);
    for (size_t i = import->flight_count; i-- > 0;) {
        flight_init(&import->flights[i], import);
        import_push(&import->free, &import->flights[i]);
    }
    for (size_t i = 0; i < IMPORT_LOOKUPS; i++) {
        lookup_init(&import->lookups[i], LOOKUP_EXTERNAL_ID, import->lookup_json, import);
        import->lookups[i].found = import_found;
        import->lookups[i].ended = import_ended;
    }
    return 0;
}

int import_open(struct import *import, const struct ledger_opts *ledger, struct err *err)
{
    arena_init(&import->arena, 1 << 24);
    buf_init(&import->content, 1 << 24);
    if (ledger_open(&import->ledger, ledger, err) || field_hasher_init(&import->hasher, err) ||
        json_new(&import->json, 16 << 20, err) || json_new(&import->lookup_json, 32 << 20, err) ||
        courier_open(&import->courier, &import->opts->target, err) || open_slots(import, err))
        return -1;
    import->progress = (struct progress){.events = import->events,
                                         .totals = import->totals,
                                         .source = import->source,
                                         .courier = import->courier,
                                         .started = clock_now_us()};
    return 0;
}

int import_begin(struct import *import, struct text command, struct err *err)
{
    import->run.command = command;
    import->run.started_ms = clock_wall_ms();
    return ledger_run_begin(import->ledger, &import->run, err);
}

void import_close(struct import *import)
{
    courier_close(import->courier);
    for (size_t i = 0; import->flights && i < import->flight_count; i++)
        flight_release(&import->flights[i]);
    free(import->flights);
    for (size_t i = 0; i < IMPORT_LOOKUPS; i++)
        lookup_release(&import->lookups[i]);
    field_hasher_release(&import->hasher);
    json_free(import->json);
    json_free(import->lookup_json);
    ledger_close(import->ledger);
    buf_release(&import->content);
    numbers_release(&import->seen);
    arena_release(&import->arena);
    ledger_walk_end(&import->walk);
}

int import_end(struct import *import, bool failed, struct err *err)
{
    if (import->run.id == 0)
        return 0;
    import->run.ending = progress_ending(import->stop, failed);
    import->run.ended_ms = clock_wall_ms();
    int status = commit(import, err);
    show_progress(import, true);
    return status;
}

static int open_export(struct import *import, const struct migrate_instance *instance,
                       struct err *err)
{
    const struct migrate_opts *opts = import->opts;
    if (source_open(&import->source, &opts->source, err))
        return -1;
    if (import->events->opened)
        import->events->opened(import->events->arg, import->source);
    struct ledger_opts ledger = {
        .path = opts->ledger,
        .identity = {text_of(instance->id), source_platform(import->source),
                     source_mapping_hash(import->source)},
        .sum = record_sum,
    };
    import->feed = import_read_row;
    if (rejects_open(&import->rejects, opts->rejects, import->source, err))
        return -1;
    if (import_open(import, &ledger, err))
        return -1;
    return import_begin(import, TEXT("import"), err);
}

static int run_all(struct import *import, struct err *err)
{
    if (import_run(import, err) || settle_stranded(import, err) || import_gone(import, err))
        return -1;
    if (!import->failed)
        return 0;
    *err = import->err;
    return -1;
}

int migrate_import(const struct migrate_opts *opts, const struct migrate_instance *instance,
                   const struct migrate_events *events, const struct migrate_stop *stop,
                   struct migrate_totals *totals, struct err *err)
{
    struct err ignored;
    struct import *import = calloc(1, sizeof(*import));
    if (!import)
        return err_memory(err);
    import->opts = opts;
    import->events = events;
    import->stop = stop;
    import->totals = totals;
    int status = open_export(import, instance, err);
    if (status == 0)
        status = run_all(import, err);
    if (import->run.id) {
        struct err *to = status ? &ignored : err;
        if ((import_end(import, status != 0, to) || rejects_flush(import->rejects, to)) &&
            status == 0)
            status = -1;
        if (events->closing)
            events->closing(events->arg, import->source);
    }
    import_close(import);
    rejects_close(import->rejects);
    source_close(import->source);
    free(import);
    return status;
}
