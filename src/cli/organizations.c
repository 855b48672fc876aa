/* usher organizations SUB: plan, import and verify of organizations and memberships; undo and runs are the usual ones. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/migration.h"

static const char about_plan[] =
    "Says what an import of organizations and memberships would do, from the ledger alone and "
    "without asking\n"
    "the target: create, update, unchanged, who cannot be moved, what is gone from the file. "
    "Writes nothing.\n\n"
    "  usher organizations plan organizations.json --ledger users.ledger";

static const char about_import[] =
    "Moves organizations, then who belongs to them, each once. Import the users first, with the "
    "same ledger:\n"
    "members are found in it by their ids at the source. Run again, it goes on; with a later file "
    "it sends the\n"
    "differences. FILE holds records of Clerk, Auth0, WorkOS or your own (docs/organizations.md), "
    "as JSON or CSV.\n\n"
    "  usher organizations import organizations.json --ledger users.ledger\n\n"
    "Each is made with the id at the source as private_metadata.external_id. What was changed in "
    "Clerk as well\n"
    "stays as it is there. What is no longer in the file is listed; --gone delete acts, after "
    "asking. --existing says what becomes of an organization that has the slug "
    "already: report,\n"
    "adopt (taken over as it is) or update.\n\n"
    "Exit status: 0 all moved, 1 some rejected or failed, 2 usage or refused, 130 interrupted.";

static const char about_verify[] =
    "Reads every organization and membership of the file back and compares: name, slug, role, "
    "metadata.\n"
    "What is no longer in the file is listed. Writes nothing.\n\n"
    "  usher organizations verify organizations.json --ledger users.ledger\n\n"
    "Exit status: 0 all the same, 1 some different, missing or rejected, 2 usage or refused.";

static void emit_end(struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    const struct migration_count counts[] = {
        {TEXT("rows"), t->rows},           {TEXT("accepted"), t->accepted},
        {TEXT("rejected"), t->rejected},   {TEXT("created"), t->created},
        {TEXT("adopted"), t->adopted},     {TEXT("updated"), t->updated},
        {TEXT("unchanged"), t->unchanged}, {TEXT("failed"), t->failed},
        {TEXT("same"), t->same},           {TEXT("different"), t->different},
        {TEXT("missing"), t->missing},     {TEXT("requests"), t->requests},
        {TEXT("gone"), t->gone},           {TEXT("deleted"), t->removed},
        {TEXT("spared"), t->spared},       {TEXT("kept"), t->kept},
    };
    migration_emit_counts(m, "end", counts, ARRAY_COUNT(counts));
}

static void print_moved(const struct migrate_totals *t)
{
    printf("%llu organizations and memberships: %llu created, %llu adopted, %llu updated, %llu "
           "unchanged, %llu failed, %llu rejected\n",
           (unsigned long long)t->rows, (unsigned long long)t->created,
           (unsigned long long)t->adopted, (unsigned long long)t->updated,
           (unsigned long long)t->unchanged, (unsigned long long)t->failed,
           (unsigned long long)t->rejected);
    if (t->gone > 0)
        printf("%llu are no longer in the file: %llu deleted, %llu spared as they were changed in "
               "Clerk\n",
               (unsigned long long)t->gone, (unsigned long long)t->removed,
               (unsigned long long)t->spared);
    if (t->kept > 0)
        printf("%llu values are others in Clerk, and stay\n", (unsigned long long)t->kept);
    printf("%llu requests\n", (unsigned long long)t->requests);
}

static void print_planned(const struct migrate_totals *t)
{
    printf("%llu organizations and memberships: %llu create, %llu update, %llu unchanged, %llu "
           "reject\n",
           (unsigned long long)t->rows, (unsigned long long)t->created,
           (unsigned long long)t->updated, (unsigned long long)t->unchanged,
           (unsigned long long)t->rejected);
    if (t->gone > 0)
        printf("%llu are no longer in the file, as the ledger has it; whether they are still at "
               "the target was not asked\n",
               (unsigned long long)t->gone);
    printf("%llu requests\n", (unsigned long long)t->requests);
}

static void print_verified(const struct migrate_totals *t)
{
    printf("%llu organizations and memberships = %llu the same + %llu different + %llu missing + "
           "%llu rejected\n",
           (unsigned long long)t->rows, (unsigned long long)t->same,
           (unsigned long long)t->different, (unsigned long long)t->missing,
           (unsigned long long)t->rejected);
    if (t->gone > 0)
        printf("gone: %llu organizations and memberships are no longer in the file; whether they "
               "are still at the target was not asked\n",
               (unsigned long long)t->gone);
}

static int end(struct migration *m, int status, void (*print)(const struct migrate_totals *totals),
               const struct err *err)
{
    migration_clear_line(m);
    if (status == 0 && m->json)
        emit_end(m);
    else if (status == 0)
        print(&m->totals);
    return migration_exit(m, status, err);
}

static void on_planned(void *arg, const struct migrate_planned *planned)
{
    struct migration *m = arg;
    if (!m->json)
        return;
    struct json_out out = migration_event(m, "planned");
    json_key(&out, TEXT("row"));
    json_put_int(&out, (int64_t)planned->row);
    json_key(&out, TEXT("id"));
    json_put_text_or_null(&out, planned->id);
    json_key(&out, TEXT("kind"));
    json_put_text(&out, text_of(planned->detail));
    json_key(&out, TEXT("action"));
    json_put_text(&out, text_of(migrate_action_name(planned->action)));
    migration_emit(m, &out);
}

static bool on_consent(void *arg, const struct migrate_totals *totals)
{
    char question[96];
    snprintf(question, sizeof(question),
             "Delete %llu organizations and memberships that are no longer in the file",
             (unsigned long long)totals->gone);
    return migration_consent(arg, question);
}

/* Organizations cannot be banned. Returns -1 to go on, or the exit status to leave with. */
static int check_gone(const struct migration *m)
{
    if (m->opts.gone != MIGRATE_GONE_BAN)
        return -1;
    fprintf(stderr,
            "usher organizations: --gone ban: only users can be banned; report or delete\n");
    return CLI_USAGE;
}

static int plan(int argc, char **argv)
{
    struct migration m;
    struct err err;
    int status = migration_begin(
        &m, "organizations plan", about_plan,
        MIGRATION_TARGET | MIGRATION_LEDGER | MIGRATION_GONE | MIGRATION_FORCE, argc, argv);
    if (status < 0)
        status = check_gone(&m);
    if (status < 0)
        status = migration_meet_target(&m, NULL);
    if (status < 0) {
        status = migrate_plan_organizations(&m.opts, &m.instance, &m.events, on_planned,
                                            &migration_stop, &m.totals, &err);
        status = end(&m, status, print_planned, &err);
    }
    migration_end(&m);
    return status;
}

static int import(int argc, char **argv)
{
    struct migration m;
    struct err err;
    int status = migration_begin(&m, "organizations import", about_import,
                                 MIGRATION_TARGET | MIGRATION_LEDGER | MIGRATION_YES |
                                     MIGRATION_EXISTING | MIGRATION_GONE | MIGRATION_FORCE,
                                 argc, argv);
    m.events.consent = on_consent;
    if (status < 0)
        status = check_gone(&m);
    if (status < 0)
        status = migration_meet_target(&m, "Create organizations there");
    if (status < 0) {
        status = migrate_import_organizations(&m.opts, &m.instance, &m.events, &migration_stop,
                                              &m.totals, &err);
        status = end(&m, status, print_moved, &err);
    }
    migration_end(&m);
    return status;
}

static int verify(int argc, char **argv)
{
    struct migration m;
    struct err err;
    int status = migration_begin(&m, "organizations verify", about_verify,
                                 MIGRATION_TARGET | MIGRATION_LEDGER, argc, argv);
    if (status < 0)
        status = migration_meet_target(&m, NULL);
    if (status < 0) {
        status = migrate_verify_organizations(&m.opts, &m.instance, &m.events, &migration_stop,
                                              &m.totals, &err);
        status = end(&m, status, print_verified, &err);
    }
    migration_end(&m);
    return status;
}

static const char about[] =
    "Organizations and who belongs to them, after the users and with the same ledger. What a run "
    "made is taken\n"
    "back by 'usher undo RUN'.";

int cmd_organizations(int argc, char **argv)
{
    static const struct cli_command subcommands[] = {
        {"plan", "say what an import would do", plan},
        {"import", "move them; run again to go on, or with a later file", import},
        {"verify", "read them back and compare", verify},
        {NULL, NULL, NULL},
    };
    return cli_run_subcommand(&(struct cli_group){"organizations", about, subcommands}, argc, argv);
}
