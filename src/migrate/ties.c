/* The loop: fill slots, commit what was put, send what is durable, work; organizations first, then members. */
#include "migrate/ties.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX  ((size_t)64 << 20)
#define ANSWER_MAX ((size_t)4 << 20)
#define BODY_MAX   ((size_t)1 << 20)
#define WAIT_US    20000

void ties_fail(struct ties *ties, const struct err *err)
{
    if (!ties->failed)
        ties->err = *err;
    ties->failed = true;
}

static void tie_init(struct tie *tie, struct ties *ties)
{
    struct buf *small[] = {&tie->organization, &tie->member, &tie->clerk_id, &tie->within,
                           &tie->user,         &tie->slug,   &tie->path};
    for (size_t i = 0; i < ARRAY_COUNT(small); i++)
        buf_init(small[i], 16 * 1024);
    buf_init(&tie->body, BODY_MAX);
    buf_init(&tie->request, BODY_MAX);
    buf_init(&tie->changes, BODY_MAX);
    buf_init(&tie->metadata, BODY_MAX);
    buf_init(&tie->marks, BODY_MAX);
    buf_init(&tie->written_marks, BODY_MAX);
    tie->ties = ties;
    tie->next = ties->free;
    ties->free = tie;
}

/* Calls each for every buffer of a slot. */
static void tie_bufs(struct tie *tie, void (*each)(struct buf *buf))
{
    struct buf *bufs[] = {&tie->organization, &tie->member,  &tie->clerk_id, &tie->within,
                          &tie->user,         &tie->slug,    &tie->path,     &tie->body,
                          &tie->request,      &tie->changes, &tie->metadata, &tie->marks,
                          &tie->written_marks};
    for (size_t i = 0; i < ARRAY_COUNT(bufs); i++)
        each(bufs[i]);
}

struct tie *ties_take(struct ties *ties)
{
    struct tie *tie = ties->free;
    ties->free = tie->next;
    ties->flying++;
    tie_bufs(tie, buf_reset);
    tie->step = TIE_CREATE;
    tie->sent_before = tie->looked = tie->ours = false;
    tie->attempts = 0;
    tie->now = tie->written = (struct tie_hashes){{0}};
    tie->made = 0;
    tie->next = NULL;
    return tie;
}

void tie_land(struct tie *tie)
{
    struct ties *ties = tie->ties;
    tie->step = TIE_FREE;
    tie->next = ties->free;
    ties->free = tie;
    ties->flying--;
}

void tie_ready(struct tie *tie)
{
    struct ties *ties = tie->ties;
    tie->next = NULL;
    *ties->ready_end = tie;
    ties->ready_end = &tie->next;
}

void tie_put(struct tie *tie, enum ledger_state state, const char *code)
{
    struct ties *ties = tie->ties;
    struct err err;
    const struct buf *clerk_id = tie->kind == ROSTER_ORGANIZATION ? &tie->clerk_id : &tie->user;
    struct ledger_tie row = {
        .organization = buf_text(&tie->organization),
        .member = buf_text(&tie->member),
        .state = state,
        .error_code = text_of(code),
        .run = ties->run.id,
        .made = tie->made,
    };
    if (clerk_id->len > 0)
        row.clerk_id = buf_text(clerk_id);
    if (state == LEDGER_DONE || tie->ours) {
        bool now = state == LEDGER_DONE;
        tie_encode(now ? &tie->now : &tie->written, now ? &tie->marks : &tie->written_marks,
                   &ties->blob);
        row.hashes = buf_text(&ties->blob);
    }
    if (buf_ok(clerk_id) && buf_ok(&ties->blob) ? ledger_tie_put(ties->ledger, &row, &err) != 0
                                                : err_memory(&err) != 0)
        ties_fail(ties, &err);
}

void tie_refuse(struct tie *tie, enum ledger_state state, const char *code, const char *detail)
{
    struct ties *ties = tie->ties;
    struct text id = buf_text(tie->member.len > 0 ? &tie->member : &tie->organization);
    if (state == LEDGER_FAILED)
        ties->totals->failed++;
    else
        ties->totals->rejected++;
    if (ties->events->failed)
        ties->events->failed(ties->events->arg,
                             &(struct migrate_trouble){tie->row, id, code, "", detail});
    if (!ties->read_only && tie->organization.len > 0)
        tie_put(tie, state, code);
    tie_land(tie);
}

int ties_begin(struct ties *ties, const char *command, struct err *err)
{
    ties->run.command = text_of(command);
    ties->run.started_ms = clock_wall_ms();
    return ledger_run_begin(ties->ledger, &ties->run, err);
}

static int open_ledger(struct ties *ties, const struct migrate_instance *instance, struct err *err)
{
    struct ledger_opts opts = {.path = ties->opts->ledger,
                               .identity.instance = text_of(instance->id),
                               .read_only = ties->read_only};
    return ledger_open(&ties->ledger, &opts, err);
}

static int ties_open(struct ties *ties, const struct migrate_instance *instance, struct err *err)
{
    ties->ready_end = &ties->ready;
    arena_init(&ties->arena, ARENA_MAX);
    buf_init(&ties->blob, BODY_MAX + sizeof(struct tie_hashes));
    for (size_t i = 0; i < TIES_AT_ONCE; i++)
        tie_init(&ties->at[i], ties);
    if (json_new(&ties->json, ANSWER_MAX, err) != 0 ||
        json_new(&ties->row_json, ANSWER_MAX, err) != 0 ||
        field_hasher_init(&ties->hasher, err) != 0 || open_ledger(ties, instance, err) != 0)
        return -1;
    if (!ties->planned && courier_open(&ties->courier, &ties->opts->target, err) != 0)
        return -1;
    ties->progress = (struct progress){.events = ties->events,
                                       .totals = ties->totals,
                                       .courier = ties->courier,
                                       .started = clock_now_us()};
    return 0;
}

static int end_run(struct ties *ties, bool failed, struct err *err)
{
    const struct migrate_totals *totals = ties->totals;
    struct ledger_run *run = &ties->run;
    if (run->id == 0)
        return 0;
    run->ended_ms = clock_wall_ms();
    run->ending = progress_ending(ties->stop, failed);
    run->rows = totals->rows;
    run->created = totals->created;
    run->adopted = totals->adopted;
    run->updated = totals->updated;
    run->unchanged = totals->unchanged;
    run->failed = totals->failed;
    run->rejected = totals->rejected;
    run->removed = totals->removed;
    run->requests = totals->requests;
    if (ledger_run_put(ties->ledger, run, err) != 0)
        return -1;
    return ledger_commit(ties->ledger, err);
}

static void ties_close(struct ties *ties)
{
    courier_close(ties->courier);
    ledger_close(ties->ledger);
    roster_close(ties->roster);
    json_free(ties->json);
    json_free(ties->row_json);
    field_hasher_release(&ties->hasher);
    user_seen_free(ties->seen);
    user_seen_free(ties->gone);
    arena_release(&ties->arena);
    buf_release(&ties->blob);
    for (size_t i = 0; i < TIES_AT_ONCE; i++)
        tie_bufs(&ties->at[i], buf_release);
}

static bool is_over(const struct ties *ties)
{
    bool stopping = ties->failed || ties->stop->requests > 0;
    return (ties->flying == 0 && (ties->at_end || stopping)) || ties->stop->requests > 1;
}

/* Sends what the commit has made durable. */
static void send_ready(struct ties *ties)
{
    struct tie *tie = ties->ready;
    ties->ready = NULL;
    ties->ready_end = &ties->ready;
    for (struct tie *next; tie; tie = next) {
        next = tie->next;
        if (ties->failed)
            tie_land(tie);
        else
            tie_send(tie);
    }
}

static void count_requests(struct ties *ties)
{
    if (!ties->courier)
        return;
    ties->totals->requests = courier_requests(ties->courier);
    ties->totals->refused_429 = courier_refused(ties->courier);
    progress_show(&ties->progress, false);
}

static int turn(struct ties *ties, int (*fill)(struct ties *ties, struct err *err), struct err *err)
{
    while (ties->free && !ties->at_end && !ties->failed && ties->stop->requests == 0)
        if (fill(ties, err) != 0)
            return -1;
    if (!ties->read_only && ledger_commit(ties->ledger, err) != 0)
        return -1;
    send_ready(ties);
    if (ties->courier && ties->flying > 0 && courier_work(ties->courier, WAIT_US, err) != 0)
        return -1;
    count_requests(ties);
    return 0;
}

int ties_run(struct ties *ties, int (*fill)(struct ties *ties, struct err *err), struct err *err)
{
    ties->at_end = false;
    while (!is_over(ties))
        if (turn(ties, fill, err) != 0)
            return -1;
    if (!ties->read_only && ledger_commit(ties->ledger, err) != 0)
        return -1;
    if (ties->failed)
        *err = ties->err;
    return ties->failed ? -1 : 0;
}

/* One pass over the file: organizations, or members. */
static int pass(struct ties *ties, enum roster_kind kind, struct err *err)
{
    ties->pass = kind;
    if (roster_open(&ties->roster, ties->opts->source.path, err) != 0)
        return -1;
    int status = ties_run(ties, ties_read, err);
    roster_close(ties->roster);
    ties->roster = NULL;
    return status;
}

int ties_do(const struct ties_opts *opts, struct err *err)
{
    struct err ignored;
    struct ties *ties = calloc(1, sizeof(*ties));
    if (!ties)
        return err_memory(err);
    ties->opts = opts->migrate;
    ties->events = opts->events;
    ties->stop = opts->stop;
    ties->totals = opts->totals;
    ties->planned = opts->planned;
    ties->arg = opts->arg;
    ties->read_only = opts->read_only || opts->planned;
    int status = ties_open(ties, opts->instance, err);
    if (status == 0)
        status = opts->work(ties, err);
    ties->totals->elapsed_us = clock_now_us() - ties->progress.started;
    if (ties->ledger && end_run(ties, status != 0, status ? &ignored : err) != 0)
        status = -1;
    ties_close(ties);
    free(ties);
    return status;
}

/* Both passes over the file. */
static int move(struct ties *ties, struct err *err)
{
    if (strcmp(ties->opts->source.path, "-") == 0)
        return err_set(err, ERR_USAGE,
                       "organizations are read twice, which standard input cannot be; give a file");
    if (!ties->read_only && ties_begin(ties, "import organizations", err) != 0)
        return -1;
    if (user_seen_new(&ties->seen, err) != 0 || pass(ties, ROSTER_ORGANIZATION, err) != 0)
        return -1;
    if (ties->stop->requests == 0 && pass(ties, ROSTER_MEMBERSHIP, err) != 0)
        return -1;
    return ties->stop->requests == 0 ? ties_gone(ties, err) : 0;
}

int migrate_import_organizations(const struct migrate_opts *opts,
                                 const struct migrate_instance *instance,
                                 const struct migrate_events *events,
                                 const struct migrate_stop *stop, struct migrate_totals *totals,
                                 struct err *err)
{
    struct ties_opts ties = {opts, instance, events, stop, totals, .work = move};
    return ties_do(&ties, err);
}

/* What a plan tells of a tie. */
struct tie_plan {
    void (*planned)(void *arg, const struct migrate_planned *planned);
    void *arg;
};

static void on_planned(struct ties *ties, const struct tie *tie, enum migrate_action action)
{
    const struct tie_plan *plan = ties->arg;
    struct migrate_totals *totals = ties->totals;
    struct migrate_planned planned = {
        .row = tie->row,
        .id = buf_text(tie->member.len > 0 ? &tie->member : &tie->organization),
        .action = action,
        .detail = tie->kind == ROSTER_ORGANIZATION ? "organization" : "membership"};
    totals->created += action == MIGRATE_CREATE;
    totals->updated += action == MIGRATE_UPDATE;
    if (action == MIGRATE_UPDATE)
        totals->requests += 1 + tie_writes(tie_differing(&tie->now, &tie->written));
    totals->requests += action == MIGRATE_CREATE;
    plan->planned(plan->arg, &planned);
}

int migrate_plan_organizations(const struct migrate_opts *opts,
                               const struct migrate_instance *instance,
                               const struct migrate_events *events,
                               void (*planned)(void *arg, const struct migrate_planned *planned),
                               const struct migrate_stop *stop, struct migrate_totals *totals,
                               struct err *err)
{
    struct tie_plan plan = {planned, events->arg};
    struct ties_opts ties = {opts,   instance,     events,       stop,
                             totals, .work = move, .arg = &plan, .planned = on_planned};
    return ties_do(&ties, err);
}
