/*
 * rows: what a reader makes of some bytes, as one hash, for the fuzz targets of readers: the bytes are
 * read whole and in pieces, and both must come to the same rows.
 */
#ifndef USHER_FUZZ_ROWS_H
#define USHER_FUZZ_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "source/reader.h"

#define ROWS_RECORD_MAX ((size_t)1 << 16)

struct rows_pieces {
    struct input input;
    struct text bytes;
    size_t from, size;
};

static ssize_t rows_read(struct input *input, void *to, size_t room, struct err *err)
{
    struct rows_pieces *pieces = (struct rows_pieces *)input;
    struct text t =
        text_part(pieces->bytes, pieces->from, room < pieces->size ? room : pieces->size);
    (void)err;
    if (t.len > 0)
        memcpy(to, t.at, t.len);
    pieces->from += t.len;
    return (ssize_t)t.len;
}

static void rows_collect(struct reader *reader, struct text bytes, struct buf *seen)
{
    struct record record;
    struct err err;
    int got;
    while ((got = reader->ops->next(reader, &record, &err)) > 0) {
        buf_printf(seen, "%d @%d %d ", (int)record.number, (int)record.offset, (int)record.reason);
        if (record.offset > bytes.len || record.bytes.len > bytes.len - record.offset)
            abort();
        if (record.value.document)
            json_write(record.value, seen);
        buf_byte(seen, '\n');
    }
    buf_printf(seen, "%d", got);
}

/* Appends the rows to `seen`; the reader is what reader_open chooses, or `ops`. */
static void rows_of(const struct reader_ops *ops, struct text bytes, size_t size, struct buf *seen)
{
    static const struct input_ops input_ops = {"", rows_read, NULL, NULL, NULL};
    struct rows_pieces pieces = {.input.ops = &input_ops, .bytes = bytes, .size = size};
    struct window window;
    struct json *json;
    struct reader *reader = NULL;
    struct err err;
    if (window_init(&window, &pieces.input, ROWS_RECORD_MAX, &err) != 0 ||
        json_new(&json, 2 * ROWS_RECORD_MAX, &err) != 0)
        abort();
    struct reader_opts opts = {.window = &window, .json = json};
    int opened = ops ? ops->open(&reader, &opts, &err) : reader_open(&reader, &opts, &err);
    if (opened == 0)
        rows_collect(reader, bytes, seen);
    else
        buf_printf(seen, "refused");
    if (reader)
        reader->ops->close(reader);
    json_free(json);
    window_release(&window);
}

/* Aborts if the rows depend on the pieces in which the bytes come. */
static void rows_compare(const struct reader_ops *ops, const uint8_t *at, size_t len)
{
    struct text bytes = {(const char *)at, len};
    struct buf whole, pieces;
    buf_init(&whole, (size_t)1 << 24);
    buf_init(&pieces, (size_t)1 << 24);
    rows_of(ops, bytes, len + 1, &whole);
    rows_of(ops, bytes, 1 + len % 7, &pieces);
    if (!text_same(buf_text(&whole), buf_text(&pieces)))
        abort();
    buf_release(&whole);
    buf_release(&pieces);
}

#endif
