/* The steps of a flight: what is sent, what an answer means, whom a look-up finds. */
#include "migrate/import.h"

#include <stdio.h>
#include <string.h>

#define RETRY_US     INT64_C(500000)
#define ATTEMPTS_MAX 8

static void on_answer(struct parcel *parcel, const struct target_answer *answer);

static void post(struct flight *flight, int64_t delay_us)
{
    flight->parcel.path = buf_text(&flight->path);
    flight->parcel.body = flight->body.len ? buf_text(&flight->body) : (struct text){NULL, 0};
    flight->parcel.done = on_answer;
    flight->parcel.arg = flight;
    courier_post(flight->import->courier, &flight->parcel, delay_us);
}

void import_create(struct flight *flight)
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

void import_look(struct flight *flight, int64_t delay_us)
{
    flight->step = FLIGHT_LOOK;
    flight->import->look_at = clock_now_us() + delay_us;
    import_queue(&flight->import->look, flight);
}

/* On to the next step of a user who is at the target; done when there is none. */
static void go_on(struct flight *flight, uint64_t *counter)
{
    if (flight_next(flight, flight->import->json))
        post(flight, 0);
    else
        import_done(flight, counter);
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
        import_failed(flight, code, "", "the target failed every time this user was sent");
    else
        import_look(flight, RETRY_US / 2 + (int64_t)random_below((uint64_t)RETRY_US));
}

static void create_split(struct flight *flight, const struct clerk_problem *problem)
{
    bool username;
    if (!flight_split(flight, flight->import->json, problem->param, &username)) {
        import_failed(flight, problem->code, problem->param, problem->message);
        return;
    }
    if (username)
        import_split(flight, problem->code, "username", problem->message);
    import_create(flight);
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
        import_look(flight, 0);
        break;
    case VERDICT_SPLIT:
        create_split(flight, problem);
        break;
    case VERDICT_REFUSED:
        import_failed(flight, problem->code, problem->param, problem->message);
        break;
    case VERDICT_UNKNOWN:
        unknown_fate(flight, answer);
        break;
    case VERDICT_STOP:
        lookup_refusal(answer->status, root, &err);
        import_fail(import, &err);
        import_put_back(flight);
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
            import_failed(flight, "http_error", "", "the target failed at a later step");
        else
            post(flight, RETRY_US);
        return;
    }
    if (flight->step == FLIGHT_ADD) {
        flight_added(flight, &kind);
        if (!ok)
            import_split(flight, problem->code, kind, problem->message);
    } else if (!ok) {
        import_failed(flight, problem->code, problem->param, problem->message);
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

void import_found(struct lookup *lookup, struct lookup_item *item, struct json_value user)
{
    struct flight *flight = item->owner;
    struct import *import = lookup->arg;
    struct err err;
    if (flight->action != MIGRATE_UPDATE) {
        buf_add(&flight->clerk_id, json_text(json_get(user, TEXT("id"))));
        go_on(flight, flight->attempts ? &import->totals->created : &import->totals->adopted);
    } else if (flight_merge(flight, &import->hasher, ledger_key(import->ledger), import->json, user,
                            import_kept, &err)) {
        import_failed(flight, "unreadable_answer", "", err.message);
    } else {
        go_on(flight, &import->totals->updated);
    }
}

static void lookup_missing(struct import *import, struct flight *flight)
{
    /* Somebody has deleted the user at the target since: that is no reason to make it again. */
    if (flight->action == MIGRATE_UPDATE)
        import_failed(flight, "deleted_at_target", "", "the user is no longer at the target");
    else if (import->failed || import->stopping)
        import_put_back(flight);
    else
        import_create(flight);
}

void import_ended(struct lookup *lookup, const struct err *err)
{
    struct import *import = lookup->arg;
    if (err)
        import_fail(import, err);
    for (size_t i = 0; i < lookup->count; i++)
        if (err)
            import_land(lookup->items[i].owner); /* stays SENDING: the next run looks again */
        else if (!lookup->items[i].found)
            lookup_missing(import, lookup->items[i].owner);
    lookup_reset(lookup);
}

/* Sends look-ups for the flights that wait for one, up to 100 in each. */
void import_send_lookups(struct import *import)
{
    if (import->look.count == 0 ||
        (import->look.count < LOOKUP_MAX && clock_now_us() < import->look_at))
        return;
    for (size_t i = 0; i < IMPORT_LOOKUPS && import->look.count > 0; i++) {
        struct lookup *lookup = &import->lookups[i];
        if (lookup->count > 0)
            continue;
        while (lookup->count < LOOKUP_MAX && import->look.count > 0) {
            struct flight *flight = import_dequeue(&import->look);
            lookup_add(lookup, buf_text(&flight->id), flight);
        }
        lookup_send(lookup, import->courier);
    }
}
