#include "migrate/progress.h"

#define INTERVAL_US INT64_C(100000)

void progress_show(struct progress *progress, bool now)
{
    int64_t time = clock_now_us();
    if (!now && time - progress->shown < INTERVAL_US)
        return;
    progress->shown = time;
    progress->totals->elapsed_us = time - progress->started;
    if (!progress->events->progress)
        return;
    const struct courier *courier = progress->courier;
    progress->events->progress(
        progress->events->arg,
        &(struct migrate_progress){
            .totals = progress->totals,
            .bytes_read = progress->source ? source_bytes_read(progress->source) : 0,
            .bytes_total = progress->source ? source_bytes_total(progress->source) : 0,
            .rate = courier ? courier_rate(courier) : 0,
            .allowance = courier ? courier_allowance(courier) : 0,
        });
}

enum ledger_ending progress_ending(const struct migrate_stop *stop, bool failed)
{
    if (failed)
        return LEDGER_BROKE_OFF;
    return stop && stop->requests > 0 ? LEDGER_INTERRUPTED : LEDGER_RAN_THROUGH;
}
