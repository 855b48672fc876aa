#include "cli/commands.h"
#include "cli/migration.h"
#include "sql/sql.h"

static const char about[] =
    "Says what an import would do with each user, against the target as it is now and the ledger "
    "if "
    "there\n"
    "is one: create, adopt, update (which fields), unchanged, conflict (with whom) or reject; "
    "which "
    "values both\n"
    "sides changed, and who would win; who is no longer in the export, and whether they are still "
    "in Clerk;\n"
    "how many requests that takes and how long at the rate allowed. Takes --existing, --prefer "
    "and --gone\n"
    "as import does. Writes nothing.\n\n"
    "  usher plan users.json --from auth0\n"
    "  usher plan users.json --json | grep '\"conflict\"'\n"
    "  usher plan later.json --ledger auth0.ledger --gone delete\n\n"
    "Exit status: 0 nothing stands in the way, 1 some conflict or are rejected, 2 usage or "
    "refused.";

static void on_planned(void *arg, const struct migrate_planned *planned)
{
    struct migration *m = arg;
    const char *action = migrate_action_name(planned->action);
    if (m->json) {
        struct json_out out = migration_event(m, "planned");
        json_key(&out, TEXT("row"));
        json_put_int(&out, (int64_t)planned->row);
        json_key(&out, TEXT("id"));
        json_put_text_or_null(&out, planned->id);
        json_key(&out, TEXT("action"));
        json_put_text(&out, text_of(action));
        json_key(&out, TEXT("detail"));
        json_put_text(&out, text_of(planned->detail));
        migration_emit(m, &out);
    } else if (planned->action == MIGRATE_CONFLICT) {
        migration_clear_line(m);
        fprintf(stderr, "row %llu %.*s: %s: %s\n", (unsigned long long)planned->row,
                TEXT_ARG(planned->id), action, planned->detail);
    }
}

static void print_gone(const struct migration *m)
{
    static const char *const fates[] = {"", " and would be banned", " and would be deleted"};
    const struct migrate_totals *t = &m->totals;
    if (t->gone)
        printf("%llu users are no longer in the export%s\n", (unsigned long long)t->gone,
               fates[m->opts.gone]);
    if (t->departed)
        printf("%llu users are neither in the export nor at the target any more%s\n",
               (unsigned long long)t->departed,
               m->opts.gone == MIGRATE_GONE_REPORT ? "" : "; the ledger would forget them");
}

static void print_end(struct migration *m, double allowance)
{
    char duration[32];
    const struct migrate_totals *t = &m->totals;
    migration_clear_line(m);
    printf("%llu row%s: %llu create, %llu adopt, %llu update, %llu unchanged, %llu conflict, %llu "
           "reject\n",
           (unsigned long long)t->rows, t->rows == 1 ? "" : "s", (unsigned long long)t->created,
           (unsigned long long)t->adopted, (unsigned long long)t->updated,
           (unsigned long long)t->unchanged, (unsigned long long)t->conflicts,
           (unsigned long long)t->rejected);
    if (t->kept || t->overruled)
        printf("%llu values were changed on both sides: %llu would stay as in Clerk, %llu be "
               "overwritten\n",
               (unsigned long long)(t->kept + t->overruled), (unsigned long long)t->kept,
               (unsigned long long)t->overruled);
    print_gone(m);
    printf("%llu requests", (unsigned long long)t->requests);
    if (allowance > 0)
        printf(", %s at %.0f requests/s",
               migration_duration((double)t->requests / allowance, duration, sizeof(duration)),
               allowance);
    putchar('\n');
}

static void emit_end(struct migration *m, double allowance)
{
    const struct migrate_totals *t = &m->totals;
    const struct migration_count counts[] = {
        {TEXT("rows"), t->rows},
        {TEXT("create"), t->created},
        {TEXT("adopt"), t->adopted},
        {TEXT("update"), t->updated},
        {TEXT("unchanged"), t->unchanged},
        {TEXT("conflict"), t->conflicts},
        {TEXT("reject"), t->rejected},
        {TEXT("gone"), t->gone},
        {TEXT("departed"), t->departed},
        {TEXT("kept"), t->kept},
        {TEXT("overruled"), t->overruled},
        {TEXT("requests"), t->requests},
        {TEXT("seconds"), allowance > 0 ? (uint64_t)((double)t->requests / allowance + 0.5) : 0},
    };
    migration_emit_counts(m, "end", counts, ARRAY_COUNT(counts));
}

/* Without a ledger everything is new, which a path with a slip in it must not hide. -1, or the exit status. */
static int look_for_ledger(const struct migration *m)
{
    struct err err;
    const char *path = m->opts.ledger;
    int exists = ledger_exists(path, &err);
    if (exists < 0)
        return cli_fail("plan", &err);
    if (exists == 0)
        fprintf(stderr, "ledger: there is none yet%s%s; to the plan nobody has been moved so far\n",
                sql_is_url(path) ? " in that database" : " at ", sql_is_url(path) ? "" : path);
    return -1;
}

int cmd_plan(int argc, char **argv)
{
    struct migration m;
    struct err err;
    double allowance = 0;
    int status =
        migration_begin(&m, "plan", about,
                        MIGRATION_EXPORT | MIGRATION_ONLY | MIGRATION_LIMIT | MIGRATION_TARGET |
                            MIGRATION_LEDGER | MIGRATION_EXISTING | MIGRATION_MERGES,
                        argc, argv);
    if (status < 0)
        status = migration_meet_target(&m, NULL);
    if (status < 0)
        status = look_for_ledger(&m);
    if (status < 0) {
        m.events.row = NULL;
        status = migrate_plan(&m.opts, &m.instance, &m.events, on_planned, &migration_stop,
                              &m.totals, &allowance, &err);
        if (status == 0 && m.json)
            emit_end(&m, allowance);
        else if (status == 0)
            print_end(&m, allowance);
        status = migration_exit(&m, status, &err);
    }
    migration_end(&m);
    return status;
}
