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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/rejects.h"
#include "migrate/select.h"

#define AHEAD        1024           /* intents committed ahead of what is in flight */
#define COMMIT_PUTS  1024           /* puts that make a commit worth it at once … */
#define COMMIT_US    INT64_C(50000) /* … or the time that the first of them waits at most */
#define PROGRESS_US  INT64_C(100000)
#define RETRY_US     INT64_C(500000)
#define ATTEMPTS_MAX 8
#define DRAIN_US     INT64_C(15000000) /* how long a stop waits for what is in flight */

static void flight_push(struct flight **list, struct flight *flight)
{
    flight->next = *list;
    *list = flight;
}

static struct flight *flight_pop(struct flight **list)
{
    struct flight *flight = *list;
    if (flight)
        *list = flight->next;
    return flight;
}

static void queue_push(struct flight_queue *queue, struct flight *flight)
{
    flight->next = NULL;
    if (queue->last)
        queue->last->next = flight;
    else
        queue->first = flight;
    queue->last = flight;
    queue->count++;
}

static struct flight *queue_pop(struct flight_queue *queue)
{
    struct flight *flight = queue->first;
    if (!flight)
        return NULL;
    queue->first = flight->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    return flight;
}

/* Ends the whole import with an error, keeping the first one. */
static void fail(struct import *import, const struct err *err)
{
    if (import->failed)
        return;
    import->failed = true;
    import->err = *err;
}

static void put(struct import *import, const struct ledger_user *user)
{
    struct err err;
    if (import->puts++ == 0)
        import->first_put = clock_now_us();
    if (ledger_put(import->ledger, user, &err))
        fail(import, &err);
}

static void put_flight(struct flight *flight, enum ledger_state state, const char *code)
{
    put(flight->import, &(struct ledger_user){
                            .external_id = buf_text(&flight->id),
                            .clerk_id = buf_text(&flight->clerk_id),
                            .error_code = text_of(code),
                            .hashes = field_hashes_blob(&flight->hashes),
                            .state = state,
                            .attempts = flight->attempts,
                            .run = flight->import->run.id,
                        });
}

static struct migrate_trouble trouble_of(const struct flight *flight, const char *code,
                                         const char *field, const char *detail)
{
    return (struct migrate_trouble){flight->row, buf_text(&flight->id), code, field, detail};
}

static void land(struct flight *flight)
{
    struct import *import = flight->import;
    flight_clear(flight);
    flight_push(&import->free, flight);
    import->flying--;
}

static void flight_failed(struct flight *flight, const char *code, const char *field,
                          const char *detail)
{
    struct import *import = flight->import;
    struct migrate_trouble trouble = trouble_of(flight, code, field, detail);
    /* An update that failed leaves the record as it was: the next run tries again. */
    if (flight->action != MIGRATE_UPDATE)
        put_flight(flight, LEDGER_FAILED, code);
    import->totals->failed++;
    if (import->events->failed)
        import->events->failed(import->events->arg, &trouble);
    rejects_add_body(import->rejects, buf_text(&flight->user));
    land(flight);
}

/* Sent back to where the next run takes it up; SENDING if a request of it may still be executing. */
static void put_back(struct flight *flight)
{
    flight->import->totals->pending++;
    if (flight->action != MIGRATE_UPDATE)
        put_flight(flight, flight->attempts > 1 ? LEDGER_SENDING : LEDGER_PLANNED, NULL);
    land(flight);
}

static void flight_done(struct flight *flight, uint64_t *counter)
{
    (*counter)++;
    put_flight(flight, LEDGER_DONE, NULL);
    land(flight);
}

static void report_split(struct flight *flight, const char *code, const char *field,
                         const char *detail)
{
    struct import *import = flight->import;
    struct migrate_trouble trouble = trouble_of(flight, code, field, detail);
    import->totals->split++;
    if (import->events->split)
        import->events->split(import->events->arg, &trouble);
}

static void on_answer(struct parcel *parcel, const struct target_answer *answer);

static void post(struct flight *flight, int64_t delay_us)
{
    flight->parcel.path = buf_text(&flight->path);
    flight->parcel.body = flight->body.len ? buf_text(&flight->body) : (struct text){NULL, 0};
    flight->parcel.done = on_answer;
    flight->parcel.arg = flight;
    courier_post(flight->import->courier, &flight->parcel, delay_us);
}

static void start_create(struct flight *flight)
{
    flight->step = FLIGHT_CREATE;
    flight->attempts++;
    if (!flight->split) {
        buf_reset(&flight->body);
        buf_add(&flight->body, buf_text(&flight->user));
    }
    buf_reset(&flight->path);
    buf_add(&flight->path, TEXT("/v1/users"));
    flight->parcel.method = "POST";
    post(flight, 0);
}

static void start_look(struct flight *flight, int64_t delay_us)
{
    flight->step = FLIGHT_LOOK;
    flight->import->look_at = clock_now_us() + delay_us;
    queue_push(&flight->import->look, flight);
}

/* On to the next step of a user who is at the target; done when there is none. */
static void go_on(struct flight *flight, uint64_t *counter)
{
    if (flight_next(flight, flight->import->json))
        post(flight, 0);
    else
        flight_done(flight, counter);
}

static uint64_t *counter_of(struct flight *flight)
{
    struct migrate_totals *totals = flight->import->totals;
    return flight->action == MIGRATE_UPDATE ? &totals->updated : &totals->created;
}

static void unknown_fate(struct flight *flight, const struct target_answer *answer)
{
    char code[24] = "no_answer";
    flight->import->totals->retries++;
    if (answer->result == TARGET_ANSWERED)
        snprintf(code, sizeof(code), "http_%d", answer->status);
    if (answer->result == TARGET_ANSWERED && flight->attempts >= ATTEMPTS_MAX)
        flight_failed(flight, code, "", "the target failed every time this user was sent");
    else
        start_look(flight, RETRY_US / 2 + (int64_t)random_below((uint64_t)RETRY_US));
}

static void create_split(struct flight *flight, const struct clerk_problem *problem)
{
    bool username;
    if (!flight_split(flight, flight->import->json, problem->param, &username)) {
        flight_failed(flight, problem->code, problem->param, problem->message);
        return;
    }
    if (username)
        report_split(flight, problem->code, "username", problem->message);
    start_create(flight);
}

static void create_answered(struct flight *flight, const struct target_answer *answer,
                            struct json_value root, const struct clerk_problem *problem)
{
    struct import *import = flight->import;
    struct text id = json_text(json_get(root, TEXT("id")));
    struct err err;
    switch (decide_answer(answer->status, id.len > 0, problem)) {
    case VERDICT_CREATED:
        buf_add(&flight->clerk_id, id);
        go_on(flight, &import->totals->created);
        break;
    case VERDICT_EXISTS:
        start_look(flight, 0);
        break;
    case VERDICT_SPLIT:
        create_split(flight, problem);
        break;
    case VERDICT_REFUSED:
        flight_failed(flight, problem->code, problem->param, problem->message);
        break;
    case VERDICT_UNKNOWN:
        unknown_fate(flight, answer);
        break;
    case VERDICT_STOP:
        lookup_refusal(answer->status, root, &err);
        fail(import, &err);
        put_back(flight);
        break;
    }
}

/* The answer to a later step: PATCH, metadata, ban, or an identifier. */
static void step_answered(struct flight *flight, const struct target_answer *answer,
                          const struct clerk_problem *problem)
{
    const char *kind = "";
    bool ok = answer->status == 200;
    if (!ok && !problem) {
        if (++flight->attempts >= ATTEMPTS_MAX)
            flight_failed(flight, "http_error", "", "the target failed at a later step");
        else
            post(flight, RETRY_US);
        return;
    }
    if (flight->step == FLIGHT_ADD) {
        flight_added(flight, &kind);
        if (!ok)
            report_split(flight, problem->code, kind, problem->message);
    } else if (!ok) {
        flight_failed(flight, problem->code, problem->param, problem->message);
        return;
    }
    go_on(flight, counter_of(flight));
}

static void on_answer(struct parcel *parcel, const struct target_answer *answer)
{
    struct flight *flight = parcel->arg;
    struct json_value root = {NULL, 0};
    struct clerk_problem problem;
    struct err err;
    bool answered = answer->result == TARGET_ANSWERED;
    bool parsed = answered && json_parse(flight->import->json, answer->body, &root, &err) == 0;
    bool complains = parsed && answer->status != 200 && clerk_decode_problem(root, &problem);
    if (!parsed)
        root = (struct json_value){NULL, 0};
    if (flight->step != FLIGHT_CREATE && answered)
        step_answered(flight, answer, complains ? &problem : NULL);
    else if (flight->step != FLIGHT_CREATE)
        post(flight, RETRY_US);
    else if (!answered)
        unknown_fate(flight, answer);
    else
        create_answered(flight, answer, root, complains ? &problem : NULL);
}

static void on_kept(struct flight *flight, enum user_field field)
{
    const struct migrate_events *events = flight->import->events;
    const char *why =
        field_is_readable(field)
            ? "changed at the source and in Clerk; Clerk's value stays"
            : "changed at the source; Clerk does not show it, so it is not overwritten";
    struct migrate_trouble trouble = trouble_of(flight, "kept", user_field_infos[field].name, why);
    if (events->differs)
        events->differs(events->arg, &trouble);
}

static void on_found(struct lookup *lookup, struct lookup_item *item, struct json_value user)
{
    struct flight *flight = item->owner;
    struct import *import = lookup->arg;
    struct err err;
    if (flight->action != MIGRATE_UPDATE) {
        buf_add(&flight->clerk_id, json_text(json_get(user, TEXT("id"))));
        go_on(flight, flight->attempts ? &import->totals->created : &import->totals->adopted);
    } else if (flight_merge(flight, &import->hasher, ledger_key(import->ledger), import->json, user,
                            on_kept, &err)) {
        flight_failed(flight, "unreadable_answer", "", err.message);
    } else {
        go_on(flight, &import->totals->updated);
    }
}

static void lookup_missing(struct import *import, struct flight *flight)
{
    /* Somebody has deleted the user at the target since: that is no reason to make it again. */
    if (flight->action == MIGRATE_UPDATE)
        flight_failed(flight, "deleted_at_target", "", "the user is no longer at the target");
    else if (import->failed || import->stopping)
        put_back(flight);
    else
        start_create(flight);
}

static void on_ended(struct lookup *lookup, const struct err *err)
{
    struct import *import = lookup->arg;
    if (err)
        fail(import, err);
    for (size_t i = 0; i < lookup->count; i++)
        if (err)
            land(lookup->items[i].owner); /* stays SENDING: the next run looks again */
        else if (!lookup->items[i].found)
            lookup_missing(import, lookup->items[i].owner);
    lookup_reset(lookup);
}

/* Sends look-ups for the flights that wait for one, up to 100 in each. */
static void send_lookups(struct import *import)
{
    if (import->look.count == 0 ||
        (import->look.count < LOOKUP_MAX && clock_now_us() < import->look_at))
        return;
    for (size_t i = 0; i < IMPORT_LOOKUPS && import->look.count > 0; i++) {
        struct lookup *lookup = &import->lookups[i];
        if (lookup->count > 0)
            continue;
        while (lookup->count < LOOKUP_MAX && import->look.count > 0) {
            struct flight *flight = queue_pop(&import->look);
            lookup_add(lookup, buf_text(&flight->id), flight);
        }
        lookup_send(lookup, import->courier);
    }
}

/* Hands the flights whose intents are durable now to the courier or to a look-up. */
static void post_ready(struct import *import)
{
    struct flight *flight;
    while ((flight = queue_pop(&import->ready))) {
        if (flight->step == FLIGHT_LOOK)
            start_look(flight, 0);
        else
            start_create(flight);
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

/* Remembers a rejected row, unless an earlier row of the same id has been moved. */
static int put_rejected(struct import *import, const struct source_row *row, struct err *err)
{
    struct ledger_user known;
    bool found;
    if (row->id.len == 0 || row->reject.reason == USER_REASON_duplicate_id)
        return 0;
    arena_reset(&import->arena);
    if (ledger_find(import->ledger, row->id, &import->arena, &known, &found, err))
        return -1;
    if (found && (known.state == LEDGER_DONE || known.state == LEDGER_SENDING))
        return 0;
    put(import, &(struct ledger_user){
                    .external_id = row->id,
                    .error_code = text_of(user_reason_name(row->reject.reason)),
                    .state = LEDGER_REJECTED,
                    .run = import->run.id,
                });
    return 0;
}

static int take_off(struct import *import, const struct source_row *row, struct decision decision,
                    const struct field_hashes *hashes, const struct ledger_user *known,
                    struct err *err)
{
    struct flight *flight = flight_pop(&import->free);
    import->flying++;
    flight->row = row->number;
    flight->action = decision.action;
    flight->hashes = *hashes;
    buf_add(&flight->id, row->user.external_id);
    clerk_create_body(&row->user, &flight->user);
    if (!buf_ok(&flight->id) || !buf_ok(&flight->user))
        return err_set(err, ERR_MEMORY, "row %llu is too large", (unsigned long long)row->number);
    if (decision.action == MIGRATE_UPDATE) {
        field_hashes_read(&flight->written, known->hashes);
        flight->step = FLIGHT_LOOK;
    } else {
        flight->step = decision.look_first ? FLIGHT_LOOK : FLIGHT_CREATE;
        put_flight(flight, LEDGER_SENDING, NULL);
    }
    queue_push(&import->ready, flight);
    return 0;
}

static int take_row(struct import *import, const struct source_row *row, struct err *err)
{
    struct field_hashes hashes;
    struct ledger_user known;
    bool found;
    arena_reset(&import->arena);
    if (field_hashes_of(&import->hasher, ledger_key(import->ledger), &row->user, &hashes, err) ||
        ledger_find(import->ledger, row->user.external_id, &import->arena, &known, &found, err))
        return -1;
    struct decision decision = decide(found ? &known : NULL, &hashes);
    if (decision.action == MIGRATE_UNCHANGED) {
        import->totals->unchanged++;
        return 0;
    }
    import->taken++;
    return take_off(import, row, decision, &hashes, &known, err);
}

static int read_row(struct import *import, struct err *err)
{
    struct source_row row;
    int got = source_next(import->source, &row, err);
    if (got <= 0) {
        import->at_end = true;
        return got;
    }
    if (!select_is_wanted(import->opts, row.id))
        return 0;
    if (import->events->row)
        import->events->row(import->events->arg, &row);
    import->totals->rows++;
    if (row.reject.reason == USER_ACCEPTED) {
        import->totals->accepted++;
        return take_row(import, &row, err);
    }
    import->totals->rejected++;
    import->totals->reasons[row.reject.reason]++;
    rejects_add_row(import->rejects, &row);
    return put_rejected(import, &row, err);
}

static bool may_read(const struct import *import)
{
    bool at_limit = import->opts->limit && import->taken >= import->opts->limit;
    return !import->at_end && !import->stopping && !import->failed && !at_limit && import->free &&
           import->ready.count + courier_waiting(import->courier) < AHEAD;
}

static void show_progress(struct import *import, bool now)
{
    int64_t time = clock_now_us();
    if (!import->events->progress || (!now && time - import->shown < PROGRESS_US))
        return;
    import->shown = time;
    import->totals->elapsed_us = time - import->started;
    import->totals->requests = courier_requests(import->courier);
    import->totals->refused_429 = courier_refused(import->courier);
    import->events->progress(import->events->arg,
                             &(struct migrate_progress){
                                 .totals = import->totals,
                                 .bytes_read = source_bytes_read(import->source),
                                 .bytes_total = source_bytes_total(import->source),
                                 .rate = courier_rate(import->courier),
                                 .allowance = courier_allowance(import->courier),
                             });
}

/* Takes back every flight that has not left: its user goes on in the next run. */
static void call_back(struct import *import)
{
    for (size_t i = 0; i < import->flight_count; i++) {
        struct flight *flight = &import->flights[i];
        if (flight->step == FLIGHT_CREATE && courier_recall(import->courier, &flight->parcel))
            put_back(flight);
    }
    struct flight *flight;
    while ((flight = queue_pop(&import->ready)))
        if (flight->step == FLIGHT_LOOK)
            land(flight); /* as the ledger has it: SENDING, or an update to come */
        else
            put_back(flight);
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
            if (read_row(import, err))
                return -1;
        if (commit_is_due(import) && commit(import, err))
            return -1;
        send_lookups(import);
        if (import->flying > 0 && courier_work(import->courier, 10000, err))
            return -1;
        show_progress(import, false);
    }
    return commit(import, err);
}

/* Who was SENDING in an earlier run and is not in this export: looked up, adopted or planned again. */
static int stranded(const struct ledger_user *user, void *arg)
{
    struct import *import = arg;
    struct flight *flight = flight_pop(&import->free);
    if (!flight)
        return 1;
    import->flying++;
    flight->action = MIGRATE_CREATE;
    buf_add(&flight->id, user->external_id);
    field_hashes_read(&flight->hashes, user->hashes);
    start_look(flight, 0);
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
        flight_push(&import->free, &import->flights[i]);
    }
    for (size_t i = 0; i < IMPORT_LOOKUPS; i++) {
        lookup_init(&import->lookups[i], LOOKUP_EXTERNAL_ID, import->lookup_json, import);
        import->lookups[i].found = on_found;
        import->lookups[i].ended = on_ended;
    }
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
    import.started = clock_now_us();
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
