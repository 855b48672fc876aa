/* HTTP answers: any bytes, the same answer in one piece as byte by byte. */
#include <stdint.h>
#include <stdlib.h>

#include "target/wire_answer.h"

#define BODY_MAX ((size_t)4096)

struct outcome {
    struct wire_answer answer;
    struct buf in;
    int got;
};

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static struct outcome read_in_pieces(struct text bytes, size_t piece)
{
    struct outcome outcome;
    wire_answer_init(&outcome.answer, BODY_MAX);
    buf_init(&outcome.in, bytes.len + 1);
    outcome.got = 0;
    for (size_t at = 0; at < bytes.len && outcome.got == 0; at += piece) {
        buf_add(&outcome.in, text_part(bytes, at, piece));
        outcome.got = wire_answer_read(&outcome.answer, &outcome.in, false);
    }
    if (outcome.got == 0)
        outcome.got = wire_answer_read(&outcome.answer, &outcome.in, true);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct text bytes = {(const char *)at, len};
    if (len > WIRE_HEAD_MAX)
        return 0;
    struct outcome whole = read_in_pieces(bytes, len + 1), pieces = read_in_pieces(bytes, 1);
    if (whole.got != pieces.got)
        abort();
    if (whole.got > 0 && (whole.answer.status != pieces.answer.status ||
                          !text_same(wire_answer_body(&whole.answer, &whole.in),
                                     wire_answer_body(&pieces.answer, &pieces.in))))
        abort();
    buf_release(&whole.in);
    buf_release(&pieces.in);
    return 0;
}
