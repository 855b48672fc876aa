/*
 * input: the bytes of an export, decompressed. A file or standard input, plain, gzip (RFC 1952, also
 * several members) or Zstandard (RFC 8878, also several frames), told apart by their first bytes.
 *
 *     input_open(&input, "users.json.gz", &err);
 *     while ((got = input_read(input, buffer, sizeof(buffer), &err)) > 0) …
 *     input_close(input);
 */
#ifndef USHER_SOURCE_INPUT_H
#define USHER_SOURCE_INPUT_H

#include <sys/types.h>

#include "base/base.h"

struct input;

/* What a kind of input does; struct input begins with a pointer to it. */
struct input_ops {
    const char *name; /* "gzip", or "" for a plain file */
    /* At most room bytes (room is at least 1). Returns how many, 0 at the end, -1 with err. */
    ssize_t (*read)(struct input *input, void *to, size_t room, struct err *err);
    void (*close)(struct input *input);
    uint64_t (*bytes_read)(const struct input *input);
    uint64_t (*bytes_total)(const struct input *input);
};

struct input {
    const struct input_ops *ops;
};

/*
 * Opens path ("-": standard input). Returns 0 or -1: ERR_IO (missing, unreadable, a directory),
 * ERR_INPUT (compressed data that cannot be read).
 */
int input_open(struct input **input, const char *path, struct err *err);
void input_close(struct input *input);

/* An input over bytes in memory, which are borrowed. Returns 0 or -1 (ERR_MEMORY). */
int input_memory(struct input **input, struct text bytes, struct err *err);

/* As input_ops.read. A compressed file that is cut short or damaged is ERR_INPUT. */
ssize_t input_read(struct input *input, void *to, size_t room, struct err *err);

/* "gzip", "zstd" or "". */
const char *input_name(const struct input *input);

/* Bytes taken from the file as it lies on disk, and its size (0 if unknown). */
uint64_t input_bytes_read(const struct input *input);
uint64_t input_bytes_total(const struct input *input);

#endif
