/*
 * verify: what verify.c (the export, the ledger, all of it), verify_target.c (reads the target back) and
 * verify_sheet.c (compares its users) have of each other.
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
    char folder[1024]; /* of the ledger that is made; "" if there is one */
    int64_t last_import;
    struct field_hasher hasher;
    struct compare compare;
    struct json *json;
    struct arena arena;
    struct numbers in_file, at_target;
    uint64_t done_there; /* users at the target that the ledger has as done */
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

/* What came of some users of the target, until it is told. */
struct verify_sheet {
    struct verify *verify;
    struct arena arena; /* the ledger's users, whose ids are told */
    struct buf told;    /* struct migrate_trouble, one behind the other */
    uint64_t at_target, others, same, changed, different, gone, unseen;
};

/* Begins empty; release gives the memory back. */
void verify_sheet_init(struct verify_sheet *sheet, struct verify *verify);
void verify_sheet_release(struct verify_sheet *sheet);
/* Compares up to LEDGER_FIND_SOME users of the target, or an array of any length. 0 or -1. On any thread, one at a time. */
int verify_sheet_add(struct verify_sheet *sheet, const struct json_value *there, size_t count,
                     struct err *err);
int verify_sheet_fill(struct verify_sheet *sheet, struct json_value users, struct err *err);
/* Tells what came of them, adds it to the totals and empties the sheet. On the command's thread. */
void verify_sheet_tell(struct verify_sheet *sheet);

/* Reads every user of the target, or the chosen ones (--only), and compares. 0 or -1. */
int verify_read_pages(struct verify *verify, struct err *err);
int verify_read_chosen(struct verify *verify, struct err *err);

#endif
