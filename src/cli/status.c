#include <inttypes.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/cli.h"
#include "cli/run.h"
#include "json/json.h"
#include "ledger/ledger.h"

#define RUNS_MAX 10

static const char about[] =
    "Shows how far a migration is, from its ledger, also while an import runs in another terminal: "
    "how\n"
    "many users are in each state, the latest runs, and what failed for which reason.\n\n"
    "  usher status --ledger auth0.ledger\n"
    "  usher status --ledger auth0.ledger --watch       again every second while a run goes on\n\n"
    "Exit status: 0 no failures, 1 some users failed or were rejected, 2 usage or no ledger.";

struct view {
    const char *path;
    bool json, watch;
    uint64_t counts[LEDGER_STATE_COUNT];
    struct ledger_run runs[RUNS_MAX];
    size_t run_count;
    struct arena arena;
    struct buf line;
    struct json_out out;
};

static void print_failure(struct text code, uint64_t count, struct text example, void *arg)
{
    (void)arg;
    printf("  %8" PRIu64 "  %.*s (for example %.*s)\n", count, TEXT_ARG(code), TEXT_ARG(example));
}

static int print_all(struct view *view, struct ledger *ledger, struct err *err)
{
    printf("%s\n", ledger_name(ledger));
    for (int state = 0; state < LEDGER_STATE_COUNT; state++)
        printf("  %8" PRIu64 "  %s\n", view->counts[state], ledger_state_name(state));
    printf("runs:\n");
    for (size_t i = 0; i < view->run_count; i++)
        run_print(&view->runs[i]);
    if (view->counts[LEDGER_FAILED] + view->counts[LEDGER_REJECTED] == 0)
        return 0;
    printf("not moved:\n");
    return ledger_failures(ledger, print_failure, view, err);
}

static void put(struct json_out *out, struct text key, int64_t value)
{
    json_key(out, key);
    json_put_int(out, value);
}

static void put_failure(struct text code, uint64_t count, struct text example, void *arg)
{
    struct json_out *out = arg;
    json_open(out, '{');
    json_key(out, TEXT("code"));
    json_put_text(out, code);
    put(out, TEXT("count"), (int64_t)count);
    json_key(out, TEXT("example"));
    json_put_text(out, example);
    json_close(out, '}');
}

static int print_json(struct view *view, struct ledger *ledger, struct err *err)
{
    struct json_out out = json_out(&view->line);
    json_open(&out, '{');
    for (int state = 0; state < LEDGER_STATE_COUNT; state++)
        put(&out, text_of(ledger_state_name(state)), (int64_t)view->counts[state]);
    json_key(&out, TEXT("runs"));
    json_open(&out, '[');
    for (size_t i = 0; i < view->run_count; i++)
        run_put(&out, &view->runs[i]);
    json_close(&out, ']');
    json_key(&out, TEXT("failures"));
    json_open(&out, '[');
    if (ledger_failures(ledger, put_failure, &out, err))
        return -1;
    json_close(&out, ']');
    json_close(&out, '}');
    puts(buf_z(&view->line));
    return 0;
}

static int show(struct view *view, struct err *err)
{
    struct ledger *ledger;
    struct ledger_opts opts = {.path = view->path, .read_only = true};
    if (ledger_open(&ledger, &opts, err))
        return -1;
    int status = ledger_count(ledger, view->counts, err);
    if (status == 0)
        status = ledger_runs(ledger, &view->arena, view->runs, RUNS_MAX, &view->run_count, err);
    if (status == 0)
        status = view->json ? print_json(view, ledger, err) : print_all(view, ledger, err);
    ledger_close(ledger);
    return status;
}

/* Whether any of the runs shown still goes on. */
static bool goes_on(const struct view *view)
{
    for (size_t i = 0; i < view->run_count; i++)
        if (run_is_running(&view->runs[i]))
            return true;
    return false;
}

/* Shows it again and again while a run goes on; on a terminal each time in the same place. */
static int watch(struct view *view, struct err *err)
{
    for (;;) {
        arena_reset(&view->arena);
        buf_reset(&view->line);
        if (!view->json && isatty(STDOUT_FILENO))
            fputs("\033[H\033[2J", stdout);
        if (show(view, err))
            return -1;
        fflush(stdout);
        if (!view->watch || !goes_on(view))
            return 0;
        sleep(1);
    }
}

int cmd_status(int argc, char **argv)
{
    struct view view = {.path = "usher.ledger"};
    struct err err;
    const char *operand;
    size_t count;
    const struct cli_option options[] = {
        {"ledger", 'l', CLI_TEXT, &view.path, "FILE", "the ledger (default usher.ledger)"},
        {"watch", 'w', CLI_FLAG, &view.watch, NULL, "again every second while a run goes on"},
        {"json", 0, CLI_FLAG, &view.json, NULL, "one JSON object on standard output"},
        {0},
    };
    int status = cli_parse(&(struct cli_syntax){"status", "", about, options}, argc, argv, &operand,
                           0, &count);
    if (status >= 0)
        return status;
    arena_init(&view.arena, 1 << 20);
    buf_init(&view.line, 1 << 20);
    status = watch(&view, &err);
    arena_release(&view.arena);
    buf_release(&view.line);
    if (status)
        return cli_fail("status", &err);
    return view.counts[LEDGER_FAILED] + view.counts[LEDGER_REJECTED] ? CLI_SOME_FAILED : CLI_OK;
}
