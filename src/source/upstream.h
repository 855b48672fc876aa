/*
 * upstream: the file in front of --through. Gives its records out one a line, and keeps those that
 * cannot be read aside, so that they are reported and not lost.
 */
#ifndef USHER_SOURCE_UPSTREAM_H
#define USHER_SOURCE_UPSTREAM_H

#include "source/reader.h"
#include "source/through.h"

struct upstream;

struct upstream_opts {
    struct input *file; /* borrowed */
    size_t record_max;
    const struct platform *platform; /* for CSV without a header, or NULL */
};

/* Opens the reader of the file. Returns 0 or -1 as reader_open; close it in both cases. */
int upstream_open(struct upstream **upstream, const struct upstream_opts *opts, struct err *err);
void upstream_close(struct upstream *upstream);

/* What feeds the program. */
struct through_feed upstream_feed(struct upstream *upstream);

/* Takes the next record that could not be read; false if there is none. Valid until the next call. */
bool upstream_take_bad(struct upstream *upstream, struct record *record);

/* "JSON array" */
const char *upstream_format(const struct upstream *upstream);

#endif
