/*
 * sandbox/ticket: sign-in tokens and actor tokens: one-time tickets that the Backend API makes and a browser
 * redeems with the strategy "ticket". A ticket is a JWT of its own class, signed by the instance; its row says
 * whether it is still good.
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

#endif
