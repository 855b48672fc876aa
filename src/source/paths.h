/*
 * paths: the keys that the records of one source have, each with a place in the table or none. Records
 * come with the same keys in the same order, so each key is first compared with the one that stood there
 * last time; only a miss is looked up.
 */
#ifndef USHER_SOURCE_PATHS_H
#define USHER_SOURCE_PATHS_H

#include "json/json.h"
#include "source/source.h"

/* How many different keys are told apart; what comes further is counted under "(other)". */
#define PATHS_MAX 1024
/* Keys that have a place, at most. */
#define PATHS_PLACED_MAX 128

struct paths;

/* An empty set of keys. Returns 0 or -1 (ERR_MEMORY). */
int paths_new(struct paths **paths, struct err *err);
void paths_free(struct paths *paths);

/*
 * Gives a top-level key a place. Returns its slot (the same for the same key), or -1 with err when
 * there are too many.
 */
int paths_place(struct paths *paths, struct text key, struct err *err);

/*
 * Walks a record once: slots[slot] gets the value of each placed key (absent if the record has none or null),
 * the first of doubles; every other key with a value is counted as lost.
 */
void paths_walk(struct paths *paths, struct json_value record,
                struct json_value slots[PATHS_PLACED_MAX]);

/* Counts one more record that had a value at a path that is not a top-level key ("user.phone"). */
void paths_lose(struct paths *paths, struct text path);

/* The losses so far, most frequent first. Valid until the next call of any function. */
const struct source_loss *paths_losses(struct paths *paths, size_t *count);

#endif
