/*
 * buf: a growing byte buffer with a stated maximum, in which failure sticks: after memory ran out or
 * the maximum was reached every further call does nothing, and the caller checks buf_ok once at the end.
 *
 *     struct buf body;
 *     buf_init(&body, 64 * 1024);
 *     buf_add(&body, …); buf_printf(&body, …);
 *     if (!buf_ok(&body)) …
 *     buf_release(&body);
 */
#ifndef USHER_BASE_BUF_H
#define USHER_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

struct buf {
    char *at;
    size_t len, room, max;
    bool failed;
};

/* Prepares an empty buffer of at most max bytes. Allocates nothing yet. */
void buf_init(struct buf *buf, size_t max);

/* Wipes and frees; the buffer may be used again afterwards with the same maximum. */
void buf_release(struct buf *buf);

/* Empties the buffer and clears a failure, keeps the memory. Does not wipe. */
void buf_reset(struct buf *buf);

/* Whether everything so far has fitted. */
bool buf_ok(const struct buf *buf);

/* Makes room for `more` further bytes; returns where they go (call buf_grow after writing) or NULL. */
char *buf_room(struct buf *buf, size_t more);
void buf_grow(struct buf *buf, size_t written);

/* How many bytes go in without another look at the maximum; 0 once the buffer has failed. */
static inline size_t buf_left(const struct buf *buf)
{
    return buf->failed ? 0 : buf->room - buf->len;
}

/* Appends a text; nothing is added once the buffer has failed. */
static inline void buf_add(struct buf *buf, struct text t)
{
    if (t.len == 0)
        return;
    char *to = t.len <= buf_left(buf) ? buf->at + buf->len : buf_room(buf, t.len);
    if (!to)
        return;
    memcpy(to, t.at, t.len);
    buf->len += t.len;
}

/* Appends a byte. */
static inline void buf_byte(struct buf *buf, char c)
{
    buf_add(buf, (struct text){&c, 1});
}
/* Appends what printf makes. */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is in the buffer; valid until the next call that adds. */
struct text buf_text(const struct buf *buf);

/* The same with a NUL behind it (not counted); "" if that failed. */
const char *buf_z(struct buf *buf);

#endif
