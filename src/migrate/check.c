#include "migrate/migrate.h"
#include "migrate/progress.h"
#include "migrate/rejects.h"

#define PROGRESS_ROWS 4096

const char *migrate_action_name(enum migrate_action action)
{
    static const char *const names[MIGRATE_ACTION_COUNT] = {
        "create", "update", "unchanged", "adopt", "ban", "delete", "conflict", "reject"};
    return names[action];
}

static int read_all(struct source *source, const struct migrate_events *events,
                    const struct migrate_stop *stop, struct rejects *rejects,
                    struct migrate_totals *totals, struct err *err)
{
    struct source_row row;
    struct progress progress = {
        .events = events, .totals = totals, .source = source, .started = clock_now_us()};
    int got;
    while ((got = source_next(source, &row, err)) > 0) {
        totals->rows++;
        if (row.reject.reason == USER_ACCEPTED) {
            totals->accepted++;
        } else {
            totals->rejected++;
            totals->reasons[row.reject.reason]++;
            rejects_add_row(rejects, &row);
        }
        if (events->row)
            events->row(events->arg, &row);
        if (totals->rows % PROGRESS_ROWS == 0) {
            progress_show(&progress, false);
            if (stop && stop->requests > 0)
                break;
        }
    }
    progress_show(&progress, true);
    return got < 0 ? -1 : 0;
}

int migrate_check(const struct migrate_opts *opts, const struct migrate_events *events,
                  const struct migrate_stop *stop, struct migrate_totals *totals, struct err *err)
{
    struct source *source;
    struct rejects *rejects = NULL;
    if (source_open(&source, &opts->source, err))
        return -1;
    if (events->opened)
        events->opened(events->arg, source);
    int status = rejects_open(&rejects, opts->rejects, source, err);
    if (status == 0)
        status = read_all(source, events, stop, rejects, totals, err);
    if (status == 0)
        status = rejects_flush(rejects, err);
    if (status == 0 && events->closing)
        events->closing(events->arg, source);
    rejects_close(rejects);
    source_close(source);
    return status;
}
