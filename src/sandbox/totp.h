/* sandbox/totp: codes of an authenticator app (RFC 6238), and backup codes. */
#ifndef USHER_SANDBOX_TOTP_H
#define USHER_SANDBOX_TOTP_H

#include "sandbox/call.h"

/* Whether a code is that of the base32 secret now, or of the step before or after. */
bool totp_fits(struct text secret, struct text code, int64_t now_ms);

/*
 * Looks in the pool for the backup code, since stored ones may be bcrypt digests; then runs `then` as a handler,
 * which asks totp_use_backup_code.
 */
void totp_find_backup_code(struct call *call, const struct account *account, struct text code,
                           void (*then)(struct call *call));

/* Whether it was found and is still there; it is taken out of the account, which the caller writes. */
bool totp_use_backup_code(struct call *call, struct account *account);

#endif
