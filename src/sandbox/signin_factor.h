/* What signin_create.c and signin_factor.c share: the first factor's steps. Each answers or refuses. */
#ifndef USHER_SANDBOX_SIGNIN_FACTOR_H
#define USHER_SANDBOX_SIGNIN_FACTOR_H

#include "sandbox/signin.h"

/* Checks the form's password in the pool and goes on behind it. account: NULL for nobody. */
void signin_attempt_password(struct call *call, struct signin *signin, struct account *account);

/* Sends a code for the first factor and answers. account: NULL for nobody, who is sent nothing. */
void signin_prepare_code(struct call *call, struct signin *signin, struct account *account,
                         struct text strategy);

#endif
