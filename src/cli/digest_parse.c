#include "cli/digest.h"

#include "cli/cli.h"

int cli_digest_parse(int argc, char **argv)
{
    (void)argc;
    struct err err;
    err_set(&err, ERR_USAGE, "parsing is not in this build");
    return cli_fail(argv[0], &err);
}
