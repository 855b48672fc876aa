/* Reading standard input line by line, with a stated maximum. */
#ifndef USHER_CLI_LINES_H
#define USHER_CLI_LINES_H

#include <stdio.h>

#include "base/base.h"

enum cli_line {
    CLI_LINE,          /* a whole line is in the buffer, without its newline (and CR before it) */
    CLI_LINE_TOO_LONG, /* it did not fit and was skipped; the next call reads the next line */
    CLI_LINE_END,      /* no further line */
    CLI_LINE_FAILED    /* reading failed, or memory is out */
};

/*
 * Reads the next line into `line`, whose old content is wiped first. The maximum is the buffer's. A
 * last line without a newline counts; an empty rest does not.
 */
enum cli_line cli_read_line(FILE *from, struct buf *line);

#endif
