/*
 * sandbox/role: the roles that members of organizations have, and the permissions that roles give. Both are
 * entries; Clerk's own are there from the start.
 */
#ifndef USHER_SANDBOX_ROLE_H
#define USHER_SANDBOX_ROLE_H

#include "sandbox/resource.h"

/* A member with these can run an organization: the creator's role must have them. */
#define ROLE_ELEVATED "org:sys_memberships:manage"

extern const struct resource role_resource;
extern const struct resource permission_resource;

struct role {
    struct text id, key, name;
    struct user_texts permissions; /* keys */
};

/* Makes Clerk's own roles and permissions, unless there are roles already. Returns 0 or -1. */
int roles_seed(struct store *store, struct clerk_ids *ids, int64_t now_ms, struct err *err);

/* The role of a key ("org:admin") or id. STORE_NONE: there is none. Texts live in the call's arena. */
enum store_answer role_get(struct call *call, struct text key, struct role *role, struct err *err);
/* The same; refuses, for a parameter of that name, if there is none. Returns false after refusing. */
bool role_need(struct call *call, struct text key, const char *param, struct role *role);
/* The same, unless *role already is that one. A role that is gone has its key for a name. */
bool role_again(struct call *call, struct text key, struct role *role);
bool role_has(const struct role *role, struct text permission);

#endif
