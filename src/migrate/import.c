/*
 * One thread, one loop:
 *
 *   fill     rows are read while flights are free; each user's intent (SENDING) is put into the ledger;
 *   commit   intents and outcomes become durable in one transaction (group commit);
 *   post     flights whose intent is durable are handed to the courier, or to a look-up;
 *   work     the courier sends at the pace allowed and delivers answers, which put outcomes.
 *
 * Nothing leaves before its intent is durable; nothing counts as moved before its outcome is.
 */
#include "migrate/import.h"

#include <stdlib.h>

#include "migrate/rejects.h"

#define AHEAD       1024              /* intents committed ahead of what is in flight */
#define COMMIT_PUTS 1024              /* puts that make a commit worth it at once … */
#define COMMIT_US   INT64_C(50000)    /* … or the time that the first of them waits at most */
#define DRAIN_US    INT64_C(15000000) /* how long a stop waits for what is in flight */

/* Hands the flights whose intents are durable now to the courier or to a look-up. */
static void post_ready(struct import *import)
{
    struct flight *flight;
    while ((flight = import_dequeue(&import->ready))) {
        if (flight->step == FLIGHT_LOOK)
            import_look(flight, 0);
        else
            import_create(flight);
    }
}

static int commit(struct import *import, struct err *err)
{
    import->run.rows = import->totals->rows;
    import->run.created = import->totals->created + import->totals->adopted;
    import->run.updated = import->totals->updated;
    import->run.unchanged = import->totals->unchanged;
    import->run.failed = import->totals->failed;
    import->run.rejected = import->totals->rejected;
    import->run.requests = courier_requests(import->courier);
    if (ledger_run_put(import->ledger, &import->run, err) || ledger_commit(import->ledger, err))
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
    return import->puts >= COMMIT_PUTS || idle || clock_now_us() - import->first_put >= COMMIT_US;
}

static bool may_read(const struct import *import)
{
    bool at_limit = import->opts->limit && import->taken >= import->opts->limit;
    return !import->at_end && !import->stopping && !import->failed && !at_limit && import->free &&
           import->ready.count + courier_waiting(import->courier) < AHEAD;
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
    while ((flight = import_dequeue(&import->ready)))
        if (flight->step == FLIGHT_LOOK)
            import_land(flight); /* as the ledger has it: SENDING, or an update to come */
        else
            import_put_back(flight);
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

static int run(struct import *import, struct err *err)
{
    while (go_further(import)) {
        while (may_read(import))
            if (import_read_row(import, err))
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

/* Who was SENDING in an earlier run and is not in this export: looked up, adopted or planned again. */
static int stranded(const struct ledger_user *user, void *arg)
{
    struct import *import = arg;
    struct flight *flight = import->free;
    struct ledger_claim claim;
    if (!flight || ledger_claim(import->ledger, user, &import->arena, &claim, &import->err)) {
        import->failed = flight != NULL;
        return 1;
    }
    if (claim.result != LEDGER_CLAIMED)
        return 0;
    import_pop(&import->free);
    import->puts++;
    import->flying++;
    flight->action = MIGRATE_CREATE;
    buf_add(&flight->id, user->external_id);
    field_hashes_read(&flight->hashes, user->hashes);
    import_look(flight, 0);
    return 0;
}

static int settle_stranded(struct import *import, struct err *err)
{
    if (import->failed || import->stopping || !import->at_end || import->opts->only_count > 0)
        return 0;
    import->stopping = true; /* those not found are planned, not created: this export lacks them */
    import->drain_until = INT64_MAX;
    if (ledger_each(import->ledger, LEDGER_SENDING, stranded, import, err))
        return -1;
    uint64_t pending = import->totals->pending;
    int status = run(import, err);
    import->totals->pending = pending;
    return status;
}

static int import_open(struct import *import, const struct migrate_instance *instance,
                       struct err *err)
{
    const struct migrate_opts *opts = import->opts;
    struct ledger_opts ledger = {.path = opts->ledger};
    if (source_open(&import->source, &opts->source, err))
        return -1;
    if (import->events->opened)
        import->events->opened(import->events->arg, import->source);
    ledger.identity.instance = text_of(instance->id);
    ledger.identity.source = source_platform(import->source);
    ledger.identity.mapping_hash = source_mapping_hash(import->source);
    if (ledger_open(&import->ledger, &ledger, err) ||
        rejects_open(&import->rejects, opts->rejects, import->source, err) ||
        field_hasher_init(&import->hasher, err) || json_new(&import->json, 16 << 20, err) ||
        json_new(&import->lookup_json, 16 << 20, err) ||
        courier_open(&import->courier, &opts->target, err))
        return -1;
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
    import->progress.source = import->source;
    import->progress.courier = import->courier;
    import->run.command = TEXT("import");
    import->run.started_ms = clock_wall_ms();
    return ledger_run_begin(import->ledger, &import->run, err);
}

static void import_close(struct import *import)
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
    rejects_close(import->rejects);
    ledger_close(import->ledger);
    source_close(import->source);
    arena_release(&import->arena);
}

static int end_run(struct import *import, struct err *err)
{
    import->run.ended_ms = clock_wall_ms();
    if (commit(import, err))
        return -1;
    return rejects_flush(import->rejects, err);
}

int migrate_import(const struct migrate_opts *opts, const struct migrate_instance *instance,
                   const struct migrate_events *events, const struct migrate_stop *stop,
                   struct migrate_totals *totals, struct err *err)
{
    struct import import = {.opts = opts, .events = events, .stop = stop, .totals = totals};
    arena_init(&import.arena, 1 << 20);
    import.progress = (struct progress){.events = events, .totals = totals};
    import.progress.started = clock_now_us();
    int status = import_open(&import, instance, err);
    if (status == 0)
        status = run(&import, err);
    if (status == 0)
        status = settle_stranded(&import, err);
    if (import.run.id) {
        struct err ignored;
        if (end_run(&import, status ? &ignored : err) && status == 0)
            status = -1;
        show_progress(&import, true);
        if (events->closing)
            events->closing(events->arg, import.source);
    }
    if (status == 0 && import.failed) {
        *err = import.err;
        status = -1;
    }
    import_close(&import);
    return status;
}
