/*
 * date: moments as milliseconds since the epoch, UTC, and their text forms.
 */
#ifndef USHER_BASE_DATE_H
#define USHER_BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define DATE_TEXT_MAX 25 /* "2020-11-03T22:49:17.442Z" and its NUL */

/*
 * Reads a moment: RFC 3339 ("2020-11-03T22:49:17.442Z", any offset), the forms in which PostgreSQL and
 * others write it (a space for the T, "+00", "+0000", no seconds' fraction, up to nine digits of it),
 * or a whole number of seconds (fewer than 12 digits) or milliseconds since the epoch. A date without
 * a time, or a time without an offset, is read as UTC. Finer fractions are cut, not rounded.
 * Returns false, *ms untouched, for anything else: month 13, hour 25, 30 February, years outside
 * 0001-9999.
 */
bool date_parse(struct text t, int64_t *ms);

/* Writes ms as RFC 3339 in UTC with milliseconds. */
void date_format(int64_t ms, char to[DATE_TEXT_MAX]);

#endif
