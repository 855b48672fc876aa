/*
 * sandbox/verification: proof of one factor: a password, a code that was sent, TOTP, a ticket. Each belongs to a
 * sign-in, a sign-up or an identifier, and is stored under that one's id.
 *
 *     verification_begin(call, &verification, …)       // a fresh code goes to the outbox
 *     verification_try(call, &verification, code)      // later: right, wrong, expired, too often
 */
#ifndef USHER_SANDBOX_VERIFICATION_H
#define USHER_SANDBOX_VERIFICATION_H

#include "sandbox/row.h"

/* How long a code holds, and how many wrong ones end it. */
#define VERIFICATION_LIFE_MS      600000
#define VERIFICATION_ATTEMPTS_MAX 3
#define VERIFICATION_CODE_LEN     6

/* target: the identifier's id, of codes. status: "unverified", "verified", "failed", "expired". */
#define VERIFICATION_COLUMNS(TEXT_, NUMBER_)                                                       \
    TEXT_(strategy)                                                                                \
    TEXT_(status) TEXT_(code) TEXT_(target) NUMBER_(attempts) NUMBER_(expire_at)
struct verification {
    struct text id;
    VERIFICATION_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table verification_table;

struct call;

struct verification_opts {
    struct text id;       /* of what it belongs to */
    struct text strategy; /* "email_code", "phone_code", "reset_password_email_code" … */
    struct text address, target;
    struct text user_id; /* absent: nobody yet */
    bool silent;         /* nothing is sent: there is no such address here */
};

/* Makes a code, stores it, sends it. Returns false after refusing. */
bool verification_begin(struct call *call, const struct verification_opts *opts,
                        struct verification *verification);

/* Notes that a factor without a code (password, ticket, TOTP) was proven. */
bool verification_done(struct call *call, struct text id, struct text strategy,
                       struct verification *verification);

/* What is stored under that id; *found tells whether. Returns false after refusing. */
bool verification_get(struct call *call, struct text id, struct verification *verification,
                      bool *found);

enum verification_answer {
    VERIFICATION_RIGHT,
    VERIFICATION_WRONG, /* form_code_incorrect; counted */
    VERIFICATION_REFUSED /* the call was refused: missing, expired, failed, done, or the store failed */
};

/*
 * Tries a code. On WRONG the call has been refused already, but what follows from a wrong code (lockout) is
 * the caller's.
 */
enum verification_answer verification_try(struct call *call, struct verification *verification,
                                          struct text code);

/* Appends the Verification object; null for NULL. */
void verification_write(const struct verification *verification, struct json_out *out);

/* Whether a strategy sends codes: by text message, by email. */
bool verification_is_sms(struct text strategy);
bool verification_is_email(struct text strategy);

#endif
