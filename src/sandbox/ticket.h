/*
 * sandbox/ticket: what a browser redeems with the strategy "ticket": sign-in tokens and actor tokens, which are
 * kept here, and invitations, which keep themselves. A ticket is a JWT of its own class, signed by the instance;
 * whether it is still good says the row of what it stands for.
 */
#ifndef USHER_SANDBOX_TICKET_H
#define USHER_SANDBOX_TICKET_H

#include "sandbox/row.h"

/* actor: JSON, of actor tokens. status: "pending", "accepted", "revoked". */
#define TICKET_COLUMNS(TEXT_, NUMBER_)                                                             \
    TEXT_(user_id)                                                                                 \
    TEXT_(status)                                                                                  \
    TEXT_(actor)                                                                                   \
    TEXT_(organization)                                                                            \
    NUMBER_(session_life_ms) NUMBER_(expire_at) NUMBER_(created_at) NUMBER_(updated_at)
struct ticket {
    struct text id;
    TICKET_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table ticket_table;

struct call;

/* The pending ticket that a token stands for; refuses with Clerk's code for what is wrong with it. */
bool ticket_read(struct call *call, struct text token, struct ticket *ticket);

/* Marks it as used. Returns false after refusing. */
bool ticket_accept(struct call *call, struct ticket *ticket);

/*
 * A ticket for what keeps itself: kind is its claim `st` ("organization_invitation"), id what it stands for. It is
 * signed at once, as emails and events tell it before the commit; once keys_ready says so. Absent after refusing.
 */
struct text ticket_sign(struct call *call, const char *kind, struct text id, int64_t expire_at);
/* What any ticket of the instance stands for, expired or not. Refuses one that is forged or malformed. */
bool ticket_open(struct call *call, struct text token, struct text *kind, struct text *id);
/* The link that redeems a ticket; absent after refusing. */
struct text ticket_url(struct call *call, struct text token);

#endif
