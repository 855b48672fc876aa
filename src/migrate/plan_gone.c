/*
 * Who is gone: in the ledger as done, and not among the rows of the ledger whose users the export has. The target is asked
 * for them by the ids that it gave, a hundred at a time: who is there no more has left both sides, and an import that
 * bans or deletes would find nobody and have the ledger forget them.
 */
#include "migrate/plan.h"

#include <stdio.h>

static bool is_gone(struct plan *plan, const struct ledger_user *user)
{
    return user->state == LEDGER_DONE && !numbers_has(&plan->seen, user->number) &&
           (plan->opts->gone != MIGRATE_GONE_BAN ||
            !record_is_banned(&plan->hasher, &plan->key, user->hashes));
}

static void tell(struct plan *plan, const struct candidate *user)
{
    static const enum migrate_action actions[] = {
        [MIGRATE_GONE_BAN] = MIGRATE_BAN, [MIGRATE_GONE_DELETE] = MIGRATE_DELETE};
    enum migrate_gone gone = plan->opts->gone;
    struct text id = buf_text(&user->id);
    const char *detail = user->there ? "no longer in the export"
                                     : "neither in the export nor at the target any more";
    struct migrate_trouble trouble = {0, id, user->there ? "gone" : "departed", "", detail};
    *(user->there ? &plan->totals->gone : &plan->totals->departed) += 1;
    if (plan->events->gone)
        plan->events->gone(plan->events->arg, &trouble);
    if (gone == MIGRATE_GONE_REPORT)
        return;
    plan->requests++;
    plan_report(plan, 0, id, actions[gone], detail);
}

static void on_found(struct lookup *lookup, struct lookup_item *item, struct json_value there)
{
    struct candidate *user = item->owner;
    (void)lookup;
    (void)there;
    user->there = true;
}

static void on_ended(struct lookup *lookup, const struct err *err)
{
    struct plan_batch *batch = lookup->arg;
    for (size_t i = 0; !err && i < batch->count; i++)
        tell(batch->plan, &batch->users[i]);
    plan_end_batch(batch, err);
}

static int take(struct plan_batch *batch, const struct ledger_user *gone, struct err *err)
{
    struct candidate *user = &batch->users[batch->count++];
    buf_reset(&user->id);
    buf_add(&user->id, gone->external_id);
    snprintf(user->owner, sizeof(user->owner), "%.*s", TEXT_ARG(gone->clerk_id));
    user->there = false;
    lookup_add(&batch->lookup, text_of(user->owner), user);
    return buf_ok(&user->id) ? 0 : err_memory(err);
}

static int fill(struct plan_batch *batch, struct err *err)
{
    struct plan *plan = batch->plan;
    const struct ledger_user *user;
    int got = 1;
    batch->lookup.by = LOOKUP_USER_ID;
    batch->lookup.found = on_found;
    batch->lookup.ended = on_ended;
    while (batch->count < LOOKUP_MAX && (got = ledger_walk_next(&plan->walk, &user, err)) > 0)
        if (is_gone(plan, user) && take(batch, user, err))
            return -1;
    plan->at_end = got == 0;
    return got < 0 ? -1 : 0;
}

int plan_gone(struct plan *plan, struct err *err)
{
    if (!plan->ledger || plan->opts->limit || plan->opts->only_count > 0)
        return 0;
    plan->at_end = false;
    ledger_walk_begin(&plan->walk, plan->ledger);
    int status = plan_batches(plan, fill, err);
    ledger_walk_end(&plan->walk);
    return status;
}
