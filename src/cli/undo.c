#include <stdio.h>

#include "cli/commands.h"
#include "cli/migration.h"

static const char about[] =
    "Deletes the users that a run created in Clerk, and forgets them in the ledger, so that an "
    "import\n"
    "afterwards creates them again. Who has signed in since, or was changed in Clerk since, stays "
    "and "
    "is\n"
    "listed, unless --force. First it says how many that would be, and asks. Users that were there "
    "before\n"
    "(adopted) are not touched. A run of 'usher organizations import' is taken back in the same "
    "way. "
    "After Ctrl-C or a crash the same command goes on.\n\n"
    "  usher runs --ledger auth0.ledger         which run?\n"
    "  usher undo 3 --ledger auth0.ledger\n\n"
    "Exit status: 0 all of them deleted, 1 some were spared, 2 usage, refused or not confirmed.";

/* The run must be there: the ledger is made for it, never by undo. */
static int find_run(struct migration *m, uint64_t id, struct ledger_run *run)
{
    struct ledger *ledger;
    struct err err;
    bool found;
    struct ledger_opts opts = {.path = m->opts.ledger, .read_only = true};
    if (ledger_open(&ledger, &opts, &err))
        return cli_fail("undo", &err);
    int status = ledger_run_find(ledger, (int64_t)id, &m->arena, run, &found, &err);
    if (status == 0 && !found)
        fprintf(stderr, "usher undo: %s has no run %llu; 'usher runs' lists them\n",
                ledger_name(ledger), (unsigned long long)id);
    ledger_close(ledger);
    if (status)
        return cli_fail("undo", &err);
    return found ? -1 : CLI_USAGE;
}

static bool on_consent(void *arg, const struct migrate_totals *totals)
{
    struct migration *m = arg;
    char question[128];
    migration_clear_line(m);
    fprintf(stderr, "%llu of the run: %llu would be deleted, %llu stay\n",
            (unsigned long long)totals->rows, (unsigned long long)totals->removed,
            (unsigned long long)totals->spared);
    snprintf(question, sizeof(question), "Delete %llu of them there",
             (unsigned long long)totals->removed);
    return migration_consent(m, question);
}

static void emit_end(struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    const struct migration_count counts[] = {
        {TEXT("users"), t->rows},
        {TEXT("deleted"), t->removed},
        {TEXT("spared"), t->spared},
        {TEXT("failed"), t->failed},
        {TEXT("not_confirmed"), t->pending},
        {TEXT("requests"), t->requests},
    };
    migration_emit_counts(m, "end", counts, ARRAY_COUNT(counts));
}

static void print_end(const struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    printf("%llu deleted, %llu spared, %llu failed\n", (unsigned long long)t->removed,
           (unsigned long long)t->spared, (unsigned long long)t->failed);
}

static int take_back(struct migration *m, const struct ledger_run *run)
{
    struct err err;
    bool organizations = text_ends(run->command, TEXT("organizations"));
    int status = (organizations ? migrate_undo_organizations : migrate_undo)(
        &m->opts, &m->instance, run->id, &m->events, &migration_stop, &m->totals, &err);
    const struct migrate_totals *t = &m->totals;
    bool refused = status == 0 && t->pending > 0 && migration_stop.requests == 0;
    migration_clear_line(m);
    if (m->json)
        emit_end(m);
    else if (!refused)
        print_end(m);
    status = migration_exit(m, status, &err);
    return refused ? CLI_USAGE : status == CLI_OK && t->spared ? CLI_SOME_FAILED : status;
}

int cmd_undo(int argc, char **argv)
{
    struct migration m;
    struct ledger_run run;
    uint64_t id = 0;
    int status = migration_begin(&m, "undo", about,
                                 MIGRATION_TARGET | MIGRATION_LEDGER | MIGRATION_YES |
                                     MIGRATION_FORCE | MIGRATION_RUN,
                                 argc, argv);
    m.events.consent = on_consent;
    if (status < 0 && !text_u64(text_of(m.opts.source.path), INT64_MAX, &id)) {
        fprintf(stderr, "usher undo: '%s' is no number of a run; 'usher runs' lists them\n",
                m.opts.source.path);
        status = CLI_USAGE;
    }
    if (status < 0)
        status = find_run(&m, id, &run);
    if (status < 0)
        status = migration_meet_target(&m, NULL);
    if (status < 0)
        status = take_back(&m, &run);
    migration_end(&m);
    return status;
}
