/*
 * sandbox/cookie: cookies as servers set them (RFC 6265).
 */
#ifndef USHER_SANDBOX_COOKIE_H
#define USHER_SANDBOX_COOKIE_H

#include "base/base.h"

struct cookie {
    struct text name, suffix; /* the name is both, with a _ between if there is a suffix */
    struct text value;
    struct text domain; /* absent: this host alone */
    int64_t max_age_s;  /* 0: deleted; -1: as long as the browser runs */
    bool http_only, secure;
};

/* Appends a whole Set-Cookie value, with Path=/ and SameSite=Lax. */
void cookie_write(const struct cookie *cookie, struct buf *to);

/*
 * The domain that cookies of a host may be shared in: its registrable part ("app.example.co.uk" gives
 * "example.co.uk"); absent for addresses, single labels and public suffixes. host has no port.
 */
struct text cookie_domain(struct text host);

#define COOKIE_SUFFIX_LEN 8
/* The suffix that Clerk's SDKs give their cookies: base64url(SHA-1(publishable key)), cut. NUL behind. */
void cookie_suffix(struct text publishable_key, char to[COOKIE_SUFFIX_LEN + 1]);

#endif
