/* The slots of an import: taking, giving back, and what is put into the ledger for them. */
#include "migrate/import.h"

#include "migrate/rejects.h"

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

/* Ends the whole import with an error, keeping the first one. */
void import_fail(struct import *import, const struct err *err)
{
    if (import->failed)
        return;
    import->failed = true;
    import->err = *err;
}

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
                                    const char *code)
{
    return (struct ledger_user){
        .external_id = buf_text(&flight->id),
        .clerk_id = buf_text(&flight->clerk_id),
        .error_code = text_of(code),
        .hashes = field_hashes_blob(&flight->hashes),
        .state = state,
        .attempts = flight->attempts,
        .run = flight->import->run.id,
    };
}

void import_put_flight(struct flight *flight, enum ledger_state state, const char *code)
{
    struct ledger_user user = record_of(flight, state, code);
    import_put(flight->import, &user);
}

int import_claim(struct flight *flight, struct err *err)
{
    struct import *import = flight->import;
    struct ledger_user user = record_of(flight, LEDGER_SENDING, NULL);
    struct ledger_claim claim;
    note_put(import);
    if (ledger_claim(import->ledger, &user, &import->arena, &claim, err))
        return -1;
    if (claim.result == LEDGER_CLAIMED) {
        flight->step = claim.look_first ? FLIGHT_LOOK : FLIGHT_CREATE;
        import_queue(&import->ready, flight);
        return 0;
    }
    /* Another process has moved the user just now, or is about to. */
    ++*(claim.result == LEDGER_MOVED ? &import->totals->unchanged : &import->totals->pending);
    import_land(flight);
    return 0;
}

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

void import_failed(struct flight *flight, const char *code, const char *field, const char *detail)
{
    struct import *import = flight->import;
    struct migrate_trouble trouble = trouble_of(flight, code, field, detail);
    /* An update that failed leaves the record as it was: the next run tries again. */
    if (flight->action != MIGRATE_UPDATE)
        import_put_flight(flight, LEDGER_FAILED, code);
    import->totals->failed++;
    if (import->events->failed)
        import->events->failed(import->events->arg, &trouble);
    rejects_add_body(import->rejects, buf_text(&flight->user));
    import_land(flight);
}

/* Sent back to where the next run takes it up; SENDING if a request of it may still be executing. */
void import_put_back(struct flight *flight)
{
    flight->import->totals->pending++;
    if (flight->action != MIGRATE_UPDATE)
        import_put_flight(flight, flight->attempts > 1 ? LEDGER_SENDING : LEDGER_PLANNED, NULL);
    import_land(flight);
}

void import_done(struct flight *flight, uint64_t *counter)
{
    (*counter)++;
    import_put_flight(flight, LEDGER_DONE, NULL);
    import_land(flight);
}

void import_split(struct flight *flight, const char *code, const char *field, const char *detail)
{
    struct import *import = flight->import;
    struct migrate_trouble trouble = trouble_of(flight, code, field, detail);
    import->totals->split++;
    if (import->events->split)
        import->events->split(import->events->arg, &trouble);
}

void import_kept(struct flight *flight, enum user_field field)
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
