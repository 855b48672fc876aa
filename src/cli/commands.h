/* The commands of `usher`, one file each; commands.c lists them. */
#ifndef USHER_CLI_COMMANDS_H
#define USHER_CLI_COMMANDS_H

/* Each runs its command and returns an exit status of cli.h. */
/* argv[0] is the command's name; each returns an exit status. */
int cmd_digest(int argc, char **argv);

#endif
