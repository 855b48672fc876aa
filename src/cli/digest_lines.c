#include "cli/digest_lines.h"

#include "cli/cli.h"
#include "cli/lines.h"

/* A digest and a password of the greatest length, every byte of both escaped. */
#define LINE_MAX_BYTES (64 * 1024)

struct reader {
    digest_line_answer *answer;
    struct json *json;
    struct buf line, out;
    bool any_error;
};

int digest_line_text(struct json_value line, const char *key, struct text *t, struct err *err)
{
    struct json_value value = json_get(line, text_of(key));
    if (json_type(value) != JSON_STRING)
        return err_set(err, ERR_INPUT, "no string \"%s\" in the line", key);
    *t = json_text(value);
    return 0;
}

static int parse_digest(struct json_value line, struct digest *digest, struct err *err)
{
    struct text hasher, text;
    if (digest_line_text(line, "hasher", &hasher, err) != 0 ||
        digest_line_text(line, "digest", &text, err) != 0)
        return -1;
    const struct digest_ops *ops = digest_ops_find(hasher);
    if (!ops)
        return err_set(err, ERR_INPUT, "no hasher \"%.*s\"", TEXT_ARG(text_part(hasher, 0, 64)));
    const char *wrong = digest_parse(digest, ops, text);
    return wrong ? err_set(err, ERR_INPUT, "%s: %s", ops->hasher, wrong) : 0;
}

static int answer_line(struct reader *reader, struct err *err)
{
    struct json_value line;
    struct digest digest;
    if (json_parse(reader->json, buf_text(&reader->line), &line, err) != 0)
        return -1;
    if (json_type(line) != JSON_OBJECT)
        return err_set(err, ERR_INPUT, "the line is not a JSON object");
    if (parse_digest(line, &digest, err) != 0)
        return -1;
    struct json_out out = json_out(&reader->out);
    json_open(&out, '{');
    if (reader->answer(&digest, line, &out, err) != 0)
        return -1;
    json_close(&out, '}');
    return buf_ok(&reader->out) ? 0 : err_memory(err);
}

static void print_error(struct reader *reader, const struct err *err)
{
    buf_reset(&reader->out);
    struct json_out out = json_out(&reader->out);
    json_open(&out, '{');
    json_key(&out, TEXT("error"));
    json_put_text(&out, text_of(err->message));
    json_close(&out, '}');
    reader->any_error = true;
}

/* Answers the line that was read; a line that did not fit has its answer too. */
static bool put_line(struct reader *reader, enum cli_line read)
{
    struct err err;
    int result = read == CLI_LINE
                     ? answer_line(reader, &err)
                     : err_set(&err, ERR_INPUT, "the line is longer than %d bytes", LINE_MAX_BYTES);
    if (result != 0)
        print_error(reader, &err);
    buf_byte(&reader->out, '\n');
    struct text t = buf_text(&reader->out);
    bool written = buf_ok(&reader->out) && fwrite(t.at, 1, t.len, stdout) == t.len;
    buf_reset(&reader->out);
    return written;
}

static int read_all(struct reader *reader, struct err *err)
{
    enum cli_line read;
    /* A program at the other end of a pipe may wait for each answer before it asks again. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((read = cli_read_line(stdin, &reader->line)) == CLI_LINE || read == CLI_LINE_TOO_LONG)
        if (!put_line(reader, read))
            return err_set(err, ERR_IO, "standard output cannot be written");
    if (read == CLI_LINE_FAILED)
        return err_set(err, ERR_IO, "standard input cannot be read");
    return fflush(stdout) == 0 ? 0 : err_set(err, ERR_IO, "standard output cannot be written");
}

int digest_lines(const char *command, digest_line_answer *answer)
{
    struct reader reader = {.answer = answer};
    struct err err;
    buf_init(&reader.line, LINE_MAX_BYTES);
    buf_init(&reader.out, LINE_MAX_BYTES);
    int result = json_new(&reader.json, LINE_MAX_BYTES, &err);
    if (result == 0) {
        result = read_all(&reader, &err);
        json_free(reader.json);
    }
    buf_release(&reader.line);
    buf_release(&reader.out);
    if (result != 0)
        return cli_fail(command, &err);
    return reader.any_error ? CLI_SOME_FAILED : CLI_OK;
}
