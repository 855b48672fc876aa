/* The steps of a flight: what is sent, and what an answer means. */
#include "migrate/import.h"

#include <stdio.h>
#include <string.h>

#include "migrate/advice.h"

/*
 * Between two tries of one user. A try of an update sends at most a PATCH and a PATCH of the metadata, and
 * Clerk allows ten of them a user in ten seconds.
 */
#define RETRY_US     INT64_C(500000)
#define AGAIN_US     INT64_C(2500000)
#define ATTEMPTS_MAX 8

static void on_answer(struct parcel *parcel, const struct target_answer *answer);

static void post(struct flight *flight)
{
    flight->parcel.done = on_answer;
    flight->parcel.arg = flight;
    courier_post(flight->import->courier, &flight->parcel, 0);
}

void import_create(struct flight *flight)
{
    flight->step = FLIGHT_CREATE;
    flight->attempts++;
    flight->made = flight->import->run.id;
    if (flight->attempts == 1)
        flight->sent_ms = clock_wall_ms();
    if (!flight->split) {
        buf_reset(&flight->body);
        buf_add(&flight->body, buf_text(&flight->user));
    }
    flight->parcel.method = "POST";
    flight->parcel.path = TEXT("/v1/users");
    flight->parcel.body = buf_text(&flight->body);
    post(flight);
}

void import_look(struct flight *flight, int64_t delay_us)
{
    if (flight->step != FLIGHT_SETTLE)
        flight->step = FLIGHT_LOOK;
    flight->import->look_at = clock_now_us() + delay_us;
    import_queue(&flight->import->look[LOOKUP_EXTERNAL_ID], flight);
}

void import_begin_steps(struct flight *flight)
{
    if (flight_next(flight))
        post(flight);
}

static void end_steps(struct flight *flight)
{
    switch (flight->action) {
    case MIGRATE_DELETE:
        import_removed(flight);
        return;
    case MIGRATE_BAN:
        flight->import->totals->removed++;
        import_put_flight(flight, LEDGER_DONE, NULL);
        import_land(flight);
        return;
    default:
        break;
    }
    if (flight->claiming) {
        flight->claiming = false;
        import_look(flight, 0);
    } else if (flight->witnessed) {
        import_done(flight);
    } else {
        flight->step = FLIGHT_SETTLE;
        import_look(flight, 0);
    }
}

void import_go_on(struct flight *flight)
{
    if (flight_next(flight))
        post(flight);
    else
        end_steps(flight);
}

/* Tried too often: the code that says so, or NULL to try again. */
static const char *given_up(const struct flight *flight, const struct target_answer *answer,
                            char code[24])
{
    if (answer->result != TARGET_ANSWERED || flight->attempts < ATTEMPTS_MAX)
        return NULL;
    snprintf(code, 24, "http_%d", answer->status);
    return code;
}

static void unknown_fate(struct flight *flight, const struct target_answer *answer)
{
    char code[24];
    flight->import->totals->retries++;
    if (given_up(flight, answer, code))
        import_failed(flight, code, "", "the target failed every time this user was sent");
    else
        import_look(flight, RETRY_US / 2 + (int64_t)random_below((uint64_t)RETRY_US));
}

static void refuse(struct flight *flight, const struct clerk_problem *problem)
{
    char said[ADVICE_MAX];
    import_failed(flight, problem->code, problem->param, advice_say(problem, said));
}

/* A field or identifier stays behind. */
static void leave(struct flight *flight, const struct clerk_problem *problem, const char *field)
{
    char said[ADVICE_MAX];
    import_split(flight, problem->code, field, advice_say(problem, said));
}

static void create_split(struct flight *flight, const struct clerk_problem *problem)
{
    struct import *import = flight->import;
    bool username;
    if (!flight_split(flight, ledger_key(import->ledger), import->json, problem->param,
                      &username)) {
        refuse(flight, problem);
        return;
    }
    if (username)
        leave(flight, problem, "username");
    import_create(flight);
}

static void created(struct flight *flight, struct json_value user)
{
    struct import *import = flight->import;
    buf_reset(&flight->clerk_id);
    buf_add(&flight->clerk_id, json_text(json_get(user, TEXT("id"))));
    record_add_witnesses(ledger_key(import->ledger), user, RECORD_WITNESSES, &flight->marks);
    flight->refresh = 1u << RECORD_CHANGED;
    flight->witnessed = true;
    flight_add_identifiers(flight, import->json);
    import_go_on(flight);
}

/* The external id is taken: by an earlier try of ours, or by a user who was there before. */
static void exists(struct flight *flight)
{
    flight->existing = flight->attempts == 1 && !flight->maybe_sent;
    import_look(flight, 0);
}

static void create_answered(struct flight *flight, const struct target_answer *answer,
                            struct json_value root, const struct clerk_problem *problem)
{
    struct import *import = flight->import;
    struct err err;
    switch (decide_answer(answer->status, json_text(json_get(root, TEXT("id"))).len > 0, problem)) {
    case VERDICT_CREATED:
        created(flight, root);
        break;
    case VERDICT_EXISTS:
        exists(flight);
        break;
    case VERDICT_TAKEN:
        import_look_owners(flight);
        break;
    case VERDICT_SPLIT:
        create_split(flight, problem);
        break;
    case VERDICT_REFUSED:
        refuse(flight, problem);
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

/* ---- the steps of a merge ---- */

/*
 * Nobody knows whether a step was executed: the user is looked up and merged again. What was written so far
 * is what the ledger has as under way, or what has just been created.
 */
static void merge_again(struct flight *flight, const struct target_answer *answer)
{
    char code[24];
    flight->import->totals->retries++;
    flight->attempts++;
    if (given_up(flight, answer, code)) {
        import_failed(flight, code, "", "the target failed at every try of an update");
        return;
    }
    if (flight->action == MIGRATE_DELETE || flight->action == MIGRATE_BAN || flight->claiming) {
        courier_post(flight->import->courier, &flight->parcel, AGAIN_US);
        return;
    }
    if (flight->written.len == 0)
        record_encode(&flight->hashes, &flight->marks, &flight->written);
    import_look(flight, AGAIN_US + (int64_t)random_below((uint64_t)AGAIN_US));
}

static void step_done(struct flight *flight, struct json_value root)
{
    const struct step *step = &flight->current;
    const struct hash_key *key = ledger_key(flight->import->ledger);
    flight->witnessed = text_same(json_text(json_get(root, TEXT("object"))), TEXT("user"));
    if (flight->witnessed)
        record_add_witnesses(key, root, flight->refresh, &flight->marks);
    if (step->member) {
        bool verified = json_text(json_path(root, TEXT("verification.status"))).len > 0;
        record_take_out(&flight->marks, step->member);
        record_add(&flight->marks, step->member, verified ? 2 : 1);
    }
    import_go_on(flight);
}

/* A field was refused: the others go without it, and the next run tries it again. */
static void field_refused(struct flight *flight, const struct clerk_problem *problem)
{
    enum user_field field = user_field_find(text_of(problem->param));
    struct record written;
    size_t len = flight->current.body.len;
    bool more = flight_retry_without(flight, flight->import->json, problem->param);
    if (field == USER_FIELD_COUNT || (!more && flight->current.body.len == len)) {
        refuse(flight, problem);
        return;
    }
    record_decode(&written, buf_text(&flight->written));
    flight->hashes.at[field] = written.fields.at[field];
    leave(flight, problem, problem->param);
    if (more)
        post(flight);
    else
        import_go_on(flight);
}

static void step_refused(struct flight *flight, const struct target_answer *answer,
                         struct json_value root, const struct clerk_problem *problem)
{
    const struct step *step = &flight->current;
    struct err err;
    bool removal = step->kind == STEP_REMOVAL || strcmp(step->method, "DELETE") == 0;
    flight->witnessed = false;
    if (decide_is_stop(answer->status, problem)) {
        lookup_refusal(answer->status, root, &err);
        import_fail(flight->import, &err);
        import_land(flight); /* stays SENDING */
    } else if (answer->status == 404 && removal) {
        import_go_on(flight);
    } else if (answer->status == 404 && flight->action == MIGRATE_BAN) {
        import_removed(flight); /* on neither side any more: nobody is left to ban */
    } else if (step->kind == STEP_IDENTIFIER) {
        if (step->member)
            record_take_out(&flight->marks, step->member);
        leave(flight, problem, user_field_infos[step->field].name);
        import_go_on(flight);
    } else if (step->kind == STEP_FIELDS) {
        field_refused(flight, problem);
    } else {
        refuse(flight, problem);
    }
}

static void on_answer(struct parcel *parcel, const struct target_answer *answer)
{
    struct flight *flight = parcel->arg;
    struct json_value root = {NULL, 0};
    struct clerk_problem problem;
    struct err err;
    bool parsed = answer->result == TARGET_ANSWERED &&
                  json_parse(flight->import->json, answer->body, &root, &err) == 0;
    bool complains = parsed && answer->status != 200 && clerk_decode_problem(root, &problem);
    if (!parsed)
        root = (struct json_value){NULL, 0};
    if (flight->step == FLIGHT_CREATE && answer->result == TARGET_ANSWERED)
        create_answered(flight, answer, root, complains ? &problem : NULL);
    else if (flight->step == FLIGHT_CREATE)
        unknown_fate(flight, answer);
    else if (parsed && answer->status == 200)
        step_done(flight, root);
    else if (complains && answer->status < 500)
        step_refused(flight, answer, root, &problem);
    else
        merge_again(flight, answer);
}
