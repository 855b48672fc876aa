/*
 * HTTP/1.1 …        the status line
 * Name: value       headers, of which only a few matter here
 *                   an empty line
 * body              Content-Length bytes; or chunks: size in hexadecimal, CRLF, bytes, CRLF, …, size 0,
 *                   trailers, an empty line; or all up to the end of the connection
 *
 * One step a stage; a step that has nothing to tell says GO_ON. The head is read when it is whole.
 */
#include "net/answer.h"

#define GO_ON ((enum answer_got)(ANSWER_END + 1))

void answer_begin(struct answer *answer, bool is_head)
{
    *answer = (struct answer){.is_head = is_head, .length = ANSWER_LENGTH_UNKNOWN};
}

/* Splits off a line of at most max bytes, without its CRLF: GO_ON, ANSWER_MORE or ANSWER_BAD. */
static enum answer_got take_line(struct answer *answer, struct text *rest, size_t max,
                                 struct text *line)
{
    size_t end = text_find(*rest, '\n', answer->scanned);
    answer->scanned = end;
    if (end > max)
        return ANSWER_BAD;
    if (end == rest->len)
        return ANSWER_MORE;
    if (end == 0 || rest->at[end - 1] != '\r')
        return ANSWER_BAD;
    *line = text_part(*rest, 0, end - 1);
    *rest = text_part(*rest, end + 1, rest->len);
    answer->scanned = 0;
    return GO_ON;
}

/* --- the head --- */

static bool is_token(struct text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i], low = (char)(c | 0x20);
        if (!(low >= 'a' && low <= 'z') && c != '-' && !(c >= '0' && c <= '9') &&
            (c == 0 || !strchr("!#$%&'*+.^_`|~", c)))
            return false;
    }
    return name.len > 0;
}

static bool is_value(struct text value)
{
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 0x7f)
            return false;
    return true;
}

bool answer_header(struct text *head, struct text *name, struct text *value)
{
    struct text line;
    if (head->len == 0 || !text_field(head, '\n', &line))
        return false;
    size_t colon = text_find(line, ':', 0);
    *name = text_part(line, 0, colon);
    *value = text_trim(text_part(line, colon + 1, line.len));
    return true;
}

static bool list_names(struct text list, struct text name)
{
    struct text item;
    while (text_field(&list, ',', &item))
        if (text_same_nocase(text_trim(item), name))
            return true;
    return false;
}

static bool read_status(struct answer *answer, struct text line)
{
    uint64_t status;
    if (!text_starts(line, TEXT("HTTP/1.")) || line.len < 12 || line.at[8] != ' ' ||
        !text_u64(text_part(line, 9, 3), 599, &status) || status < 100 ||
        (line.len > 12 && line.at[12] != ' '))
        return false;
    answer->status = (int)status;
    answer->keep = line.at[7] != '0';
    return true;
}

static bool read_length(struct answer *answer, struct text value)
{
    uint64_t length;
    if (!text_u64(value, INT64_MAX, &length) ||
        (answer->length != ANSWER_LENGTH_UNKNOWN && length != answer->length))
        return false;
    answer->length = length;
    return true;
}

static bool read_header(struct answer *answer, struct text line)
{
    size_t colon = text_find(line, ':', 0);
    struct text name = text_part(line, 0, colon);
    struct text value = text_trim(text_part(line, colon + 1, line.len));
    if (colon == line.len || !is_token(name) || !is_value(value))
        return false;
    if (text_same_nocase(name, TEXT("content-length")))
        return read_length(answer, value);
    if (text_same_nocase(name, TEXT("transfer-encoding"))) {
        bool first = !answer->chunked;
        answer->chunked = true;
        return first && text_same_nocase(value, TEXT("chunked"));
    }
    if (text_same_nocase(name, TEXT("connection")) && list_names(value, TEXT("close")))
        answer->keep = false;
    return true;
}

/* What the head says about the body. */
static bool settle(struct answer *answer)
{
    bool told = answer->length != ANSWER_LENGTH_UNKNOWN;
    if (answer->chunked && told)
        return false;
    if (answer->is_head || answer->status == 204 || answer->status == 304) {
        answer->stage = ANSWER_OVER;
    } else if (answer->chunked) {
        answer->stage = ANSWER_AT_SIZE;
    } else if (told) {
        answer->stage = ANSWER_IN_BODY;
        answer->left = answer->length;
    } else {
        answer->stage = ANSWER_TO_END;
        answer->keep = false;
    }
    return true;
}

/* Forgets an interim answer; the final one follows. */
static enum answer_got pass_over(struct answer *answer, size_t len)
{
    size_t spent = answer->spent + len;
    if (answer->status == 101 || spent > ANSWER_HEAD_MAX)
        return ANSWER_BAD;
    answer_begin(answer, answer->is_head);
    answer->spent = spent;
    return GO_ON;
}

static enum answer_got read_head(struct answer *answer, struct text *rest)
{
    size_t from = answer->scanned > 3 ? answer->scanned - 3 : 0;
    const char *end =
        from < rest->len ? memmem(rest->at + from, rest->len - from, "\r\n\r\n", 4) : NULL;
    size_t len = end ? (size_t)(end - rest->at) + 4 : rest->len;
    struct text lines = text_part(*rest, 0, end ? len - 2 : 0), line;
    answer->scanned = rest->len;
    if (len > ANSWER_HEAD_MAX || !text_starts(TEXT("HTTP/1."), text_part(*rest, 0, 7)))
        return ANSWER_BAD;
    if (!end)
        return ANSWER_MORE;
    answer->scanned = 0;
    if (take_line(answer, &lines, len, &line) != GO_ON || !read_status(answer, line))
        return ANSWER_BAD;
    answer->head = lines;
    while (lines.len > 0)
        if (take_line(answer, &lines, len, &line) != GO_ON || !read_header(answer, line))
            return ANSWER_BAD;
    *rest = text_part(*rest, len, rest->len);
    if (answer->status < 200)
        return pass_over(answer, len);
    answer->spent = 0;
    return settle(answer) ? ANSWER_HEAD : ANSWER_BAD;
}

/* --- the body --- */

/* Gives what is there of the `left` bytes; behind them the next stage begins. */
static enum answer_got read_piece(struct answer *answer, struct text *rest, enum answer_stage next)
{
    if (answer->left == 0) {
        answer->stage = next;
        return GO_ON;
    }
    if (rest->len == 0)
        return ANSWER_MORE;
    answer->piece =
        text_part(*rest, 0, answer->left < rest->len ? (size_t)answer->left : rest->len);
    answer->left -= answer->piece.len;
    *rest = text_part(*rest, answer->piece.len, rest->len);
    return ANSWER_PIECE;
}

static enum answer_got read_to_end(struct answer *answer, struct text *rest)
{
    answer->left = rest->len;
    return rest->len > 0 ? read_piece(answer, rest, ANSWER_TO_END) : ANSWER_MORE;
}

/* The size that a chunk begins with; extensions behind a semicolon mean nothing. */
static bool chunk_size(struct text line, uint64_t *size)
{
    struct text digits = text_trim(text_part(line, 0, text_find(line, ';', 0)));
    *size = 0;
    for (size_t i = 0; i < digits.len; i++) {
        char low = (char)(digits.at[i] | 0x20);
        bool letter = low >= 'a' && low <= 'f';
        if (!letter && (digits.at[i] < '0' || digits.at[i] > '9'))
            return false;
        *size = *size << 4 | (unsigned)(letter ? low - 'a' + 10 : digits.at[i] - '0');
    }
    return digits.len > 0 && digits.len <= 15;
}

static enum answer_got read_size(struct answer *answer, struct text *rest)
{
    struct text line;
    enum answer_got got = take_line(answer, rest, ANSWER_LINE_MAX, &line);
    if (got != GO_ON)
        return got;
    if (!chunk_size(line, &answer->left))
        return ANSWER_BAD;
    answer->stage = answer->left > 0 ? ANSWER_IN_CHUNK : ANSWER_IN_TRAILERS;
    return GO_ON;
}

static enum answer_got read_behind_chunk(struct answer *answer, struct text *rest)
{
    if (rest->len > 0 && rest->at[0] != '\r')
        return ANSWER_BAD;
    if (rest->len < 2)
        return ANSWER_MORE;
    if (rest->at[1] != '\n')
        return ANSWER_BAD;
    *rest = text_part(*rest, 2, rest->len);
    answer->stage = ANSWER_AT_SIZE;
    return GO_ON;
}

/* The lines behind the last chunk, up to an empty one. */
static enum answer_got read_trailers(struct answer *answer, struct text *rest)
{
    struct text line;
    enum answer_got got = take_line(answer, rest, ANSWER_LINE_MAX, &line);
    if (got != GO_ON)
        return got;
    answer->spent += line.len + 2;
    if (answer->spent > ANSWER_HEAD_MAX)
        return ANSWER_BAD;
    if (line.len == 0)
        answer->stage = ANSWER_OVER;
    return GO_ON;
}

/* Bytes that nobody asked for stand behind the answer: whose they are cannot be known. */
static enum answer_got end(struct answer *answer, const struct text *rest)
{
    if (rest->len > 0)
        answer->keep = false;
    return ANSWER_END;
}

static enum answer_got step(struct answer *answer, struct text *rest)
{
    switch (answer->stage) {
    case ANSWER_AT_HEAD:
        return read_head(answer, rest);
    case ANSWER_IN_BODY:
        return read_piece(answer, rest, ANSWER_OVER);
    case ANSWER_TO_END:
        return read_to_end(answer, rest);
    case ANSWER_AT_SIZE:
        return read_size(answer, rest);
    case ANSWER_IN_CHUNK:
        return read_piece(answer, rest, ANSWER_BEHIND_CHUNK);
    case ANSWER_BEHIND_CHUNK:
        return read_behind_chunk(answer, rest);
    case ANSWER_IN_TRAILERS:
        return read_trailers(answer, rest);
    default:
        return end(answer, rest);
    }
}

enum answer_got answer_read(struct answer *answer, struct text *rest)
{
    enum answer_got got;
    do {
        got = step(answer, rest);
    } while (got == GO_ON);
    return got;
}

bool answer_ends(const struct answer *answer)
{
    return answer->stage == ANSWER_TO_END;
}
