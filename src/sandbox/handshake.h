/*
 * sandbox/handshake: how a server-rendered application gets to know a browser: its SDK sends the browser here,
 * and it comes back with the cookies that the application's server is to set, by a nonce or in a token.
 */
#ifndef USHER_SANDBOX_HANDSHAKE_H
#define USHER_SANDBOX_HANDSHAKE_H

#include "sandbox/session.h"

/* Who came, until the application's server asks with the nonce: id is the nonce. */
#define HANDSHAKE_COLUMNS(TEXT_, NUMBER_)                                                          \
    TEXT_(client)                                                                                  \
    TEXT_(dev_browser) TEXT_(origin) TEXT_(host) NUMBER_(secure) NUMBER_(expire_at)
struct handshake {
    struct text id;
    HANDSHAKE_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table handshake_table;

/* Appends two directives, elements of an array: `__session` with a fresh token, plain and suffixed. Returns false after refusing. */
bool handshake_put_session(struct call *call, const struct session *session,
                           const struct account *account, struct json_out *out);

#endif
