/*
 * form: what browsers send: application/x-www-form-urlencoded bodies and queries, and the file of a
 * multipart/form-data body. Pure functions; everything they give lives in the arena or in what was parsed.
 */
#ifndef USHER_NET_FORM_H
#define USHER_NET_FORM_H

#include "base/base.h"

/* A form holds at most so many parameters. */
#define FORM_MAX 4096

struct form_param {
    struct text name, value; /* decoded */
};

struct form_fields {
    struct form_param *at;
    size_t count;
};

enum form_answer {
    FORM_OK,
    FORM_TOO_MANY,  /* more than FORM_MAX parameters */
    FORM_MALFORMED, /* not percent-encoded UTF-8, or a NUL byte */
    FORM_MEMORY     /* the arena is full */
};

/* Percent-decodes t ('+' is a space if plus) into arena; absent when t is malformed or memory is out. */
struct text form_decode(struct arena *arena, struct text t, bool plus);

/* Reads "a=1&b=2". A name loses a "[]" at its end. */
enum form_answer form_parse(struct text t, struct arena *arena, struct form_fields *form);

/* The first value of that name; absent if there is none. */
struct text form_get(const struct form_fields *form, struct text name);

/* Appends t as a query's value: everything but [A-Za-z0-9-._~] percent-encoded. */
void form_encode(struct text t, struct buf *to);

/* One part of a multipart/form-data body (RFC 7578). */
struct form_part {
    struct text name, filename, type; /* as sent; absent if not there */
    struct text content;
};

/*
 * The first part with that name. content_type is the request's header, which has the boundary. Returns false
 * if there is none or the body is not well-formed up to there.
 */
bool form_part(struct text content_type, struct text body, struct text name,
               struct form_part *part);

/* The value of a cookie in a Cookie header, without quotes around it; absent if it is not there. */
struct text cookie_get(struct text header, struct text name);

/* Whether a Content-Type header is of that type, whatever its parameters. */
bool form_is_type(struct text content_type, struct text type);

#endif
