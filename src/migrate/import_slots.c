/* The slots of an import: taking, giving back, and what is put into the ledger for them. */
#include "migrate/import.h"

#include <stdio.h>

#include "migrate/rejects.h"

#define PARK_US INT64_C(250000) /* between two tries to claim a user whom another process has */

void import_push(struct flight **list, struct flight *flight)
{
    flight->next = *list;
    *list = flight;
}

struct flight *import_pop(struct flight **list)
{
    struct flight *flight = *list;
    if (flight)
        *list = flight->next;
    return flight;
}

void import_queue(struct flight_queue *queue, struct flight *flight)
{
    flight->next = NULL;
    if (queue->last)
        queue->last->next = flight;
    else
        queue->first = flight;
    queue->last = flight;
    queue->count++;
}

struct flight *import_dequeue(struct flight_queue *queue)
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

struct flight *import_take(struct import *import, uint64_t row, struct text id,
                           enum migrate_action action)
{
    struct flight *flight = import_pop(&import->free);
    import->flying++;
    flight->row = row;
    flight->action = action;
    buf_add(&flight->id, id);
    return flight;
}

/* Ends the whole import with an error, keeping the first one. */
void import_fail(struct import *import, const struct err *err)
{
    if (import->failed)
        return;
    import->failed = true;
    import->err = *err;
}

/* ---- the ledger ---- */

static void note_put(struct import *import)
{
    if (import->puts++ == 0)
        import->first_put = clock_now_us();
}

void import_put(struct import *import, const struct ledger_user *user)
{
    struct err err;
    note_put(import);
    if (ledger_put(import->ledger, user, &err))
        import_fail(import, &err);
}

static struct ledger_user record_of(struct flight *flight, enum ledger_state state,
                                    struct text code, struct text content)
{
    return (struct ledger_user){
        .external_id = buf_text(&flight->id),
        .clerk_id = buf_text(&flight->clerk_id),
        .error_code = code,
        .hashes = content,
        .state = state,
        .attempts = flight->attempts,
        .run = flight->import->run.id,
        .made = flight->made,
    };
}

struct text import_content(struct flight *flight)
{
    struct buf *content = &flight->import->content;
    buf_reset(content);
    record_encode(&flight->hashes, &flight->marks, content);
    return buf_text(content);
}

/* What is known of the user is known in part if there was no memory: then the ledger keeps the intent, for the next run. */
static bool is_whole(const struct flight *flight)
{
    return buf_ok(&flight->id) && buf_ok(&flight->clerk_id) && buf_ok(&flight->written) &&
           buf_ok(&flight->import->content);
}

static void put_record(struct flight *flight, const struct ledger_user *user)
{
    struct err err;
    if (is_whole(flight)) {
        import_put(flight->import, user);
    } else {
        err_memory(&err);
        import_fail(flight->import, &err);
    }
}

void import_put_flight(struct flight *flight, enum ledger_state state, const char *code)
{
    struct ledger_user user = record_of(flight, state, text_of(code), import_content(flight));
    put_record(flight, &user);
}

void import_put_written(struct flight *flight, enum ledger_state state, struct text code)
{
    struct ledger_user user = record_of(flight, state, code, buf_text(&flight->written));
    put_record(flight, &user);
}

/* Another process has moved the user just now, or is about to. */
static void give_way(struct flight *flight, const struct ledger_claim *claim)
{
    struct migrate_totals *totals = flight->import->totals;
    ++*(claim->result == LEDGER_MOVED ? &totals->unchanged : &totals->pending);
    import_land(flight);
}

/* Waits for the other process to settle the user, or to die. */
static void park(struct flight *flight)
{
    struct import *import = flight->import;
    if (import->parked.count == 0)
        import->park_until = clock_now_us() + PARK_US;
    import_queue(&import->parked, flight);
}

int import_retake(struct import *import, struct err *err)
{
    size_t count = import->parked.count;
    if (count == 0 || clock_now_us() < import->park_until)
        return 0;
    import->park_until = clock_now_us() + PARK_US;
    for (; count > 0; count--) {
        arena_reset(&import->arena);
        if (import_claim(import_dequeue(&import->parked), err))
            return -1;
    }
    return 0;
}

int import_claim(struct flight *flight, struct err *err)
{
    struct import *import = flight->import;
    struct ledger_claim claim;
    if (!flight->maybe_sent)
        flight->made = import->run.id;
    /* What an earlier run has sent, perhaps, stays the intent until the target has been asked. */
    struct text content = flight->written.len ? buf_text(&flight->written) : import_content(flight);
    struct ledger_user user = record_of(flight, LEDGER_SENDING, (struct text){NULL, 0}, content);
    if (!is_whole(flight))
        return err_memory(err);
    note_put(import);
    if (ledger_claim(import->ledger, &user, &import->arena, &claim, err))
        return -1;
    if (claim.result != LEDGER_CLAIMED) {
        if (claim.result == LEDGER_TAKEN)
            park(flight);
        else
            give_way(flight, &claim);
        return 0;
    }
    flight->maybe_sent = flight->maybe_sent || claim.look_first;
    flight->step = flight->maybe_sent ? FLIGHT_LOOK : FLIGHT_CREATE;
    import_queue(&import->ready, flight);
    return 0;
}

void import_intend(struct flight *flight, struct text code)
{
    struct import *import = flight->import;
    struct ledger_claim claim;
    struct err err;
    struct ledger_user user =
        record_of(flight, LEDGER_DONE, (struct text){NULL, 0}, buf_text(&flight->written));
    note_put(import);
    if (ledger_claim(import->ledger, &user, &import->arena, &claim, &err)) {
        import_fail(import, &err);
        import_land(flight);
    } else if (claim.result != LEDGER_CLAIMED) {
        give_way(flight, &claim);
    } else {
        flight->step = FLIGHT_STEPS;
        import_put_written(flight, LEDGER_SENDING, code);
        import_queue(&import->ready, flight);
    }
}

/* ---- outcomes ---- */

static struct migrate_trouble trouble_of(const struct flight *flight, const char *code,
                                         const char *field, const char *detail)
{
    return (struct migrate_trouble){flight->row, buf_text(&flight->id), code, field, detail};
}

void import_land(struct flight *flight)
{
    struct import *import = flight->import;
    flight_clear(flight);
    import_push(&import->free, flight);
    import->flying--;
}

/*
 * What the ledger says of a user who did not get through: one that was there stays as it was written last,
 * so that the next run tries again; one that is there now is there; any other has failed.
 */
static void put_failed(struct flight *flight, const char *code)
{
    if (flight->written.len > 0)
        import_put_written(flight, LEDGER_DONE, (struct text){NULL, 0});
    else if (flight->clerk_id.len > 0 && !flight->existing)
        import_put_flight(flight, LEDGER_DONE, NULL);
    else
        import_put_flight(flight, LEDGER_FAILED, code);
}

void import_failed(struct flight *flight, const char *code, const char *field, const char *detail)
{
    struct import *import = flight->import;
    struct migrate_trouble trouble = trouble_of(flight, code, field, detail);
    put_failed(flight, code);
    import->totals->failed++;
    if (import->events->failed)
        import->events->failed(import->events->arg, &trouble);
    rejects_add_body(import->rejects, buf_text(&flight->user));
    import_land(flight);
}

void import_conflict(struct flight *flight, const char *code, const char *field, const char *detail)
{
    struct import *import = flight->import;
    struct migrate_trouble trouble = trouble_of(flight, code, field, detail);
    buf_reset(&flight->clerk_id); /* somebody else's */
    import_put_flight(flight, LEDGER_FAILED, code);
    import->totals->conflicts++;
    if (import->events->conflict)
        import->events->conflict(import->events->arg, &trouble);
    rejects_add_body(import->rejects, buf_text(&flight->user));
    import_land(flight);
}

/* Sent back to where the next run takes it up; SENDING if a request of it may still be executing. */
void import_put_back(struct flight *flight)
{
    flight->import->totals->pending++;
    if (flight->action == MIGRATE_CREATE && flight->clerk_id.len == 0)
        import_put_flight(flight, flight->attempts > 1 ? LEDGER_SENDING : LEDGER_PLANNED, NULL);
    import_land(flight);
}

void import_done(struct flight *flight)
{
    struct migrate_totals *totals = flight->import->totals;
    uint64_t *counter = flight->action == MIGRATE_UPDATE ? &totals->updated
                        : flight->existing               ? &totals->adopted
                                                         : &totals->created;
    (*counter)++;
    import_put_flight(flight, LEDGER_DONE, NULL);
    import_land(flight);
}

void import_removed(struct flight *flight)
{
    struct import *import = flight->import;
    struct err err;
    note_put(import);
    if (ledger_remove(import->ledger, buf_text(&flight->id), &err))
        import_fail(import, &err);
    import->totals->removed++;
    import_land(flight);
}

/* ---- what is told ---- */

void import_split(struct flight *flight, const char *code, const char *field, const char *detail)
{
    struct import *import = flight->import;
    struct migrate_trouble trouble = trouble_of(flight, code, field, detail);
    import->totals->split++;
    if (import->events->split)
        import->events->split(import->events->arg, &trouble);
}

void import_merged(void *arg, enum user_field field, struct text path, enum merge_result merge)
{
    struct flight *flight = arg;
    struct import *import = flight->import;
    char name[192];
    bool kept = merge == MERGE_KEPT;
    snprintf(name, sizeof(name), "%s%s%.*s", user_field_infos[field].name, path.len ? "." : "",
             TEXT_ARG(path));
    struct migrate_trouble trouble =
        trouble_of(flight, kept ? "clerk" : "source", name,
                   kept ? "changed at the source and in Clerk; Clerk's value stays"
                        : "changed at the source and in Clerk; the source's is written");
    if (kept && !field_is_readable(field))
        trouble.detail =
            "changed at the source; in Clerk it was set since, or nobody can tell, so it "
            "is left alone";
    *(kept ? &import->totals->kept : &import->totals->overruled) += 1;
    if (import->events->merged)
        import->events->merged(import->events->arg, &trouble);
}
