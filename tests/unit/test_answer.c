/* HTTP answers, each in one piece, cut in two at every byte, and byte by byte. */
#include "test.h"

#include "net/answer.h"

#define OK_HEAD  "HTTP/1.1 200 OK\r\n"
#define CHUNKED  OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define BODY_MAX ((size_t)1 << 20)

struct outcome {
    enum answer_got got; /* ANSWER_END, ANSWER_MORE or ANSWER_BAD */
    struct answer answer;
    struct buf body, headers;
};

static void outcome_release(struct outcome *outcome)
{
    buf_release(&outcome->body);
    buf_release(&outcome->headers);
}

/* Reads in what `in` holds; leaves there what is not read. */
static void digest(struct outcome *outcome, struct buf *in)
{
    struct text rest = buf_text(in), name, value;
    while ((outcome->got = answer_read(&outcome->answer, &rest)) > ANSWER_MORE) {
        struct text head = outcome->answer.head;
        if (outcome->got == ANSWER_HEAD)
            while (answer_header(&head, &name, &value))
                buf_printf(&outcome->headers, "%.*s=%.*s;", TEXT_ARG(name), TEXT_ARG(value));
        else if (outcome->got == ANSWER_PIECE)
            buf_add(&outcome->body, outcome->answer.piece);
        else
            return;
    }
    if (rest.len > 0)
        memmove(in->at, rest.at, rest.len);
    in->len = rest.len;
}

/* The first `cut` bytes, then pieces. */
static struct outcome read_in_pieces(struct text bytes, bool is_head, size_t cut, size_t piece)
{
    struct outcome outcome = {.got = ANSWER_MORE};
    struct buf in;
    answer_begin(&outcome.answer, is_head);
    buf_init(&outcome.body, BODY_MAX);
    buf_init(&outcome.headers, BODY_MAX);
    buf_init(&in, 2 * BODY_MAX);
    for (size_t at = 0; at < bytes.len && outcome.got == ANSWER_MORE;) {
        struct text next = text_part(bytes, at, at < cut ? cut - at : piece);
        buf_add(&in, next);
        digest(&outcome, &in);
        at += next.len;
    }
    if (outcome.got == ANSWER_MORE && in.len == 0 && answer_ends(&outcome.answer))
        outcome.got = ANSWER_END;
    buf_release(&in);
    return outcome;
}

static const struct answer_case {
    const char *bytes;
    enum answer_got got;
    int status;
    bool keep;
    const char *body;
} cases[] = {
    {OK_HEAD "Content-Length: 2\r\n\r\n{}", ANSWER_END, 200, true, "{}"},
    {OK_HEAD "content-length:2\r\nConnection: Close\r\n\r\n{}", ANSWER_END, 200, false, "{}"},
    {OK_HEAD "Content-Length: 2\r\nConnection: x, close\r\n\r\n{}", ANSWER_END, 200, false, "{}"},
    {OK_HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", ANSWER_END, 200, true, "{}"},
    {OK_HEAD "Content-Length: 0\r\n\r\n", ANSWER_END, 200, true, ""},
    {OK_HEAD "\r\nto the end", ANSWER_END, 200, false, "to the end"},
    {OK_HEAD "\r\n", ANSWER_END, 200, false, ""},
    {OK_HEAD "X:\r\nY: \t\r\nContent-Length: 1\r\n\r\n1", ANSWER_END, 200, true, "1"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1", ANSWER_END, 200, false, "1"},
    {"HTTP/1.1 204 \r\nContent-Length: 9\r\n\r\n", ANSWER_END, 204, true, ""},
    {"HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", ANSWER_END, 304, true, ""},
    {"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", ANSWER_END, 404, true, ""},
    {"HTTP/1.1 102 x\r\n\r\nHTTP/1.1 100 y\r\nA: b\r\n\r\n" OK_HEAD "Content-Length: 1\r\n\r\n1",
     ANSWER_END, 200, true, "1"},
    {CHUNKED "1\r\na\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nT: v\r\n\r\n", ANSWER_END, 200, true,
     "a0123456789"},
    {CHUNKED "0\r\n\r\n", ANSWER_END, 200, true, ""},
    /* Cut short. */
    {"", ANSWER_MORE, 0, false, NULL},
    {"HTTP/1.1 2", ANSWER_MORE, 0, false, NULL},
    {OK_HEAD "Content-Length: 3\r\n\r\n{}", ANSWER_MORE, 200, true, NULL},
    {OK_HEAD "Content-Length: 9223372036854775807\r\n\r\n{}", ANSWER_MORE, 200, true, NULL},
    {CHUNKED "2\r\n{}\r\n", ANSWER_MORE, 200, true, NULL},
    {CHUNKED "2\r\n{}\r\n0\r\n", ANSWER_MORE, 200, true, NULL},
    {CHUNKED "fffffffffffffff\r\n", ANSWER_MORE, 200, true, NULL},
    /* No HTTP. */
    {"ICY 200 OK\r\n\r\n", ANSWER_BAD, 0, false, NULL},
    {"\x16\x03\x01", ANSWER_BAD, 0, false, NULL},
    {"HTTP/1.1 20x OK\r\n\r\n", ANSWER_BAD, 0, false, NULL},
    {"HTTP/1.1 099 OK\r\n\r\n", ANSWER_BAD, 0, false, NULL},
    {"HTTP/1.1 600 OK\r\n\r\n", ANSWER_BAD, 0, false, NULL},
    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", ANSWER_BAD, 101, true, NULL},
    {"\r\n" OK_HEAD "\r\n", ANSWER_BAD, 0, false, NULL},
    {OK_HEAD "no colon\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD ": no name\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "A name: x\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Content-Length : 1\r\n\r\n1", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "A: folded\r\n line\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "A: x\nSet-Cookie: evil=1\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "A: x\rSet-Cookie: evil=1\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "A: \x01\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Content-Length: -1\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Content-Length: 1, 1\r\n\r\n1", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Content-Length: \r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\n12", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Content-Length: 99999999999999999999\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Transfer-Encoding: gzip\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n", ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     ANSWER_BAD, 200, true, NULL},
    {OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", ANSWER_BAD, 200,
     true, NULL},
    {CHUNKED "x\r\n", ANSWER_BAD, 200, true, NULL},
    {CHUNKED "\r\n", ANSWER_BAD, 200, true, NULL},
    {CHUNKED "-1\r\n", ANSWER_BAD, 200, true, NULL},
    {CHUNKED "1\n", ANSWER_BAD, 200, true, NULL},
    {CHUNKED "1\r\nabc", ANSWER_BAD, 200, true, NULL},
    {CHUNKED "1\r\na\rb", ANSWER_BAD, 200, true, NULL},
    {CHUNKED "1000000000000000\r\n", ANSWER_BAD, 200, true, NULL},
};

static void check(const struct answer_case *want, size_t cut, size_t piece)
{
    struct text bytes = text_of(want->bytes);
    struct outcome outcome = read_in_pieces(bytes, false, cut, piece);
    if (outcome.got != want->got || outcome.answer.status != want->status)
        fail_msg("%s cut at %zu: %d, status %d", want->bytes, cut, (int)outcome.got,
                 outcome.answer.status);
    if (want->got == ANSWER_END && !text_same(buf_text(&outcome.body), text_of(want->body)))
        fail_msg("%s cut at %zu: %s", want->bytes, cut, buf_z(&outcome.body));
    if (want->got == ANSWER_END && outcome.answer.keep != want->keep)
        fail_msg("%s: %s", want->bytes, outcome.answer.keep ? "kept" : "not kept");
    outcome_release(&outcome);
}

static void answers_are_read_as_they_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        for (size_t cut = 0; cut <= strlen(cases[i].bytes); cut++)
            check(&cases[i], cut, SIZE_MAX / 2);
        check(&cases[i], 0, 1);
    }
}

static void headers_are_told_in_order(void **state)
{
    (void)state;
    struct outcome outcome = read_in_pieces(TEXT("HTTP/1.1 103 x\r\nLink: no\r\n\r\n" OK_HEAD
                                                 "Set-Cookie: a=1; b\r\nSet-Cookie:c=2  \r\n"
                                                 "X-Empty:\r\nContent-Length: 0\r\n\r\n"),
                                            false, 0, 1);
    assert_int_equal(outcome.got, ANSWER_END);
    assert_string_equal(buf_z(&outcome.headers),
                        "Set-Cookie=a=1; b;Set-Cookie=c=2;X-Empty=;Content-Length=0;");
    outcome_release(&outcome);
}

static void the_answer_to_a_head_has_no_body(void **state)
{
    (void)state;
    static const char *const heads[] = {OK_HEAD "Content-Length: 7\r\n\r\n", CHUNKED,
                                        OK_HEAD "\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        struct outcome outcome = read_in_pieces(text_of(heads[i]), true, 0, 1);
        assert_int_equal(outcome.got, ANSWER_END);
        assert_int_equal(outcome.body.len, 0);
        assert_true(outcome.answer.keep);
        assert_true(outcome.answer.length == (i == 0 ? 7 : ANSWER_LENGTH_UNKNOWN));
        outcome_release(&outcome);
    }
}

static void bytes_behind_an_answer_end_the_connection(void **state)
{
    (void)state;
    struct outcome outcome =
        read_in_pieces(TEXT(OK_HEAD "Content-Length: 2\r\n\r\n{}more"), false, SIZE_MAX / 2, 1);
    assert_int_equal(outcome.got, ANSWER_END);
    assert_false(outcome.answer.keep);
    outcome_release(&outcome);
}

/* `count` times the same text between two others. */
static enum answer_got read_many(const char *first, const char *part, size_t count,
                                 const char *last)
{
    struct buf bytes;
    buf_init(&bytes, 2 * BODY_MAX);
    buf_add(&bytes, text_of(first));
    for (size_t i = 0; i < count; i++)
        buf_add(&bytes, text_of(part));
    buf_add(&bytes, text_of(last));
    struct outcome whole = read_in_pieces(buf_text(&bytes), false, SIZE_MAX / 2, 1);
    struct outcome pieces = read_in_pieces(buf_text(&bytes), false, 0, 1000);
    assert_int_equal(whole.got, pieces.got);
    outcome_release(&whole);
    outcome_release(&pieces);
    buf_release(&bytes);
    return whole.got;
}

static void what_has_no_end_is_refused(void **state)
{
    (void)state;
    static const char end[] = "Content-Length: 0\r\n\r\n";
    assert_int_equal(read_many(OK_HEAD, "A: b\r\n", 10000, end), ANSWER_END);
    assert_int_equal(read_many(OK_HEAD, "A: b\r\n", 11000, end), ANSWER_BAD);
    assert_int_equal(read_many(OK_HEAD "A: ", "b", 66000, ""), ANSWER_BAD);
    assert_int_equal(read_many("HTTP/1.1 ", "x", 66000, ""), ANSWER_BAD);
    assert_int_equal(read_many("", "HTTP/1.1 100 x\r\n\r\n", 3000, OK_HEAD "\r\n"), ANSWER_END);
    assert_int_equal(read_many("", "HTTP/1.1 100 x\r\n\r\n", 4000, OK_HEAD "\r\n"), ANSWER_BAD);
    assert_int_equal(read_many(CHUNKED "1;", "x", 4000, "\r\na\r\n0\r\n\r\n"), ANSWER_END);
    assert_int_equal(read_many(CHUNKED "1;", "x", 5000, "\r\na\r\n0\r\n\r\n"), ANSWER_BAD);
    assert_int_equal(read_many(CHUNKED "0\r\n", "A: b\r\n", 10000, "\r\n"), ANSWER_END);
    assert_int_equal(read_many(CHUNKED "0\r\n", "A: b\r\n", 11000, "\r\n"), ANSWER_BAD);
    assert_int_equal(read_many(CHUNKED, "1\r\na\r\n", 100000, "0\r\n\r\n"), ANSWER_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_as_they_come),
        cmocka_unit_test(headers_are_told_in_order),
        cmocka_unit_test(the_answer_to_a_head_has_no_body),
        cmocka_unit_test(bytes_behind_an_answer_end_the_connection),
        cmocka_unit_test(what_has_no_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
