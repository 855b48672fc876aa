/*
 * sandbox/client: a browser as Clerk knows it: its sessions, and the sign-in or sign-up that is open. It is
 * named by the cookie `__client`, "<id>.<rotating secret>", or by a dev browser that belongs to it.
 */
#ifndef USHER_SANDBOX_CLIENT_H
#define USHER_SANDBOX_CLIENT_H

#include "sandbox/row.h"

/* session: the last active one; dev_browser: absent for a client with a cookie. */
#define CLIENT_COLUMNS(TEXT_, NUMBER_)                                                             \
    TEXT_(secret)                                                                                  \
    TEXT_(previous)                                                                                \
    NUMBER_(rotated_at)                                                                            \
    TEXT_(session)                                                                                 \
    TEXT_(sign_in) TEXT_(sign_up) TEXT_(strategy) NUMBER_(created_at) NUMBER_(updated_at)
struct client {
    struct text id;
    CLIENT_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table client_table;

#define DEV_BROWSER_COLUMNS(TEXT_, NUMBER_) TEXT_(client) NUMBER_(created_at)
struct dev_browser {
    struct text id;
    DEV_BROWSER_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table dev_browser_table;

struct call;

/* A client that is not stored yet. Returns false after refusing. */
bool client_new(struct call *call, struct client *client);

/* The client that a cookie's value names; *found tells whether it does. Returns false after refusing. */
bool client_of_cookie(struct call *call, struct text value, struct client *client, bool *found);

/* Gives the client a new secret; the one before holds for some seconds more, as tabs race. */
bool client_rotate(struct call *call, struct client *client);

/* Writes the row; client.updated_at is the caller's. Returns false after refusing. */
bool client_put(struct call *call, const struct client *client);

/* Appends the Client object with live sessions, their users and a fresh token each. */
bool client_write(struct call *call, const struct client *client, struct json_out *out);

#endif
