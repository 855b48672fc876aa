/* HTTP answers: any bytes, the same answer in one piece as byte by byte, no more body than there are bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "net/answer.h"

struct outcome {
    struct answer answer;
    struct buf body;
    enum answer_got got;
};

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

/* Reads in what `in` holds; leaves there what is not read. */
static void digest(struct outcome *outcome, struct buf *in)
{
    struct text rest = buf_text(in);
    while ((outcome->got = answer_read(&outcome->answer, &rest)) > ANSWER_MORE) {
        if (outcome->got == ANSWER_PIECE)
            buf_add(&outcome->body, outcome->answer.piece);
        if (outcome->got == ANSWER_END)
            return;
    }
    if (rest.len > 0)
        memmove(in->at, rest.at, rest.len);
    in->len = rest.len;
}

static struct outcome read_in_pieces(struct text bytes, bool is_head, size_t piece)
{
    struct outcome outcome = {.got = ANSWER_MORE};
    struct buf in;
    answer_begin(&outcome.answer, is_head);
    buf_init(&outcome.body, bytes.len + 1);
    buf_init(&in, bytes.len + 1);
    for (size_t at = 0; at < bytes.len && outcome.got == ANSWER_MORE; at += piece) {
        buf_add(&in, text_part(bytes, at, piece));
        digest(&outcome, &in);
    }
    if (outcome.got == ANSWER_MORE && in.len == 0 && answer_ends(&outcome.answer))
        outcome.got = ANSWER_END;
    buf_release(&in);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct text bytes = {(const char *)at, len};
    bool is_head = len > 0 && at[len - 1] & 1;
    struct outcome whole = read_in_pieces(bytes, is_head, len + 1);
    struct outcome pieces = read_in_pieces(bytes, is_head, 1);
    if (whole.got != pieces.got || !buf_ok(&whole.body))
        abort();
    if (whole.got == ANSWER_END && (whole.answer.status != pieces.answer.status ||
                                    !text_same(buf_text(&whole.body), buf_text(&pieces.body))))
        abort();
    buf_release(&whole.body);
    buf_release(&pieces.body);
    return 0;
}
