/*
 * JSON in the shapes in which platforms export users. The file is a sequence of values:
 *
 *     array     [ {…}, {…} ]
 *     wrapper   { …, "users": [ {…}, {…} ], … }, the array at most one object deeper
 *     lines     {…} \n {…}           one record a line
 *     values    {…} {…}              pretty-printed over several lines
 *
 * Lines are cut at line feeds, which cannot stand inside a JSON string. Everything else is cut where
 * its brackets close (scan.h). Each piece is parsed on its own, so a bad one is reported and the next
 * one is read; a record whose brackets do not match would take others with it, and is therefore ended
 * where the next one begins that looks like the last good one (same first two keys).
 */
#include "source/reader.h"

#include <stdlib.h>
#include <string.h>

#include "source/scan.h"
#include "source/shape.h"

#define KEY_MAX       64
#define KEYS_EVERY    64
#define RESYNC_TRIES  32
#define SHAPE_LOOK_AT ((size_t)128 * 1024)

enum place {
    AT_TOP,   /* before a top-level value */
    IN_ARRAY, /* before an element or the closing bracket */
    IN_LINES, /* before a line */
};

struct reader_json {
    struct reader reader;
    struct window *window;
    struct json *json;
    const char *format;
    enum place place;
    uint64_t number;
    unsigned wrapped;    /* objects that are open around the array */
    bool any_array;      /* the records are elements, not top-level values */
    size_t used;         /* bytes of the record given out last, still in the window */
    struct text keys[2]; /* the first two keys of the last good record */
    char key_bytes[2][KEY_MAX];
};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Skips white space and, in an array, commas. Returns 1 with *c the next byte, 0 at the end, -1. */
static int next_byte(struct reader_json *r, char *c, struct err *err)
{
    for (;;) {
        struct text t = window_text(r->window);
        size_t i = 0;
        while (i < t.len && (is_space(t.at[i]) || (t.at[i] == ',' && r->place == IN_ARRAY)))
            i++;
        window_skip(r->window, i);
        if (i < t.len) {
            *c = t.at[i];
            return 1;
        }
        int more = window_more(r->window, err);
        if (more <= 0)
            return more;
    }
}

/* Where a cut has come to. */
enum cut { CUT_FAILED = -1, CUT_DONE, CUT_OPEN, CUT_TOO_LARGE };

/* Asks for more behind what a cut has seen: CUT_DONE to go on, else why not. */
static enum cut more_for_cut(struct reader_json *r, struct err *err)
{
    int more = window_more(r->window, err);
    if (more < 0)
        return CUT_FAILED;
    if (more > 0)
        return CUT_DONE;
    return r->window->ended ? CUT_OPEN : CUT_TOO_LARGE;
}

/* Cuts the bracketed value at `from` in the window; *len gets where it ends, counted from there. */
static enum cut cut_brackets(struct reader_json *r, size_t from, struct scan *scan, size_t *len,
                             struct err *err)
{
    size_t done = from;
    for (;;) {
        struct text t = window_text(r->window);
        size_t end = scan_value(scan, t.at + done, t.len - done);
        if (end != SCAN_OPEN) {
            *len = done + end - from;
            return CUT_DONE;
        }
        done = t.len;
        *len = done - from;
        enum cut more = more_for_cut(r, err);
        if (more != CUT_DONE)
            return more;
    }
}

/* Cuts a bare value (a number, null, a string) up to the next comma, bracket or line. */
static enum cut cut_bare(struct reader_json *r, size_t *len, struct err *err)
{
    size_t i = 0;
    bool string = false;
    for (;;) {
        struct text t = window_text(r->window);
        for (; i < t.len; i++) {
            char c = t.at[i];
            if (c == '\n' || (!string && i > 0 && strchr(",]}[{", c) && c)) {
                *len = i;
                return CUT_DONE;
            }
            if (c == '"' && (i == 0 || t.at[i - 1] != '\\'))
                string = !string;
        }
        *len = i;
        enum cut more = more_for_cut(r, err);
        if (more != CUT_DONE)
            return more == CUT_OPEN && i > 0 ? CUT_DONE : more;
    }
}

static enum cut cut_line(struct reader_json *r, size_t *len, struct err *err)
{
    size_t done = 0;
    for (;;) {
        struct text t = window_text(r->window);
        size_t end = text_find(t, '\n', done);
        *len = end;
        if (end < t.len)
            return CUT_DONE;
        done = t.len;
        enum cut more = more_for_cut(r, err);
        if (more != CUT_DONE)
            return more == CUT_OPEN ? CUT_DONE : more;
    }
}

/* Keeps the first two keys of a good record now and then: by them a lost reader finds the next. */
static void remember_keys(struct reader_json *r, struct json_value value)
{
    if (r->keys[0].at && r->number % KEYS_EVERY != 0)
        return;
    struct json_walk walk = json_walk(value);
    for (int i = 0; i < 2; i++) {
        if (!json_next(&walk) || walk.key.len > KEY_MAX) {
            r->keys[i] = (struct text){NULL, 0};
            continue;
        }
        if (text_same(walk.key, r->keys[i]))
            continue;
        memcpy(r->key_bytes[i], walk.key.at, walk.key.len);
        r->keys[i] = (struct text){r->key_bytes[i], walk.key.len};
    }
}

static bool has_known_keys(const struct reader_json *r, struct json_value value)
{
    struct json_walk walk = json_walk(value);
    for (int i = 0; i < 2 && r->keys[i].at; i++)
        if (!json_next(&walk) || !text_same(walk.key, r->keys[i]))
            return false;
    return true;
}

/* Whether a whole record that looks like the last good one stands at `from` in the window. */
static int is_record(struct reader_json *r, size_t from, struct err *err)
{
    struct scan scan = {0};
    struct json_value value;
    struct err ignored;
    size_t len;
    enum cut cut = cut_brackets(r, from, &scan, &len, err);
    if (cut != CUT_DONE)
        return cut == CUT_FAILED ? -1 : 0;
    struct text t = text_part(window_text(r->window), from, len);
    return json_parse_padded(r->json, t, &value, &ignored) == 0 && has_known_keys(r, value);
}

/* The index of the '{' in front of the key found at `key`, or 0. */
static size_t brace_before(struct text t, size_t key)
{
    while (key > 0 && is_space(t.at[key - 1]))
        key--;
    return key > 0 && t.at[key - 1] == '{' ? key - 1 : 0;
}

/*
 * The record at the front has no right end. Finds the next one behind it within len bytes; *end gets
 * where the bad one ends. Returns 1, 0 if none is found, -1 with err.
 */
static int find_next(struct reader_json *r, size_t len, size_t *end, struct err *err)
{
    char key[KEY_MAX + 2];
    size_t from = 1;
    if (!r->keys[0].at)
        return 0;
    key[0] = key[r->keys[0].len + 1] = '"';
    memcpy(key + 1, r->keys[0].at, r->keys[0].len);
    for (int tries = 0; tries < RESYNC_TRIES; tries++) {
        struct text t = text_part(window_text(r->window), 0, len);
        const char *hit =
            from < t.len ? memmem(t.at + from, t.len - from, key, r->keys[0].len + 2) : NULL;
        if (!hit)
            return 0;
        size_t at = (size_t)(hit - t.at), brace = brace_before(t, at);
        int good = brace > 0 ? is_record(r, brace, err) : 0;
        *end = brace;
        if (good != 0)
            return good;
        from = at + 1;
    }
    return 0;
}

static const char *without_prefix(const char *message)
{
    return strncmp(message, "not JSON: ", 10) == 0 ? message + 10 : message;
}

/* Parses the piece; fills record->value or its reason. */
static int parse_piece(struct reader_json *r, struct text piece, struct record *record,
                       struct err *err)
{
    record->bytes = piece;
    if (json_parse_padded(r->json, piece, &record->value, err) == 0) {
        if (json_type(record->value) == JSON_OBJECT)
            remember_keys(r, record->value);
        else
            record_refuse(record, USER_REASON_not_an_object, "%s where an object should be",
                          json_type_name(json_type(record->value)));
        return 0;
    }
    if (err->code != ERR_INPUT)
        return -1;
    record->value = (struct json_value){0};
    if (!text_is_utf8(piece))
        record_refuse(record, USER_REASON_invalid_utf8, "bytes that are not UTF-8");
    else
        record_refuse(record, USER_REASON_malformed_row, "%s", without_prefix(err->message));
    return 0;
}

/* Gives out the first len bytes of the window as a record that cannot be read. */
static void give_bad(struct reader_json *r, size_t len, struct record *record)
{
    record->bytes = text_trim(text_part(window_text(r->window), 0, len));
    record->value = (struct json_value){0};
    r->used = len;
}

/* Passes over the rest of a record that is larger than the window; `scan` has seen what is in it. */
static int skip_large(struct reader_json *r, struct scan *scan, struct err *err)
{
    window_skip(r->window, window_text(r->window).len);
    for (;;) {
        int more = window_more(r->window, err);
        if (more <= 0)
            return more;
        struct text t = window_text(r->window);
        size_t end = scan ? scan_value(scan, t.at, t.len) : text_find(t, '\n', 0);
        bool found = scan ? end != SCAN_OPEN : end < t.len;
        window_skip(r->window, found ? end : t.len);
        if (found)
            return 0;
    }
}

static int too_large(struct reader_json *r, struct scan *scan, struct record *record,
                     struct err *err)
{
    record_refuse(record, USER_REASON_too_large, "more than %zu bytes", r->window->max);
    record->bytes = (struct text){NULL, 0};
    record->value = (struct json_value){0};
    return skip_large(r, scan, err) < 0 ? -1 : 1;
}

/* A piece in brackets that does not parse or does not close: ends it before the next good record. */
static int mend(struct reader_json *r, size_t len, struct record *record, bool *found,
                struct err *err)
{
    size_t end = len;
    int next = find_next(r, len, &end, err);
    if (next < 0)
        return -1;
    *found = next > 0;
    give_bad(r, next > 0 ? end : len, record);
    return 1;
}

static int next_bracketed(struct reader_json *r, struct record *record, struct err *err)
{
    struct scan scan = {0};
    size_t len;
    bool found;
    enum cut cut = cut_brackets(r, 0, &scan, &len, err);
    if (cut == CUT_FAILED)
        return -1;
    if (cut == CUT_DONE) {
        r->used = len;
        if (parse_piece(r, text_part(window_text(r->window), 0, len), record, err) != 0)
            return -1;
        if (record->reason == USER_REASON_malformed_row)
            return mend(r, len, record, &found, err);
        return 1;
    }
    record_refuse(record, USER_REASON_malformed_row, "its brackets do not close");
    if (mend(r, len, record, &found, err) < 0)
        return -1;
    if (cut == CUT_TOO_LARGE && !found) {
        r->used = 0;
        return too_large(r, &scan, record, err);
    }
    return 1;
}

static int next_bare(struct reader_json *r, struct record *record, struct err *err)
{
    size_t len;
    enum cut cut = cut_bare(r, &len, err);
    if (cut == CUT_FAILED)
        return -1;
    if (cut == CUT_TOO_LARGE)
        return too_large(r, NULL, record, err);
    if (len == 0)
        len = 1;
    r->used = len;
    return parse_piece(r, text_trim(text_part(window_text(r->window), 0, len)), record, err) == 0
               ? 1
               : -1;
}

/* A line holds one record; if it does not parse, it may be several side by side. */
static int next_line(struct reader_json *r, struct record *record, struct err *err)
{
    size_t len;
    enum cut cut = cut_line(r, &len, err);
    if (cut == CUT_FAILED)
        return -1;
    if (cut == CUT_TOO_LARGE)
        return too_large(r, NULL, record, err);
    r->used = len;
    struct text line = text_part(window_text(r->window), 0, len);
    if (parse_piece(r, text_trim(line), record, err) != 0)
        return -1;
    if (record->reason != USER_REASON_malformed_row || line.at[0] != '{')
        return 1;
    struct scan scan = {0};
    size_t end = scan_value(&scan, line.at, line.len);
    if (end == SCAN_OPEN || end >= text_trim(line).len)
        return 1;
    record->reason = USER_ACCEPTED;
    record->detail[0] = 0;
    r->used = end;
    return parse_piece(r, text_part(line, 0, end), record, err) == 0 ? 1 : -1;
}

/* Enters the array of users that begins array_at bytes ahead. */
static void enter_array(struct reader_json *r, size_t array_at, unsigned wrapped)
{
    window_skip(r->window, array_at + 1);
    r->place = IN_ARRAY;
    r->any_array = true;
    r->wrapped = wrapped;
}

/* Leaves it: passes over what is left of the objects around it. */
static int leave_array(struct reader_json *r, struct err *err)
{
    struct scan scan = {.depth = r->wrapped};
    window_skip(r->window, 1);
    r->place = AT_TOP;
    while (r->wrapped > 0) {
        struct text t = window_text(r->window);
        size_t end = scan_value(&scan, t.at, t.len);
        window_skip(r->window, end == SCAN_OPEN ? t.len : end);
        if (end != SCAN_OPEN)
            r->wrapped = 0;
        int more = end == SCAN_OPEN ? window_more(r->window, err) : 1;
        if (more < 0)
            return -1;
        if (more == 0)
            return err_set(err, ERR_INPUT,
                           "the file ends inside the object around the users; it is cut short");
    }
    return 0;
}

/* At the top of a file of arrays or wrappers: enters the next one. */
static int enter_next(struct reader_json *r, char c, struct err *err)
{
    struct shape shape;
    if (c == '[') {
        enter_array(r, 0, 0);
        return 0;
    }
    if (c == '{') {
        if (window_need(r->window, SHAPE_LOOK_AT, err) != 0)
            return -1;
        shape = shape_of(window_text(r->window));
        if (shape.wrapper) {
            enter_array(r, shape.array_at, shape.depth);
            return 0;
        }
    }
    return err_set(err, ERR_INPUT,
                   "something else than users stands behind the end of the array, at byte %llu",
                   (unsigned long long)r->window->offset);
}

static int at_end(const struct reader_json *r, struct err *err)
{
    if (r->place == IN_ARRAY)
        return err_set(err, ERR_INPUT,
                       "the file ends inside its array of users, at byte %llu; it is cut short",
                       (unsigned long long)r->window->offset);
    return 0;
}

static int json_reader_next(struct reader *reader, struct record *record, struct err *err)
{
    struct reader_json *r = (struct reader_json *)reader;
    char c;
    window_skip(r->window, r->used);
    r->used = 0;
    for (;;) {
        int got = next_byte(r, &c, err);
        if (got <= 0)
            return got < 0 ? -1 : at_end(r, err);
        if (r->place == IN_ARRAY && c == ']') {
            if (leave_array(r, err) != 0)
                return -1;
        } else if (r->place == AT_TOP && r->any_array) {
            if (enter_next(r, c, err) != 0)
                return -1;
        } else {
            break;
        }
    }
    record_start(record, ++r->number, r->window->offset);
    if (r->place == IN_LINES)
        return next_line(r, record, err);
    return c == '{' || c == '[' ? next_bracketed(r, record, err) : next_bare(r, record, err);
}

static void json_reader_close(struct reader *reader)
{
    free(reader);
}

static const char *json_reader_format(const struct reader *reader)
{
    return ((const struct reader_json *)reader)->format;
}

/* A file that begins with an object: a wrapper, lines, or values over several lines. */
static void open_object(struct reader_json *r, struct text t)
{
    struct shape shape = shape_of(t);
    struct scan scan = {0};
    if (shape.wrapper) {
        r->format = "JSON object around an array";
        enter_array(r, shape.array_at, shape.depth);
        return;
    }
    size_t end = scan_value(&scan, t.at, t.len);
    size_t line = text_find(t, '\n', 0);
    bool lines =
        line < t.len ? end == SCAN_OPEN ? t.at[1] != '\n' && t.at[1] != '\r' : end <= line : true;
    r->place = lines ? IN_LINES : AT_TOP;
    r->format = lines ? "JSON Lines" : "JSON objects";
}

static int json_reader_open(struct reader **reader, const struct reader_opts *opts, struct err *err)
{
    struct reader_json *r = calloc(1, sizeof(*r));
    char c;
    if (!r)
        return err_memory(err);
    *r = (struct reader_json){
        .reader.ops = &reader_json_ops, .window = opts->window, .json = opts->json};
    *reader = &r->reader;
    if (next_byte(r, &c, err) < 0 || window_need(r->window, SHAPE_LOOK_AT, err) != 0)
        return -1;
    if (c == '[') {
        r->format = "JSON array";
        enter_array(r, 0, 0);
    } else if (c == '{') {
        open_object(r, window_text(r->window));
    } else {
        r->format = "JSON Lines";
        r->place = IN_LINES;
    }
    return 0;
}

const struct reader_ops reader_json_ops = {json_reader_open, json_reader_next, json_reader_close,
                                           json_reader_format, NULL};
