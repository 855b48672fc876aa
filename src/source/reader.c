/*
 * Which reader: '{' or '[' first is JSON; '<' is HTML or XML, a control byte is binary data, and both
 * are refused; a first line without any separator is no CSV, but may be a bad line of JSON Lines when
 * a later line begins with '{'.
 */
#include "source/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOOK_AT ((size_t)64 * 1024)

void record_start(struct record *record, uint64_t number, uint64_t offset)
{
    record->number = number;
    record->offset = offset;
    record->bytes = (struct text){NULL, 0};
    record->value = (struct json_value){0};
    record->reason = USER_ACCEPTED;
    record->detail[0] = 0;
}

void record_refuse(struct record *record, enum user_reason reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record->reason = reason;
    vsnprintf(record->detail, sizeof(record->detail), format, args);
    va_end(args);
}

/* A control byte in the first line, or many of them (every other byte is NUL in UTF-16). */
static bool is_binary(struct text t)
{
    size_t controls = 0, line = text_find(t, '\n', 0), looked = t.len < 512 ? t.len : 512;
    for (size_t i = 0; i < looked; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (c >= 0x20 || c == '\t' || c == '\n' || c == '\r' || c == '\f')
            continue;
        if (i < line)
            return true;
        controls++;
    }
    return controls * 8 > looked;
}

static bool has_separator(struct text line)
{
    return text_find(line, ',', 0) < line.len || text_find(line, ';', 0) < line.len ||
           text_find(line, '\t', 0) < line.len;
}

static bool has_line_of_json(struct text t)
{
    struct text line;
    while (text_field(&t, '\n', &line)) {
        line = text_trim(line);
        if (line.len > 0 && line.at[0] == '{')
            return true;
    }
    return false;
}

/* The first line that is neither blank nor a comment. */
static struct text first_line(struct text t)
{
    struct text line = t;
    while (text_field(&t, '\n', &line)) {
        line = text_trim(line);
        if (line.len > 0 && line.at[0] != '#')
            break;
    }
    return line;
}

static const struct reader_ops *choose(struct text t, struct err *err)
{
    struct text rest = text_trim(t);
    if (rest.len == 0) {
        err_set(err, ERR_INPUT, "the export is empty");
        return NULL;
    }
    if (rest.at[0] == '<') {
        err_set(err, ERR_INPUT,
                "this is HTML or XML, no export; a login or error page saved by mistake?");
        return NULL;
    }
    if (rest.at[0] == '{' || rest.at[0] == '[')
        return &reader_json_ops;
    if (is_binary(rest)) {
        err_set(err, ERR_INPUT,
                "this is binary data, no export; JSON, JSON Lines and CSV are read, "
                "also as gzip or zstd, all in UTF-8");
        return NULL;
    }
    if (has_separator(first_line(rest)))
        return &reader_csv_ops;
    if (has_line_of_json(rest))
        return &reader_json_ops;
    err_set(err, ERR_INPUT, "this is no export: neither JSON objects nor CSV with a separator");
    return NULL;
}

int reader_open(struct reader **reader, const struct reader_opts *opts, struct err *err)
{
    struct window *window = opts->window;
    if (window_need(window, LOOK_AT, err) != 0)
        return -1;
    if (text_starts(window_text(window), TEXT("\xEF\xBB\xBF")))
        window_skip(window, 3);
    const struct reader_ops *ops = choose(window_text(window), err);
    if (!ops)
        return -1;
    return ops->open(reader, opts, err);
}
