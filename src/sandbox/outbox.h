/*
 * sandbox/outbox: the emails and text messages that a real Clerk would send. They stay here, for tests and
 * people to read: GET /v1/sandbox/outbox, newest first, ?to=ADDRESS, ?limit=, ?offset=.
 */
#ifndef USHER_SANDBOX_OUTBOX_H
#define USHER_SANDBOX_OUTBOX_H

#include "sandbox/row.h"

/* kind: "email" or "sms". slug names the template as Clerk does: "verification_code". */
#define OUTBOX_COLUMNS(TEXT_, NUMBER_)                                                             \
    TEXT_(kind)                                                                                    \
    TEXT_(address)                                                                                 \
    TEXT_(slug) TEXT_(code) TEXT_(subject) TEXT_(body) TEXT_(user_id) NUMBER_(created_at)
struct message {
    struct text id;
    OUTBOX_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table outbox_table;

struct call;
struct wording_value;

struct outbox_opts {
    bool sms;
    const char *slug; /* a row of wording.h, which has the texts */
    struct text address;
    struct text user_id;                /* absent: nobody's yet */
    const struct wording_value *values; /* of the texts; `otp_code` is kept by itself, too */
    size_t count;
};

/*
 * Sends a message: into the outbox, unless the application delivers such messages itself, and to the webhooks. Returns
 * false after refusing.
 */
bool outbox_put(struct call *call, const struct outbox_opts *opts);

#endif
