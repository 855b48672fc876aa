#include "cli/cli.h"

#include <stddef.h>
#include <string.h>

#include "cli/commands.h"

const struct cli_command cli_commands[] = {
    {"check", "read an export and say what would be accepted, rejected or lost", cmd_check},
    {"plan", "say what an import would do to the target, writing nothing", cmd_plan},
    {"import", "move the users; run again to go on, or with a later export", cmd_import},
    {"verify", "read every user back and compare field by field", cmd_verify},
    {"organizations", "move organizations and who belongs to them", cmd_organizations},
    {"map", "external ids and Clerk ids, for the application's own tables", cmd_map},
    {"undo", "take back what a run created", cmd_undo},
    {"runs", "list the runs of a ledger", cmd_runs},
    {"status", "progress, runs and failures of a migration", cmd_status},
    {"digest", "parse, verify, convert and find password digests", cmd_digest},
    {"gateway", "move users at their next sign-in", cmd_gateway},
    {"sandbox", "the local Clerk, to rehearse a migration", cmd_sandbox},
    {NULL, NULL, NULL},
};

void cli_print_commands(FILE *to)
{
    fputs("usher moves an application's users into Clerk.\n\n"
          "usage: usher COMMAND [OPTIONS]   (usher COMMAND --help tells more)\n\n",
          to);
    for (const struct cli_command *c = cli_commands; c->name; c++)
        fprintf(to, "  %-13s %s\n", c->name, c->summary);
}

static void print_subcommands(const struct cli_group *group, FILE *to)
{
    fprintf(to,
            "usage: usher %s SUBCOMMAND [OPTIONS]   (usher %s SUBCOMMAND --help tells more)\n\n"
            "%s\n\n",
            group->name, group->name, group->about);
    for (const struct cli_command *c = group->subcommands; c->name; c++)
        fprintf(to, "  %-10s %s\n", c->name, c->summary);
}

int cli_run_subcommand(const struct cli_group *group, int argc, char **argv)
{
    if (argc < 2) {
        print_subcommands(group, stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_subcommands(group, stdout);
        return CLI_OK;
    }
    for (const struct cli_command *c = group->subcommands; c->name; c++)
        if (strcmp(c->name, argv[1]) == 0)
            return c->run(argc - 1, argv + 1);
    fprintf(stderr, "usher %s: no sub-command '%s'; see 'usher %s --help'\n", group->name, argv[1],
            group->name);
    return CLI_USAGE;
}
