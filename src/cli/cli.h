/*
 * cli: one file a command; options in, text out. Data goes to standard output, talk to standard error.
 */
#ifndef USHER_CLI_H
#define USHER_CLI_H

#include <stdio.h>

#include "base/base.h"

/* Exit statuses of every command. */
enum cli_exit {
    CLI_OK = 0,            /* all well */
    CLI_SOME_FAILED = 1,   /* done, but some users failed or were rejected */
    CLI_USAGE = 2,         /* usage, or refused before or during work */
    CLI_INTERRUPTED = 130, /* Ctrl-C or SIGTERM; the ledger can go on */
};

struct cli_command {
    const char *name;
    const char *summary;               /* one line of `usher --help` */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit status */
};

/* A command that is several: `usher digest verify`. */
struct cli_group {
    const char *name;
    const char *about;                     /* the help's text */
    const struct cli_command *subcommands; /* end with one whose name is NULL */
};

/*
 * Runs the sub-command that argv[1] names, with the rest of the command line, argv[0] being its name. Prints
 * the list of them for --help, or with a complaint if there is no such one. Returns an exit status.
 */
int cli_run_subcommand(const struct cli_group *group, int argc, char **argv);

/* Ends with an entry whose name is NULL. */
extern const struct cli_command cli_commands[];

/* Prints what `usher --help` says: one line a command. */
void cli_print_commands(FILE *to);

/*
 * Options, one row each; a command's table ends with a row whose name is NULL.
 *
 *     struct cli_option options[] = {
 *         {"from", 'f', CLI_TEXT, &from, "PLATFORM", "where the export comes from"}, …
 *     };
 *     int status = cli_parse(&(struct cli_syntax){"check", "FILE", about, options}, argc, argv, &files, 1);
 *     if (status >= 0) return status;
 */
enum cli_kind {
    CLI_FLAG,   /* bool */
    CLI_TEXT,   /* const char * */
    CLI_NUMBER, /* uint64_t, decimal */
    CLI_TEXTS   /* struct cli_texts: repeatable */
};

#define CLI_TEXTS_MAX 64
struct cli_texts {
    const char *at[CLI_TEXTS_MAX];
    size_t count;
};

struct cli_option {
    const char *name; /* without the dashes */
    char letter;      /* short form, or 0 */
    enum cli_kind kind;
    void *value;
    const char *argument; /* its name in the help, NULL for a flag */
    const char *help;
};

struct cli_syntax {
    const char *command;
    const char *operands; /* "FILE", "" … */
    const char *about;    /* the help's text, man-page like: what it does, examples, exit status */
    const struct cli_option *options;
};

/*
 * Parses argv. Operands go to operands[0 … max-1], *operand_count gets how many. Returns -1 to go on, or
 * the exit status to leave with: CLI_OK after --help (printed to standard output), CLI_USAGE after a
 * message on an unknown option, a missing or surplus value or operand, or a value that is no number.
 */
int cli_parse(const struct cli_syntax *syntax, int argc, char **argv, const char **operands,
              size_t max, size_t *operand_count);

/* Appends a whole file to `to`, whose maximum bounds it. Returns 0, or -1: ERR_USAGE with path and cause. */
int cli_read_file(const char *path, struct buf *to, struct err *err);

/* Prints "usher COMMAND: message" on standard error; returns CLI_USAGE. */
int cli_fail(const char *command, const struct err *err);

#endif
