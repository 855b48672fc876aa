/*
 * CSV (RFC 4180): fields between separators, a field in quotes may hold separators, line feeds and
 * doubled quotes. The separator is the one of , ; and tab that the first line has most of. Blank lines
 * are passed over, and lines that begin with '#' in front of the header. The first row names the
 * columns, unless the platform's own names are given and no cell of the row is one of them and some
 * are empty.
 *
 * Each row becomes the text of a JSON object whose values are all strings, so that one platform table
 * serves CSV and JSON alike.
 *
 * A quote that is never closed would swallow the rest of the file: the row is then ended at its first
 * line feed and reported.
 */
#include "source/reader.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 1024
#define NAMES_MAX   ((size_t)256 * 1024)

struct cell {
    size_t from, len;
    bool quoted; /* has doubled quotes in it perhaps */
};

struct row {
    struct cell cells[COLUMNS_MAX];
    size_t count;
    size_t len;      /* bytes of the row with its line feed */
    size_t text_len; /* without it */
    bool bad;        /* something stands behind a closing quote, or there are too many cells */
};

struct reader_csv {
    struct reader reader;
    struct window *window;
    struct json *json;
    char separator;
    char format[24];
    size_t columns, least;
    struct text keys[COLUMNS_MAX]; /* each column as it stands in the object: "name": */
    struct buf names;              /* their bytes */
    struct buf header;             /* the row that named them, if one did */
    struct buf object;
    uint64_t number;
    size_t used;
    struct row row;
};

static char separator_of(struct text line)
{
    static const char separators[] = ",;\t";
    size_t best = 0, most = 0;
    for (size_t s = 0; s < 3; s++) {
        size_t count = 0;
        for (size_t i = text_find(line, separators[s], 0); i < line.len;
             i = text_find(line, separators[s], i + 1))
            count++;
        if (count > most) {
            most = count;
            best = s;
        }
    }
    return separators[best];
}

/* The index behind the closing quote of the field that opens at i, or len if it is not closed. */
static size_t quoted_end(struct text t, size_t i)
{
    for (i++;; i += 2) {
        i = text_find(t, '"', i);
        if (i >= t.len)
            return SIZE_MAX;
        if (i + 1 == t.len || t.at[i + 1] != '"')
            return i + 1;
    }
}

static size_t plain_end(struct text t, size_t i, char separator)
{
    while (i < t.len && t.at[i] != separator && t.at[i] != '\n')
        i++;
    return i;
}

static void add_cell(struct row *row, size_t from, size_t to, bool quoted)
{
    if (row->count == COLUMNS_MAX) {
        row->bad = true;
        return;
    }
    row->cells[row->count++] = (struct cell){from, to - from, quoted};
}

/* Takes the field at i; returns where its separator or line feed is, SIZE_MAX if a quote is open. */
static size_t take_cell(struct row *row, struct text t, size_t i, char separator)
{
    if (i == t.len || t.at[i] != '"') {
        size_t end = plain_end(t, i, separator);
        bool crlf = end > i && t.at[end - 1] == '\r' && (end == t.len || t.at[end] == '\n');
        add_cell(row, i, end - crlf, false);
        return end;
    }
    size_t close = quoted_end(t, i);
    if (close == SIZE_MAX)
        return SIZE_MAX;
    add_cell(row, i + 1, close - 1, true);
    size_t end = plain_end(t, close, separator);
    if (end != close && !(end == close + 1 && t.at[close] == '\r'))
        row->bad = true;
    return end;
}

enum split { SPLIT_DONE, SPLIT_OPEN_QUOTE, SPLIT_NO_END };

/* Splits the row at the beginning of t. */
static enum split split_row(struct row *row, struct text t, char separator, bool ended)
{
    size_t i = 0;
    row->count = 0;
    row->bad = false;
    for (;;) {
        i = take_cell(row, t, i, separator);
        if (i == SIZE_MAX)
            return SPLIT_OPEN_QUOTE;
        if (i == t.len || t.at[i] == '\n')
            break;
        i++;
    }
    if (i == t.len && !ended)
        return SPLIT_NO_END;
    row->len = i < t.len ? i + 1 : i;
    row->text_len = i > 0 && t.at[i - 1] == '\r' ? i - 1 : i;
    return SPLIT_DONE;
}

/* Ends the row at its first line feed, as one that cannot be read. */
static void cut_at_line(struct row *row, struct text t)
{
    size_t end = text_find(t, '\n', 0);
    row->len = end < t.len ? end + 1 : end;
    row->text_len = end;
    row->count = 0;
    row->bad = true;
}

enum got { GOT_ERROR = -1, GOT_END, GOT_ROW, GOT_OPEN_QUOTE, GOT_TOO_LARGE };

static bool has_line_feed(const struct reader_csv *r)
{
    struct text t = window_text(r->window);
    return text_find(t, '\n', 0) < t.len;
}

/* Splits the next row that is not blank, reading as much as it needs. */
static enum got take_row(struct reader_csv *r, struct err *err)
{
    for (;;) {
        struct text t = window_text(r->window);
        enum split split = split_row(&r->row, t, r->separator, r->window->ended);
        if (split == SPLIT_DONE && r->row.text_len > 0)
            return GOT_ROW;
        if (split == SPLIT_DONE) {
            window_skip(r->window, r->row.len);
            if (r->row.len == 0)
                return GOT_END;
            continue;
        }
        int more = window_more(r->window, err);
        if (more < 0)
            return GOT_ERROR;
        if (more > 0)
            continue;
        if (!r->window->ended && (split == SPLIT_NO_END || !has_line_feed(r)))
            return GOT_TOO_LARGE;
        if (split == SPLIT_NO_END)
            continue;
        cut_at_line(&r->row, window_text(r->window));
        return GOT_OPEN_QUOTE;
    }
}

static void put_escape(struct buf *to, unsigned char c)
{
    if (c == '"' || c == '\\') {
        buf_byte(to, '\\');
        buf_byte(to, (char)c);
    } else {
        buf_printf(to, "\\u%04x", c);
    }
}

/* Writes a cell as the inside of a JSON string. Bytes that are not UTF-8 stay, for the parser to see. */
static void put_cell(struct buf *to, struct text cell, bool quoted)
{
    size_t from = 0;
    for (size_t i = 0; i < cell.len; i++) {
        unsigned char c = (unsigned char)cell.at[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(to, text_part(cell, from, i - from));
        put_escape(to, c);
        if (quoted && c == '"')
            i++;
        from = i + 1;
    }
    buf_add(to, text_part(cell, from, cell.len));
}

static struct text cell_text(struct text t, const struct cell *cell)
{
    return text_part(t, cell->from, cell->len);
}

/* Writes the row as an object and parses it. */
static int parse_row(struct reader_csv *r, struct text t, struct record *record, struct err *err)
{
    struct buf *to = &r->object;
    size_t count = r->row.count < r->columns ? r->row.count : r->columns;
    buf_reset(to);
    buf_byte(to, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_byte(to, ',');
        buf_add(to, r->keys[i]);
        buf_byte(to, '"');
        put_cell(to, cell_text(t, &r->row.cells[i]), r->row.cells[i].quoted);
        buf_byte(to, '"');
    }
    buf_byte(to, '}');
    if (!buf_room(to, JSON_PADDING)) {
        record_refuse(record, USER_REASON_too_large, "more than %zu bytes", to->max);
        return 0;
    }
    if (json_parse_padded(r->json, buf_text(to), &record->value, err) == 0)
        return 0;
    if (err->code != ERR_INPUT)
        return -1;
    record->value = (struct json_value){0};
    if (!text_is_utf8(record->bytes))
        record_refuse(record, USER_REASON_invalid_utf8, "bytes that are not UTF-8");
    else
        record_refuse(record, USER_REASON_malformed_row, "%s", err->message);
    return 0;
}

/* Whether the row has as many cells as it should; one more is fine if it is empty and names are fixed. */
static bool fits(const struct reader_csv *r)
{
    const struct row *row = &r->row;
    if (row->count >= r->least && row->count <= r->columns)
        return true;
    return r->least < r->columns && row->count == r->columns + 1 &&
           row->cells[row->count - 1].len == 0;
}

static void judge(struct reader_csv *r, struct record *record)
{
    if (record->reason != USER_ACCEPTED)
        return;
    if (r->row.bad)
        record_refuse(record, USER_REASON_malformed_row, "something stands behind a closing quote");
    else if (text_has_nul(record->bytes))
        record_refuse(record, USER_REASON_malformed_row, "a NUL byte");
    else if (!fits(r))
        record_refuse(record, USER_REASON_malformed_row, "%zu cells where the header has %zu",
                      r->row.count, r->columns);
}

/* Passes over a row that is larger than the window, up to the next line feed. */
static int skip_large(struct reader_csv *r, struct record *record, struct err *err)
{
    record_refuse(record, USER_REASON_too_large, "more than %zu bytes", r->window->max);
    window_skip(r->window, window_text(r->window).len);
    for (;;) {
        int more = window_more(r->window, err);
        if (more <= 0)
            return more < 0 ? -1 : 1;
        struct text t = window_text(r->window);
        size_t end = text_find(t, '\n', 0);
        window_skip(r->window, end < t.len ? end + 1 : end);
        if (end < t.len)
            return 1;
    }
}

static int csv_next(struct reader *reader, struct record *record, struct err *err)
{
    struct reader_csv *r = (struct reader_csv *)reader;
    window_skip(r->window, r->used);
    r->used = 0;
    enum got got = take_row(r, err);
    if (got == GOT_ERROR || got == GOT_END)
        return got;
    record_start(record, ++r->number, r->window->offset);
    if (got == GOT_TOO_LARGE)
        return skip_large(r, record, err);
    struct text t = window_text(r->window);
    r->used = r->row.len;
    record->bytes = text_part(t, 0, r->row.text_len);
    if (got == GOT_OPEN_QUOTE) {
        record_refuse(record, USER_REASON_malformed_row, "a quote that is never closed");
        return 1;
    }
    if (parse_row(r, t, record, err) != 0)
        return -1;
    judge(r, record);
    return 1;
}

/* Names a column; its key text goes into r->names and is cut out when all are there. */
static void put_name(struct reader_csv *r, struct text name, bool quoted, size_t number)
{
    buf_byte(&r->names, '"');
    name = text_trim(name);
    if (name.len > 0)
        put_cell(&r->names, name, quoted);
    else
        buf_printf(&r->names, "column %zu", number);
    buf_add(&r->names, TEXT("\":\n"));
}

static int set_keys(struct reader_csv *r, size_t count, struct err *err)
{
    struct text rest = buf_text(&r->names), key;
    if (!buf_ok(&r->names))
        return err_memory(err);
    for (size_t i = 0; i < count && text_field(&rest, '\n', &key); i++) {
        r->keys[i] = key;
        for (size_t k = 0; k < i; k++)
            if (text_same(r->keys[k], key))
                return err_set(err, ERR_INPUT,
                               "the header names %.*s twice; rename one of the columns",
                               TEXT_ARG(text_part(key, 0, key.len - 1)));
    }
    r->columns = count;
    return 0;
}

/* Whether the first row gives names to the columns, where the platform would have names for them. */
static bool is_header(const struct reader_csv *r, struct text t, const char *const *columns)
{
    bool empty = false;
    for (size_t i = 0; i < r->row.count; i++) {
        struct text cell = text_trim(cell_text(t, &r->row.cells[i]));
        empty |= cell.len == 0;
        for (size_t k = 0; columns[k]; k++)
            if (text_same(cell, text_of(columns[k])))
                return true;
    }
    return !empty;
}

static int take_header(struct reader_csv *r, struct err *err)
{
    struct text t = window_text(r->window);
    if (r->row.count < 2)
        return err_set(err, ERR_INPUT, "this is no CSV with a header: its first row has one cell");
    for (size_t i = 0; i < r->row.count; i++)
        put_name(r, cell_text(t, &r->row.cells[i]), r->row.cells[i].quoted, i + 1);
    buf_add(&r->header, text_part(t, 0, r->row.text_len));
    r->least = r->row.count;
    if (set_keys(r, r->row.count, err) != 0)
        return -1;
    window_skip(r->window, r->row.len);
    return 0;
}

static int fixed_names(struct reader_csv *r, const struct reader_opts *opts, struct err *err)
{
    size_t count = 0;
    for (; opts->columns[count]; count++)
        put_name(r, text_of(opts->columns[count]), false, count + 1);
    r->least = opts->columns_least;
    return set_keys(r, count, err);
}

static bool fixed_fits(const struct reader_csv *r, const struct reader_opts *opts)
{
    size_t count = 0;
    while (opts->columns[count])
        count++;
    return r->row.count >= opts->columns_least && r->row.count <= count + 1;
}

/* Passes over blank lines and comments in front of the header. */
static int skip_comments(struct reader_csv *r, struct err *err)
{
    for (;;) {
        struct text t = window_text(r->window);
        size_t end = text_find(t, '\n', 0);
        struct text line = text_trim(text_part(t, 0, end));
        if (t.len == 0 || (line.len > 0 && line.at[0] != '#')) {
            r->separator = separator_of(line);
            return 0;
        }
        window_skip(r->window, end < t.len ? end + 1 : end);
        if (end == t.len && window_more(r->window, err) < 0)
            return -1;
        if (end == t.len && r->window->ended)
            return 0;
    }
}

static int csv_start(struct reader_csv *r, const struct reader_opts *opts, struct err *err)
{
    if (skip_comments(r, err) != 0)
        return -1;
    enum got got = take_row(r, err);
    if (got == GOT_ERROR)
        return -1;
    if (got != GOT_ROW)
        return err_set(err, ERR_INPUT, "this is no CSV: its first row cannot be read");
    if (!text_is_utf8(text_part(window_text(r->window), 0, r->row.text_len)) && !opts->columns)
        return err_set(err, ERR_INPUT,
                       "the header is not UTF-8; convert the file first: iconv -t UTF-8");
    strcpy(r->format, r->separator == '\t' ? "CSV with tabs" : "CSV");
    if (opts->columns && fixed_fits(r, opts) &&
        !is_header(r, window_text(r->window), opts->columns)) {
        strcpy(r->format, "CSV without header");
        return fixed_names(r, opts, err);
    }
    return take_header(r, err);
}

static void csv_close(struct reader *reader)
{
    struct reader_csv *r = (struct reader_csv *)reader;
    buf_release(&r->names);
    buf_release(&r->header);
    buf_release(&r->object);
    free(r);
}

static int csv_open(struct reader **reader, const struct reader_opts *opts, struct err *err)
{
    struct reader_csv *r = calloc(1, sizeof(*r));
    if (!r)
        return err_memory(err);
    r->reader.ops = &reader_csv_ops;
    r->window = opts->window;
    r->json = opts->json;
    r->separator = ',';
    buf_init(&r->names, NAMES_MAX);
    buf_init(&r->header, NAMES_MAX);
    buf_init(&r->object, opts->window->max);
    *reader = &r->reader;
    return csv_start(r, opts, err);
}

static const char *csv_format(const struct reader *reader)
{
    return ((const struct reader_csv *)reader)->format;
}

static struct text csv_header(const struct reader *reader)
{
    return buf_text(&((const struct reader_csv *)reader)->header);
}

const struct reader_ops reader_csv_ops = {csv_open, csv_next, csv_close, csv_format, csv_header};
