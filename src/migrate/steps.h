/*
 * steps: the requests that make of a user at the target what a merge has decided, in the order in which
 * they are sent, one after another. Each may be repeated: a second time it changes nothing.
 *
 *     steps_init(&steps);
 *     steps_add(&steps, &step);                     // copies
 *     while (steps_next(&steps, &step)) send(&step); // texts are valid until steps_reset
 *     steps_release(&steps);                        // wipes: bodies hold digests
 */
#ifndef USHER_MIGRATE_STEPS_H
#define USHER_MIGRATE_STEPS_H

#include "base/base.h"
#include "user/user.h"

enum step_kind {
    STEP_WHOLE,      /* refused: the user fails */
    STEP_FIELDS,     /* refused for one field: goes without that one */
    STEP_IDENTIFIER, /* refused: is left as it is, and told */
    STEP_REMOVAL     /* what is not there is removed already */
};

struct step {
    enum step_kind kind;
    const char *method;
    struct text path, body;
    enum user_field field; /* of an identifier */
    uint64_t member;       /* its mark (record.h), which goes when it is refused; 0: none */
};

struct steps {
    struct buf all;
    size_t at, count; /* the next one; how many were added */
};

/* An empty list; release gives its memory back, wiped. */
void steps_init(struct steps *steps);
void steps_release(struct steps *steps);
/* Wipes and empties. */
void steps_reset(struct steps *steps);

/* Adds a step at the end; a list that is full shows in steps_ok. */
void steps_add(struct steps *steps, const struct step *step);
/* Whether all of them fitted. */
bool steps_ok(const struct steps *steps);
/* The next one; false when there is none. */
bool steps_next(struct steps *steps, struct step *step);

/* A step of that kind on a user: `rest` is what follows the user in the path ("/ban", ""); body may be absent. */
void steps_add_user(struct steps *steps, enum step_kind kind, const char *method,
                    struct text clerk_id, const char *rest, struct text body);

/* The step that adds an email address or phone number to a user. */
void steps_add_identifier(struct steps *steps, struct text clerk_id, enum user_field field,
                          const struct user_identifier *identifier, bool primary, uint64_t member);

/* The path of a kind of identifier: "/v1/email_addresses". */
const char *steps_identifier_path(enum user_field field);

#endif
