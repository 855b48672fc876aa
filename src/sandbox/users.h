/* sandbox/users: what makes and changes users, for sign-ups and users themselves too. */
#ifndef USHER_SANDBOX_USERS_H
#define USHER_SANDBOX_USERS_H

#include "sandbox/draft.h"

/* The whole account that a draft becomes, not stored yet. Returns false after refusing. */
bool users_compose(struct call *call, const struct draft *draft, struct account *account);

/* Refuses if the instance holds as many users as it may. */
bool users_check_quota(struct call *call);

/*
 * Sets *number to that of the user's own verified identifier with this id; an empty id unsets it. param is what the
 * refusal names.
 */
bool users_set_primary(struct call *call, const char *param, struct text id, enum account_kind kind,
                       const struct account *account, int64_t *number);

#endif
