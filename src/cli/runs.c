#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/run.h"

#define RUNS_MAX 1000

static const char about[] =
    "Lists the runs of a ledger, the newest first: when, what, how it ended, how many users. Their "
    "numbers\n"
    "are what 'usher undo' takes.\n\n"
    "  usher runs --ledger auth0.ledger\n\n"
    "Exit status: 0, or 2 usage or no ledger.";

struct list {
    const char *path;
    bool json;
    struct arena arena;
    struct ledger_run runs[RUNS_MAX];
    size_t count;
};

static int print(const struct list *list, struct err *err)
{
    struct buf line;
    buf_init(&line, 1 << 20);
    for (size_t i = 0; i < list->count; i++) {
        struct json_out out = json_out(&line);
        if (!list->json) {
            run_print(&list->runs[i]);
            continue;
        }
        run_put(&out, &list->runs[i]);
        buf_byte(&line, '\n');
    }
    fwrite(line.at, 1, line.len, stdout);
    bool ok = buf_ok(&line);
    buf_release(&line);
    return ok ? 0 : err_memory(err);
}

static int show(struct list *list, struct err *err)
{
    struct ledger *ledger;
    struct ledger_opts opts = {.path = list->path, .read_only = true};
    if (ledger_open(&ledger, &opts, err))
        return -1;
    int status = ledger_runs(ledger, &list->arena, list->runs, RUNS_MAX, &list->count, err);
    ledger_close(ledger);
    return status ? -1 : print(list, err);
}

int cmd_runs(int argc, char **argv)
{
    static struct list list = {.path = "usher.ledger"};
    struct err err;
    const char *operand;
    size_t count;
    const struct cli_option options[] = {
        {"ledger", 'l', CLI_TEXT, &list.path, "FILE", "the ledger (default usher.ledger)"},
        {"json", 0, CLI_FLAG, &list.json, NULL, "one JSON object a run on standard output"},
        {0},
    };
    int status = cli_parse(&(struct cli_syntax){"runs", "", about, options}, argc, argv, &operand,
                           0, &count);
    if (status >= 0)
        return status;
    arena_init(&list.arena, 1 << 20);
    status = show(&list, &err);
    arena_release(&list.arena);
    return status ? cli_fail("runs", &err) : CLI_OK;
}
