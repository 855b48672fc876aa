/*
 * Rows that the ledger does not settle go into batches of up to 100. Each batch asks the target for its
 * external ids, then for the email addresses, phone numbers and usernames of whoever was not found, as
 * many look-ups as that takes. Several batches are under way at once.
 */
#include <stdlib.h>
#include <unistd.h>

#include "migrate/decide.h"
#include "migrate/lookup.h"
#include "migrate/progress.h"
#include "migrate/select.h"

#define BATCHES 8

/* Requests of an update: a share of a look-up, and a PATCH or a PUT. */
#define UPDATE_REQUESTS 2

struct candidate {
    uint64_t row;
    struct buf id;
    struct buf names; /* identifiers: a letter of kinds, the value, a NUL; the primary one first */
    bool known;       /* at the target, by external id */
    bool taken;       /* its only sign-in name belongs to somebody else there */
    bool split;       /* another identifier does */
};

struct plan;

struct batch {
    struct plan *plan;
    struct lookup lookup;
    struct candidate users[LOOKUP_MAX];
    size_t count, at; /* users; the one whose names are asked for next */
    size_t name_at;   /* offset in its names */
    bool sent;
};

struct plan {
    const struct migrate_opts *opts;
    const struct migrate_events *events;
    const struct migrate_stop *stop;
    void (*planned)(void *arg, const struct migrate_planned *planned);
    struct migrate_totals *totals;
    struct source *source;
    struct ledger *ledger; /* NULL: there is none yet */
    struct courier *courier;
    struct field_hasher hasher;
    struct json *json;
    struct arena arena;
    struct batch batches[BATCHES];
    size_t under_way;
    uint64_t moved, requests;
    bool at_end, failed;
    struct progress progress;
    struct err err;
};

static const char kinds[] = "?epu"; /* by enum lookup_by */

static void report(struct plan *plan, uint64_t row, struct text id, enum migrate_action action,
                   const char *detail)
{
    uint64_t *const counters[MIGRATE_ACTION_COUNT] = {
        [MIGRATE_CREATE] = &plan->totals->created,
        [MIGRATE_UPDATE] = &plan->totals->updated,
        [MIGRATE_UNCHANGED] = &plan->totals->unchanged,
        [MIGRATE_CONFLICT] = &plan->totals->conflicts,
        [MIGRATE_REJECT] = &plan->totals->rejected,
    };
    (*counters[action])++;
    plan->requests += action == MIGRATE_CREATE ? 1 : action == MIGRATE_UPDATE ? UPDATE_REQUESTS : 0;
    plan->planned(plan->events->arg, &(struct migrate_planned){row, id, action, detail});
}

static void report_candidate(struct plan *plan, const struct candidate *user)
{
    struct text id = buf_text(&user->id);
    if (user->known)
        report(plan, user->row, id, MIGRATE_UNCHANGED, "already at the target; would be adopted");
    else if (user->taken)
        report(plan, user->row, id, MIGRATE_CONFLICT,
               "its identifier belongs to another user of the target");
    else if (user->split)
        report(plan, user->row, id, MIGRATE_CREATE,
               "without an identifier that belongs to another user of the target");
    else
        report(plan, user->row, id, MIGRATE_CREATE, "");
}

static void end_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        report_candidate(batch->plan, &batch->users[i]);
    batch->count = 0;
    batch->sent = false;
    batch->plan->under_way--;
}

static enum lookup_by kind_of(char letter)
{
    return letter == 'e'   ? LOOKUP_EMAIL_ADDRESS
           : letter == 'p' ? LOOKUP_PHONE_NUMBER
                           : LOOKUP_USERNAME;
}

/* The next name of the batch that is still to be asked for, or absent. */
static struct text next_name(struct batch *batch, struct candidate **user, char *kind)
{
    for (; batch->at < batch->count; batch->at++, batch->name_at = 0) {
        *user = &batch->users[batch->at];
        if ((*user)->known || batch->name_at >= (*user)->names.len)
            continue;
        *kind = (*user)->names.at[batch->name_at];
        return text_of((*user)->names.at + batch->name_at + 1);
    }
    return (struct text){NULL, 0};
}

/* Fills the batch's look-up with names of one kind; false when none are left. */
static bool fill_names(struct batch *batch)
{
    struct candidate *user;
    struct text name;
    char kind, first = 0;
    while (batch->lookup.count < LOOKUP_MAX && (name = next_name(batch, &user, &kind)).at) {
        if (first && kind != first)
            break;
        first = kind;
        batch->lookup.by = kind_of(kind);
        lookup_add(&batch->lookup, name, user);
        batch->name_at += name.len + 2;
    }
    return batch->lookup.count > 0;
}

static void on_found(struct lookup *lookup, struct lookup_item *item, struct json_value there)
{
    struct candidate *user = item->owner;
    (void)there;
    if (lookup->by == LOOKUP_EXTERNAL_ID) {
        user->known = true;
        return;
    }
    /* The first name is the one to sign in with; it is the only one of its kind or others follow. */
    char kind = user->names.at[0];
    size_t next = text_of(user->names.at).len + 1;
    bool primary = item->value.at == user->names.at + 1;
    bool alone = next >= user->names.len || user->names.at[next] != kind;
    if (primary && alone)
        user->taken = true;
    else
        user->split = true;
}

static void on_ended(struct lookup *lookup, const struct err *err)
{
    struct batch *batch = lookup->arg;
    lookup_reset(lookup);
    if (err) {
        batch->plan->failed = true;
        batch->plan->err = *err;
        batch->sent = false;
        batch->plan->under_way--;
    } else if (fill_names(batch)) {
        lookup_send(lookup, batch->plan->courier);
    } else {
        end_batch(batch);
    }
}

static void add_names(struct candidate *user, char kind, const struct user_identifiers *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_byte(&user->names, kind);
        buf_add(&user->names, list->at[i].value);
        buf_byte(&user->names, 0);
    }
}

static int take_candidate(struct batch *batch, const struct source_row *row, struct err *err)
{
    struct candidate *user = &batch->users[batch->count++];
    struct user_identifier name = {row->user.username, true};
    struct user_identifiers username = {&name, row->user.username.len > 0};
    buf_reset(&user->id);
    buf_reset(&user->names);
    buf_add(&user->id, row->user.external_id);
    user->row = row->number;
    user->known = user->taken = user->split = false;
    add_names(user, kinds[LOOKUP_EMAIL_ADDRESS], &row->user.email_address);
    add_names(user, kinds[LOOKUP_PHONE_NUMBER], &row->user.phone_number);
    add_names(user, kinds[LOOKUP_USERNAME], &username);
    return buf_ok(&user->id) && buf_ok(&user->names) ? 0 : err_memory(err);
}

/* Settles a row by the ledger alone; false if the target has to be asked. */
static int settle(struct plan *plan, const struct source_row *row, bool *settled, struct err *err)
{
    struct field_hashes hashes;
    struct ledger_user known;
    bool found;
    *settled = false;
    if (!plan->ledger)
        return 0;
    arena_reset(&plan->arena);
    if (field_hashes_of(&plan->hasher, ledger_key(plan->ledger), &row->user, &hashes, err) ||
        ledger_find(plan->ledger, row->id, &plan->arena, &known, &found, err))
        return -1;
    struct record written;
    record_decode(&written, found ? known.hashes : (struct text){NULL, 0});
    struct decision decision = decide(found ? &known : NULL, &written, &hashes);
    if (decision.action == MIGRATE_CREATE)
        return 0;
    *settled = true;
    report(plan, row->number, row->id, decision.action,
           decision.action == MIGRATE_UPDATE ? "changed at the source since" : "");
    return 0;
}

static int take_row(struct plan *plan, struct batch *batch, const struct source_row *row,
                    struct err *err)
{
    bool settled;
    plan->totals->rows++;
    if (row->reject.reason != USER_ACCEPTED) {
        plan->totals->reasons[row->reject.reason]++;
        report(plan, row->number, row->id, MIGRATE_REJECT, user_reason_name(row->reject.reason));
        return 0;
    }
    plan->totals->accepted++;
    if (settle(plan, row, &settled, err))
        return -1;
    if (settled)
        return 0;
    plan->moved++;
    return take_candidate(batch, row, err);
}

static int fill(struct plan *plan, struct batch *batch, struct err *err)
{
    struct source_row row;
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
    return 0;
}

static int start_batches(struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < BATCHES && !plan->failed; i++) {
        struct batch *batch = &plan->batches[i];
        if (batch->sent || plan->at_end)
            continue;
        batch->at = batch->name_at = 0;
        if (fill(plan, batch, err))
            return -1;
        if (batch->count == 0)
            continue;
        batch->sent = true;
        plan->under_way++;
        batch->lookup.by = LOOKUP_EXTERNAL_ID;
        for (size_t k = 0; k < batch->count; k++)
            lookup_add(&batch->lookup, buf_text(&batch->users[k].id), &batch->users[k]);
        lookup_send(&batch->lookup, plan->courier);
    }
    return 0;
}

static int run(struct plan *plan, struct err *err)
{
    while (!plan->failed && (!plan->stop || plan->stop->requests == 0)) {
        if (start_batches(plan, err))
            return -1;
        if (plan->under_way == 0)
            break;
        if (courier_work(plan->courier, 10000, err))
            return -1;
        progress_show(&plan->progress, false);
    }
    plan->totals->requests = plan->requests;
    progress_show(&plan->progress, true);
    if (!plan->failed)
        return 0;
    *err = plan->err;
    return -1;
}

static int open_ledger(struct plan *plan, const struct migrate_instance *instance, struct err *err)
{
    if (!plan->opts->ledger || access(plan->opts->ledger, F_OK) != 0)
        return 0;
    struct ledger_opts opts = {
        .path = plan->opts->ledger,
        .identity = {text_of(instance->id), source_platform(plan->source),
                     source_mapping_hash(plan->source)},
        .read_only = true,
    };
    return ledger_open(&plan->ledger, &opts, err);
}

static int plan_open(struct plan *plan, const struct migrate_instance *instance, struct err *err)
{
    for (size_t i = 0; i < BATCHES; i++) {
        struct batch *batch = &plan->batches[i];
        batch->plan = plan;
        lookup_init(&batch->lookup, LOOKUP_EXTERNAL_ID, NULL, batch);
        batch->lookup.found = on_found;
        batch->lookup.ended = on_ended;
        for (size_t k = 0; k < LOOKUP_MAX; k++) {
            buf_init(&batch->users[k].id, 4096);
            buf_init(&batch->users[k].names, 1 << 20);
        }
    }
    if (source_open(&plan->source, &plan->opts->source, err) || open_ledger(plan, instance, err) ||
        field_hasher_init(&plan->hasher, err) || json_new(&plan->json, 64 << 20, err) ||
        courier_open(&plan->courier, &plan->opts->target, err))
        return -1;
    for (size_t i = 0; i < BATCHES; i++)
        plan->batches[i].lookup.json = plan->json;
    plan->progress.source = plan->source;
    plan->progress.courier = plan->courier;
    if (plan->events->opened)
        plan->events->opened(plan->events->arg, plan->source);
    return 0;
}

static void plan_close(struct plan *plan)
{
    courier_close(plan->courier);
    for (size_t i = 0; i < BATCHES; i++) {
        lookup_release(&plan->batches[i].lookup);
        for (size_t k = 0; k < LOOKUP_MAX; k++) {
            buf_release(&plan->batches[i].users[k].id);
            buf_release(&plan->batches[i].users[k].names);
        }
    }
    field_hasher_release(&plan->hasher);
    json_free(plan->json);
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
    arena_init(&plan->arena, 1 << 20);
    int status = plan_open(plan, instance, err);
    if (status == 0) {
        status = run(plan, err);
        *allowance = courier_allowance(plan->courier);
    }
    plan_close(plan);
    return status;
}
