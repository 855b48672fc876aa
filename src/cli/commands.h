/* The commands of `usher`, one file each; commands.c lists them. */
#ifndef USHER_CLI_COMMANDS_H
#define USHER_CLI_COMMANDS_H

/* Each runs its command, whose name is argv[0], and returns an exit status of cli.h. */
int cmd_check(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_organizations(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_undo(int argc, char **argv);
int cmd_runs(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_digest(int argc, char **argv);
int cmd_gateway(int argc, char **argv);
int cmd_sandbox(int argc, char **argv);

#endif
