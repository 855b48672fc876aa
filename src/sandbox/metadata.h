/* sandbox/metadata: bodies of PATCH and PUT …/metadata, for users, organizations and memberships. */
#ifndef USHER_SANDBOX_METADATA_H
#define USHER_SANDBOX_METADATA_H

#include "sandbox/call.h"

/*
 * Merges patch, JSON text of a request, over stored (absent: {}); *to gets the result. name is what a refusal
 * names. Returns false after refusing.
 */
bool metadata_merge(struct call *call, const char *name, struct text stored, struct text patch,
                    struct text *to);

/*
 * Reads the body into what is stored: public, private and (count is 3) unsafe metadata, each a JSON object or
 * absent. Merges deeply, or replaces each that is given. Returns false after refusing.
 */
bool metadata_read(struct call *call, struct text *const *stored, size_t count, bool merges);

#endif
