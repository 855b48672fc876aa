/* What a migration tells: event lines of --json, complaints and progress on standard error. */
#include <string.h>
#include <unistd.h>

#include "cli/migration.h"

#define TOLD_MAX      20                /* complaints on standard error before it is enough */
#define LINE_US       INT64_C(100000)   /* between two states of the progress line */
#define PLAIN_LINE_US INT64_C(10000000) /* between two plain progress lines */

void migration_clear_line(struct migration *m)
{
    if (m->terminal && m->shown)
        fputs("\r\033[K", stderr);
}

struct json_out migration_event(struct migration *m, const char *name)
{
    buf_reset(&m->line);
    struct json_out out = json_out(&m->line);
    json_open(&out, '{');
    json_key(&out, TEXT("event"));
    json_put_text(&out, text_of(name));
    return out;
}

void migration_emit(struct migration *m, struct json_out *out)
{
    json_close(out, '}');
    buf_byte(&m->line, '\n');
    fwrite(m->line.at, 1, m->line.len, stdout);
}

void migration_emit_counts(struct migration *m, const char *name,
                           const struct migration_count *counts, size_t count)
{
    struct json_out out = migration_event(m, name);
    for (size_t i = 0; i < count; i++) {
        json_key(&out, counts[i].key);
        json_put_int(&out, (int64_t)counts[i].value);
    }
    migration_emit(m, &out);
}

static void put_row(struct json_out *out, uint64_t row, struct text id)
{
    json_key(out, TEXT("row"));
    json_put_int(out, (int64_t)row);
    json_key(out, TEXT("id"));
    json_put_text_or_null(out, id);
}

static void put_member(struct json_out *out, struct text key, const char *value)
{
    json_key(out, key);
    json_put_text(out, text_of(value));
}

/* Whether one more complaint is to be told on standard error. */
static bool tell(struct migration *m)
{
    if (m->told++ < TOLD_MAX)
        return true;
    if (m->told == TOLD_MAX + 1)
        fprintf(stderr, "… more of these follow; --json tells them all\n");
    return false;
}

static void tell_reject(struct migration *m, const struct source_row *row)
{
    const char *reason = user_reason_name(row->reject.reason);
    if (m->json) {
        struct json_out out = migration_event(m, "rejected");
        put_row(&out, row->number, row->id);
        json_key(&out, TEXT("offset"));
        json_put_int(&out, (int64_t)row->offset);
        put_member(&out, TEXT("reason"), reason);
        put_member(&out, TEXT("detail"), row->reject.detail);
        migration_emit(m, &out);
        return;
    }
    migration_clear_line(m);
    if (tell(m))
        fprintf(stderr, "row %llu (byte %llu) %.*s: %s: %s\n", (unsigned long long)row->number,
                (unsigned long long)row->offset, TEXT_ARG(row->id), reason, row->reject.detail);
}

static void on_row(void *arg, const struct source_row *row)
{
    struct migration *m = arg;
    tally_row(&m->tally, row);
    if (row->reject.reason != USER_ACCEPTED && !m->bodies)
        tell_reject(m, row);
}

static void tell_trouble(struct migration *m, const char *event,
                         const struct migrate_trouble *trouble)
{
    if (m->json) {
        struct json_out out = migration_event(m, event);
        put_row(&out, trouble->row, trouble->id);
        put_member(&out, TEXT("code"), trouble->code);
        put_member(&out, TEXT("field"), trouble->field);
        put_member(&out, TEXT("detail"), trouble->detail);
        migration_emit(m, &out);
        return;
    }
    migration_clear_line(m);
    if (!tell(m))
        return;
    if (trouble->row)
        fprintf(stderr, "row %llu ", (unsigned long long)trouble->row);
    fprintf(stderr, "%.*s: %s%s%s: %s\n", TEXT_ARG(trouble->id), trouble->code,
            trouble->field[0] ? " " : "", trouble->field, trouble->detail);
}

static void on_failed(void *arg, const struct migrate_trouble *trouble)
{
    tell_trouble(arg, "failed", trouble);
}

static void on_split(void *arg, const struct migrate_trouble *trouble)
{
    tell_trouble(arg, "split", trouble);
}

static void on_conflict(void *arg, const struct migrate_trouble *trouble)
{
    tell_trouble(arg, "conflict", trouble);
}

static void on_merged(void *arg, const struct migrate_trouble *trouble)
{
    tell_trouble(arg, "both_changed", trouble);
}

static void on_gone(void *arg, const struct migrate_trouble *trouble)
{
    tell_trouble(arg, "gone", trouble);
}

static void on_differs(void *arg, const struct migrate_trouble *trouble)
{
    tell_trouble(arg, strcmp(trouble->code, "missing") == 0 ? "missing" : "differs", trouble);
}

static void on_opened(void *arg, const struct source *source)
{
    struct migration *m = arg;
    struct text platform = source_platform(source), format = source_format(source);
    m->format = arena_printf(&m->arena, "%.*s, %.*s", TEXT_ARG(platform), TEXT_ARG(format)).at;
    if (!m->json && !m->bodies)
        fprintf(stderr, "source: %s (%s)\n",
                strcmp(m->opts.source.path, "-") == 0 ? "standard input" : m->opts.source.path,
                m->format ? m->format : "");
}

const char *migration_duration(double seconds, char *to, size_t room)
{
    uint64_t s = (uint64_t)(seconds + 0.5);
    if (s >= 3600)
        snprintf(to, room, "%llu h %02llu min", (unsigned long long)s / 3600,
                 (unsigned long long)s / 60 % 60);
    else if (s >= 60)
        snprintf(to, room, "%llu min %02llu s", (unsigned long long)s / 60,
                 (unsigned long long)s % 60);
    else
        snprintf(to, room, "%llu s", (unsigned long long)s);
    return to;
}

/* Rows that are through, whatever became of them. */
static uint64_t rows_done(const struct migration *m, const struct migrate_totals *t)
{
    if (strcmp(m->command, "check") == 0 || strcmp(m->command, "plan") == 0 ||
        strcmp(m->command, "verify") == 0)
        return t->rows;
    return t->created + t->adopted + t->updated + t->unchanged + t->failed + t->conflicts +
           t->rejected;
}

/* How many rows the export has, by the share of the file that has been read; 0: no telling yet. */
static double rows_in_all(const struct migrate_progress *p)
{
    if (p->bytes_total == 0 || p->bytes_read == 0)
        return 0;
    return (double)p->totals->rows * (double)p->bytes_total / (double)p->bytes_read;
}

/* What is left takes as long as what is done took, but not less than the limit asks for. */
static double seconds_left(const struct migrate_progress *p, double done, double all)
{
    double left = (double)p->totals->elapsed_us / 1e6 * (all - done) / done;
    double least = p->allowance > 0 ? (all - done) / p->allowance : 0;
    return left > least ? left : least;
}

static void put_counts(const struct migration *m, const struct migrate_totals *t, struct buf *line)
{
    if (strcmp(m->command, "verify") == 0)
        buf_printf(line, "%llu users read back, %llu as written", (unsigned long long)t->at_target,
                   (unsigned long long)t->same);
    else if (strcmp(m->command, "import") == 0)
        buf_printf(line,
                   "%llu created, %llu adopted, %llu updated, %llu unchanged, %llu failed, %llu "
                   "rejected",
                   (unsigned long long)t->created, (unsigned long long)t->adopted,
                   (unsigned long long)t->updated, (unsigned long long)t->unchanged,
                   (unsigned long long)t->failed, (unsigned long long)t->rejected);
    else
        buf_printf(line, "%llu rejected", (unsigned long long)t->rejected);
}

static void print_progress(struct migration *m, const struct migrate_progress *p)
{
    char duration[32];
    struct buf *line = &m->line;
    double done = (double)rows_done(m, p->totals), all = rows_in_all(p);
    buf_reset(line);
    buf_printf(line, "%.0f", done);
    if (all > 0)
        buf_printf(line, " of about %.0f", all > done ? all : done);
    buf_printf(line, " rows: ");
    put_counts(m, p->totals, line);
    if (p->allowance > 0)
        buf_printf(line, "; %.0f of %.0f requests/s", p->rate, p->allowance);
    else if (p->rate > 0)
        buf_printf(line, "; %.0f requests/s", p->rate);
    if (done > 0 && all > done)
        buf_printf(line, "; about %s left",
                   migration_duration(seconds_left(p, done, all), duration, sizeof(duration)));
    fputs(buf_z(line), stderr);
}

static void progress_event(struct migration *m, const struct migrate_progress *p)
{
    const struct migrate_totals *t = p->totals;
    const struct migration_count counts[] = {
        {TEXT("rows"), t->rows},
        {TEXT("created"), t->created},
        {TEXT("adopted"), t->adopted},
        {TEXT("updated"), t->updated},
        {TEXT("unchanged"), t->unchanged},
        {TEXT("failed"), t->failed},
        {TEXT("rejected"), t->rejected},
        {TEXT("requests"), t->requests},
        {TEXT("bytes_read"), p->bytes_read},
        {TEXT("bytes_total"), p->bytes_total},
        {TEXT("rate"), (uint64_t)p->rate},
        {TEXT("allowance"), (uint64_t)p->allowance},
    };
    migration_emit_counts(m, "progress", counts, ARRAY_COUNT(counts));
    fflush(stdout);
}

static void on_progress(void *arg, const struct migrate_progress *p)
{
    struct migration *m = arg;
    int64_t now = clock_now_us();
    bool often = m->terminal && !m->json;
    m->allowance = p->allowance;
    if (m->quiet || m->bodies)
        return;
    if (!m->shown && !often)
        m->shown = now;
    if (now - m->shown < (often ? LINE_US : PLAIN_LINE_US))
        return;
    if (often && m->shown)
        fputs("\r\033[K", stderr);
    m->shown = now;
    if (m->json) {
        progress_event(m, p);
        return;
    }
    print_progress(m, p);
    if (!often)
        fputc('\n', stderr);
    fflush(stderr);
}

void migration_listen(struct migration *m)
{
    m->terminal = isatty(STDERR_FILENO) == 1;
    m->events = (struct migrate_events){
        .opened = on_opened,
        .row = on_row,
        .failed = on_failed,
        .split = on_split,
        .differs = on_differs,
        .conflict = on_conflict,
        .merged = on_merged,
        .gone = on_gone,
        .progress = on_progress,
        .arg = m,
    };
}
