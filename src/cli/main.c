/* The command table and nothing else: each command is a file. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct cli_command *command_find(const char *name)
{
    for (const struct cli_command *c = cli_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

int main(int argc, char **argv)
{
    struct err err;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        cli_print_commands(argc < 2 ? stderr : stdout);
        return argc < 2 ? CLI_USAGE : CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("usher " USHER_VERSION);
        return CLI_OK;
    }
    const struct cli_command *command = command_find(argv[1]);
    if (!command) {
        fprintf(stderr, "usher: no command '%s'; see 'usher --help'\n", argv[1]);
        return CLI_USAGE;
    }
    if (openssl_ready(&err) != 0)
        return cli_fail(command->name, &err);
    return command->run(argc - 1, argv + 1);
}
