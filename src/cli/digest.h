/*
 * The sub-commands of `usher digest`, as cmd_digest calls them: argv[0] is the name of the
 * sub-command. Each returns an exit status of cli.h.
 */
#ifndef USHER_CLI_DIGEST_H
#define USHER_CLI_DIGEST_H

/* Each reads standard input and writes standard output, a line for a line. */
int cli_digest_verify(int argc, char **argv);
int cli_digest_parse(int argc, char **argv);
int cli_digest_convert(int argc, char **argv);
int cli_digest_find(int argc, char **argv);

#endif
