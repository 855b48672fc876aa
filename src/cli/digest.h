/* The sub-commands of `usher digest`, as cmd_digest calls them. */
#ifndef USHER_CLI_DIGEST_H
#define USHER_CLI_DIGEST_H

/* Each gets the rest of the command line, argv[0] the name of the sub-command, and returns an exit status. */
int cli_digest_verify(int argc, char **argv);
int cli_digest_parse(int argc, char **argv);
int cli_digest_convert(int argc, char **argv);
int cli_digest_find(int argc, char **argv);

#endif
