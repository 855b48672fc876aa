#include "source/window.h"

#include <stdlib.h>
#include <string.h>

#include "json/json.h"

/* Small enough for a core's own cache: the bytes are read, cut and parsed while they are in it. */
#define FIRST_ROOM ((size_t)256 * 1024)

int window_init(struct window *window, struct input *input, size_t max, struct err *err)
{
    size_t room = max < FIRST_ROOM ? max : FIRST_ROOM;
    *window = (struct window){.input = input, .max = max};
    window->at = calloc(1, room + JSON_PADDING);
    if (!window->at)
        return err_memory(err);
    window->room = room;
    return 0;
}

void window_release(struct window *window)
{
    if (window->at)
        secret_wipe(window->at, window->room);
    free(window->at);
    window->at = NULL;
}

struct text window_text(const struct window *window)
{
    return (struct text){window->at + window->from, window->to - window->from};
}

/* Moves the unused bytes to the front, into a bigger area if they fill this one. */
static int make_room(struct window *window, struct err *err)
{
    size_t used = window->to - window->from;
    char *at = window->at;
    if (used == window->room) {
        size_t room = window->room * 2 < window->max ? window->room * 2 : window->max;
        at = calloc(1, room + JSON_PADDING);
        if (!at)
            return err_memory(err);
        memcpy(at, window->at + window->from, used);
        secret_wipe(window->at, window->room);
        free(window->at);
        window->at = at;
        window->room = room;
    } else {
        memmove(at, at + window->from, used);
    }
    window->from = 0;
    window->to = used;
    return 0;
}

int window_more(struct window *window, struct err *err)
{
    if (window->ended || window->to - window->from == window->max)
        return 0;
    if (window->to == window->room && make_room(window, err) != 0)
        return -1;
    ssize_t got =
        input_read(window->input, window->at + window->to, window->room - window->to, err);
    if (got < 0)
        return -1;
    window->to += (size_t)got;
    window->ended = got == 0;
    return got > 0;
}

int window_need(struct window *window, size_t len, struct err *err)
{
    int more = 1;
    while (more > 0 && window->to - window->from < len)
        more = window_more(window, err);
    return more < 0 ? -1 : 0;
}

void window_skip(struct window *window, size_t len)
{
    window->from += len;
    window->offset += len;
}
