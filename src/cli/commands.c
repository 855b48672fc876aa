#include "cli/cli.h"

#include <stddef.h>

#include "cli/commands.h"

const struct cli_command cli_commands[] = {
    {"check", "read an export and say what would be accepted, rejected or lost", cmd_check},
    {"plan", "say what an import would do to the target, writing nothing", cmd_plan},
    {"import", "move the users; run again to go on, or with a later export", cmd_import},
    {"verify", "read every user back and compare field by field", cmd_verify},
    {"undo", "take back what a run created", cmd_undo},
    {"runs", "list the runs of a ledger", cmd_runs},
    {"status", "progress, runs and failures of a migration", cmd_status},
    {"digest", "parse, verify, convert and find password digests", cmd_digest},
    {"sandbox", "the local Clerk, to rehearse a migration", cmd_sandbox},
    {NULL, NULL, NULL},
};

void cli_print_commands(FILE *to)
{
    fputs("usher moves an application's users into Clerk.\n\n"
          "usage: usher COMMAND [OPTIONS]   (usher COMMAND --help tells more)\n\n",
          to);
    for (const struct cli_command *c = cli_commands; c->name; c++)
        fprintf(to, "  %-10s %s\n", c->name, c->summary);
}
