/* progress: tells the events of a command how far it is, ten times a second. */
#ifndef USHER_MIGRATE_PROGRESS_H
#define USHER_MIGRATE_PROGRESS_H

#include "migrate/courier.h"
#include "migrate/migrate.h"

struct progress {
    const struct migrate_events *events;
    struct migrate_totals *totals;
    const struct source *source;
    const struct courier *courier; /* NULL: no network */
    int64_t started, shown;
};

/* Tells if it is time to (or `now`); sets totals->elapsed_us. `started` is the caller's to set. */
void progress_show(struct progress *progress, bool now);

/* How a run comes to its end, for the ledger: `failed` by an error. */
enum ledger_ending progress_ending(const struct migrate_stop *stop, bool failed);

#endif
