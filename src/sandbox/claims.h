/*
 * sandbox/claims: custom claims: JSON in which strings are shortcodes ("{{user.external_id || user.id}}",
 * json/template.h) over what is known of the user, the organization and the session.
 */
#ifndef USHER_SANDBOX_CLAIMS_H
#define USHER_SANDBOX_CLAIMS_H

#include "sandbox/session.h"

/* Custom claims are no longer than this. */
#define CLAIMS_SOURCE_MAX ((size_t)64 * 1024)

struct call;

/* The instance's claims for session tokens. */
struct claims {
    struct text source; /* malloced; absent for none */
    struct json *json;  /* holds tree, the source */
    struct json_value tree;
    struct json *other; /* for the claims of a template */
};

/* Reads the stored ones. Returns 0 or -1; claims_close is due in any case. */
int claims_open(struct claims *claims, struct store *store, struct err *err);
void claims_close(struct claims *claims);

/*
 * Sets and stores them; absent for none. Returns 0, or -1: ERR_USAGE with what is wrong (no JSON object, a
 * shortcode that is none, a default claim).
 */
int claims_set(struct claims *claims, struct store *store, struct text source, struct err *err);

/* Whether claims_set would take them. Returns 0 or -1 (ERR_USAGE). */
int claims_check_session(struct text source, struct err *err);

/* Checks claims of a template: an object whose strings are shortcodes. Returns 0 or -1 (ERR_USAGE). */
int claims_check(struct text source, struct err *err);

struct active;

/* Whose claims: what shortcodes name. */
struct claims_of {
    const struct session *session;
    const struct account *account; /* NULL: the session's, read when a shortcode may name it */
    const struct active *active;
};

/*
 * Appends the members of the instance's claims, but for those that a session token has anyway. Returns
 * false after refusing.
 */
bool claims_put_custom(struct call *call, const struct claims_of *of, struct json_out *out);
/* Appends the members of a template's claims, but for those that every token has. Returns false after refusing. */
bool claims_put(struct call *call, struct text source, const struct claims_of *of,
                struct json_out *out);

#endif
