/* usher digest SUB: the table of its sub-commands. */
#include "cli/cli.h"

#include "cli/commands.h"
#include "cli/digest.h"

static const struct cli_command subcommands[] = {
    {"verify", "whether passwords match their digests", cli_digest_verify},
    {"parse", "what digests are: their class, cost and limits", cli_digest_parse},
    {"convert", "digests as a platform stores them into Clerk's form", cli_digest_convert},
    {"find", "which hasher fits a digest whose password is known", cli_digest_find},
    {NULL, NULL, NULL},
};

static const char about[] =
    "A digest is a password as a platform stored it: hashed, with its salt and cost. Clerk takes\n"
    "22 kinds (hashers). Here they can be tried out before a migration relies on them.\n"
    "Passwords are only ever read from standard input or a prompt.";

int cmd_digest(int argc, char **argv)
{
    return cli_run_subcommand(&(struct cli_group){"digest", about, subcommands}, argc, argv);
}
