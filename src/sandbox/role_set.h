/*
 * sandbox/role_set: sets of roles. Every organization has one, whose key it keeps; the one that is "initial" is given to
 * new organizations. A set is an entry: claim is the key, status "initial" or "custom"; its doc is {"description",
 * "roles","default_role","creator_role"}, roles by their ids, so that renaming one changes nothing here.
 *
 * Whether members have roles beyond their organization's set is not looked at.
 */
#ifndef USHER_SANDBOX_ROLE_SET_H
#define USHER_SANDBOX_ROLE_SET_H

#include "sandbox/role.h"

/* How many roles a set has at most, and the beginning of every key. */
#define ROLE_SET_MAX 10
#define ROLE_SET_KEY "role_set:"

struct role_set {
    struct entry entry;
    struct text description;                /* absent: none */
    struct user_texts roles;                /* ids; room for ROLE_SET_MAX */
    struct text default_role, creator_role; /* ids */
};

extern const struct resource role_set_resource;

/* Makes the first one of all roles, unless there is one, for all organizations. Returns 0 or -1. */
int role_sets_seed(struct store *store, struct clerk_ids *ids, int64_t now_ms, struct err *err);

/* The set of a key or an id; refuses, for that parameter or (NULL) with a 404. Returns false after refusing. */
bool role_set_get(struct call *call, struct text key, const char *param, struct role_set *set);
/* The key of the initial one; absent if there is none. Returns false after refusing. */
bool role_set_initial(struct call *call, struct text *key);

/* Stores it, a new one or one that has changed; if it is initial, the one that was no longer is. */
bool role_set_put(struct call *call, struct role_set *set, bool fresh);
/* Adds a role to the initial set. Both return false after refusing. */
bool role_set_admit(struct call *call, struct text role_id);

/* Sets *id to that of the role of a key; refuses one that there is not. */
bool role_set_role(struct call *call, struct text key, const char *param, struct text *id);
/* The same of a role of the set. */
bool role_set_pick(struct call *call, const struct role_set *set, struct text key,
                   const char *param, struct text *id);
/* Where among its roles an id is; their count if it is not. */
size_t role_set_index(const struct role_set *set, struct text id);
/* Refuses a creator's role that cannot run an organization. */
bool role_set_check_creator(struct call *call, const struct role_set *set);

/* Appends the object. Returns false after refusing. */
bool role_set_write(struct call *call, const struct role_set *set, struct buf *to);

#endif
