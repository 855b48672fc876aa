#include "cli/run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

bool run_is_running(const struct ledger_run *run)
{
    return !run->ended_ms && kill((pid_t)run->pid, 0) == 0;
}

/* "stopped": its process is gone without having ended. */
static const char *state_of(const struct ledger_run *run)
{
    static const char *const endings[] = {[LEDGER_RAN_THROUGH] = "ended",
                                          [LEDGER_INTERRUPTED] = "interrupted",
                                          [LEDGER_BROKE_OFF] = "failed"};
    if (!run->ended_ms)
        return run_is_running(run) ? "running" : "stopped";
    return (size_t)run->ending < ARRAY_COUNT(endings) ? endings[run->ending] : "ended";
}

/* The figures that a line names, those that are 0 left out but for the first. */
static const struct {
    struct text name;
    size_t offset;
} figures[] = {
#define FIGURE(name)                                                                               \
    {                                                                                              \
        {#name, sizeof(#name) - 1}, offsetof(struct ledger_run, name)                              \
    }
    FIGURE(rows),   FIGURE(created),  FIGURE(adopted), FIGURE(updated),  FIGURE(unchanged),
    FIGURE(failed), FIGURE(rejected), FIGURE(removed), FIGURE(requests),
#undef FIGURE
};

static uint64_t figure_of(const struct ledger_run *run, size_t i)
{
    return *(const uint64_t *)((const char *)run + figures[i].offset);
}

void run_print(const struct ledger_run *run)
{
    char started[DATE_TEXT_MAX];
    date_format(run->started_ms, started);
    printf("  run %" PRId64 "  %s  %-8.*s  %-11s ", run->id, started, TEXT_ARG(run->command),
           state_of(run));
    for (size_t i = 0; i < ARRAY_COUNT(figures); i++)
        if (i == 0 || figure_of(run, i) > 0)
            printf("%s %" PRIu64 " %.*s", i ? "," : "", figure_of(run, i),
                   TEXT_ARG(figures[i].name));
    putchar('\n');
}

static void put(struct json_out *out, struct text key, int64_t value)
{
    json_key(out, key);
    json_put_int(out, value);
}

void run_put(struct json_out *out, const struct ledger_run *run)
{
    json_open(out, '{');
    put(out, TEXT("run"), run->id);
    json_key(out, TEXT("command"));
    json_put_text(out, run->command);
    json_key(out, TEXT("state"));
    json_put_text(out, text_of(state_of(run)));
    put(out, TEXT("started_at"), run->started_ms);
    put(out, TEXT("ended_at"), run->ended_ms);
    for (size_t i = 0; i < ARRAY_COUNT(figures); i++)
        put(out, figures[i].name, (int64_t)figure_of(run, i));
    json_close(out, '}');
}
