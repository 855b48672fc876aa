/*
 * user: the canonical user, the waist of Usher. Sources make users, migrate moves them, the sandbox
 * keeps them. Knows no dialect, no HTTP, no platform.
 *
 * All texts of a user live as long as the arena of its record.
 */
#ifndef USHER_USER_H
#define USHER_USER_H

#include "base/base.h"
#include "user/fields.h"
#include "user/reasons.h"

enum user_kind {
    USER_TEXT,
    USER_SECRET,
    USER_SECRETS,
    USER_IDENTIFIERS,
    USER_OBJECT,
    USER_TIME,
    USER_FLAG,
    USER_NUMBER
};

enum user_field {
#define FIELD(name, kind) USER_FIELD_##name,
    USER_FIELDS(FIELD)
#undef FIELD
        USER_FIELD_COUNT
};

/* The bit of a field in a set of fields. */
#define USER_FIELD_BIT(field) (UINT64_C(1) << (field))
_Static_assert(USER_FIELD_COUNT < 64, "a bit a field");

enum user_reason {
    USER_ACCEPTED,
#define REASON(name, meaning) USER_REASON_##name,
    USER_REASONS(REASON)
#undef REASON
        USER_REASON_COUNT
};

/* What a TIME or NUMBER holds when it was not given. */
#define USER_UNSET INT64_MIN

/* Email addresses, and phone numbers, that one user may have. */
#define USER_IDENTIFIERS_MAX 64

enum user_flag { USER_FLAG_UNSET, USER_FLAG_FALSE, USER_FLAG_TRUE };

struct user_identifier {
    struct text value;
    bool verified; /* else it is created `reserved` */
};

struct user_identifiers {
    struct user_identifier *at;
    size_t count;
};

struct user_texts {
    struct text *at;
    size_t count;
};

/* An absent TEXT, SECRET or OBJECT has at NULL. An OBJECT is compact JSON. Times are milliseconds. */
struct user {
#define USER_TYPE_TEXT        struct text
#define USER_TYPE_SECRET      struct text
#define USER_TYPE_SECRETS     struct user_texts
#define USER_TYPE_IDENTIFIERS struct user_identifiers
#define USER_TYPE_OBJECT      struct text
#define USER_TYPE_TIME        int64_t
#define USER_TYPE_FLAG        enum user_flag
#define USER_TYPE_NUMBER      int64_t
#define FIELD(name, kind)     USER_TYPE_##kind name;
    USER_FIELDS(FIELD)
#undef FIELD
};

/* A row that is not moved: the reason and one sentence on what was found where (never a secret). */
struct user_reject {
    enum user_reason reason;
    char detail[200];
};

/* One row of the field table at run time. */
struct user_field_info {
    const char *name; /* Clerk's CreateUser name */
    enum user_kind kind;
    size_t offset; /* of the member in struct user */
};
extern const struct user_field_info user_field_infos[USER_FIELD_COUNT];

/* The field of that name, or USER_FIELD_COUNT. */
enum user_field user_field_find(struct text name);

/* The name of a reason ("invalid_email") and its one-sentence meaning. */
const char *user_reason_name(enum user_reason reason);
const char *user_reason_meaning(enum user_reason reason);

/* A user with nothing set. */
void user_init(struct user *user);

/* Copies a user with all its texts into the arena. Returns 0 or -1 (ERR_MEMORY). */
int user_copy(const struct user *user, struct arena *arena, struct user *to, struct err *err);

/* Fills *reject (printf-like detail). Always returns -1. */
int user_reject(struct user_reject *reject, enum user_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether the user has any way to sign in by name: an email address, a phone number or a username. */
bool user_has_identifier(const struct user *user);

/*
 * Appends one field's canonical value to `to`, for hashing and comparing: equal values give equal
 * bytes. Nothing is appended for a field that is not set. Identifiers keep their order and status.
 */
void user_field_write(const struct user *user, enum user_field field, struct buf *to);
/* Whether the field is set. */
bool user_field_is_set(const struct user *user, enum user_field field);

/*
 * The rules (shared/clerk/rules.md, "What CreateUser refuses"), one validator a kind of value. Each
 * returns NULL if the value is fine, else a short phrase on what is wrong with it ("no @"), a string
 * constant. They do not trim: user_apply_rules does.
 */
const char *user_email_problem(struct text email);
const char *user_phone_problem(struct text phone);
const char *user_username_problem(struct text username);
const char *user_name_problem(struct text name);
const char *user_totp_problem(struct text secret);

/*
 * Normalises and validates a user from a source, in place; new texts come from arena.
 *  - email addresses: trimmed, case kept, duplicates inside the user removed (folding case); what was
 *    verified in one of them stays verified;
 *  - phone numbers: "+1 (415) 555-9001" to "+14155559001", duplicates removed;
 *  - usernames, names: trimmed; an empty value becomes absent; empty objects become absent;
 *  - then the validators above, the need of an id and of an identifier, dates in range.
 * Digest shape and duplicates inside a file are not checked here.
 * Returns 0, or -1 with *reject filled: first problem in the order of fields.
 */
int user_apply_rules(struct user *user, struct arena *arena, struct user_reject *reject);

/*
 * seen: which ids, email addresses, phone numbers and usernames a file has shown so far, in bounded
 * memory: a hash table of 64-bit keyed hashes that spills sorted runs into an unlinked temporary file.
 * 10 million users fit into about 32 MiB of memory.
 */
struct user_seen;
int user_seen_new(struct user_seen **seen, struct err *err);
void user_seen_free(struct user_seen *seen);
/*
 * Claims the user's id and identifiers. Returns USER_ACCEPTED and remembers them all; or the
 * duplicate_… reason of the first that an earlier accepted user claimed, remembering none (detail in
 * *reject); or -1 with err (ERR_IO: the temporary file cannot grow).
 */
int user_seen_claim(struct user_seen *seen, const struct user *user, struct user_reject *reject,
                    struct err *err);

#endif
