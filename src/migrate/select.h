/* select: which rows of an export a command is about (--only). */
#ifndef USHER_MIGRATE_SELECT_H
#define USHER_MIGRATE_SELECT_H

#include "migrate/migrate.h"

/* Whether the row of that id is meant: always without --only. */
bool select_is_wanted(const struct migrate_opts *opts, struct text id);

#endif
