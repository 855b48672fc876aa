/*
 * usher digest convert: a line in, a line out. A line is
 *
 *     a JSON object with "native"     its value is converted (a string, or an object as it stands)
 *     another JSON object             a structured form itself (Keycloak's credential, Firebase's user)
 *     a JSON string                   its value
 *     anything else                   a digest as it stands
 */
#include "cli/digest.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/lines.h"
#include "digest/digest.h"
#include "json/json.h"

#define LINE_MAX_BYTES (64 * 1024)
#define ARENA_MAX      (8 * 1024 * 1024)

static const char about[] =
    "Converts digests as a platform stores them into the hasher and digest that Clerk takes.\n"
    "Reads standard input line by line: a digest as it stands, a JSON string, a JSON object\n"
    "with the digest under \"native\", or a structured form (a Keycloak credential, a Firebase\n"
    "user with its hash_config) as one JSON object. Prints one JSON line each, in order:\n\n"
    "  {\"hasher\":\"bcrypt\",\"digest\":\"$2b$…\",\"note\":null}   converted\n"
    "  {\"hasher\":null,\"digest\":null,\"note\":\"…\"}            Clerk cannot hold it; the way "
    "out\n"
    "  {\"error\":\"…\",\"note\":null}                          not a form of that platform\n\n"
    "PLATFORM is auto or one of the names that --list prints; case and punctuation do not "
    "matter.\n\n"
    "  usher digest convert --from django < passwords.txt\n\n"
    "Exit status: 0 all converted, 1 some were not, 2 usage.";

struct convert {
    struct text from;
    struct json *json;
    struct arena arena;
    struct buf line, out;
};

/* What is to be converted of a line; views into c. */
static struct text native_of(struct convert *c, struct text line)
{
    struct json_value root;
    struct err ignored;
    if (!line.len || (line.at[0] != '{' && line.at[0] != '"') ||
        json_parse(c->json, line, &root, &ignored))
        return line;
    struct json_value native = json_get(root, TEXT("native"));
    if (json_type(root) == JSON_STRING)
        return json_text(root);
    if (json_type(native) == JSON_STRING)
        return json_text(native);
    if (json_type(native) != JSON_OBJECT)
        return json_type(native) == JSON_NULL ? TEXT("") : line;
    buf_reset(&c->out);
    json_write(native, &c->out);
    return arena_copy(&c->arena, buf_text(&c->out));
}

static void put(struct convert *c, const struct digest_conversion *done, const char *problem)
{
    buf_reset(&c->out);
    struct json_out out = json_out(&c->out);
    json_open(&out, '{');
    if (problem) {
        json_key(&out, TEXT("error"));
        json_put_text(&out, text_of(problem));
    } else {
        json_key(&out, TEXT("hasher"));
        json_put_text_or_null(&out, text_of(done->hasher));
        json_key(&out, TEXT("digest"));
        json_put_text_or_null(&out, done->digest);
    }
    json_key(&out, TEXT("note"));
    json_put_text_or_null(&out, problem ? (struct text){0} : text_of(done->note));
    json_close(&out, '}');
    printf("%s\n", buf_z(&c->out));
}

static bool convert_line(struct convert *c)
{
    struct digest_conversion done;
    struct err err = {0};
    struct text native = native_of(c, buf_text(&c->line));
    bool converted = digest_convert(c->from, native, &c->arena, &done, &err) == 0;
    put(c, &done, converted ? NULL : err.message);
    arena_reset(&c->arena);
    return converted && (done.hasher || done.no_password);
}

static int convert_all(struct convert *c)
{
    int status = CLI_OK;
    for (;;) {
        enum cli_line got = cli_read_line(stdin, &c->line);
        if (got == CLI_LINE_END)
            return fflush(stdout) ? CLI_USAGE : status;
        if (got == CLI_LINE_FAILED) {
            fputs("usher digest convert: standard input cannot be read\n", stderr);
            return CLI_USAGE;
        }
        if (got == CLI_LINE_TOO_LONG) {
            put(c, NULL, "longer than any digest");
            status = CLI_SOME_FAILED;
        } else if (!convert_line(c)) {
            status = CLI_SOME_FAILED;
        }
    }
}

static int run(struct text from, struct err *err)
{
    struct convert c = {.from = from};
    if (json_new(&c.json, LINE_MAX_BYTES, err))
        return cli_fail("digest convert", err);
    arena_init(&c.arena, ARENA_MAX);
    buf_init(&c.line, LINE_MAX_BYTES);
    buf_init(&c.out, 4 * LINE_MAX_BYTES);
    int status = convert_all(&c);
    buf_release(&c.out);
    buf_release(&c.line);
    arena_release(&c.arena);
    json_free(c.json);
    return status;
}

static int list(void)
{
    size_t count;
    const char *const *names = digest_platforms(&count);
    for (size_t i = 0; i < count; i++)
        puts(names[i]);
    return CLI_OK;
}

/* Before any line is read: whether the platform is known. */
static bool is_known(struct text from, struct err *err)
{
    struct digest_conversion done;
    struct arena arena;
    arena_init(&arena, ARENA_MAX);
    bool known = digest_convert(from, TEXT(""), &arena, &done, err) == 0 || err->code != ERR_USAGE;
    arena_release(&arena);
    return known;
}

int cli_digest_convert(int argc, char **argv)
{
    const char *from = NULL;
    bool only_list = false;
    size_t operands;
    struct err err = {0};
    const struct cli_option options[] = {
        {"from", 'f', CLI_TEXT, &from, "PLATFORM", "where the digests come from, or auto"},
        {"list", 0, CLI_FLAG, &only_list, NULL, "print the platforms' names"},
        {0},
    };
    const struct cli_syntax syntax = {"digest convert", "", about, options};
    int status = cli_parse(&syntax, argc, argv, NULL, 0, &operands);
    if (status >= 0)
        return status;
    if (only_list)
        return list();
    if (!from)
        err_set(&err, ERR_USAGE, "--from PLATFORM is missing; --list prints the names");
    if (!from || !is_known(text_of(from), &err))
        return cli_fail("digest convert", &err);
    return run(text_of(from), &err);
}
