/* tally: what the rows of an export had, counted: digest classes, reasons with their first rows. */
#ifndef USHER_CLI_TALLY_H
#define USHER_CLI_TALLY_H

#include "base/base.h"
#include "digest/digest.h"
#include "source/source.h"

#define TALLY_CLASSES 128
#define TALLY_ROWS    5

struct tally_class {
    char name[DIGEST_CLASS_MAX];
    uint64_t count;
    bool insecure;
};

struct tally {
    struct tally_class classes[TALLY_CLASSES];
    size_t class_count;
    const struct digest_ops
        *last_ops; /* the class counted last, without its name: rows come in runs */
    uint64_t last_cost[3];
    size_t last;
    uint64_t other_classes; /* digests of classes that found no place */
    uint64_t no_password;
    uint64_t first_rows[USER_REASON_COUNT][TALLY_ROWS];
    uint64_t reasons[USER_REASON_COUNT];
};

/* Counts one row, accepted or not. A tally begins zeroed. */
void tally_row(struct tally *tally, const struct source_row *row);

#endif
