/*
 * platform: how a platform's records become users. Mostly a table *path → field, transform*; what no
 * table can say is a finish function. To add a platform: one file platform_NAME.c that ends in one
 * `const struct platform`, one row in platforms.h, one guide in docs/platforms.
 */
#ifndef USHER_SOURCE_PLATFORM_H
#define USHER_SOURCE_PLATFORM_H

#include "json/json.h"
#include "source/platforms.h"
#include "source/source.h"
#include "user/user.h"

/* What happens to a value on its way into a field. null and "" are absent for all of them. */
enum platform_transform {
    AS_TEXT,         /* a string; the first row of a field that has one wins */
    AS_FULL_NAME,    /* a string, split into first_name and last_name unless one of them is set */
    AS_TIME,         /* a moment, as date_parse reads it, or a number of seconds or milliseconds */
    AS_FLAG,         /* true or false, also as text */
    AS_FLAG_IF_TRUE, /* the same, but false is nothing */
    AS_NUMBER,       /* a whole number, also as text */
    AS_TEXTS,        /* an array of strings, or strings joined by | or , */
    AS_OBJECT,       /* an object, or the text of one */
    AS_IDENTIFIER,   /* one address; reserved unless an AS_VERIFIED row says otherwise */
    AS_IDENTIFIER_SURE, /* one address that the platform has verified itself */
    AS_PHONE_DIGITS,    /* as AS_IDENTIFIER, but the + may be missing */
    AS_VERIFIED,        /* whether the address of the same field is verified: a flag, or a moment */
    AS_PRIMARY,         /* one address that comes first; verified unless listed as reserved */
    AS_VERIFIED_LIST,   /* verified addresses: an array, or joined by | or , */
    AS_RESERVED_LIST,   /* the same, unverified */
    AS_LIST,            /* the same; each verified unless it, or another row, says otherwise */
    AS_STATUSES,        /* "verified" or "reserved", one for each address of the field so far */
    AS_NATIVE_DIGEST,   /* a digest as the platform stores it */
    AS_KEYED_DIGEST,    /* the same, in an object under the row's own name */
    AS_SPARE_NAME,      /* a name with no place, lost unless first_name or last_name is set */
    AS_DELETED,         /* if it is there at all, the user was deleted */
    AS_BANNED_UNTIL,    /* a moment; banned while it is in the future */
    AS_FINISH           /* nothing; the finish function looks at it */
};

struct platform_row {
    const char *path; /* "raw_user_meta_data.full_name" */
    enum user_field field;
    enum platform_transform transform;
};

struct draft;

struct platform {
    const char *name;
    const struct platform_row *rows;
    size_t row_count;
    /*
     * A record with all of these keys is this platform's ("auto"); NULL-terminated. Of keys joined by |
     * one is enough.
     */
    const char *const *marks;
    /* For CSV without a header: its columns, NULL-terminated, and how many a row has at least. */
    const char *const *columns;
    size_t columns_least;
    /* Completes draft->user after the table. Returns 0, or -1 with draft->reject filled. May be NULL. */
    int (*finish)(struct draft *draft);
    /*
     * Checks the options when the source is opened, with each of the first records (absent if there are
     * none). Returns 0 or -1 (ERR_USAGE). May be NULL.
     */
    int (*check)(const struct source_opts *opts, struct json_value record, struct err *err);
};

#define PLATFORM(name) extern const struct platform platform_##name;
SOURCE_PLATFORMS(PLATFORM)
#undef PLATFORM

/* The platform of that name, or NULL. */
const struct platform *platform_find(struct text name);

/* Fills *err (ERR_USAGE): there is no such platform, but these. Returns -1. */
int platform_missing(struct text name, struct err *err);
/* Appends all names, joined by commas. */
void platform_put_names(struct buf *to);

/* Whether a record has the platform's marks. */
bool platform_matches(const struct platform *platform, struct json_value record);

/* The first platform whose marks a record has, or NULL. */
const struct platform *platform_detect(struct json_value record);

#endif
