#include "cli/commands.h"
#include "cli/migration.h"
#include "clerk/clerk.h"

static const char about[] =
    "Reads an export and says which users would be accepted, which rejected and why, what Clerk "
    "has\n"
    "no place for, and which kinds of password digests there are. Uses no network and writes "
    "nothing\n"
    "(but the file that --rejects names).\n\n"
    "  usher check users.json                     what is it, and is it fit?\n"
    "  usher check users.csv --from supabase --rejects bad.csv\n"
    "  usher check --bodies users.json --from auth0 | head   the requests that would be sent\n\n"
    "Exit status: 0 all rows accepted, 1 some rejected, 2 usage, or no export at all.";

/* --bodies: {"row":N,"id":…,"body":{…}} or {"row":N,"id":…,"reason":…,"detail":…} */
static void print_body(void *arg, const struct source_row *row)
{
    struct migration *m = arg;
    buf_reset(&m->line);
    struct json_out out = json_out(&m->line);
    json_open(&out, '{');
    json_key(&out, TEXT("row"));
    json_put_int(&out, (int64_t)row->number);
    json_key(&out, TEXT("id"));
    json_put_text_or_null(&out, row->id);
    if (row->reject.reason == USER_ACCEPTED) {
        json_key(&out, TEXT("body"));
        clerk_create_body(&row->user, &m->line);
    } else {
        json_key(&out, TEXT("reason"));
        json_put_text(&out, text_of(user_reason_name(row->reject.reason)));
        json_key(&out, TEXT("detail"));
        json_put_text(&out, text_of(row->reject.detail));
    }
    json_close(&out, '}');
    buf_byte(&m->line, '\n');
    fwrite(m->line.at, 1, m->line.len, stdout);
}

static void print_reasons(const struct migration *m)
{
    for (int reason = 0; reason < USER_REASON_COUNT; reason++) {
        uint64_t count = m->tally.reasons[reason];
        if (count == 0)
            continue;
        printf("  %8llu  %s: %s (row", (unsigned long long)count, user_reason_name(reason),
               user_reason_meaning(reason));
        for (uint64_t i = 0; i < count && i < TALLY_ROWS; i++)
            printf("%s %llu",
                   i           ? ","
                   : count > 1 ? "s"
                               : "",
                   (unsigned long long)m->tally.first_rows[reason][i]);
        printf("%s)\n", count > TALLY_ROWS ? ", …" : "");
    }
}

static void print_classes(const struct migration *m)
{
    printf("passwords:\n");
    for (size_t i = 0; i < m->tally.class_count; i++)
        printf("  %8llu  %s%s\n", (unsigned long long)m->tally.classes[i].count,
               m->tally.classes[i].name,
               m->tally.classes[i].insecure
                   ? " (insecure: Clerk moves it to bcrypt at the first sign-in)"
                   : "");
    if (m->tally.other_classes)
        printf("  %8llu  of still other classes\n", (unsigned long long)m->tally.other_classes);
    printf("  %8llu  without a password\n", (unsigned long long)m->tally.no_password);
}

static void print_summary(struct migration *m, struct source *source)
{
    size_t count;
    const struct source_loss *losses = source_losses(source, &count);
    migration_clear_line(m);
    printf("%llu row%s: %llu would be accepted, %llu rejected\n",
           (unsigned long long)m->totals.rows, m->totals.rows == 1 ? "" : "s",
           (unsigned long long)m->totals.accepted, (unsigned long long)m->totals.rejected);
    print_reasons(m);
    print_classes(m);
    if (count > 0)
        printf("Clerk has no place for:\n");
    for (size_t i = 0; i < count; i++)
        printf("  %8llu  %.*s\n", (unsigned long long)losses[i].count, TEXT_ARG(losses[i].path));
}

static void put_count(struct json_out *out, struct text key, uint64_t count)
{
    json_key(out, key);
    json_put_int(out, (int64_t)count);
}

static void emit_summary(struct migration *m, struct source *source)
{
    size_t count;
    const struct source_loss *losses = source_losses(source, &count);
    struct json_out out = migration_event(m, "summary");
    json_key(&out, TEXT("platform"));
    json_put_text(&out, source_platform(source));
    json_key(&out, TEXT("format"));
    json_put_text(&out, source_format(source));
    put_count(&out, TEXT("rows"), m->totals.rows);
    put_count(&out, TEXT("accepted"), m->totals.accepted);
    put_count(&out, TEXT("rejected"), m->totals.rejected);
    json_key(&out, TEXT("reasons"));
    json_open(&out, '{');
    for (int reason = 0; reason < USER_REASON_COUNT; reason++)
        if (m->tally.reasons[reason])
            put_count(&out, text_of(user_reason_name(reason)), m->tally.reasons[reason]);
    json_close(&out, '}');
    json_key(&out, TEXT("digests"));
    json_open(&out, '{');
    for (size_t i = 0; i < m->tally.class_count; i++)
        put_count(&out, text_of(m->tally.classes[i].name), m->tally.classes[i].count);
    json_close(&out, '}');
    put_count(&out, TEXT("no_password"), m->tally.no_password);
    json_key(&out, TEXT("losses"));
    json_open(&out, '{');
    for (size_t i = 0; i < count; i++)
        put_count(&out, losses[i].path, losses[i].count);
    json_close(&out, '}');
    migration_emit(m, &out);
}

static void on_closing(void *arg, struct source *source)
{
    struct migration *m = arg;
    if (m->json)
        emit_summary(m, source);
    else if (!m->bodies)
        print_summary(m, source);
}

int cmd_check(int argc, char **argv)
{
    struct migration m;
    struct err err;
    int status = migration_begin(
        &m, "check", about, MIGRATION_EXPORT | MIGRATION_BODIES | MIGRATION_REJECTS, argc, argv);
    if (status < 0) {
        m.events.closing = on_closing;
        if (m.bodies)
            m.events.row = print_body;
        status = migrate_check(&m.opts, &m.events, &migration_stop, &m.totals, &err);
        status = migration_exit(&m, status, &err);
    }
    migration_end(&m);
    return status;
}
