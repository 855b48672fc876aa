/*
 * table: a platform's table made ready for one source. Paths are resolved once; each record is walked
 * once.
 */
#ifndef USHER_SOURCE_TABLE_H
#define USHER_SOURCE_TABLE_H

#include "source/draft.h"
#include "source/mapping.h"

struct table;

/*
 * Makes a platform's table ready (NULL: an empty one), without the rows that only set what a mapping
 * (or NULL) replaces. Returns 0 or -1 (ERR_MEMORY).
 */
int table_new(struct table **table, const struct platform *platform, const struct mapping *mapping,
              struct paths *paths, struct err *err);
void table_free(struct table *table);

/* Reads the record's id into *id (absent if there is none), for the report on a bad row. */
void table_id(struct table *table, struct json_value record, struct arena *arena, struct text *id);

/*
 * Fills the draft from its record. *id gets the id as soon as it is known. Returns 0, or -1 with
 * draft->reject or draft->err filled.
 */
int table_apply(struct table *table, struct draft *draft, struct text *id);

#endif
