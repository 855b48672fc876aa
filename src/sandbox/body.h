/*
 * sandbox/body: reads a JSON body into a struct by a table of fields, as Clerk reads forms: what is not
 * in the table, or of the wrong type, is refused with the code and the parameter's name.
 *
 *     static const struct body_field fields[] = {
 *         {"name", BODY_TEXT, offsetof(struct form, name), .needed = true, .max = 256}, … };
 *     struct form form = {0};
 *     if (!body_read(call, fields, ARRAY_COUNT(fields), &form, &given)) return;
 */
#ifndef USHER_SANDBOX_BODY_H
#define USHER_SANDBOX_BODY_H

#include "sandbox/call.h"

enum body_kind {
    BODY_TEXT,        /* struct text: at NULL if not given or null */
    BODY_SECRET,      /* the same */
    BODY_TEXTS,       /* struct user_texts */
    BODY_SECRETS,     /* the same */
    BODY_IDENTIFIERS, /* struct user_identifiers, all verified */
    BODY_OBJECT,      /* struct text: compact JSON */
    BODY_TIME,        /* int64_t, from RFC 3339: untouched if not given, USER_UNSET if null */
    BODY_NUMBER,      /* int64_t, the same */
    BODY_FLAG,        /* enum user_flag */
    BODY_BOOL         /* bool: untouched if not given or null */
};

struct body_field {
    const char *name;
    enum body_kind kind;
    size_t offset;
    bool needed; /* refused with form_param_missing when not there, form_param_nil when null */
    const char *choices; /* "a|b|c": a text, or each of a list, must be one of them; NULL: any */
    /* How many characters a text has, items a list, or what a number is; a max of 0 is none. */
    int64_t min, max;
};

/* A table has at most so many rows. */
#define BODY_FIELDS_MAX 64

/*
 * Reads the body into `to`; *given gets bit i for row i that the body had, null or not. Texts live as long as the body or in the call's arena. An absent body is an
 * empty one. Returns false after refusing.
 */
bool body_read(struct call *call, const struct body_field *fields, size_t count, void *to,
               uint64_t *given);

/* The same of an object that is not the whole body. */
bool body_read_object(struct call *call, const struct body_field *fields, size_t count,
                      struct json_value object, void *to, uint64_t *given);

/* Reads one value that is not a row of a constant table, as above; null as if it were not needed. */
bool body_read_value(struct call *call, const struct body_field *field, struct json_value value,
                     void *to);
/* Refuses a parameter that is in no table. Always returns false. */
bool body_unknown(struct call *call, struct text name);
/* How many characters (code points) a text has. */
size_t body_characters(struct text t);
/* Whether a text is one of "a|b|c". */
bool body_is_choice(const char *choices, struct text t);

#endif
