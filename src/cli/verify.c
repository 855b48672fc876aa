#include "cli/commands.h"
#include "cli/migration.h"

static const char about[] =
    "Reads every user of an export back from Clerk and compares field by field: names, identifiers "
    "with\n"
    "their status, metadata, dates, bans, and whether there is a password. (Clerk shows no "
    "digests: the\n"
    "passwords themselves are proven by signing in.) Writes nothing.\n\n"
    "  usher verify users.json --from auth0\n\n"
    "Exit status: 0 all the same, 1 some different, missing or rejected, 2 usage or refused.";

static void emit_end(struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    const struct migration_count counts[] = {
        {TEXT("rows"), t->rows},           {TEXT("rejected"), t->rejected},
        {TEXT("accepted"), t->accepted},   {TEXT("same"), t->same},
        {TEXT("different"), t->different}, {TEXT("missing"), t->missing},
        {TEXT("pending"), t->pending},     {TEXT("requests"), t->requests},
    };
    migration_emit_counts(m, "end", counts, ARRAY_COUNT(counts));
}

static void print_end(struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    migration_clear_line(m);
    printf("%llu rows = %llu rejected + %llu accepted\n", (unsigned long long)t->rows,
           (unsigned long long)t->rejected, (unsigned long long)t->accepted);
    printf("%llu accepted = %llu the same + %llu different + %llu missing",
           (unsigned long long)t->accepted, (unsigned long long)t->same,
           (unsigned long long)t->different, (unsigned long long)t->missing);
    if (t->pending)
        printf(" + %llu not looked at", (unsigned long long)t->pending);
    putchar('\n');
}

int cmd_verify(int argc, char **argv)
{
    struct migration m;
    struct err err;
    int status = migration_begin(&m, "verify", about,
                                 MIGRATION_EXPORT | MIGRATION_SOME | MIGRATION_TARGET, argc, argv);
    if (status < 0)
        status = migration_meet_target(&m, NULL);
    if (status < 0) {
        status = migrate_verify(&m.opts, &m.events, &migration_stop, &m.totals, &err);
        if (m.json)
            emit_end(&m);
        else
            print_end(&m);
        status = migration_exit(&m, status, &err);
    }
    migration_end(&m);
    return status;
}
