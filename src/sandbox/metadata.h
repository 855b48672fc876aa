/* sandbox/metadata: merging JSON objects as Clerk merges metadata (RFC 7396). */
#ifndef USHER_SANDBOX_METADATA_H
#define USHER_SANDBOX_METADATA_H

#include "sandbox/call.h"

/*
 * Merges patch, JSON text of a request, over stored (absent: {}); *to gets the result. name is what a refusal
 * names. Returns false after refusing.
 */
bool metadata_merge(struct call *call, const char *name, struct text stored, struct text patch,
                    struct text *to);

#endif
