#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_release(struct buf *buf)
{
    if (buf->at)
        explicit_bzero(buf->at, buf->room);
    free(buf->at);
    buf_init(buf, buf->max);
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

bool buf_ok(const struct buf *buf)
{
    return !buf->failed;
}

/* Grows by copying, not realloc, so that the old bytes can be wiped. */
static bool enlarge(struct buf *buf, size_t need)
{
    size_t room = buf->room ? buf->room : 256;
    while (room < need)
        room *= 2;
    if (room > buf->max)
        room = buf->max; /* what is left of the room is what may be added: buf_left */
    char *at = malloc(room);
    if (!at)
        return false;
    if (buf->at) {
        memcpy(at, buf->at, buf->len);
        explicit_bzero(buf->at, buf->room);
        free(buf->at);
    }
    buf->at = at;
    buf->room = room;
    return true;
}

char *buf_room(struct buf *buf, size_t more)
{
    if (buf->failed || more > buf->max || buf->len > buf->max - more) {
        buf->failed = true;
        return NULL;
    }
    size_t need = buf->len + more;
    if (need > buf->room && !enlarge(buf, need)) {
        buf->failed = true;
        return NULL;
    }
    return buf->at + buf->len;
}

void buf_grow(struct buf *buf, size_t written)
{
    buf->len += written;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = len < 0 ? NULL : buf_room(buf, (size_t)len + 1);
    if (!to) {
        buf->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(to, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

struct text buf_text(const struct buf *buf)
{
    return (struct text){buf->at, buf->len};
}

const char *buf_z(struct buf *buf)
{
    char *to = buf_room(buf, 1);
    if (!to)
        return "";
    *to = 0;
    return buf->at;
}
