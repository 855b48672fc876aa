/*
 * scan: finds where a JSON value ends without parsing it, 64 bytes at a time. It knows strings, escapes
 * and brackets, and nothing else: whether the value is JSON is for the parser to say.
 *
 *     struct scan scan = {0};
 *     end = scan_value(&scan, at, len);     // again with what follows, until it is found
 */
#ifndef USHER_SOURCE_SCAN_H
#define USHER_SOURCE_SCAN_H

#include <stddef.h>
#include <stdint.h>

struct scan {
    uint64_t in_string; /* all ones inside a string */
    uint64_t escaped;   /* 1 if the next byte stands behind a backslash */
    uint64_t depth;     /* open brackets */
};

/* What scan_value returns when the end has not come. */
#define SCAN_OPEN SIZE_MAX

/*
 * Goes on over len bytes. Returns the index behind the bracket that closes the value (which must begin
 * with a bracket), or SCAN_OPEN when all bytes are used and it is still open.
 */
size_t scan_value(struct scan *scan, const char *at, size_t len);

#endif
