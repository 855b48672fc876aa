/* Look-ups: who waits for which, who is found, and what is done with a user who is not. */
#include "migrate/import.h"

/* A user of an earlier run who is not in this export: as it was, or sent back to be planned. */
static void stranded_found(struct flight *flight, struct json_value user)
{
    bool create = flight->clerk_id.len == 0;
    buf_reset(&flight->clerk_id);
    buf_add(&flight->clerk_id, json_text(json_get(user, TEXT("id"))));
    if (create)
        import_witness_create(flight, user);
    import_put_written(flight, LEDGER_DONE, (struct text){NULL, 0});
    import_land(flight);
}

static void by_external_id(struct flight *flight, struct json_value user)
{
    if (flight->step == FLIGHT_SETTLE) {
        record_add_witnesses(ledger_key(flight->import->ledger), user, flight->refresh,
                             &flight->marks);
        import_done(flight);
    } else if (flight->stranded) {
        stranded_found(flight, user);
    } else if (flight->action == MIGRATE_DELETE) {
        import_undo_found(flight, user);
    } else if (flight->action == MIGRATE_UPDATE || flight->written.len > 0) {
        import_merge_found(flight, user, false);
    } else if (flight->existing) {
        import_existing_found(flight, user);
    } else {
        import_ours_found(flight, user);
    }
}

void import_found(struct lookup *lookup, struct lookup_item *item, struct json_value user)
{
    if (lookup->by == LOOKUP_EXTERNAL_ID)
        by_external_id(item->owner, user);
    else
        import_owner_found(item->owner, item->value, user);
}

/*
 * What an earlier run sent never came through. The intent becomes what the row says now: durable first, if that
 * is something else.
 */
static void create_missing(struct flight *flight)
{
    bool other_intent =
        flight->written.len > 0 && !text_same(buf_text(&flight->written), import_content(flight));
    flight->action = MIGRATE_CREATE;
    buf_reset(&flight->written);
    buf_reset(&flight->clerk_id);
    if (!other_intent) {
        import_create(flight);
        return;
    }
    flight->step = FLIGHT_CREATE;
    import_put_flight(flight, LEDGER_SENDING, NULL);
    import_queue(&flight->import->ready, flight);
}

static void lookup_missing(struct import *import, struct flight *flight)
{
    if (flight->step == FLIGHT_SETTLE) {
        import_done(flight);
    } else if (import->undo_preview) {
        import->totals->removed++;
        import_land(flight);
    } else if (flight->action == MIGRATE_DELETE || (flight->stranded && flight->clerk_id.len > 0)) {
        import_removed(flight);
    } else if (flight->action == MIGRATE_UPDATE && !flight->deleting) {
        /* Somebody has deleted the user at the target since: that is no reason to make it again. */
        import_failed(flight, "deleted_at_target", "", "the user is no longer at the target");
    } else if (import->failed || import->stopping) {
        import_put_back(flight);
    } else {
        create_missing(flight);
    }
}

static void ended_by_identifier(struct lookup *lookup)
{
    struct flight *last = NULL;
    for (size_t i = 0; i < lookup->count; i++) {
        struct flight *flight = lookup->items[i].owner;
        if (flight != last)
            import_ask_owners(flight, flight->asking + 1);
        last = flight;
    }
}

static void land_all(struct lookup *lookup)
{
    struct flight *last = NULL;
    for (size_t i = 0; i < lookup->count; i++) {
        struct flight *flight = lookup->items[i].owner;
        if (flight != last)
            import_land(flight); /* stays SENDING: the next run looks again */
        last = flight;
    }
}

void import_ended(struct lookup *lookup, const struct err *err)
{
    struct import *import = lookup->arg;
    if (err) {
        import_fail(import, err);
        land_all(lookup);
    } else if (lookup->by != LOOKUP_EXTERNAL_ID) {
        ended_by_identifier(lookup);
    } else {
        for (size_t i = 0; i < lookup->count; i++)
            if (!lookup->items[i].found)
                lookup_missing(import, lookup->items[i].owner);
    }
    lookup_reset(lookup);
}

/* ---- sending them ---- */

/* Adds a flight with what it is looked up by; false if the batch has no room for all of that. */
static bool add_to(struct lookup *lookup, struct flight *flight)
{
    size_t count = 0;
    if (lookup->by == LOOKUP_EXTERNAL_ID) {
        lookup_add(lookup, buf_text(&flight->id), flight);
        return true;
    }
    for (size_t at = 0; at < flight->asked.len; at++)
        count += flight->asked.at[at] == 0;
    if (lookup->count + count > LOOKUP_MAX)
        return false;
    for (size_t at = 0; at < flight->asked.len;) {
        struct text value = text_of(flight->asked.at + at);
        lookup_add(lookup, value, flight);
        at += value.len + 1;
    }
    return true;
}

static void fill(struct lookup *lookup, struct flight_queue *queue)
{
    while (lookup->count < LOOKUP_MAX && queue->count > 0 && add_to(lookup, queue->first))
        import_dequeue(queue);
}

static bool is_due(const struct import *import, const struct flight_queue *queue)
{
    return queue->count >= LOOKUP_MAX || (queue->count > 0 && clock_now_us() >= import->look_at);
}

void import_send_lookups(struct import *import)
{
    size_t i = 0;
    for (int by = 0; by < LOOKUP_KINDS; by++)
        while (is_due(import, &import->look[by])) {
            while (i < IMPORT_LOOKUPS && import->lookups[i].count > 0)
                i++;
            if (i == IMPORT_LOOKUPS)
                return;
            import->lookups[i].by = (enum lookup_by)by;
            fill(&import->lookups[i], &import->look[by]);
            lookup_send(&import->lookups[i], import->courier);
        }
}
