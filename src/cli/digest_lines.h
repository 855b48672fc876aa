/* JSON Lines of digests on standard input: what `usher digest verify` and `parse` have in common.
 */
#ifndef USHER_CLI_DIGEST_LINES_H
#define USHER_CLI_DIGEST_LINES_H

#include "digest/digest.h"
#include "json/json.h"

/*
 * Writes the answer to one line, whose parsed digest and JSON object are given, as members of an
 * object that is open. Returns 0, or -1 with err when there is no answer.
 */
typedef int digest_line_answer(const struct digest *digest, struct json_value line,
                               struct json_out *out, struct err *err);

/*
 * Reads standard input line by line, each an object with at least "hasher" and "digest", and prints
 * one line for each, in order: what `answer` wrote, or {"error":…}. Returns CLI_OK, CLI_SOME_FAILED
 * if any line had an error, or CLI_USAGE if input or output failed.
 */
int digest_lines(const char *command, digest_line_answer *answer);

/* The string under key, or -1 with err if there is none. */
int digest_line_text(struct json_value line, const char *key, struct text *t, struct err *err);

#endif
