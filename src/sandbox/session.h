/*
 * sandbox/session: a user's being signed in on a client.
 */
#ifndef USHER_SANDBOX_SESSION_H
#define USHER_SANDBOX_SESSION_H

#include "sandbox/row.h"

/* Seven days, and as long without being active. */
#define SESSION_LIFE_MS    (INT64_C(7) * 86400000)
#define SESSION_ABANDON_MS (INT64_C(30) * 86400000)

/*
 * client: its id. user_id: the user's id, account: the same as a row number. actor: JSON, absent unless someone
 * impersonates the user. refresh: what its refresh tokens are, absent until a handshake gives one. The factors' times are when they were last proven; ROW_NULL for never.
 * device, browser, browser_version, mobile and address: of the browser that signed in (device.h), absent for the Backend API.
 */
#define SESSION_COLUMNS(TEXT_, NUMBER_)                                                            \
    TEXT_(client)                                                                                  \
    TEXT_(user_id)                                                                                 \
    NUMBER_(account)                                                                               \
    TEXT_(status)                                                                                  \
    TEXT_(organization)                                                                            \
    TEXT_(actor)                                                                                   \
    TEXT_(refresh)                                                                                 \
    TEXT_(device)                                                                                  \
    TEXT_(browser)                                                                                 \
    TEXT_(browser_version)                                                                         \
    TEXT_(address)                                                                                 \
    NUMBER_(mobile)                                                                                \
    NUMBER_(created_at)                                                                            \
    NUMBER_(updated_at)                                                                            \
    NUMBER_(active_at)                                                                             \
    NUMBER_(expire_at) NUMBER_(abandon_at) NUMBER_(first_factor_at) NUMBER_(second_factor_at)
struct session {
    struct text id;
    SESSION_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table session_table;

struct call;

struct session_opts {
    struct text client; /* its id */
    const struct account *account;
    struct text actor;  /* JSON, or absent */
    int64_t life_ms;    /* 0: SESSION_LIFE_MS */
    bool first, second; /* factors proven just now */
};

/* Stores a new session. Returns false after refusing. */
bool session_start(struct call *call, const struct session_opts *opts, struct session *session);

/* Writes the row; updated_at becomes now. Returns false after refusing. */
bool session_put(struct call *call, struct session *session);

/* Any session; refuses with a 404 if there is none. An expired one says so in its status. */
bool session_get(struct call *call, struct text id, struct session *session);

/*
 * A live session of the call's client, with its user. Refuses with authentication_invalid if it is not live,
 * resource_not_found if it is not this client's.
 */
bool session_get_live(struct call *call, struct text id, struct session *session,
                      struct account *account);

/* The client's live sessions, oldest first. Returns false after refusing. */
bool session_list_live(struct call *call, struct text client, struct session **sessions,
                       size_t *count);

/* The sessions of a statement made with ROW_SELECT, whose one parameter is key. Returns false after refusing. */
bool session_list(struct call *call, const char *statement, struct text key,
                  struct session **sessions, size_t *count);

/* Ends a live session: status "ended", "removed", "revoked" … Tells the webhooks. */
bool session_end(struct call *call, struct session *session, const char *status);

/* Ends all live sessions of a user, but for the one with the id `besides` (absent: all). */
bool session_end_user(struct call *call, const struct account *account, const char *status,
                      struct text besides);

/*
 * The status that answers and tokens tell. A live session is stored as "active"; as long as the instance forces an
 * organization on it and it has none, it is "pending", with the task choose-organization.
 */
struct text session_status(const struct call *call, const struct session *session);

/* Appends the Session as the Frontend API has it (user and a fresh token inside), or as the Backend API. */
bool session_write_front(struct call *call, const struct session *session, struct json_out *out);
void session_write_back(const struct call *call, const struct session *session,
                        struct json_out *out);
/* As the user sees where he is signed in. */
void session_write_activity(const struct call *call, const struct session *session,
                            struct json_out *out);

#endif
