/* sandbox/orgs_front: organizations as the Frontend API shows them to their members. */
#ifndef USHER_SANDBOX_ORGS_FRONT_H
#define USHER_SANDBOX_ORGS_FRONT_H

#include "sandbox/orgs.h"

/* A user's object and tokens tell of so many organizations, the newest. */
#define ORGS_OF_USER_MAX 100

/* Puts the user as the Frontend API has it, with memberships. Returns false after refusing. */
bool orgs_put_user(struct call *call, const struct account *account, struct json_out *out);

/*
 * The organization of the path, if the signed-in user is a member with that permission (NULL: any). Returns false
 * after refusing.
 */
bool orgs_front_get(struct call *call, const char *permission, struct org *org);

#endif
