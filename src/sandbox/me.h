/* What the files of /v1/me share: the signed-in user, and answers with the client behind them. */
#ifndef USHER_SANDBOX_ME_H
#define USHER_SANDBOX_ME_H

#include "sandbox/front.h"

/* The call's user. */
struct account *me_account(struct call *call);

/* Writes the user's row and tells of it (user.updated). Returns false after refusing. */
bool me_put(struct call *call);

/* Answers with the user as it is stored now. */
void me_answer(struct call *call);

/* Answers {"response":{"object":…,"id":…,"deleted":true},"client":…}. */
void me_answer_deleted(struct call *call, const char *object, struct text id);

#endif
