/*
 * sandbox/doc: what an entry keeps in its JSON object (entry.h) as a struct of texts, by a table of its members.
 *
 *     struct content { struct text role, metadata; };
 *     static const struct doc_member members[] = {{"role", offsetof(struct content, role), false},
 *                                                 {"metadata", offsetof(struct content, metadata), true}};
 */
#ifndef USHER_SANDBOX_DOC_H
#define USHER_SANDBOX_DOC_H

#include "sandbox/call.h"
#include "sandbox/entry.h"

struct doc_member {
    const char *name;
    size_t offset; /* of its struct text: absent for null */
    bool json;     /* the text is JSON, not a string */
};

/* Makes content the entry's doc. Returns false after refusing. */
bool doc_encode(struct call *call, const struct doc_member *members, size_t count,
                const void *content, struct entry *entry);
/* Sets content, all of it, from the entry's doc; it lives in the call's arena. Returns false after refusing. */
bool doc_decode(struct call *call, const struct doc_member *members, size_t count,
                const struct entry *entry, void *content);

#endif
