/*
 * mapping: how records become users by a file of one's own (docs/mapping.md):
 *
 *     { "extends": "auth0",
 *       "fields": { "external_id": "{{user_id}}", "email_address": ["{{email}}"],
 *                   "public_metadata.plan": "{{app_metadata.plan || 'free'}}" },
 *       "rules": { "email_address": { "required": true }, "username": { "pattern": "^[a-z]+$" } } }
 *
 * A field given here replaces what the platform's table has for it.
 */
#ifndef USHER_SOURCE_MAPPING_H
#define USHER_SOURCE_MAPPING_H

#include "source/draft.h"

struct mapping;

/* Whether a --from is a mapping: its text (from a "{"), or its file (it ends in .json or has a slash). */
bool mapping_is_own(struct text from);

/* Reads and compiles a mapping, given as above. Returns 0 or -1: ERR_USAGE names the file, the key and what is allowed. */
int mapping_open(struct mapping **mapping, struct text from, struct err *err);
void mapping_close(struct mapping *mapping);

/* The platform that it extends, or NULL. */
const struct platform *mapping_platform(const struct mapping *mapping);

/* Its whole text, for the hash of a source. */
struct text mapping_text(const struct mapping *mapping);

/* Gives the top-level keys that its templates use a place. Returns 0 or -1 with err. */
int mapping_place(const struct mapping *mapping, struct paths *paths, struct err *err);

/* Whether the mapping replaces what a table has for a field. */
bool mapping_replaces(const struct mapping *mapping, enum user_field field);

/* The id that a record has by the mapping, in the arena; absent if it says nothing on it. */
struct text mapping_id(struct mapping *mapping, struct json_value record, struct arena *arena);

/*
 * Puts the mapped fields of the draft's record into the draft, over those of the table. Returns 0, or -1
 * with draft->reject or draft->err filled.
 */
int mapping_apply(struct mapping *mapping, struct draft *draft);

/* Holds a user whose fields are normalised against the rules. Returns 0, or -1 with *reject filled. */
int mapping_check(const struct mapping *mapping, const struct user *user,
                  struct user_reject *reject);

#endif
