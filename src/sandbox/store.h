/*
 * sandbox/store: what the local Clerk remembers, in SQLite or PostgreSQL (statements in the common subset of
 * sql.h): users with their secrets, their email
 * addresses and phone numbers, and the instance's own keys. One thread uses it.
 *
 * Many calls share one transaction (see engine.h): the first write opens it, store_commit makes all of it
 * durable at once; store_save and store_undo bracket one call inside it.
 *
 * A PostgreSQL database is shared: several sandboxes may use it. Their transactions take turns, and each sandbox
 * asks at the beginning of each whether what it keeps in memory is still true (store_enter).
 *
 * What is read lives in the arena that was given.
 */
#ifndef USHER_SANDBOX_STORE_H
#define USHER_SANDBOX_STORE_H

#include "clerk/clerk.h"
#include "sql/sql.h"

/* In locked_until: no time ends the lock. */
#define ACCOUNT_LOCKED_FOREVER INT64_MAX

enum account_kind { ACCOUNT_EMAIL, ACCOUNT_PHONE };

/* An email address or phone number and whose it is; the number is its place among the user's. */
struct account_identifier {
    int64_t account, number;
    enum account_kind kind;
    struct clerk_identifier clerk;
};

/* A user with all that is stored: clerk.user holds the digest, TOTP secret and backup codes too. */
struct account {
    int64_t seq; /* the row, in order of creation */
    struct clerk_user clerk;
    int64_t primary_email, primary_phone;   /* their numbers; USER_UNSET for none */
    int64_t locked_until;                   /* milliseconds; USER_UNSET: not locked */
    int64_t failed_attempts;                /* to sign in, since the last that did not fail */
    int64_t password_compromised_at;        /* USER_UNSET: never; a newer password is not */
    int64_t image;                          /* the number of the picture; USER_UNSET: none */
    struct account_identifier *identifiers; /* by number */
    size_t identifier_count;
};

struct store;

/* How many wrong passwords and codes lock a user: users tell how many are left. 0: none ever does. */
void store_set_attempts(struct store *store, int64_t max);

/* The answers of what can fail without being a failure of the store. */
enum store_answer {
    STORE_FAILED = -1, /* err is set */
    STORE_NONE,        /* there is no such thing */
    STORE_OK,
    STORE_TAKEN /* another user has it: see store_taken */
};

/* Opens (and makes) what sql_open takes. Returns 0 or -1 as sql_open; ERR_UNUSABLE: of a newer version. */
int store_open(struct store **store, const char *path, struct err *err);
void store_close(struct store *store);
struct sql *store_sql(struct store *store);
/* Where pictures are served ("http://127.0.0.1:41237"), as what is read tells their whole addresses. */
void store_serve(struct store *store, const char *address);

/* Makes tables and indexes that are not there yet (IF NOT EXISTS), in the open transaction or one of their own. */
int store_define(struct store *store, const char *statements, struct err *err);

/* Whether other processes may use the same data. */
bool store_is_shared(const struct store *store);
/*
 * Begins a batch of calls on shared data; if one of them may write it waits its turn, so that what it reads stays
 * true until it writes. *stale: another process has changed what is read into memory once (instance values,
 * webhook endpoints). Does nothing if the data are not shared. Returns 0 or -1.
 */
int store_enter(struct store *store, bool writes, bool *stale, struct err *err);
/* Tells the other processes that such a thing has changed; store_value_put does so itself. */
int store_touch(struct store *store, struct err *err);

/* Makes all that was written durable; fine without a transaction. On -1 nothing of it has happened. */
int store_commit(struct store *store, struct err *err);
/* Drops all since the last commit. */
void store_abort(struct store *store);
/* A mark inside the transaction, which it opens if need be; store_undo goes back to it, store_keep forgets it. */
int store_save(struct store *store, struct err *err);
int store_undo(struct store *store, struct err *err);
int store_keep(struct store *store, struct err *err);

/* A named value of the instance; absent text if there is none. Putting one is part of the transaction. */
int store_value_get(struct store *store, const char *name, struct arena *arena, struct text *value,
                    struct err *err);
int store_value_put(struct store *store, const char *name, struct text value, struct err *err);

/*
 * Adds a user with its identifiers, or nothing; sets seq and the identifiers' account and number. It
 * cleans up after itself, as marks are dear in the one call that is made by the million.
 */
enum store_answer account_add(struct store *store, struct account *account, struct arena *arena,
                              struct err *err);
enum store_answer account_get(struct store *store, struct text id, int64_t now_ms,
                              struct arena *arena, struct account *account, struct err *err);
enum store_answer account_get_seq(struct store *store, int64_t seq, int64_t now_ms,
                                  struct arena *arena, struct account *account, struct err *err);
/* Who signs in with it: a verified or reserved email address or phone number, or a username. */
enum store_answer account_find(struct store *store, struct text identifier, int64_t now_ms,
                               struct arena *arena, struct account *account, struct err *err);
/* Writes the user's row again, not its identifiers. */
enum store_answer account_put(struct store *store, const struct account *account,
                              struct arena *arena, struct err *err);
/* What locked_until and failed_attempts mean now: locked, its end, the attempts that are left. */
void account_tell_lock(const struct store *store, struct account *account, int64_t now_ms);
enum store_answer account_delete(struct store *store, const struct account *account,
                                 struct err *err);
/*
 * How many users there are, counting no further than max (0: all). Unless the data are shared all are counted once, and
 * the number is kept in step from then on.
 */
int account_count(struct store *store, int64_t max, int64_t *count, struct err *err);

/* After STORE_TAKEN: the parameter's name, "external_id", "email_address", "phone_number", "username". */
const char *store_taken(const struct store *store);

/* Identifiers by themselves. Adding gives the next number. */
enum store_answer account_identifier_add(struct store *store, struct account_identifier *identifier,
                                         struct err *err);
enum store_answer account_identifier_get(struct store *store, enum account_kind kind,
                                         struct text id, struct arena *arena,
                                         struct account_identifier *identifier, struct err *err);
enum store_answer account_identifier_put(struct store *store,
                                         const struct account_identifier *identifier,
                                         struct err *err);
enum store_answer account_identifier_delete(struct store *store,
                                            const struct account_identifier *identifier,
                                            struct err *err);

/*
 * Points the account's emails, phones and primary ids at its identifiers, which are copied into room
 * (identifier_count of them).
 */
void account_arrange(struct account *account, struct clerk_identifier *room);

/*
 * For a query "SELECT " account_columns " FROM users u …": reads the current row.
 * account_fill adds the identifiers, after the row's query has moved on.
 */
extern const char account_columns[];
extern const int account_column_count;
int account_read(struct store *store, struct sql_query *query, int64_t now_ms, struct arena *arena,
                 struct account *account, struct err *err);
int account_fill(struct store *store, struct arena *arena, struct account *account,
                 struct err *err);

#endif
