/*
 * answer: reads an HTTP/1.1 answer (RFC 9112) out of the bytes of a connection as they come. Holds none of them:
 * what it gives are views of the caller's bytes.
 *
 *     answer_begin(&answer, is_head);
 *     rest = bytes that came, behind those that were left before
 *     while ((got = answer_read(&answer, &rest)) > ANSWER_MORE)
 *         ANSWER_HEAD:   answer.status, answer_header(&answer.head, &name, &value), …
 *         ANSWER_PIECE:  answer.piece
 *         ANSWER_END:    answer.keep; no further call
 *     … ANSWER_MORE: keep what is left in rest, and put the next bytes behind it
 *     … the connection ends: answer_ends(&answer) tells whether the answer is whole
 *
 * Takes a length, chunks, or the end of the connection for the end of a body; leaves out interim answers (1xx) and
 * trailers. What could be read in two ways is no HTTP: lengths that differ, a length beside chunks, lines that
 * do not end in CRLF, names that are no tokens, control characters in values.
 */
#ifndef USHER_NET_ANSWER_H
#define USHER_NET_ANSWER_H

#include "base/base.h"

/* Bytes of a head with the interim ones before it; of all trailers; of a chunk's first line. */
#define ANSWER_HEAD_MAX ((size_t)64 << 10)
#define ANSWER_LINE_MAX ((size_t)4 << 10)

#define ANSWER_LENGTH_UNKNOWN UINT64_MAX

enum answer_got {
    ANSWER_BAD = -1, /* no HTTP: the connection is of no further use */
    ANSWER_MORE,     /* more bytes are needed */
    ANSWER_HEAD,     /* the head is whole */
    ANSWER_PIECE,    /* some of the body */
    ANSWER_END       /* the answer is whole */
};

enum answer_stage {
    ANSWER_AT_HEAD,
    ANSWER_IN_BODY, /* `left` bytes are to come */
    ANSWER_TO_END,  /* all up to the end of the connection is body */
    ANSWER_AT_SIZE, /* before a chunk */
    ANSWER_IN_CHUNK,
    ANSWER_BEHIND_CHUNK,
    ANSWER_IN_TRAILERS,
    ANSWER_OVER
};

struct answer {
    int status;        /* 0 before the head is whole */
    bool keep;         /* the connection may carry another request behind this answer */
    struct text head;  /* at ANSWER_HEAD: the lines of headers, for answer_header */
    struct text piece; /* at ANSWER_PIECE */
    uint64_t length;   /* as Content-Length says, or ANSWER_LENGTH_UNKNOWN */
    /* private */
    enum answer_stage stage;
    bool is_head, chunked;
    uint64_t left;
    size_t scanned; /* bytes of an unfinished head or line that have been looked at */
    size_t spent;   /* bytes of interim answers, then of trailers */
};

/* For the answer to the next request; is_head: that is a HEAD, so that no body comes. */
void answer_begin(struct answer *answer, bool is_head);

/* Reads on; *rest becomes what has not been read. */
enum answer_got answer_read(struct answer *answer, struct text *rest);

/* The connection has ended, with nothing left to read: whether that is the answer's end. */
bool answer_ends(const struct answer *answer);

/* Splits the next header off *head. False when there is none. */
bool answer_header(struct text *head, struct text *name, struct text *value);

#endif
