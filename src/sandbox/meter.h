/*
 * sandbox/meter: counts what Clerk bills, by month (UTC):
 *   monthly active users     they did something with a session in the month;
 *   monthly retained users   at least one day (24 h) after they signed up, that is created_at.
 * A migrated user who kept the old created_at is therefore retained from the first visit on.
 *
 * Organizations are counted by the same rule: a member did something with a session that is active in it, and
 * it has two members at least.
 *
 * Whoever is counted already costs one look-up by key and no write.
 */
#ifndef USHER_SANDBOX_METER_H
#define USHER_SANDBOX_METER_H

#include "sandbox/call.h"

/* Makes the tables. Returns 0 or -1. */
int meter_open(struct store *store, struct err *err);

/*
 * The user is active now: a session of theirs was created or touched, or got a token. Returns false after
 * refusing (the store failed).
 */
bool meter_active(struct call *call, const struct account *account);

struct session;
/* The organization that the session is active in, if there is one, is active now. Returns false after refusing. */
bool meter_active_in(struct call *call, const struct session *session);

enum meter_kind { METER_USERS, METER_ORGANIZATIONS };

/* The same with the time passed in. Returns 0 or -1. */
int meter_put(struct store *store, enum meter_kind kind, struct text id, int64_t created_at_ms,
              int64_t now_ms, struct err *err);

#define METER_MONTHS_MAX 24

struct meter_month {
    char name[8];                   /* "2026-11" */
    int64_t active[2], retained[2]; /* by kind */
};

/* The newest months that have anybody, newest first; *count of METER_MONTHS_MAX. Returns 0 or -1. */
int meter_list(struct store *store, struct meter_month months[METER_MONTHS_MAX], size_t *count,
               struct err *err);

#endif
