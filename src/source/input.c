/*
 * Magic bytes: gzip 1F 8B; Zstandard 28 B5 2F FD, or a skippable frame 5x 2A 4D 18. Anything else is
 * taken as it is. The file's own bytes pass through one fixed buffer; a plain file is read straight
 * into the caller's.
 */
#include "source/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define HELD_ROOM  ((size_t)128 * 1024)
#define MAGIC_SIZE 4

struct file {
    struct input input;
    int fd;
    bool own; /* the descriptor is ours to close */
    bool ended;
    bool between; /* at a member's or frame's border, where the data may end */
    char *name;
    uint64_t read, total;
    z_stream zip;
    ZSTD_DStream *zstd;
    size_t from, to; /* what of held is still to be used */
    unsigned char held[HELD_ROOM];
};

static ssize_t read_file(struct file *file, void *to, size_t room, struct err *err)
{
    ssize_t got;
    do
        got = read(file->fd, to, room);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set(err, ERR_IO, "%s: %s", file->name, strerror(errno));
    file->read += (uint64_t)got;
    file->ended = got == 0;
    return got;
}

/* Makes sure that held has something, unless the file has ended. */
static int refill(struct file *file, struct err *err)
{
    if (file->from < file->to || file->ended)
        return 0;
    ssize_t got = read_file(file, file->held, HELD_ROOM, err);
    if (got < 0)
        return -1;
    file->from = 0;
    file->to = (size_t)got;
    return 0;
}

static int cut_short(const struct file *file, struct err *err)
{
    return err_set(err, ERR_INPUT,
                   "%s: the %s data is cut short after %llu bytes; fetch the file again",
                   file->name, file->input.ops->name, (unsigned long long)file->read);
}

static int damaged(const struct file *file, const char *why, struct err *err)
{
    return err_set(err, ERR_INPUT,
                   "%s: the %s data is damaged near byte %llu (%s); fetch the file again",
                   file->name, file->input.ops->name,
                   (unsigned long long)(file->read - (file->to - file->from)), why);
}

static ssize_t plain_read(struct input *input, void *to, size_t room, struct err *err)
{
    struct file *file = (struct file *)input;
    size_t held = file->to - file->from;
    if (held == 0)
        return file->ended ? 0 : read_file(file, to, room, err);
    size_t len = held < room ? held : room;
    memcpy(to, file->held + file->from, len);
    file->from += len;
    return (ssize_t)len;
}

/* One call of inflate; false when the stream has come to its end and nothing follows. */
static int gzip_step(struct file *file, struct err *err)
{
    if (file->between && file->zip.total_in > 0)
        inflateReset(&file->zip);
    file->zip.next_in = file->held + file->from;
    file->zip.avail_in = (uInt)(file->to - file->from);
    int code = inflate(&file->zip, Z_NO_FLUSH);
    file->from = file->to - file->zip.avail_in;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return damaged(file, file->zip.msg ? file->zip.msg : "not gzip", err);
    file->between = code == Z_STREAM_END;
    return 0;
}

static ssize_t gzip_read(struct input *input, void *to, size_t room, struct err *err)
{
    struct file *file = (struct file *)input;
    if (room > UINT32_MAX)
        room = UINT32_MAX;
    file->zip.next_out = to;
    file->zip.avail_out = (uInt)room;
    while (file->zip.avail_out == room) {
        if (refill(file, err) != 0)
            return -1;
        if (file->from == file->to) {
            if (!file->between)
                return cut_short(file, err);
            break;
        }
        if (gzip_step(file, err) != 0)
            return -1;
    }
    return (ssize_t)(room - file->zip.avail_out);
}

static ssize_t zstd_read(struct input *input, void *to, size_t room, struct err *err)
{
    struct file *file = (struct file *)input;
    ZSTD_outBuffer out = {to, room, 0};
    while (out.pos == 0) {
        if (refill(file, err) != 0)
            return -1;
        if (file->from == file->to && file->between)
            break;
        ZSTD_inBuffer in = {file->held, file->to, file->from};
        size_t code = ZSTD_decompressStream(file->zstd, &out, &in);
        bool stuck = in.pos == file->from && out.pos == 0;
        file->from = in.pos;
        if (ZSTD_isError(code))
            return damaged(file, ZSTD_getErrorName(code), err);
        file->between = code == 0;
        if (stuck && file->from == file->to && !file->between)
            return cut_short(file, err);
    }
    return (ssize_t)out.pos;
}

static void file_close(struct input *input)
{
    struct file *file = (struct file *)input;
    if (strcmp(file->input.ops->name, "gzip") == 0)
        inflateEnd(&file->zip);
    ZSTD_freeDStream(file->zstd);
    if (file->own)
        close(file->fd);
    free(file->name);
    secret_wipe(file->held, sizeof(file->held));
    free(file);
}

static uint64_t file_bytes_read(const struct input *input)
{
    return ((const struct file *)input)->read;
}

static uint64_t file_bytes_total(const struct input *input)
{
    return ((const struct file *)input)->total;
}

static const struct input_ops plain_ops = {"", plain_read, file_close, file_bytes_read,
                                           file_bytes_total};
static const struct input_ops gzip_ops = {"gzip", gzip_read, file_close, file_bytes_read,
                                          file_bytes_total};
static const struct input_ops zstd_ops = {"zstd", zstd_read, file_close, file_bytes_read,
                                          file_bytes_total};

static int file_open(struct file *file, const char *path, struct err *err)
{
    struct stat info;
    file->own = strcmp(path, "-") != 0;
    file->name = strdup(file->own ? path : "standard input");
    if (!file->name)
        return err_memory(err);
    file->fd = file->own ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return err_set(err, ERR_IO, "%s: %s", file->name, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return err_set(err, ERR_IO, "%s is a directory; name the export file in it", file->name);
    file->total = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    return 0;
}

static bool is_zstd(const unsigned char *magic)
{
    return memcmp(magic, "\x28\xB5\x2F\xFD", 4) == 0 ||
           ((magic[0] & 0xF0) == 0x50 && memcmp(magic + 1, "\x2A\x4D\x18", 3) == 0);
}

static int gzip_start(struct file *file, struct err *err)
{
    if (inflateInit2(&file->zip, 15 + 16) != Z_OK)
        return err_memory(err);
    file->input.ops = &gzip_ops;
    return 0;
}

static int zstd_start(struct file *file, struct err *err)
{
    file->zstd = ZSTD_createDStream();
    if (!file->zstd)
        return err_memory(err);
    file->input.ops = &zstd_ops;
    return 0;
}

/* Reads the first bytes (a pipe may give them one by one) and sets the kind of the input. */
static int file_look(struct file *file, struct err *err)
{
    while (file->to < MAGIC_SIZE && !file->ended) {
        ssize_t got = read_file(file, file->held + file->to, HELD_ROOM - file->to, err);
        if (got < 0)
            return -1;
        file->to += (size_t)got;
    }
    if (file->to >= 2 && memcmp(file->held, "\x1F\x8B", 2) == 0)
        return gzip_start(file, err);
    if (file->to >= MAGIC_SIZE && is_zstd(file->held))
        return zstd_start(file, err);
    return 0;
}

int input_open(struct input **input, const char *path, struct err *err)
{
    struct file *file = calloc(1, sizeof(*file));
    if (!file)
        return err_memory(err);
    file->input.ops = &plain_ops;
    file->fd = -1;
    if (file_open(file, path, err) != 0 || file_look(file, err) != 0) {
        file->own = file->own && file->fd >= 0;
        input_close(&file->input);
        return -1;
    }
    *input = &file->input;
    return 0;
}

void input_close(struct input *input)
{
    if (input)
        input->ops->close(input);
}

ssize_t input_read(struct input *input, void *to, size_t room, struct err *err)
{
    return input->ops->read(input, to, room, err);
}

const char *input_name(const struct input *input)
{
    return input->ops->name;
}

uint64_t input_bytes_read(const struct input *input)
{
    return input->ops->bytes_read(input);
}

uint64_t input_bytes_total(const struct input *input)
{
    return input->ops->bytes_total(input);
}

struct memory {
    struct input input;
    struct text bytes;
    size_t from;
};

static ssize_t memory_read(struct input *input, void *to, size_t room, struct err *err)
{
    struct memory *memory = (struct memory *)input;
    struct text t = text_part(memory->bytes, memory->from, room);
    (void)err;
    if (t.len > 0)
        memcpy(to, t.at, t.len);
    memory->from += t.len;
    return (ssize_t)t.len;
}

static void memory_close(struct input *input)
{
    free(input);
}

static uint64_t memory_bytes_read(const struct input *input)
{
    return ((const struct memory *)input)->from;
}

static uint64_t memory_bytes_total(const struct input *input)
{
    return ((const struct memory *)input)->bytes.len;
}

static const struct input_ops memory_ops = {"", memory_read, memory_close, memory_bytes_read,
                                            memory_bytes_total};

int input_memory(struct input **input, struct text bytes, struct err *err)
{
    struct memory *memory = calloc(1, sizeof(*memory));
    if (!memory)
        return err_memory(err);
    *memory = (struct memory){.input.ops = &memory_ops, .bytes = bytes};
    *input = &memory->input;
    return 0;
}
