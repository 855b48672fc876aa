/*
 * Rows that the ledger does not settle go into batches of up to 100. Each batch asks the target for its
 * external ids, then for the email addresses, phone numbers and usernames of whoever is new, as many look-ups
 * as that takes. Several batches are under way at once. At the end plan_gone.c tells who is gone.
 */
#include "migrate/plan.h"

#include <stdlib.h>

#include "migrate/decide.h"
#include "migrate/select.h"

void plan_report(struct plan *plan, uint64_t row, struct text id, enum migrate_action action,
                 const char *detail)
{
    uint64_t *const counters[MIGRATE_ACTION_COUNT] = {
        [MIGRATE_CREATE] = &plan->totals->created,      [MIGRATE_UPDATE] = &plan->totals->updated,
        [MIGRATE_UNCHANGED] = &plan->totals->unchanged, [MIGRATE_ADOPT] = &plan->totals->adopted,
        [MIGRATE_BAN] = &plan->totals->removed,         [MIGRATE_DELETE] = &plan->totals->removed,
        [MIGRATE_CONFLICT] = &plan->totals->conflicts,  [MIGRATE_REJECT] = &plan->totals->rejected,
    };
    (*counters[action])++;
    plan->planned(plan->events->arg, &(struct migrate_planned){row, id, action, detail});
}

static void fail(struct plan *plan, const struct err *err)
{
    if (!plan->failed)
        plan->err = *err;
    plan->failed = true;
}

void plan_end_batch(struct plan_batch *batch, const struct err *err)
{
    if (err)
        fail(batch->plan, err);
    lookup_reset(&batch->lookup);
    batch->count = 0;
    batch->sent = false;
    batch->plan->under_way--;
}

/* ---- asking ---- */

static const struct {
    char letter;
    enum lookup_by by;
    enum user_field field;
} kinds[] = {
    {'e', LOOKUP_EMAIL_ADDRESS, USER_FIELD_email_address},
    {'p', LOOKUP_PHONE_NUMBER, USER_FIELD_phone_number},
    {'u', LOOKUP_USERNAME, USER_FIELD_username},
};

static size_t kind_of(char letter)
{
    size_t i = 0;
    while (kinds[i].letter != letter)
        i++;
    return i;
}

/* The next name of the batch that is still to be asked for, or absent. */
static struct text next_name(struct plan_batch *batch, struct candidate **user, char *kind)
{
    for (; batch->at < batch->count; batch->at++, batch->name_at = 0) {
        *user = &batch->users[batch->at];
        if ((*user)->there || batch->name_at >= (*user)->names.len)
            continue;
        *kind = (*user)->names.at[batch->name_at];
        return text_of((*user)->names.at + batch->name_at + 1);
    }
    return (struct text){NULL, 0};
}

/* Fills the batch's look-up with names of one kind; false when none are left. */
static bool fill_names(struct plan_batch *batch)
{
    struct candidate *user;
    struct text name;
    char kind, first = 0;
    while (batch->lookup.count < LOOKUP_MAX && (name = next_name(batch, &user, &kind)).at) {
        if (first && kind != first)
            break;
        first = kind;
        batch->lookup.by = kinds[kind_of(kind)].by;
        lookup_add(&batch->lookup, name, user);
        batch->name_at += name.len + 2;
    }
    return batch->lookup.count > 0;
}

static void on_found(struct lookup *lookup, struct lookup_item *item, struct json_value there)
{
    struct plan_batch *batch = lookup->arg;
    struct err err;
    if (lookup->by != LOOKUP_EXTERNAL_ID)
        candidate_owner(batch->plan, item->owner, kinds[lookup->by - LOOKUP_EMAIL_ADDRESS].field,
                        item->value, there);
    else if (candidate_there(batch->plan, item->owner, there, &err))
        fail(batch->plan, &err);
}

static void on_ended(struct lookup *lookup, const struct err *err)
{
    struct plan_batch *batch = lookup->arg;
    lookup_reset(lookup);
    if (!err && fill_names(batch)) {
        lookup_send(lookup, batch->plan->courier);
        return;
    }
    for (size_t i = 0; !err && i < batch->count; i++)
        candidate_report(batch->plan, &batch->users[i]);
    plan_end_batch(batch, err);
}

/* ---- reading ---- */

/* What the ledger knows of a row's user, noting that the export has it. */
static int find(struct plan *plan, struct text id, struct ledger_user *known, bool *found,
                struct err *err)
{
    arena_reset(&plan->arena);
    *found = false;
    if (!plan->ledger)
        return 0;
    if (ledger_find(plan->ledger, id, &plan->arena, known, found, err))
        return -1;
    return *found ? numbers_add(&plan->seen, known->number, err) : 0;
}

static int take_accepted(struct plan *plan, struct plan_batch *batch, const struct source_row *row,
                         struct err *err)
{
    struct field_hashes hashes;
    struct ledger_user known;
    struct record written;
    bool found, unchanged = false;
    int64_t number;
    if (field_hashes_of(&plan->hasher, &plan->key, &row->user, &hashes, err) ||
        (plan->ledger && ledger_is_unchanged(plan->ledger, row->id, field_hashes_sum(&hashes),
                                             &number, &unchanged, err)))
        return -1;
    if (unchanged) {
        plan_report(plan, row->number, row->id, MIGRATE_UNCHANGED, "");
        return numbers_add(&plan->seen, number, err);
    }
    if (find(plan, row->id, &known, &found, err))
        return -1;
    record_decode(&written, found ? known.hashes : (struct text){NULL, 0});
    struct decision decision = decide(found ? &known : NULL, &written, &hashes);
    if (decision.action == MIGRATE_UNCHANGED) {
        plan_report(plan, row->number, row->id, MIGRATE_UNCHANGED, "");
        return 0;
    }
    plan->moved++;
    return candidate_take(plan, &batch->users[batch->count++], row, &hashes,
                          decision.action == MIGRATE_UPDATE ? &known.hashes : NULL, err);
}

static int take_row(struct plan *plan, struct plan_batch *batch, const struct source_row *row,
                    struct err *err)
{
    struct ledger_user known;
    bool found;
    plan->totals->rows++;
    if (row->reject.reason == USER_ACCEPTED) {
        plan->totals->accepted++;
        return take_accepted(plan, batch, row, err);
    }
    plan->totals->reasons[row->reject.reason]++;
    plan_report(plan, row->number, row->id, MIGRATE_REJECT, user_reason_name(row->reject.reason));
    return row->id.len > 0 ? find(plan, row->id, &known, &found, err) : 0;
}

static int fill(struct plan_batch *batch, struct err *err)
{
    struct plan *plan = batch->plan;
    struct source_row row;
    batch->at = batch->name_at = 0;
    batch->lookup.by = LOOKUP_EXTERNAL_ID;
    while (batch->count < LOOKUP_MAX && !plan->at_end) {
        int got = source_next(plan->source, &row, err);
        if (got < 0)
            return -1;
        plan->at_end = got == 0 || (plan->opts->limit && plan->moved >= plan->opts->limit);
        if (plan->at_end)
            break;
        if (plan->events->row)
            plan->events->row(plan->events->arg, &row);
        if (select_is_wanted(plan->opts, row.id) && take_row(plan, batch, &row, err))
            return -1;
    }
    for (size_t i = 0; i < batch->count; i++)
        lookup_add(&batch->lookup, buf_text(&batch->users[i].id), &batch->users[i]);
    return 0;
}

static int start_batches(struct plan *plan, int (*fill)(struct plan_batch *batch, struct err *err),
                         struct err *err)
{
    for (size_t i = 0; i < PLAN_BATCHES && !plan->failed; i++) {
        struct plan_batch *batch = &plan->batches[i];
        if (batch->sent || plan->at_end)
            continue;
        if (fill(batch, err))
            return -1;
        if (batch->count == 0)
            continue;
        batch->sent = true;
        plan->under_way++;
        lookup_send(&batch->lookup, plan->courier);
    }
    return 0;
}

/* ---- all of it ---- */

static bool is_stopped(const struct plan *plan)
{
    return plan->failed || (plan->stop && plan->stop->requests > 0);
}

int plan_batches(struct plan *plan, int (*fill)(struct plan_batch *batch, struct err *err),
                 struct err *err)
{
    while (!is_stopped(plan)) {
        if (start_batches(plan, fill, err))
            return -1;
        if (plan->under_way == 0)
            break;
        if (courier_work(plan->courier, 10000, err))
            return -1;
        progress_show(&plan->progress, false);
    }
    return 0;
}

static int run(struct plan *plan, struct err *err)
{
    if (plan_batches(plan, fill, err) || (!is_stopped(plan) && plan_gone(plan, err)))
        return -1;
    plan->totals->requests = plan->requests + (plan->looks + LOOKUP_MAX - 1) / LOOKUP_MAX;
    progress_show(&plan->progress, true);
    if (!plan->failed)
        return 0;
    *err = plan->err;
    return -1;
}

static int open_ledger(struct plan *plan, const struct migrate_instance *instance, struct err *err)
{
    int exists = plan->opts->ledger ? ledger_exists(plan->opts->ledger, err) : 0;
    if (exists <= 0)
        return exists;
    struct ledger_opts opts = {
        .path = plan->opts->ledger,
        .identity = {text_of(instance->id), source_platform(plan->source),
                     source_mapping_hash(plan->source)},
        .read_only = true,
        .sum = record_sum,
    };
    return ledger_open(&plan->ledger, &opts, err);
}

static int plan_open(struct plan *plan, const struct migrate_instance *instance, struct err *err)
{
    for (size_t i = 0; i < PLAN_BATCHES; i++) {
        struct plan_batch *batch = &plan->batches[i];
        batch->plan = plan;
        lookup_init(&batch->lookup, LOOKUP_EXTERNAL_ID, NULL, batch);
        batch->lookup.found = on_found;
        batch->lookup.ended = on_ended;
        for (size_t k = 0; k < LOOKUP_MAX; k++)
            candidate_init(&batch->users[k]);
    }
    if (source_open(&plan->source, &plan->opts->source, err) || open_ledger(plan, instance, err) ||
        field_hasher_init(&plan->hasher, err) || json_new(&plan->json, 64 << 20, err) ||
        json_new(&plan->row_json, 32 << 20, err) ||
        courier_open(&plan->courier, &plan->opts->target, err))
        return -1;
    for (size_t i = 0; i < PLAN_BATCHES; i++)
        plan->batches[i].lookup.json = plan->json;
    plan->key = plan->ledger ? *ledger_key(plan->ledger) : hash_key_random();
    plan->progress.source = plan->source;
    plan->progress.courier = plan->courier;
    if (plan->events->opened)
        plan->events->opened(plan->events->arg, plan->source);
    return 0;
}

static void plan_close(struct plan *plan)
{
    courier_close(plan->courier);
    for (size_t i = 0; i < PLAN_BATCHES; i++) {
        lookup_release(&plan->batches[i].lookup);
        for (size_t k = 0; k < LOOKUP_MAX; k++)
            candidate_release(&plan->batches[i].users[k]);
    }
    field_hasher_release(&plan->hasher);
    json_free(plan->json);
    json_free(plan->row_json);
    steps_release(&plan->steps);
    buf_release(&plan->marks);
    numbers_release(&plan->seen);
    arena_release(&plan->arena);
    ledger_close(plan->ledger);
    source_close(plan->source);
    free(plan);
}

int migrate_plan(const struct migrate_opts *opts, const struct migrate_instance *instance,
                 const struct migrate_events *events,
                 void (*planned)(void *arg, const struct migrate_planned *planned),
                 const struct migrate_stop *stop, struct migrate_totals *totals, double *allowance,
                 struct err *err)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return err_memory(err);
    plan->opts = opts;
    plan->events = events;
    plan->planned = planned;
    plan->stop = stop;
    plan->totals = totals;
    plan->progress = (struct progress){.events = events, .totals = totals};
    plan->progress.started = clock_now_us();
    arena_init(&plan->arena, (size_t)256 << 20);
    steps_init(&plan->steps);
    buf_init(&plan->marks, 16 << 20);
    int status = plan_open(plan, instance, err);
    if (status == 0) {
        status = run(plan, err);
        *allowance = courier_allowance(plan->courier);
    }
    plan_close(plan);
    return status;
}
