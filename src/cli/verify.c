#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/migration.h"

static const char about[] =
    "Reads every user of the target back and compares field by field with what the export says and "
    "what "
    "the\n"
    "ledger did: names, identifiers with their status, metadata, dates, bans, and whether there is "
    "a "
    "password.\n"
    "A difference is told as one of these:\n"
    "  changed   somebody has changed the user in Clerk since the last import\n"
    "  lost      nobody has, and yet it is not what was written\n"
    "  missing   the user is not there any more\n"
    "  stale     the source has changed since the last import: import again\n"
    "The statement at the end balances: every row of the file and every user of the target is in "
    "it; who has left both is told as departed. "
    "Clerk\n"
    "shows no digests; --canary FILE (as of import) has it verify a few known passwords and codes. "
    "Without a ledger the\n"
    "export alone says what should be there. Writes nothing.\n\n"
    "  usher verify users.json --from auth0 --ledger auth0.ledger\n"
    "  usher verify users.json --differences differences.jsonl --canary known.jsonl\n\n"
    "Exit status: 0 all the same, 1 some different, missing, rejected or not yet moved, 2 usage or "
    "refused.";

static void emit_end(struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    const struct migration_count counts[] = {
        {TEXT("rows"), t->rows},           {TEXT("created"), t->created},
        {TEXT("updated"), t->updated},     {TEXT("unchanged"), t->unchanged},
        {TEXT("adopted"), t->adopted},     {TEXT("rejected"), t->rejected},
        {TEXT("conflicts"), t->conflicts}, {TEXT("failed"), t->failed},
        {TEXT("pending"), t->pending},     {TEXT("accepted"), t->accepted},
        {TEXT("at_target"), t->at_target}, {TEXT("same"), t->same},
        {TEXT("changed"), t->changed},     {TEXT("different"), t->different},
        {TEXT("others"), t->others},       {TEXT("missing"), t->missing},
        {TEXT("gone"), t->gone},           {TEXT("departed"), t->departed},
        {TEXT("stale"), t->stale},         {TEXT("unseen"), t->unseen},
        {TEXT("requests"), t->requests},
    };
    migration_emit_counts(m, "end", counts, ARRAY_COUNT(counts));
}

/* "12 rows = 9 created + 1 rejected …": what is 0 is left out. */
static void print_sum(const char *what, uint64_t sum, const struct migration_count *parts,
                      size_t count)
{
    const char *sign = "=";
    printf("%s: %llu", what, (unsigned long long)sum);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].value == 0)
            continue;
        printf(" %s %llu %.*s", sign, (unsigned long long)parts[i].value, TEXT_ARG(parts[i].key));
        sign = "+";
    }
    putchar('\n');
}

static void print_file(const struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    const struct migration_count parts[] = {
        {TEXT("created"), t->created},
        {TEXT("updated"), t->updated},
        {TEXT("unchanged"), t->unchanged},
        {TEXT("adopted"), t->adopted},
        {TEXT("rejected"), t->rejected},
        {TEXT("in conflict"), t->conflicts},
        {TEXT("failed"), t->failed},
        {TEXT("not yet moved"), t->pending},
        {TEXT("accepted"), m->opts.ledger ? 0 : t->accepted},
    };
    print_sum("in the file", t->rows, parts, ARRAY_COUNT(parts));
}

static void print_end(const struct migration *m)
{
    const struct migrate_totals *t = &m->totals;
    const struct migration_count there[] = {
        {TEXT("as written"), t->same},
        {TEXT("changed in Clerk since"), t->changed},
        {TEXT("other than written"), t->different},
        {TEXT("others, not from this migration"), t->others},
    };
    print_file(m);
    print_sum("at the target", t->at_target, there, ARRAY_COUNT(there));
    if (t->missing)
        printf("missing: %llu users are not at the target\n", (unsigned long long)t->missing);
    if (t->gone)
        printf("gone: %llu users of the target are no longer in the file\n",
               (unsigned long long)t->gone);
    if (t->departed)
        printf("departed: %llu users are neither in the file nor at the target any more\n",
               (unsigned long long)t->departed);
    if (t->stale)
        printf("stale: %llu users have changed at the source since the last import\n",
               (unsigned long long)t->stale);
    if (t->unseen)
        printf(
            "not compared: %llu digests and second factors, which are there and which Clerk does "
            "not show%s\n",
            (unsigned long long)t->unseen,
            m->canary ? "" : "; --canary proves a few of them by their passwords and codes");
}

/* ---- --differences ---- */

struct differences {
    struct migration *m;
    struct migrate_events inner;
    FILE *file; /* NULL: not asked for */
    struct buf line;
    bool failed;
};

static void on_differs(void *arg, const struct migrate_trouble *trouble)
{
    struct differences *d = arg;
    d->inner.differs(d->inner.arg, trouble);
    if (!d->file)
        return;
    buf_reset(&d->line);
    struct json_out out = json_out(&d->line);
    json_open(&out, '{');
    json_key(&out, TEXT("id"));
    json_put_text(&out, trouble->id);
    json_key(&out, TEXT("code"));
    json_put_text(&out, text_of(trouble->code));
    json_key(&out, TEXT("field"));
    json_put_text(&out, text_of(trouble->field));
    json_close(&out, '}');
    buf_byte(&d->line, '\n');
    if (fwrite(d->line.at, 1, d->line.len, d->file) != d->line.len)
        d->failed = true;
}

static void on_progress(void *arg, const struct migrate_progress *progress)
{
    struct differences *d = arg;
    d->inner.progress(d->inner.arg, progress);
}

static void on_opened(void *arg, const struct source *source)
{
    struct differences *d = arg;
    d->inner.opened(d->inner.arg, source);
}

static int open_differences(struct differences *d)
{
    const char *path = d->m->differences;
    buf_init(&d->line, 1 << 20);
    if (!path)
        return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    d->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (d->file)
        return -1;
    fprintf(stderr, "usher verify: --differences %s: %s\n", path, strerror(errno));
    return CLI_USAGE;
}

static int close_differences(struct differences *d, int status)
{
    buf_release(&d->line);
    if (d->file && (fclose(d->file) != 0 || d->failed)) {
        fprintf(stderr, "usher verify: --differences %s: %s\n", d->m->differences, strerror(errno));
        return CLI_USAGE;
    }
    return status;
}

/* ---- --canary ---- */

static int prove(struct migration *m)
{
    struct canaries *canaries;
    struct migrate_canaries found;
    struct err err;
    if (!m->canary)
        return -1;
    if (canaries_open(&canaries, m->canary, &err))
        return cli_fail("verify", &err);
    int status = canaries_survey(canaries, &m->opts, &found, &err);
    if (status == 0)
        status = canaries_verify(canaries, &m->opts, &found, &err);
    canaries_close(canaries);
    if (status)
        return cli_fail("verify", &err);
    migration_clear_line(m);
    migration_tell_canaries(&found);
    return -1;
}

static int run(struct migration *m, struct differences *d)
{
    struct err err;
    struct migrate_events events = {
        .opened = on_opened, .differs = on_differs, .progress = on_progress, .arg = d};
    d->inner = m->events;
    int status = migrate_verify(&m->opts, &events, &migration_stop, &m->totals, &err);
    migration_clear_line(m);
    if (status == 0 && m->json)
        emit_end(m);
    else if (status == 0)
        print_end(m);
    return migration_exit(m, status, &err);
}

int cmd_verify(int argc, char **argv)
{
    struct migration m;
    struct differences d = {.m = &m};
    int status = migration_begin(&m, "verify", about,
                                 MIGRATION_EXPORT | MIGRATION_ONLY | MIGRATION_TARGET |
                                     MIGRATION_LEDGER | MIGRATION_CANARY | MIGRATION_DIFFERENCES,
                                 argc, argv);
    if (status < 0 && !m.ledger && access(m.opts.ledger, F_OK) != 0)
        m.opts.ledger = NULL;
    if (status < 0)
        status = migration_meet_target(&m, NULL);
    if (status < 0)
        status = open_differences(&d);
    if (status < 0)
        status = prove(&m);
    if (status < 0)
        status = run(&m, &d);
    status = close_differences(&d, status);
    migration_end(&m);
    return status;
}
