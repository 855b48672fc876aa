/*
 * sandbox/restriction: the instance's allowlist and blocklist, and who may therefore sign up, sign in or be invited.
 *
 * An identifier of a list is an email address, all addresses of a domain ("*@example.com"), a phone number or a web3
 * wallet. Which of the lists count is in the settings; an identifier that is on both is allowed. What the Backend API
 * does to users is never restricted.
 */
#ifndef USHER_SANDBOX_RESTRICTION_H
#define USHER_SANDBOX_RESTRICTION_H

#include "sandbox/call.h"

/*
 * Whether an email address or phone number may come to a user, by sign-up or by the user's own hand: refuses with
 * not_allowed_access (lists, addresses with +, = or #) or form_email_address_blocked (throw-away domains).
 */
bool restriction_check_new(struct call *call, const char *param, struct text identifier);

/* Whether a domain is of throw-away addresses. */
bool restriction_is_disposable(struct text domain);

/* Whether a user may sign in with that identifier; of a username the user's primary address counts. */
bool restriction_check_known(struct call *call, struct text identifier,
                             const struct account *account);

/*
 * Whether an email address may be invited: refuses one that is on the blocklist. Where the allowlist counts, it is put
 * there.
 */
bool restriction_check_invited(struct call *call, struct text email, struct text invitation);

#endif
