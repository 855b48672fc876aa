/*
 * Users who are no longer in the export: in the ledger as done, and not among the rows of the ledger that
 * reading has seen or this run has put. They are listed first; then, if it was asked for and confirmed,
 * banned or deleted. A second run finds those again that a first one did not come to.
 */
#include "migrate/import.h"

#include <stdio.h>

#define SUSPICIOUS_PERCENT 20

static bool is_gone(const struct import *import, const struct ledger_user *user)
{
    return user->state == LEDGER_DONE && user->run != import->run.id &&
           !numbers_has(&import->seen, user->number);
}

/* Whether there is anything to do about a gone user. */
static bool is_pending(struct import *import, const struct ledger_user *user)
{
    return is_gone(import, user) &&
           (import->opts->gone != MIGRATE_GONE_BAN ||
            !record_is_banned(&import->hasher, ledger_key(import->ledger), user->hashes));
}

static void tell(struct import *import, const struct ledger_user *user)
{
    char detail[160];
    snprintf(detail, sizeof(detail), "no longer in the export (%.*s)", TEXT_ARG(user->clerk_id));
    struct migrate_trouble trouble = {0, user->external_id, "gone", "", detail};
    if (import->events->gone)
        import->events->gone(import->events->arg, &trouble);
}

static int list(struct import *import, struct err *err)
{
    const struct ledger_user *user;
    import_walk(import);
    for (;;) {
        if (import_next_known(import, &user, err))
            return -1;
        if (!user)
            return 0;
        if (!is_pending(import, user))
            continue;
        import->totals->gone++;
        tell(import, user);
    }
}

static int check_share(const struct import *import, struct err *err)
{
    uint64_t counts[LEDGER_STATE_COUNT];
    const struct migrate_totals *totals = import->totals;
    if (ledger_count(import->ledger, counts, err))
        return -1;
    if (import->opts->force)
        return 0;
    if (totals->accepted == 0)
        return err_set(err, ERR_REFUSED,
                       "--gone: the export holds no users at all; nobody was touched. If that is "
                       "meant, add --force");
    if (totals->gone * 100 > counts[LEDGER_DONE] * SUSPICIOUS_PERCENT)
        return err_set(err, ERR_REFUSED,
                       "--gone: %llu of %llu users are no longer in the export, more than %d %%; "
                       "nobody was touched. Is the export whole? If so, add --force",
                       (unsigned long long)totals->gone, (unsigned long long)counts[LEDGER_DONE],
                       SUSPICIOUS_PERCENT);
    return 0;
}

/* The record as it was, with the ban in it. */
static void mark_banned(struct flight *flight, const struct ledger_user *user)
{
    struct record record;
    record_decode(&record, user->hashes);
    flight->hashes = record.fields;
    flight->hashes.at[USER_FIELD_banned] =
        record_ban_hash(&flight->import->hasher, ledger_key(flight->import->ledger));
    record_carry(&record, &flight->marks);
}

int import_feed_gone(struct import *import, struct err *err)
{
    const struct ledger_user *user;
    if (import_next_known(import, &user, err))
        return -1;
    import->at_end = !user;
    if (!user || !is_pending(import, user))
        return 0;
    bool ban = import->opts->gone == MIGRATE_GONE_BAN;
    struct flight *flight =
        import_take(import, 0, user->external_id, ban ? MIGRATE_BAN : MIGRATE_DELETE);
    flight->made = user->made;
    buf_add(&flight->clerk_id, user->clerk_id);
    buf_add(&flight->written, user->hashes);
    if (ban)
        mark_banned(flight, user);
    steps_add_user(&flight->steps, ban ? STEP_WHOLE : STEP_REMOVAL, ban ? "POST" : "DELETE",
                   buf_text(&flight->clerk_id), ban ? "/ban" : "", (struct text){NULL, 0});
    import_intend(flight, ban ? (struct text){NULL, 0} : IMPORT_DELETING);
    return 0;
}

int import_gone(struct import *import, struct err *err)
{
    const struct migrate_opts *opts = import->opts;
    if (import_is_over(import) || !import->at_end || opts->only_count > 0 || opts->limit > 0)
        return 0;
    if (list(import, err))
        return -1;
    if (opts->gone == MIGRATE_GONE_REPORT || import->totals->gone == 0)
        return 0;
    if (check_share(import, err))
        return -1;
    if (!import->events->consent || !import->events->consent(import->events->arg, import->totals))
        return 0;
    import->feed = import_feed_gone;
    import->at_end = false;
    import_walk(import);
    return import_run(import, err);
}
