/*
 * sandbox/signin: a sign-in attempt, from an identifier to a session.
 *
 *     needs_identifier → needs_first_factor → [needs_new_password] → [needs_second_factor] → complete
 *                                           → [needs_client_trust] →
 */
#ifndef USHER_SANDBOX_SIGNIN_H
#define USHER_SANDBOX_SIGNIN_H

#include "sandbox/row.h"

/* An attempt is forgotten after a day. */
#define SIGNIN_LIFE_MS INT64_C(86400000)

/*
 * account: ROW_NULL until there is an identifier, and for an identifier that nobody has (enumeration
 * protection). session: the one it made. ticket, actor: of a sign-in by ticket. first_at, second_at: when the factor
 * was proven.
 */
#define SIGNIN_COLUMNS(TEXT_, NUMBER_)                                                             \
    TEXT_(client)                                                                                  \
    TEXT_(status)                                                                                  \
    TEXT_(identifier)                                                                              \
    NUMBER_(account)                                                                               \
    TEXT_(session)                                                                                 \
    TEXT_(actor)                                                                                   \
    NUMBER_(session_life_ms)                                                                       \
    NUMBER_(first_at) NUMBER_(second_at) NUMBER_(created_at) NUMBER_(abandon_at)
struct signin {
    struct text id;
    SIGNIN_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table signin_table;

struct call;

/* Stores it, and makes it the client's open attempt. Returns false after refusing. */
bool signin_put(struct call *call, const struct signin *signin);

/* The attempt of the path's id, if it is this client's; with its user, if there is one (*known). */
bool signin_get(struct call *call, struct signin *signin, struct account *account, bool *known);

/*
 * Goes on behind a proven factor: to the next state, and at the end to a session. strategy: what proved
 * it. account is written. Answers. proven: the first factor, else the second.
 */
void signin_advance(struct call *call, struct signin *signin, struct account *account,
                    struct text strategy, bool first);

/* Refuses if the user is locked or banned. */
bool signin_check_state(struct call *call, const struct account *account);

/* Counts a wrong password or code, and locks the user after too many; replaces the refusal then. */
void signin_count_failure(struct call *call, struct account *account);

/* Answers with the attempt and its client. account: NULL if nobody is known. */
void signin_answer(struct call *call, const struct signin *signin, const struct account *account);

/* Appends the attempt; account: NULL if nobody is known. Returns false after refusing. */
bool signin_write(struct call *call, const struct signin *signin, const struct account *account,
                  struct json_out *out);
/* Appends the open attempt of that id; null for an absent id, or one that is complete or over. */
bool signin_write_open(struct call *call, struct text id, struct json_out *out);

/* The ids under which an attempt's two verifications are stored. */
struct text signin_first_id(struct call *call, const struct signin *signin);
struct text signin_second_id(struct call *call, const struct signin *signin);

#endif
