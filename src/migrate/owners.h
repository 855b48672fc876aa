/*
 * owners: who at the target has the identifiers that a row wants, and whether one of them is the row's own
 * user, come by another way (a sign-up of their own, an earlier import without external ids).
 */
#ifndef USHER_MIGRATE_OWNERS_H
#define USHER_MIGRATE_OWNERS_H

#include "json/json.h"
#include "migrate/decide.h"

#define OWNERS_TEXT_MAX 160

/* One identifier and its owner. Texts are cut to fit. */
struct owner {
    struct decide_owner facts;
    char value[OWNERS_TEXT_MAX], clerk_id[64], external_id[OWNERS_TEXT_MAX];
};

#define OWNERS_MAX 8 /* further ones are refused one by one by the target */

struct owners {
    struct owner at[OWNERS_MAX];
    size_t count;
};

/* Notes that the User object `there` has this identifier of the row (its CreateUser body). */
void owners_add(struct owners *owners, enum user_field field, struct text value,
                struct json_value row, struct json_value there);

/* The one owner who is the row's own user; NULL if there is none, or more than one. */
const struct owner *owners_same_person(const struct owners *owners);

/* The owner of an identifier, or NULL. */
const struct owner *owners_find(const struct owners *owners, enum user_field field,
                                struct text value);

/* Whether somebody has the identifier that the row (its CreateUser body) signs in with, so that it cannot do
 * without: the first email address, or else the first phone number, or else the username. */
bool owners_have_sign_in(const struct owners *owners, struct json_value row);

/* "email_address a@b.c belongs to user_1 (external id 7)" */
const char *owner_describe(const struct owner *owner, char *to, size_t room);

#endif
