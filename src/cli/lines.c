#include "cli/lines.h"

static enum cli_line finish(struct buf *line)
{
    if (!buf_ok(line))
        return line->len == line->max ? CLI_LINE_TOO_LONG : CLI_LINE_FAILED;
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    return CLI_LINE;
}

enum cli_line cli_read_line(FILE *from, struct buf *line)
{
    bool any = false;
    int c;
    secret_wipe(line->at, line->len);
    buf_reset(line);
    while ((c = getc_unlocked(from)) != EOF && c != '\n') {
        any = true;
        buf_byte(line, (char)c);
    }
    if (ferror(from))
        return CLI_LINE_FAILED;
    if (c == EOF && !any)
        return CLI_LINE_END;
    return finish(line);
}
