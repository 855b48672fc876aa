#include "source/upstream.h"

#include <stdlib.h>
#include <string.h>

#include "source/platform.h"

/* Bytes of bad records that are kept until they are reported. */
#define BAD_MAX ((size_t)32 * 1024 * 1024)

struct bad {
    struct bad *next;
    struct record record;
    char bytes[];
};

struct upstream {
    struct input *file;
    struct window window;
    struct json *json;
    struct reader *reader;
    struct bad *first, **end, *given;
    size_t kept;
};

int upstream_open(struct upstream **upstream, const struct upstream_opts *opts, struct err *err)
{
    const struct platform *platform = opts->platform;
    struct upstream *up = calloc(1, sizeof(*up));
    *upstream = up;
    if (!up)
        return err_memory(err);
    up->end = &up->first;
    up->file = opts->file;
    if (window_init(&up->window, opts->file, opts->record_max, err) != 0 ||
        json_new(&up->json, opts->record_max + JSON_PADDING, err) != 0)
        return -1;
    return reader_open(
        &up->reader,
        &(struct reader_opts){.window = &up->window,
                              .json = up->json,
                              .columns = platform ? platform->columns : NULL,
                              .columns_least = platform ? platform->columns_least : 0},
        err);
}

void upstream_close(struct upstream *upstream)
{
    if (!upstream)
        return;
    if (upstream->reader)
        upstream->reader->ops->close(upstream->reader);
    while (upstream->first) {
        struct bad *next = upstream->first->next;
        free(upstream->first);
        upstream->first = next;
    }
    free(upstream->given);
    json_free(upstream->json);
    window_release(&upstream->window);
    free(upstream);
}

static int keep_bad(struct upstream *up, const struct record *record, struct err *err)
{
    size_t size = sizeof(struct bad) + record->bytes.len;
    struct bad *bad = up->kept + size <= BAD_MAX ? malloc(size) : NULL;
    if (!bad)
        return err_set(err, ERR_INPUT,
                       "too many records in front of --through cannot be read; check "
                       "the file without it first");
    bad->next = NULL;
    bad->record = *record;
    bad->record.value = (struct json_value){0};
    bad->record.bytes.at = bad->bytes;
    if (record->bytes.len > 0)
        memcpy(bad->bytes, record->bytes.at, record->bytes.len);
    up->kept += size;
    *up->end = bad;
    up->end = &bad->next;
    return 1;
}

static int more(void *context, struct buf *to, struct err *err)
{
    struct upstream *up = context;
    struct record record;
    int got = up->reader->ops->next(up->reader, &record, err);
    if (got <= 0)
        return got;
    if (record.reason != USER_ACCEPTED)
        return keep_bad(up, &record, err);
    json_write(record.value, to);
    buf_byte(to, '\n');
    return 1;
}

struct through_feed upstream_feed(struct upstream *upstream)
{
    return (struct through_feed){more, upstream, upstream->file};
}

bool upstream_take_bad(struct upstream *upstream, struct record *record)
{
    struct bad *bad = upstream->first;
    free(upstream->given);
    upstream->given = bad;
    if (!bad)
        return false;
    upstream->first = bad->next;
    if (!upstream->first)
        upstream->end = &upstream->first;
    upstream->kept -= sizeof(*bad) + bad->record.bytes.len;
    *record = bad->record;
    return true;
}

const char *upstream_format(const struct upstream *upstream)
{
    return upstream->reader->ops->format(upstream->reader);
}
