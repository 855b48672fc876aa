/* What store.c, account.c and identifier.c share. */
#ifndef USHER_SANDBOX_STORE_PRIVATE_H
#define USHER_SANDBOX_STORE_PRIVATE_H

#include "sandbox/store.h"

/* The tables of entry.c, org_store.c and image.c. */
extern const char entry_schema[], org_schema[], image_schema[];

#define STORE_ADDRESS_MAX 160

#define STORE_JSON_MAX ((size_t)4 << 20)

struct store {
    struct sql *sql;
    struct json *json; /* for stored arrays */
    int64_t next_seq;  /* 0: to be asked for */
    int64_t users,
        saved;          /* how many there are, and were at store_save; USER_UNSET: to be counted */
    int64_t generation; /* of what is kept in memory, see store_enter */
    int64_t attempts_max; /* store_set_attempts */
    const char *taken;
    char address[STORE_ADDRESS_MAX]; /* of pictures, see store_serve */
};

/* The columns of a user: one a field of the user table, and these numbers of struct account. */
#define STORE_NUMBERS(NUMBER)                                                                      \
    NUMBER(primary_email, primary_email)                                                           \
    NUMBER(primary_phone, primary_phone)                                                           \
    NUMBER(locked_until, locked_until)                                                             \
    NUMBER(failed_attempts, failed_attempts)                                                       \
    NUMBER(image, image)                                                                           \
    NUMBER(updated_at, clerk.updated_at)                                                           \
    NUMBER(password_updated_at, clerk.password_updated_at)                                         \
    NUMBER(password_compromised_at, password_compromised_at)                                       \
    NUMBER(last_sign_in_at, clerk.last_sign_in_at)                                                 \
    NUMBER(last_active_at, clerk.last_active_at)                                                   \
    NUMBER(mfa_enabled_at, clerk.mfa_enabled_at)                                                   \
    NUMBER(mfa_disabled_at, clerk.mfa_disabled_at)

/*
 * The values of the primary identifiers, which are in a table of their own, once more in the user's row: only there
 * can an index order users by them.
 */
#define STORE_PRIMARIES(PRIMARY)                                                                   \
    PRIMARY(primary_email_value, primary_email)                                                    \
    PRIMARY(primary_phone_value, primary_phone)

/* Identifiers have a table of their own: their columns are empty here, and stay NULL. */
#define STORE_COLUMN(name, kind)          ", " #name
#define STORE_NUMBER_COLUMN(name, member) ", " #name

/* The number of a new user's row, in the open transaction. Returns 0 or -1. */
int store_next_seq(struct store *store, int64_t *seq, struct err *err);

/* The prepared form of a statement that writes, inside the transaction, which it opens if need be. */
struct sql_query *store_writes(struct store *store, const char *statement, struct err *err);

/* What a failed statement means; param is the parameter's name for an identifier that is taken. */
enum store_answer store_failure(struct store *store, const char *param);

/* The address of an owner's picture; absent for the number USER_UNSET. Returns 0 or -1. */
int image_url(const struct store *store, struct text owner, int64_t number, struct arena *arena,
              struct text *url, struct err *err);
/* Deletes the picture of an owner who goes. Returns 0 or -1. */
int image_delete(struct store *store, struct text owner, struct err *err);

/* Inserts a row under its account and number. */
enum store_answer identifier_insert(struct store *store,
                                    const struct account_identifier *identifier, struct err *err);
/* Sets the account's identifiers. Returns 0 or -1. */
int identifier_list(struct store *store, struct account *account, struct arena *arena,
                    struct err *err);

#endif
