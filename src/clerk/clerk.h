/*
 * clerk: Clerk's shapes, shared by client (target/) and server (sandbox/) so that they cannot drift
 * apart: ids, keys, the error envelope, the JSON of each object and of CreateUser's body. Tested against
 * Clerk's own OpenAPI file and SDKs, never only against ourselves.
 */
#ifndef USHER_CLERK_H
#define USHER_CLERK_H

#include "base/base.h"
#include "clerk/error.h"
#include "clerk/id.h"
#include "clerk/object.h"
#include "clerk/organization.h"
#include "json/json.h"
#include "user/user.h"

/* Writes the CreateUser body of a user (JSON). skip_password_requirement is set for one without digest. */
void clerk_create_body(const struct user *user, struct buf *to);

/*
 * The same with the password itself where no digest is known, whatever the instance's rules for new ones:
 * it has been the user's so far.
 */
void clerk_create_body_with(const struct user *user, struct text password, struct buf *to);

/* The body of UpdateUser that gives a user a password: the user's digest if that is known, else password. */
void clerk_password_body(const struct user *user, struct text password, struct buf *to);

/* What kind of instance a secret key belongs to. */
enum clerk_instance { CLERK_UNKNOWN, CLERK_DEVELOPMENT, CLERK_PRODUCTION };
enum clerk_instance clerk_key_instance(struct text secret_key);

/* The limits that Clerk documents for an instance: requests per window, users at most (0: no cap). */
struct clerk_limits {
    uint32_t requests;
    uint32_t window_ms;
    uint32_t users_max;
};
struct clerk_limits clerk_limits_of(enum clerk_instance instance);

/* Clerk's first complaint in an error envelope; texts are cut to fit, absent ones are "". */
struct clerk_problem {
    char code[64];  /* "form_identifier_exists" */
    char param[48]; /* meta.param_name: "email_address" */
    char message[160];
};

/* Reads an error envelope. Returns false, *problem untouched, if root is none. */
bool clerk_decode_problem(struct json_value root, struct clerk_problem *problem);

/*
 * Reads a User object into the canonical user: what CreateUser would have had to be given. Digests, TOTP
 * secrets and backup codes are not in it. The primary email address and phone number come first; id and
 * texts live as long as the document, objects and arrays in arena. Returns false if value is no User
 * object or the arena is full.
 */
bool clerk_decode_user(struct json_value value, struct arena *arena, struct user *user,
                       struct text *id);
/* The same without metadata, for whoever reads that where it stands. */
bool clerk_decode_user_values(struct json_value value, struct arena *arena, struct user *user,
                              struct text *id);

#endif
