#include "cli/commands.h"
#include "cli/migration.h"

static const char about[] =
    "Moves the users of an export into Clerk, exactly once. What has moved is recorded in the "
    "ledger:\n"
    "after Ctrl-C, a crash or a lost network the same command goes on where it stopped, and with "
    "a\n"
    "later export of the same source it sends only the differences.\n\n"
    "  CLERK_SECRET_KEY=sk_… usher import users.json --from auth0 --ledger auth0.ledger\n"
    "  usher import users.json --limit 20          the first twenty, to look at them in Clerk\n"
    "  usher import users.json --share 80%         leave room for live traffic\n\n"
    "The target is CLERK_SECRET_KEY and CLERK_API_URL, from the environment or ./.env.\n"
    "--canary FILE: a few users whose passwords are known, one {\"external_id\":…,\"password\":…} "
    "a line.\n"
    "They go first, alone, and the target must verify each password before anybody else goes, and "
    "the code\n"
    "of a TOTP secret (the export's, or \"totp_secret\":… or \"totp_code\":… in the file); a class "
    "of\n"
    "digests (hasher and parameters) for which there is none is refused unless --yes.\n\n"
    "Unverified identifiers are created reserved. An identifier that another user of the target "
    "has\n"
    "is left behind and told; a user who signs in with it is a conflict, and both are named.\n\n"
    "A later export: what changed at the source is written, what people changed in Clerk stays, "
    "and\n"
    "where both did, Clerk wins and it is told, unless --prefer source. A password set in Clerk "
    "is never\n"
    "overwritten. Who is no longer in the export is listed; --gone ban or delete acts, after "
    "asking.\n\n"
    "--existing says what becomes of users whom the target has and the ledger does not know: "
    "report\n"
    "(they are conflicts), adopt (taken over as they are) or update (and what they lack is "
    "written).\n\n"
    "Exit status: 0 all moved, 1 some rejected or failed, 2 usage or refused, 130 interrupted.";

static void emit_end(struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    const struct migration_count counts[] = {
        {TEXT("rows"), t->rows},
        {TEXT("accepted"), t->accepted},
        {TEXT("rejected"), t->rejected},
        {TEXT("created"), t->created},
        {TEXT("adopted"), t->adopted},
        {TEXT("updated"), t->updated},
        {TEXT("unchanged"), t->unchanged},
        {TEXT("failed"), t->failed},
        {TEXT("conflicts"), t->conflicts},
        {TEXT("kept"), t->kept},
        {TEXT("overruled"), t->overruled},
        {TEXT("gone"), t->gone},
        {TEXT("removed"), t->removed},
        {TEXT("split"), t->split},
        {TEXT("pending"), t->pending},
        {TEXT("requests"), t->requests},
        {TEXT("refused_429"), t->refused_429},
        {TEXT("retries"), t->retries},
        {TEXT("elapsed_ms"), (uint64_t)t->elapsed_us / 1000},
    };
    migration_emit_counts(m, "end", counts, ARRAY_COUNT(counts));
}

static void print_both_changed(const struct migrate_totals *t)
{
    if (t->kept)
        printf("%llu values were changed on both sides: Clerk's stay\n",
               (unsigned long long)t->kept);
    if (t->overruled)
        printf("%llu values were changed on both sides: the source's were written (--prefer)\n",
               (unsigned long long)t->overruled);
}

static void print_gone(const struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    static const char *const done[] = {"left alone (--gone ban or delete acts)", "banned",
                                       "deleted"};
    if (t->gone == 0)
        return;
    printf("%llu users are no longer in the export", (unsigned long long)t->gone);
    if (m->opts.gone == MIGRATE_GONE_REPORT)
        printf(": %s\n", done[0]);
    else
        printf(", %llu of them %s\n", (unsigned long long)t->removed, done[m->opts.gone]);
}

static void print_end(struct migration *m)
{
    char duration[32];
    const struct migrate_totals *t = &m->totals;
    double seconds = (double)t->elapsed_us / 1e6;
    migration_clear_line(m);
    printf("%llu rows: %llu created, %llu adopted, %llu updated, %llu unchanged, %llu failed, "
           "%llu in conflict, %llu rejected\n",
           (unsigned long long)t->rows, (unsigned long long)t->created,
           (unsigned long long)t->adopted, (unsigned long long)t->updated,
           (unsigned long long)t->unchanged, (unsigned long long)t->failed,
           (unsigned long long)t->conflicts, (unsigned long long)t->rejected);
    if (t->split)
        printf("%llu identifiers were left behind: the target refuses them, or somebody has them\n",
               (unsigned long long)t->split);
    print_both_changed(t);
    print_gone(m);
    printf("%llu requests in %s (%.1f/s), %llu answered 429, %llu repeated\n",
           (unsigned long long)t->requests, migration_duration(seconds, duration, sizeof(duration)),
           seconds > 0 ? (double)t->requests / seconds : 0, (unsigned long long)t->refused_429,
           (unsigned long long)t->retries);
    if (migration_stop.requests > 0)
        printf("stopped with %llu users read but not sent; nothing is lost: run the same command "
               "again to go on\n",
               (unsigned long long)t->pending);
}

static void tell_classes(const struct migrate_canaries *found)
{
    for (size_t i = 0; i < found->class_count; i++) {
        const struct migrate_class *class = &found->classes[i];
        if (class->covered)
            fprintf(stderr, "  %s: %llu digests\n", class->name, (unsigned long long)class->count);
        else
            fprintf(stderr, "  %s: %llu digests, no canary (one of them is %s)\n", class->name,
                    (unsigned long long)class->count, class->example);
    }
}

/* Sends the canaries first. Returns -1 to go on, or the exit status to leave with. */
static int fly_canaries(struct migration *m, struct canaries *canaries)
{
    struct migrate_canaries found;
    struct err err;
    if (canaries_survey(canaries, &m->opts, &found, &err))
        return cli_fail("import", &err);
    fprintf(stderr, "digest classes:\n");
    tell_classes(&found);
    if (found.uncovered && !m->yes) {
        fprintf(stderr,
                "usher import: no canary stands for %llu digests; add one a class to %s, or go on "
                "without with --yes\n",
                (unsigned long long)found.uncovered, m->canary);
        return CLI_USAGE;
    }
    if (canaries_prove(canaries, &m->opts, &m->instance, &m->events, &migration_stop, &found, &err))
        return cli_fail("import", &err);
    migration_spent(m, found.requests);
    migration_tell_canaries(&found);
    return migration_stop.requests > 0 ? CLI_INTERRUPTED : -1;
}

static int check_canaries(struct migration *m)
{
    struct canaries *canaries;
    struct err err;
    if (!m->canary)
        return -1;
    if (canaries_open(&canaries, m->canary, &err))
        return cli_fail("import", &err);
    int status = fly_canaries(m, canaries);
    canaries_close(canaries);
    return status;
}

static bool on_consent(void *arg, const struct migrate_totals *totals)
{
    struct migration *m = arg;
    char question[96];
    snprintf(question, sizeof(question), "%s %llu users who are no longer in the export",
             m->opts.gone == MIGRATE_GONE_BAN ? "Ban" : "Delete", (unsigned long long)totals->gone);
    return migration_consent(m, question);
}

int cmd_import(int argc, char **argv)
{
    struct migration m;
    struct err err;
    int status = migration_begin(&m, "import", about,
                                 MIGRATION_EXPORT | MIGRATION_ONLY | MIGRATION_LIMIT |
                                     MIGRATION_TARGET | MIGRATION_LEDGER | MIGRATION_REJECTS |
                                     MIGRATION_YES | MIGRATION_CANARY | MIGRATION_EXISTING |
                                     MIGRATION_MERGES | MIGRATION_FORCE,
                                 argc, argv);
    m.events.consent = on_consent;
    if (status < 0)
        status = migration_meet_target(&m, "Create users there");
    if (status < 0)
        status = check_canaries(&m);
    if (status < 0) {
        status = migrate_import(&m.opts, &m.instance, &m.events, &migration_stop, &m.totals, &err);
        bool begun = m.totals.rows > 0 || m.totals.requests > 0;
        if ((status == 0 || begun) && m.json)
            emit_end(&m);
        else if (status == 0 || begun)
            print_end(&m);
        status = migration_exit(&m, status, &err);
    }
    migration_end(&m);
    return status;
}
