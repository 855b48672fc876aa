/*
 * verify: what verify.c (the export, the ledger, all of it) and verify_target.c (reads the target back) have of each
 * other.
 */
#ifndef USHER_MIGRATE_VERIFY_H
#define USHER_MIGRATE_VERIFY_H

#include "migrate/compare.h"
#include "migrate/courier.h"
#include "migrate/migrate.h"
#include "migrate/numbers.h"
#include "migrate/progress.h"

struct verify {
    const struct migrate_opts *opts;
    const struct migrate_events *events;
    const struct migrate_stop *stop;
    struct migrate_totals *totals;
    struct source *source;
    struct courier *courier;
    struct ledger *ledger;
    char folder[64]; /* of the ledger that is made; "" if there is one */
    int64_t last_import;
    struct field_hasher hasher;
    struct compare compare;
    struct json *json;
    struct arena arena;
    struct numbers in_file, at_target;
    struct buf content, marks;
    struct progress progress;
    bool over;
    struct err err;
    bool failed;
};

/* Whether there is no ledger, and one was made of the export. */
bool verify_is_scratch(const struct verify *verify);
/* Whether Ctrl-C was pressed or something has failed. */
bool verify_is_stopped(const struct verify *verify);
/* Tells of a difference. */
void verify_tell(struct verify *verify, uint64_t row, struct text id, const char *code,
                 const char *field, const char *detail);

/* Reads every user of the target, or the chosen ones (--only), and compares. 0 or -1. */
int verify_read_pages(struct verify *verify, struct err *err);
int verify_read_chosen(struct verify *verify, struct err *err);

#endif
