/*
 * wire_answer: reads an HTTP/1.1 answer (RFC 9112) out of the bytes of a connection as they come.
 *
 *     wire_answer_init(&answer, max);
 *     while (bytes come) {
 *         buf_add(&in, bytes);
 *         got = wire_answer_read(&answer, &in, false);     // 1: whole, 0: more is needed, -1: no HTTP
 *     }
 *     got = wire_answer_read(&answer, &in, true);          // at the end of the connection
 *     answer.status, wire_answer_body(&answer, &in), …
 *
 * Takes a length, chunks, or the end of the connection for the end of a body; leaves out interim answers
 * (1xx). Only target/ uses this file.
 */
#ifndef USHER_TARGET_WIRE_ANSWER_H
#define USHER_TARGET_WIRE_ANSWER_H

#include "base/base.h"

#define WIRE_HEAD_MAX ((size_t)64 << 10)

enum wire_framing { WIRE_TO_END, WIRE_LENGTH, WIRE_CHUNKED };

struct wire_answer {
    size_t max;           /* bytes of a body */
    int status;           /* 0 before the head is whole */
    bool keep;            /* the connection may carry another request */
    bool too_long;        /* the body passes its maximum; the read then gives -1 */
    char retry_after[64]; /* the header's value, "" without */
    /* private */
    enum wire_framing framing;
    bool has_length;
    uint64_t length; /* by Content-Length */
    size_t head,
        body_end; /* in the buffer: where the body begins, and the end of what is decoded */
    size_t at;    /* where reading goes on */
};

/* For the next answer, whose body may have max bytes. */
void wire_answer_init(struct wire_answer *answer, size_t max);

/*
 * Reads on in all bytes of the connection since the request; chunks are put together in place. at_end:
 * no more will come. Returns 1 when the answer is whole, 0 when it is not, -1 when it cannot become one.
 */
int wire_answer_read(struct wire_answer *answer, struct buf *in, bool at_end);

/* The body of a whole answer. */
struct text wire_answer_body(const struct wire_answer *answer, const struct buf *in);

#endif
