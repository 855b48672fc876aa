/*
 * mapper: one record onto a user, by a platform's table, a mapping over it, and the rules. What of a
 * source knows no stream.
 */
#ifndef USHER_SOURCE_MAPPER_H
#define USHER_SOURCE_MAPPER_H

#include "source/mapping.h"

struct mapper;

struct mapper_opts {
    const struct platform *platform;  /* or NULL */
    struct mapping *mapping;          /* borrowed, or NULL */
    const struct source_opts *source; /* borrowed: the platform's options */
    size_t record_max;
};

/* Returns 0 or -1 with err; free it in both cases. */
int mapper_new(struct mapper **mapper, const struct mapper_opts *opts, struct err *err);
void mapper_free(struct mapper *mapper);

/*
 * Maps a record onto *user. Texts live in the arena, or as long as the record does. *id gets the id as
 * soon as it is known. Returns 0, 1 with *reject filled, or -1 with err (the run cannot go on).
 */
int mapper_map(struct mapper *mapper, struct json_value record, struct arena *arena,
               struct user *user, struct text *id, struct user_reject *reject, struct err *err);

/* The id of a record that is not mapped, in the arena; absent if it has none. */
struct text mapper_id(struct mapper *mapper, struct json_value record, struct arena *arena);

/* What the records so far had without a place (paths.h). */
struct paths *mapper_paths(struct mapper *mapper);

#endif
