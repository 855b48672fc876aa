#include "cli/cli.h"

#include <stddef.h>

#include "cli/commands.h"

const struct cli_command cli_commands[] = {
    {"digest", "parse, verify, convert and find password digests", cmd_digest},
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
