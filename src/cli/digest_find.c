/*
 * usher digest find: one known password and one digest, and what became of the one to make the other.
 * The password comes from standard input or, at a terminal, from a prompt without echo.
 */
#include "cli/digest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/lines.h"
#include "digest/digest.h"
#include "json/json.h"

#define DIGEST_BYTES_MAX (64 * 1024)
#define ARENA_MAX        (32 * 1024 * 1024)

static const char about[] =
    "Says how a digest was made, given the password that it must verify: which hasher, which\n"
    "order of salt and password, which encoding. An answer is a proof, since it was computed.\n"
    "Tries Clerk's 22 hashers, the forms of all platforms, plain hashes and HMACs with salts and\n"
    "peppers in every order, crypt(3), and slow hashes over a password that was hashed before.\n\n"
    "The password is the first line of standard input, or asked for at a terminal. Prints one\n"
    "JSON line: hasher and digest in Clerk's form (null if Clerk cannot hold it), how it was\n"
    "made, and a note. --salt and --pepper are columns that are stored elsewhere; they are tried\n"
    "as text, hex and base64.\n\n"
    "  usher digest find --digest-file digest.txt --salt Azla74II < password.txt\n\n"
    "Exit status: 0 found and Clerk can hold it, 1 not found or not to be held, 2 usage.";

static int fail_at(const char *path)
{
    struct err err;
    err_set(&err, ERR_IO, "%s: %s", path, strerror(errno));
    return cli_fail("digest find", &err);
}

/* Reads a whole file without the newline at its end; -1 with errno set. */
static int read_file(const char *path, struct buf *to)
{
    FILE *file = fopen(path, "r");
    int c;
    if (!file)
        return -1;
    while ((c = getc_unlocked(file)) != EOF)
        buf_byte(to, (char)c);
    bool failed = ferror(file);
    fclose(file);
    if (!failed && buf_ok(to))
        return 0;
    errno = failed ? EIO : EFBIG;
    return -1;
}

/* Echo off or back on. Signals wait while it is off, so that none leaves the terminal silent. */
static bool silence(struct termios *before, sigset_t *unblocked)
{
    struct termios silent;
    sigset_t signals;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before))
        return false;
    silent = *before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGTSTP);
    sigprocmask(SIG_BLOCK, &signals, unblocked);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fputs("password: ", stderr);
    return true;
}

/* The first line of standard input; at a terminal after a prompt and without echo. */
static bool read_password(struct buf *to)
{
    struct termios before;
    sigset_t unblocked;
    bool silent = silence(&before, &unblocked);
    enum cli_line got = cli_read_line(stdin, to);
    if (silent) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
        sigprocmask(SIG_SETMASK, &unblocked, NULL);
    }
    return got == CLI_LINE;
}

static void print(const struct digest_finding *found)
{
    struct buf line;
    buf_init(&line, DIGEST_BYTES_MAX);
    struct json_out out = json_out(&line);
    json_open(&out, '{');
    json_key(&out, TEXT("hasher"));
    json_put_text_or_null(&out, text_of(found->hasher));
    json_key(&out, TEXT("digest"));
    json_put_text_or_null(&out, found->digest);
    json_key(&out, TEXT("verified"));
    json_put_bool(&out, found->verified);
    json_key(&out, TEXT("how"));
    json_put_text_or_null(&out, found->how);
    json_key(&out, TEXT("note"));
    json_put_text_or_null(&out, text_of(found->note));
    json_close(&out, '}');
    printf("%s\n", buf_z(&line));
    buf_release(&line);
}

static size_t texts(const struct cli_texts *from, struct text *to)
{
    for (size_t i = 0; i < from->count && i < DIGEST_FIND_EXTRAS_MAX; i++)
        to[i] = text_of(from->at[i]);
    return from->count;
}

static int search(const struct digest_find_opts *opts)
{
    struct arena arena;
    struct digest_finding found;
    struct err err = {0};
    arena_init(&arena, ARENA_MAX);
    int status = digest_find(opts, &arena, &found, &err);
    if (status == 0)
        print(&found);
    arena_release(&arena);
    if (status)
        return cli_fail("digest find", &err);
    return found.hasher ? CLI_OK : CLI_SOME_FAILED;
}

struct arguments {
    const char *digest, *file;
    struct cli_texts salts, peppers;
};

static int run(const struct arguments *given, struct buf *digest, struct buf *password)
{
    struct text salts[DIGEST_FIND_EXTRAS_MAX], peppers[DIGEST_FIND_EXTRAS_MAX];
    struct digest_find_opts opts = {.salts = salts, .peppers = peppers};
    struct err err;
    if (given->file && read_file(given->file, digest))
        return fail_at(given->file);
    opts.digest = given->file ? text_trim(buf_text(digest)) : text_of(given->digest);
    opts.salt_count = texts(&given->salts, salts);
    opts.pepper_count = texts(&given->peppers, peppers);
    if (!read_password(password)) {
        err_set(&err, ERR_USAGE, "no password on standard input (at most %d bytes, one line)",
                DIGEST_PASSWORD_MAX);
        return cli_fail("digest find", &err);
    }
    opts.password = password->len ? buf_text(password) : TEXT("");
    return search(&opts);
}

int cli_digest_find(int argc, char **argv)
{
    struct arguments given = {0};
    struct buf digest, password;
    size_t operands;
    const struct cli_option options[] = {
        {"digest", 'd', CLI_TEXT, &given.digest, "DIGEST", "the digest as it is stored"},
        {"digest-file", 'f', CLI_TEXT, &given.file, "FILE", "the same, out of a file"},
        {"salt", 's', CLI_TEXTS, &given.salts, "SALT", "a salt column; repeatable"},
        {"pepper", 'p', CLI_TEXTS, &given.peppers, "PEPPER", "the application's key; repeatable"},
        {0},
    };
    const struct cli_syntax syntax = {"digest find", "", about, options};
    int status = cli_parse(&syntax, argc, argv, NULL, 0, &operands);
    if (status >= 0)
        return status;
    if (!given.digest == !given.file) {
        struct err err;
        err_set(&err, ERR_USAGE, "either --digest or --digest-file is needed");
        return cli_fail("digest find", &err);
    }
    buf_init(&digest, DIGEST_BYTES_MAX);
    buf_init(&password, DIGEST_PASSWORD_MAX);
    status = run(&given, &digest, &password);
    buf_release(&digest);
    buf_release(&password);
    return status;
}
