/*
 * window: the part of an input that a reader looks at. It slides over the stream and grows only when
 * one record does not fit, up to a stated maximum.
 *
 *     window_text(&w)            what is there and not yet used
 *     window_more(&w, &err)      asks for more of the stream behind it; may move the bytes
 *     window_skip(&w, n)         n bytes are done with
 *
 * JSON_PADDING bytes behind the text can always be read, so that a record is parsed in place.
 */
#ifndef USHER_SOURCE_WINDOW_H
#define USHER_SOURCE_WINDOW_H

#include "source/input.h"

struct window {
    struct input *input; /* borrowed */
    char *at;
    size_t from, to; /* the unused bytes */
    size_t room, max;
    uint64_t offset; /* in the stream, of at[from] */
    bool ended;      /* the input has no more */
};

/* Prepares a window that holds at most max bytes. Returns 0 or -1 (ERR_MEMORY). */
int window_init(struct window *window, struct input *input, size_t max, struct err *err);
void window_release(struct window *window);

/* The bytes that are there and not yet used; valid until window_more. */
struct text window_text(const struct window *window);

/*
 * Reads more. Returns 1 when there is more than before, 0 when there is not (the input has ended, see
 * window.ended, or the window is full), -1 with err. Texts taken before are no longer valid.
 */
int window_more(struct window *window, struct err *err);

/* Reads until len bytes are there or the input has ended. Returns 0 or -1. */
int window_need(struct window *window, size_t len, struct err *err);

/* Is done with the first len bytes of window_text. */
void window_skip(struct window *window, size_t len);

#endif
