/* usher digest SUB: the table of its sub-commands. */
#include "cli/cli.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/digest.h"

static const struct cli_command subcommands[] = {
    {"verify", "whether passwords match their digests", cli_digest_verify},
    {"parse", "what digests are: their class, cost and limits", cli_digest_parse},
    {"convert", "digests as a platform stores them into Clerk's form", cli_digest_convert},
    {"find", "which hasher fits a digest whose password is known", cli_digest_find},
    {NULL, NULL, NULL},
};

static void print_subcommands(FILE *to)
{
    fputs(
        "usage: usher digest SUBCOMMAND [OPTIONS]   (usher digest SUBCOMMAND --help tells more)\n\n"
        "A digest is a password as a platform stored it: hashed, with its salt and cost. Clerk "
        "takes\n"
        "22 kinds (hashers). Here they can be tried out before a migration relies on them.\n"
        "Passwords are only ever read from standard input or a prompt.\n\n",
        to);
    for (const struct cli_command *c = subcommands; c->name; c++)
        fprintf(to, "  %-10s %s\n", c->name, c->summary);
}

int cmd_digest(int argc, char **argv)
{
    if (argc < 2) {
        print_subcommands(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_subcommands(stdout);
        return CLI_OK;
    }
    for (const struct cli_command *c = subcommands; c->name; c++) {
        if (strcmp(c->name, argv[1]) == 0)
            return c->run(argc - 1, argv + 1);
    }
    fprintf(stderr, "usher digest: no sub-command '%s'; see 'usher digest --help'\n", argv[1]);
    return CLI_USAGE;
}
