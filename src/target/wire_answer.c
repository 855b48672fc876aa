/*
 * HTTP/1.1 …        the status line
 * Name: value       headers, of which only a few matter here
 *                   an empty line
 * body              Content-Length bytes; or chunks: size in hexadecimal, CRLF, bytes, CRLF, …, size 0,
 *                   trailers, an empty line; or all up to the end of the connection
 */
#include "target/wire_answer.h"

void wire_answer_init(struct wire_answer *answer, size_t max)
{
    *answer = (struct wire_answer){.max = max};
}

/* The line that begins at `at`, without its CRLF; absent if it is not whole. *next is behind it. */
static struct text line_at(const struct buf *in, size_t at, size_t *next)
{
    struct text whole = buf_text(in);
    size_t end = text_find(whole, '\n', at);
    if (end == whole.len || end == at || whole.at[end - 1] != '\r')
        return (struct text){NULL, 0};
    *next = end + 1;
    return text_part(whole, at, end - 1 - at);
}

static int read_status(struct wire_answer *answer, struct text line)
{
    uint64_t status;
    if (!text_starts(line, TEXT("HTTP/1.")) || line.len < 12 || line.at[8] != ' ' ||
        !text_u64(text_part(line, 9, 3), 599, &status) || status < 100 ||
        (line.len > 12 && line.at[12] != ' '))
        return -1;
    answer->status = (int)status;
    answer->keep = line.at[7] != '0';
    return 0;
}

static int read_length(struct wire_answer *answer, struct text value)
{
    uint64_t length;
    if (!text_u64(value, INT64_MAX, &length) || (answer->has_length && length != answer->length))
        return -1;
    answer->length = length;
    answer->has_length = true;
    return 0;
}

static int read_header(struct wire_answer *answer, struct text line)
{
    size_t colon = text_find(line, ':', 0);
    struct text name = text_part(line, 0, colon);
    struct text value = text_trim(text_part(line, colon + 1, line.len));
    if (colon == 0 || colon == line.len)
        return -1;
    if (text_same_nocase(name, TEXT("content-length")))
        return read_length(answer, value);
    if (text_same_nocase(name, TEXT("transfer-encoding"))) {
        answer->framing = WIRE_CHUNKED;
        return text_same_nocase(value, TEXT("chunked")) ? 0 : -1;
    }
    if (text_same_nocase(name, TEXT("connection")) && text_same_nocase(value, TEXT("close")))
        answer->keep = false;
    if (text_same_nocase(name, TEXT("retry-after")) && value.len < sizeof(answer->retry_after))
        memcpy(answer->retry_after, value.at, value.len);
    return 0;
}

/* What the head says about the body. */
static void settle_framing(struct wire_answer *answer)
{
    bool bodiless = answer->status < 200 || answer->status == 204 || answer->status == 304;
    if (bodiless) {
        answer->framing = WIRE_LENGTH;
        answer->length = 0;
    } else if (answer->framing != WIRE_CHUNKED) {
        answer->framing = answer->has_length ? WIRE_LENGTH : WIRE_TO_END;
        answer->keep = answer->keep && answer->has_length;
    }
}

/* 1 once the head is whole, `at` is then behind it. */
static int read_head(struct wire_answer *answer, const struct buf *in)
{
    struct text whole = buf_text(in), line;
    size_t next = answer->at;
    if (!whole.at)
        return 0;
    if (!memmem(whole.at + answer->at, whole.len - answer->at, "\r\n\r\n", 4))
        return whole.len - answer->at > WIRE_HEAD_MAX ? -1 : 0;
    if (read_status(answer, line_at(in, next, &next)) != 0)
        return -1;
    while ((line = line_at(in, next, &next)).len > 0)
        if (read_header(answer, line) != 0)
            return -1;
    if (!line.at)
        return -1;
    settle_framing(answer);
    answer->at = answer->head = answer->body_end = next;
    return 1;
}

static int too_long(struct wire_answer *answer)
{
    answer->too_long = true;
    return -1;
}

/* The size that a chunk begins with; extensions behind a semicolon mean nothing. */
static bool chunk_size(struct text line, uint64_t *size)
{
    struct text digits = text_trim(text_part(line, 0, text_find(line, ';', 0)));
    *size = 0;
    for (size_t i = 0; i < digits.len; i++) {
        char c = (char)(digits.at[i] | 0x20);
        unsigned digit = c >= 'a' ? (unsigned)(c - 'a') + 10 : (unsigned)(digits.at[i] - '0');
        if (digit > 15)
            return false;
        *size = *size << 4 | digit;
    }
    return digits.len > 0 && digits.len <= 15;
}

/* The lines behind the last chunk, up to an empty one. */
static int read_trailers(struct wire_answer *answer, const struct buf *in, size_t at)
{
    struct text line;
    while ((line = line_at(in, at, &at)).len > 0)
        ;
    if (!line.at)
        return in->len - at > WIRE_HEAD_MAX ? -1 : 0;
    answer->at = at;
    return 1;
}

/* Moves what is not decoded yet to the end of what is, so that chunks of a byte need no more room. */
static int close_gap(struct wire_answer *answer, struct buf *in)
{
    size_t gap = answer->at - answer->body_end;
    memmove(in->at + answer->body_end, in->at + answer->at, in->len - answer->at);
    in->len -= gap;
    answer->at -= gap;
    return 0;
}

static int read_chunks(struct wire_answer *answer, struct buf *in)
{
    for (;;) {
        uint64_t size;
        size_t data = 0;
        struct text line = line_at(in, answer->at, &data);
        if (!line.at)
            return in->len - answer->at > WIRE_HEAD_MAX ? -1 : close_gap(answer, in);
        if (!chunk_size(line, &size))
            return -1;
        if (size == 0)
            return read_trailers(answer, in, data);
        if (size > answer->max - (answer->body_end - answer->head))
            return too_long(answer);
        if (in->len - data < size + 2)
            return close_gap(answer, in);
        if (memcmp(in->at + data + size, "\r\n", 2) != 0)
            return -1;
        memmove(in->at + answer->body_end, in->at + data, size);
        answer->body_end += size;
        answer->at = data + size + 2;
    }
}

static int read_body(struct wire_answer *answer, struct buf *in, bool at_end)
{
    if (answer->framing == WIRE_CHUNKED)
        return read_chunks(answer, in);
    size_t there = in->len - answer->head;
    if (answer->framing == WIRE_TO_END ? there > answer->max : answer->length > answer->max)
        return too_long(answer);
    if (answer->framing == WIRE_LENGTH && there < answer->length)
        return 0;
    if (answer->framing == WIRE_TO_END && !at_end)
        return 0;
    answer->body_end = answer->framing == WIRE_LENGTH ? answer->head + answer->length : in->len;
    answer->at = answer->body_end;
    return 1;
}

int wire_answer_read(struct wire_answer *answer, struct buf *in, bool at_end)
{
    int got = answer->status ? 1 : read_head(answer, in);
    while (got > 0 && answer->status < 200) { /* an interim answer: the next one follows */
        if (answer->status == 101)
            return -1;
        size_t at = answer->at, max = answer->max;
        wire_answer_init(answer, max);
        answer->at = at;
        got = read_head(answer, in);
    }
    if (got > 0)
        got = read_body(answer, in, at_end);
    if (got > 0 && answer->at < in->len)
        answer->keep = false; /* bytes that nobody asked for */
    return got;
}

struct text wire_answer_body(const struct wire_answer *answer, const struct buf *in)
{
    return text_part(buf_text(in), answer->head, answer->body_end - answer->head);
}
