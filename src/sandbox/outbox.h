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

struct outbox_code {
    bool sms;
    struct text address, code;
    struct text user_id; /* absent for somebody who signs up */
    const char *slug;
};

/* Puts a message with a code. Returns false after refusing. */
bool outbox_put_code(struct call *call, const struct outbox_code *what);

/* An email whose text is a sentence and, behind it, a link. */
struct outbox_link {
    struct text address, subject, sentence, url;
    const char *slug; /* "organization_invitation" */
};

/* Puts such an email. Returns false after refusing. */
bool outbox_put_link(struct call *call, const struct outbox_link *what);

#endif
