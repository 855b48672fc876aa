#include "cli/migration.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOLD_MAX      20                /* complaints on standard error before it is enough */
#define LINE_US       INT64_C(100000)   /* between two states of the progress line */
#define PLAIN_LINE_US INT64_C(10000000) /* between two plain progress lines */

struct migrate_stop migration_stop;

static void on_signal(int signal)
{
    (void)signal;
    migration_stop.requests++;
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- options ---- */

#define OPTIONS_MAX 24

static const struct cli_option *options_of(struct migration *m, int takes, struct cli_option *to)
{
    const struct {
        int takes;
        struct cli_option option;
    } all[] = {
        {0,
         {"from", 'f', CLI_TEXT, &m->from, "PLATFORM",
          "auto, a platform, or a mapping (FILE.json)"}},
        {0,
         {"through", 0, CLI_TEXT, &m->through, "CMD",
          "pipe records as JSON Lines through a command"}},
        {0,
         {"record-max", 0, CLI_NUMBER, &m->record_max, "BYTES",
          "largest record (default 16777216)"}},
        {0,
         {"firebase-signer-key", 0, CLI_TEXT, &m->signer_key, "BASE64",
          "Firebase: base64_signer_key"}},
        {0,
         {"firebase-salt-separator", 0, CLI_TEXT, &m->salt_separator, "BASE64",
          "Firebase: base64_salt_separator"}},
        {0, {"firebase-rounds", 0, CLI_NUMBER, &m->rounds, "N", "Firebase: rounds"}},
        {0, {"firebase-mem-cost", 0, CLI_NUMBER, &m->mem_cost, "N", "Firebase: mem_cost"}},
        {MIGRATION_BODIES,
         {"bodies", 0, CLI_FLAG, &m->bodies, NULL,
          "one JSON line a row: its CreateUser body, or the reason"}},
        {MIGRATION_LEDGER,
         {"ledger", 'l', CLI_TEXT, &m->ledger, "FILE",
          "record of what has moved (default usher.ledger)"}},
        {MIGRATION_REJECTS,
         {"rejects", 0, CLI_TEXT, &m->rejects, "FILE", "write rejected rows there, to be mended"}},
        {MIGRATION_TARGET,
         {"rate", 0, CLI_TEXT, &m->rate, "N|off",
          "requests a second (default: what Clerk allows)"}},
        {MIGRATION_TARGET,
         {"share", 0, CLI_TEXT, &m->share, "N%", "part of the allowance to use (default 100%)"}},
        {MIGRATION_TARGET,
         {"patience", 0, CLI_NUMBER, &m->patience, "SECONDS",
          "go on without an answer (default 300)"}},
        {MIGRATION_TARGET, {"limit", 0, CLI_NUMBER, &m->limit, "N", "at most so many users"}},
        {MIGRATION_TARGET,
         {"only", 0, CLI_TEXTS, &m->only, "ID", "only this external id (repeatable)"}},
        {MIGRATION_WRITES,
         {"canary", 0, CLI_TEXT, &m->canary, "FILE",
          "known external ids and passwords: prove every digest class first"}},
        {MIGRATION_WRITES,
         {"yes", 'y', CLI_FLAG, &m->yes, NULL, "do not ask before writing to production"}},
        {0, {"json", 0, CLI_FLAG, &m->json, NULL, "events as JSON Lines on standard output"}},
        {0, {"quiet", 'q', CLI_FLAG, &m->quiet, NULL, "no progress"}},
    };
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        if (!all[i].takes || (takes & all[i].takes))
            to[count++] = all[i].option;
    to[count] = (struct cli_option){0};
    return to;
}

static int refuse(struct migration *m, const char *option, const char *why)
{
    fprintf(stderr, "usher %s: --%s: %s; see 'usher %s --help'\n", m->command, option, why,
            m->command);
    return CLI_USAGE;
}

static int read_pace(struct migration *m)
{
    uint64_t value;
    if (m->rate && strcmp(m->rate, "off") == 0) {
        m->opts.target.unlimited = true;
    } else if (m->rate) {
        if (!text_u64(text_of(m->rate), 100000, &value) || value == 0)
            return refuse(m, "rate", "a whole number of requests a second, or off");
        m->opts.target.rate = (uint32_t)value;
    }
    if (m->share) {
        struct text share = text_of(m->share);
        if (text_ends(share, TEXT("%")))
            share.len--;
        if (!text_u64(share, 100, &value) || value == 0)
            return refuse(m, "share", "a percentage from 1 to 100");
        m->opts.target.share = (uint32_t)value;
    }
    m->opts.target.patience_us = (int64_t)m->patience * 1000000;
    return -1;
}

static int read_settings(struct migration *m)
{
    struct err err;
    struct migrate_target *target = &m->opts.target;
    if (target_settings(&m->arena, &target->api_url, &target->key, &target->key_from, &err))
        return cli_fail(m->command, &err);
    return -1;
}

static void read_source(struct migration *m, const char *file)
{
    m->opts.source = (struct source_opts){
        .path = file,
        .from = m->from ? text_of(m->from) : TEXT("auto"),
        .through = m->through,
        .record_max = m->record_max,
        .firebase = {text_of(m->signer_key), text_of(m->salt_separator), (uint32_t)m->rounds,
                     (uint32_t)m->mem_cost},
        .keep_raw = m->rejects != NULL,
    };
}

/* ---- events ---- */

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
    if (tell(m))
        fprintf(stderr, "row %llu %.*s: %s%s%s: %s\n", (unsigned long long)trouble->row,
                TEXT_ARG(trouble->id), trouble->code, trouble->field[0] ? " " : "", trouble->field,
                trouble->detail);
}

static void on_failed(void *arg, const struct migrate_trouble *trouble)
{
    tell_trouble(arg, "failed", trouble);
}

static void on_split(void *arg, const struct migrate_trouble *trouble)
{
    tell_trouble(arg, "split", trouble);
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
    if (strcmp(m->command, "check") == 0 || strcmp(m->command, "plan") == 0)
        return t->rows;
    return t->created + t->adopted + t->updated + t->unchanged + t->failed + t->rejected + t->same +
           t->different + t->missing;
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
        buf_printf(line, "%llu the same, %llu different, %llu missing", (unsigned long long)t->same,
                   (unsigned long long)t->different, (unsigned long long)t->missing);
    else if (strcmp(m->command, "import") == 0)
        buf_printf(line, "%llu created, %llu updated, %llu unchanged, %llu failed, %llu rejected",
                   (unsigned long long)(t->created + t->adopted), (unsigned long long)t->updated,
                   (unsigned long long)t->unchanged, (unsigned long long)t->failed,
                   (unsigned long long)t->rejected);
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
        {TEXT("created"), t->created + t->adopted},
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

/* ---- begin and end ---- */

static void prepare(struct migration *m, const char *file, int takes)
{
    read_source(m, file);
    m->opts.ledger = m->ledger ? m->ledger : "usher.ledger";
    m->opts.rejects = m->rejects;
    m->opts.limit = m->limit;
    m->opts.only = m->only.at;
    m->opts.only_count = m->only.count;
    m->terminal = isatty(STDERR_FILENO) == 1;
    m->events = (struct migrate_events){
        .opened = on_opened,
        .row = on_row,
        .failed = on_failed,
        .split = on_split,
        .differs = on_differs,
        .progress = on_progress,
        .arg = m,
    };
    if (takes & MIGRATION_TARGET)
        watch_signals();
}

int migration_begin(struct migration *m, const char *command, const char *about, int takes,
                    int argc, char **argv)
{
    struct cli_option options[OPTIONS_MAX];
    const char *file;
    size_t count;
    memset(m, 0, sizeof(*m));
    m->command = command;
    arena_init(&m->arena, 1 << 20);
    buf_init(&m->line, 32 << 20);
    struct cli_syntax syntax = {command, "FILE", about, options_of(m, takes, options)};
    int status = cli_parse(&syntax, argc, argv, &file, 1, &count);
    if (status >= 0)
        return status;
    if (count == 0) {
        fprintf(stderr, "usher %s: which FILE? (- for standard input); see 'usher %s --help'\n",
                command, command);
        return CLI_USAGE;
    }
    prepare(m, file, takes);
    if (!(takes & MIGRATION_TARGET)) {
        watch_signals();
        return -1;
    }
    status = read_pace(m);
    return status >= 0 ? status : read_settings(m);
}

void migration_end(struct migration *m)
{
    arena_release(&m->arena);
    buf_release(&m->line);
}

/* Asks on the terminal; true for "yes". */
static bool confirm(const char *verb)
{
    char answer[16] = "";
    fprintf(stderr, "This is a production instance. %s? Only 'yes' goes on: ", verb);
    return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0;
}

void migration_spent(struct migration *m, uint64_t requests)
{
    m->opts.target.spent += (uint32_t)requests;
    m->opts.target.spent_us = clock_now_us();
}

int migration_meet_target(struct migration *m, const char *verb)
{
    struct err err;
    const struct migrate_target *target = &m->opts.target;
    if (migrate_probe(target, &m->instance, &err))
        return cli_fail(m->command, &err);
    migration_spent(m, m->instance.requests);
    fprintf(stderr, "target: %s instance %s at %.*s (key from %s)\n", m->instance.environment,
            m->instance.id, TEXT_ARG(target->api_url), target->key_from);
    bool production = strcmp(m->instance.environment, "production") == 0;
    if (!verb || m->yes || !production || !isatty(STDIN_FILENO) ||
        strcmp(m->opts.source.path, "-") == 0)
        return -1;
    if (confirm(verb))
        return -1;
    fprintf(stderr, "usher %s: not confirmed, nothing was written\n", m->command);
    return CLI_USAGE;
}

int migration_exit(struct migration *m, int status, const struct err *err)
{
    migration_clear_line(m);
    fflush(stdout);
    if (status)
        return cli_fail(m->command, err);
    if (migration_stop.requests > 0)
        return CLI_INTERRUPTED;
    return m->totals.rejected || m->totals.failed || m->totals.different || m->totals.missing ||
                   m->totals.conflicts
               ? CLI_SOME_FAILED
               : CLI_OK;
}
