/*
 * draft: a user in the making, from one record. The table (table.h) fills it row by row; transforms
 * are in transform.c, passwords in password.c.
 */
#ifndef USHER_SOURCE_DRAFT_H
#define USHER_SOURCE_DRAFT_H

#include "source/paths.h"
#include "source/platform.h"

/* Addresses of one kind that a user can have, at most. */
#define DRAFT_IDENTIFIERS_MAX 64

/* What is known of an address; a said status beats an assumed one. */
enum draft_status {
    ASSUMED_RESERVED,
    ASSUMED_VERIFIED,
    SAID_VERIFIED,
    SAID_RESERVED, /* said both: reserved, nothing is verified silently */
};

struct digest_ops;

struct draft_identifiers {
    struct text value[DRAFT_IDENTIFIERS_MAX];
    enum draft_status status[DRAFT_IDENTIFIERS_MAX];
    size_t count;
};

struct draft {
    struct user *user;
    struct arena *arena; /* of the record */
    struct buf *scratch; /* for writing JSON */
    struct json *json;   /* a second parser, for JSON inside strings */
    struct paths *paths;
    const struct platform *platform;
    const struct source_opts *opts;
    int64_t now_ms;
    struct json_value record;
    bool lasting; /* the value at hand lives as long as the record: its texts need no copy */
    struct draft_identifiers emails, phones;
    struct text native;           /* a digest in the platform's own form */
    struct text native_kind;      /* which form, if not the platform's own */
    const struct digest_ops *ops; /* of the last digest, since most are of one hasher */
    struct user_reject reject;
    struct err err; /* ends the whole run (ERR_USAGE, ERR_MEMORY); code ERR_NONE otherwise */
};

/* Makes the draft ready for the next record; user is initialised. */
void draft_start(struct draft *draft, struct json_value record);

/* Puts one value through a transform. Returns 0, or -1 with draft->reject or draft->err filled. */
int draft_apply(struct draft *draft, const struct platform_row *row, struct json_value value);

/* Puts the identifiers and the password into the user. Returns 0, or -1 as above. */
int draft_end(struct draft *draft);

/* Rejects the record: `path` has a value of a wrong type. Returns -1. */
int draft_wrong_type(struct draft *draft, const char *path, struct json_value value,
                     const char *wanted);

/* Ends the run: no memory. Returns -1. */
int draft_no_memory(struct draft *draft);

/*
 * Takes over a string, as a copy in the record's arena if it needs one; rejects one that has a NUL.
 * Returns 0 or -1.
 */
int draft_take(struct draft *draft, const char *path, struct text from, struct text *to);

/* Writes an object compactly; nothing for an empty one. Returns 0 or -1. */
int draft_object(struct draft *draft, struct json_value value, struct text *to);

/* Adds an address of email_address or phone_number, or says more of one already there. */
int draft_identifier(struct draft *draft, enum user_field field, struct text value,
                     enum draft_status status);

/* The identifiers of a field. */
struct draft_identifiers *draft_identifiers(struct draft *draft, enum user_field field);

/* password.c: turns draft->native into hasher and digest, and checks the shape. Returns 0 or -1. */
int draft_password(struct draft *draft);

/* The value as a flag: a boolean, or "true", "false", "t", "f", "1", "0". */
enum user_flag draft_flag(struct json_value value);

/* The value as a moment; false if it is none. */
bool draft_time(struct json_value value, int64_t *ms);

/* Whether the value is absent: missing, null or "". */
bool draft_is_absent(struct json_value value);

#endif
