/*
 * reader: cuts one record after another out of a window and parses it. To add a reader: one file
 * reader_NAME.c that ends in one `const struct reader_ops`, one row in readers.h.
 */
#ifndef USHER_SOURCE_READER_H
#define USHER_SOURCE_READER_H

#include "json/json.h"
#include "source/readers.h"
#include "source/window.h"
#include "user/user.h"

#define RECORD_DETAIL_MAX 120

struct record {
    uint64_t number;         /* from 1 */
    uint64_t offset;         /* of its first byte in the stream */
    struct text bytes;       /* as it stands in the file */
    struct json_value value; /* the parsed object; absent if reason forbids */
    enum user_reason reason; /* USER_ACCEPTED, or why it cannot be read */
    char detail[RECORD_DETAIL_MAX];
};

struct reader_opts {
    struct window *window; /* at the first byte behind a byte order mark; borrowed */
    struct json *json;     /* borrowed */
    /*
     * For formats that carry no names of their own: the columns that the platform gives them, NULL
     * terminated, or NULL. least: how many of them a row has at least.
     */
    const char *const *columns;
    size_t columns_least;
};

struct reader {
    const struct reader_ops *ops;
};

struct reader_ops {
    /* Looks at the beginning. Returns 0 or -1: ERR_INPUT (no export in this format). */
    int (*open)(struct reader **reader, const struct reader_opts *opts, struct err *err);
    /*
     * The next record; its texts are valid until the next call. Returns 1, 0 at the end, -1 with err
     * (ERR_INPUT: cut short, nothing more can be read).
     */
    int (*next)(struct reader *reader, struct record *record, struct err *err);
    void (*close)(struct reader *reader);
    const char *(*format)(const struct reader *reader); /* "JSON array" */
    /* The line that names the columns, as it stands in the file; NULL if the format has none. */
    struct text (*header)(const struct reader *reader);
};

#define READER(name) extern const struct reader_ops reader_##name##_ops;
SOURCE_READERS(READER)
#undef READER

/* Makes a record ready to be filled; its detail is not cleared but cut to nothing. */
void record_start(struct record *record, uint64_t number, uint64_t offset);

/* A detail for a record (printf-like) and its reason. */
void record_refuse(struct record *record, enum user_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Opens the reader that fits the first bytes of the window (a byte order mark is skipped). Returns 0 or
 * -1: ERR_INPUT for an empty file, HTML, binary data or whatever else is no export.
 */
int reader_open(struct reader **reader, const struct reader_opts *opts, struct err *err);

#endif
