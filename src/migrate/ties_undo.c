/*
 * The organizations and memberships that a run made, as the ledger has them. What was changed in Clerk since is
 * spared. An organization goes with its members, so that theirs are not looked at one by one; a membership goes
 * alone where its organization was there before.
 */
#include <stdio.h>
#include <stdlib.h>

#include "migrate/ties.h"

#define PAGE     256
#define PAGE_MAX ((size_t)8 << 20)

struct tie_undo {
    int64_t run;
    bool gone; /* not those of a run, but those that the file has no more */
    bool preview;
    char command[64];
    struct ledger_tie page[PAGE];
    size_t at, count;
    struct arena arena;              /* of the page */
    struct buf organization, member; /* the last one taken */
    struct buf going;                /* the organization last met that was made by the run */
};

static int next_page(struct ties *ties, struct tie_undo *undo, struct err *err)
{
    arena_reset(&undo->arena);
    undo->at = 0;
    return ledger_tie_page(ties->ledger, buf_text(&undo->organization), buf_text(&undo->member),
                           &undo->arena, undo->page, PAGE, &undo->count, err);
}

static void set(struct buf *to, struct text t)
{
    buf_reset(to);
    buf_add(to, t);
}

static int is_going(struct ties *ties, const struct ledger_tie *row, bool *is, struct err *err)
{
    const struct tie_undo *undo = ties->arg;
    *is = row->made == undo->run && row->clerk_id.len > 0;
    return undo->gone ? ties_is_gone(ties, row, is, err) : 0;
}

/* The Clerk id of a member's organization. */
static int find_within(struct tie *tie, struct err *err)
{
    struct ledger_tie organization;
    bool found;
    if (ledger_tie_find(tie->ties->ledger, buf_text(&tie->organization), TEXT(""),
                        &tie->ties->arena, &organization, &found, err) != 0)
        return -1;
    if (found)
        set(&tie->within, organization.clerk_id);
    return 0;
}

static int take_row(struct ties *ties, const struct ledger_tie *row, struct err *err)
{
    struct tie *tie = ties_take(ties);
    tie->kind = row->member.len > 0 ? ROSTER_MEMBERSHIP : ROSTER_ORGANIZATION;
    tie->step = TIE_INSPECT;
    tie_decode(row->hashes, &tie->now, &tie->marks);
    tie->made = row->made;
    set(&tie->organization, row->organization);
    set(&tie->member, row->member);
    set(tie->kind == ROSTER_ORGANIZATION ? &tie->clerk_id : &tie->user, row->clerk_id);
    ties->totals->rows++;
    tie_ready(tie);
    return tie->kind == ROSTER_MEMBERSHIP ? find_within(tie, err) : 0;
}

static int feed(struct ties *ties, struct err *err)
{
    struct tie_undo *undo = ties->arg;
    arena_reset(&ties->arena);
    if (undo->at == undo->count && next_page(ties, undo, err) != 0)
        return -1;
    ties->at_end = undo->count == 0;
    if (ties->at_end)
        return 0;
    const struct ledger_tie *row = &undo->page[undo->at++];
    bool follows = row->member.len > 0 && text_same(row->organization, buf_text(&undo->going));
    set(&undo->organization, row->organization);
    set(&undo->member, row->member);
    bool going = false;
    if (!follows && is_going(ties, row, &going, err) != 0)
        return -1;
    if (!going)
        return 0;
    if (row->member.len == 0)
        set(&undo->going, row->organization);
    return take_row(ties, row, err);
}

static void spare(struct tie *tie)
{
    struct ties *ties = tie->ties;
    struct tie_undo *undo = ties->arg;
    struct text id = buf_text(tie->member.len > 0 ? &tie->member : &tie->organization);
    ties->totals->spared++;
    if (ties->events->differs && (undo->preview || undo->gone))
        ties->events->differs(ties->events->arg,
                              &(struct migrate_trouble){
                                  0, id, "changed", "",
                                  "was changed in Clerk since; stays (--force deletes it, too)"});
    tie_land(tie);
}

void tie_inspected(struct tie *tie, struct json_value object)
{
    struct ties *ties = tie->ties;
    struct tie_undo *undo = ties->arg;
    struct tie_hashes there;
    bool is_there = json_type(object) == JSON_OBJECT;
    tie_hash(ties, tie->kind, object, &there);
    if (is_there && tie_differing(&there, &tie->now) != 0 && !ties->opts->force) {
        spare(tie);
    } else if (undo->preview) {
        ties->totals->removed++;
        tie_land(tie);
    } else if (!is_there) {
        tie_deleted(tie);
    } else {
        tie->step = TIE_DELETE;
        tie_send(tie);
    }
}

void tie_deleted(struct tie *tie)
{
    struct ties *ties = tie->ties;
    struct err err;
    if (ledger_tie_remove(ties->ledger, buf_text(&tie->organization), buf_text(&tie->member),
                          &err) != 0)
        ties_fail(ties, &err);
    ties->totals->removed++;
    tie_land(tie);
}

static int walk(struct ties *ties, bool preview, struct err *err)
{
    struct tie_undo *undo = ties->arg;
    undo->preview = preview;
    undo->at = undo->count = 0;
    buf_reset(&undo->organization);
    buf_reset(&undo->member);
    buf_reset(&undo->going);
    return ties_run(ties, feed, err);
}

static int undo_run(struct ties *ties, struct err *err)
{
    struct migrate_totals *totals = ties->totals;
    const struct tie_undo *undo = ties->arg;
    if (walk(ties, true, err) != 0)
        return -1;
    if (ties->stop->requests > 0 || totals->removed == 0 || !ties->events->consent ||
        !ties->events->consent(ties->events->arg, totals)) {
        totals->pending = totals->removed;
        totals->removed = 0;
        return 0;
    }
    *totals = (struct migrate_totals){.requests = totals->requests, .retries = totals->retries};
    return ties_begin(ties, undo->command, err) != 0 ? -1 : walk(ties, false, err);
}

static void undo_init(struct tie_undo *undo)
{
    arena_init(&undo->arena, PAGE_MAX);
    buf_init(&undo->organization, 16 * 1024);
    buf_init(&undo->member, 16 * 1024);
    buf_init(&undo->going, 16 * 1024);
}

static void undo_release(struct tie_undo *undo)
{
    arena_release(&undo->arena);
    buf_release(&undo->organization);
    buf_release(&undo->member);
    buf_release(&undo->going);
}

int ties_remove_gone(struct ties *ties, struct err *err)
{
    struct tie_undo undo = {.gone = true};
    void *arg = ties->arg;
    undo_init(&undo);
    ties->arg = &undo;
    int status = walk(ties, false, err);
    ties->arg = arg;
    undo_release(&undo);
    return status;
}

int migrate_undo_organizations(const struct migrate_opts *opts,
                               const struct migrate_instance *instance, int64_t run,
                               const struct migrate_events *events, const struct migrate_stop *stop,
                               struct migrate_totals *totals, struct err *err)
{
    struct tie_undo undo = {.run = run};
    struct ties_opts ties = {opts, instance, events, stop, totals, .work = undo_run, .arg = &undo};
    snprintf(undo.command, sizeof(undo.command), "undo %lld", (long long)run);
    undo_init(&undo);
    int status = ties_do(&ties, err);
    undo_release(&undo);
    return status;
}
