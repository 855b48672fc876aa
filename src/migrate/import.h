/* import: the state of one import. Only import.c uses it; flight.c knows it by name. */
#ifndef USHER_MIGRATE_IMPORT_H
#define USHER_MIGRATE_IMPORT_H

#include "migrate/courier.h"
#include "migrate/fields.h"
#include "migrate/flight.h"
#include "migrate/lookup.h"
#include "migrate/migrate.h"

#define IMPORT_LOOKUPS 8 /* look-ups under way at once */

struct rejects;

struct flight_queue {
    struct flight *first, *last;
    size_t count;
};

struct import {
    const struct migrate_opts *opts;
    const struct migrate_events *events;
    const struct migrate_stop *stop;
    struct migrate_totals *totals;
    struct source *source;
    struct ledger *ledger;
    struct ledger_run run;
    struct courier *courier;
    struct rejects *rejects;
    struct field_hasher hasher;
    struct json *json, *lookup_json;
    struct arena arena; /* of the row in hand */
    struct flight *flights, *free;
    size_t flight_count, flying; /* slots; those not free */
    struct flight_queue ready;   /* intents put, not durable yet */
    struct flight_queue look;    /* to be looked up */
    struct lookup lookups[IMPORT_LOOKUPS];
    int64_t look_at; /* when a look-up that is not full is sent */
    size_t puts;     /* into the ledger since the last commit */
    int64_t first_put, started, shown, drain_until;
    uint64_t taken;
    bool at_end, stopping, failed;
    struct err err; /* of `failed` */
};

#endif
