/*
 * through: an input that is the output of a program, which is fed at the same time (`sh -c COMMAND`).
 * Neither side can block the other: both ends are polled, and what is on its way is bounded.
 */
#ifndef USHER_SOURCE_THROUGH_H
#define USHER_SOURCE_THROUGH_H

#include "source/input.h"

/* Where the program's input comes from. */
struct through_feed {
    /* Appends something to `to`. Returns 1, 0 when there is no more, -1 with err. */
    int (*more)(void *context, struct buf *to, struct err *err);
    void *context;
    const struct input *file; /* whose bytes are counted as read */
};

/*
 * Starts the program. Reading the input gives its output; at the end of it, a status other than 0, or
 * records that it has not read, are ERR_IO. input_close ends it if it still runs. Returns 0 or -1.
 */
int through_open(struct input **input, const char *command, const struct through_feed *feed,
                 struct err *err);

#endif
