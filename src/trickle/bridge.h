/*
 * bridge: a live session of the legacy system, turned once into a Clerk sign-in token, so that nobody is
 * signed out at the cutover. This part tells whose session it is, and where a browser may be sent; moving
 * the user and minting the token is the routes' (own_bridge.c).
 *
 *     bridge_open(&bridge, &opts, &err);
 *     switch (bridge_read(bridge, token, &arena, &session, &err)) …    // waits: on a worker
 *     if (bridge_return_to(bridge, asked, &location)) …                // never an open redirect
 *     bridge_close(bridge);
 */
#ifndef USHER_TRICKLE_BRIDGE_H
#define USHER_TRICKLE_BRIDGE_H

#include "base/base.h"

/* What the bridge may be told: SETTING(name, meaning). All are texts. */
#define BRIDGE_SETTINGS(SETTING)                                                                   \
    SETTING(session, "what a session is: jwt, introspection or sql")                               \
    SETTING(cookie, "the cookie that holds it; without one it comes as a bearer token alone")      \
    SETTING(origins, "where browsers may be sent and scripts may ask from, joined by commas")      \
    SETTING(url, "jwt: the key set; introspection: the endpoint; sql: the database")               \
    SETTING(secret, "jwt: the shared secret, instead of url")                                      \
    SETTING(algorithms, "jwt: those that may have signed, joined by commas")                       \
    SETTING(issuer, "jwt, introspection: the iss that a session must have")                        \
    SETTING(audience, "jwt, introspection: the aud that a session must have")                      \
    SETTING(client_id, "introspection: the client")                                                \
    SETTING(client_secret, "introspection: its secret")                                            \
    SETTING(query, "sql: the query for one session, with :session")                                \
    SETTING(id, "the claim or column that is the user's external id")                              \
    SETTING(identifier, "the claim or column that the legacy system knows the user by")            \
    SETTING(issued, "the claim or column that says since when the session lives")                  \
    SETTING(expires, "sql: the column that says until when")                                       \
    SETTING(changed, "the claim or column of the last change of the password")                     \
    SETTING(ca_file, "the certificates to trust, instead of the system's")

struct bridge_opts {
#define SETTING(name, meaning) const char *name;
    BRIDGE_SETTINGS(SETTING)
#undef SETTING
};

struct bridge;

/*
 * Checks the settings; connects nowhere yet. Returns 0 or -1: ERR_USAGE names the setting, ERR_MEMORY.
 * Settings are copied.
 */
int bridge_open(struct bridge **bridge, const struct bridge_opts *opts, struct err *err);
/* NULL is fine. */
void bridge_close(struct bridge *bridge);

/* The name of the session's cookie, or absent. */
struct text bridge_cookie(const struct bridge *bridge);

enum bridge_says {
    BRIDGE_CANNOT_TELL, /* who keeps the sessions, or the keys, gave no clear answer */
    BRIDGE_GOOD,
    BRIDGE_REFUSED /* forged, expired, revoked, unknown, or older than the password */
};

#define BRIDGE_UNKNOWN INT64_MIN

/* A session; texts in the arena. */
struct bridge_session {
    struct text id; /* the user's external id */
    struct text
        identifier;   /* what the legacy system may be asked for; absent if the session has none */
    struct text once; /* the same for all spellings of this session: what is used up */
    int64_t issued_ms, expires_ms; /* or BRIDGE_UNKNOWN */
};

/* Tokens longer than this are refused. */
#define BRIDGE_TOKEN_MAX ((size_t)16 * 1024)

/*
 * Reads a session. Waits for the network or the database, at most a few seconds; from any thread, many at a
 * time. Unless GOOD, err says why, without secrets.
 */
enum bridge_says bridge_read(struct bridge *bridge, struct text token, struct arena *arena,
                             struct bridge_session *session, struct err *err);

/*
 * Whether a session is older than the password's last change; also if it does not say its age. changed_ms
 * BRIDGE_UNKNOWN: it was never changed.
 */
bool bridge_is_stale(const struct bridge_session *session, int64_t changed_ms);

/*
 * Where a browser that asks to be sent to `asked` goes. Appends the address and returns true if `asked` is
 * https://ORIGIN/… of a configured origin, or a path of the first one; what is appended begins with the
 * origin as configured. False for everything else, by the strictest reading: other schemes, user names,
 * backslashes, control characters, anything that is not printable ASCII, encoded or upper-case hosts.
 */
bool bridge_return_to(const struct bridge *bridge, struct text asked, struct buf *location);

/* Whether a script of this origin (an Origin header) may ask. */
bool bridge_allows(const struct bridge *bridge, struct text origin);

#endif
