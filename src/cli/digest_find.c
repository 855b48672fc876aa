#include "cli/digest.h"

#include "cli/cli.h"

int cli_digest_find(int argc, char **argv)
{
    (void)argc;
    struct err err;
    err_set(&err, ERR_USAGE, "finding is not in this build");
    return cli_fail(argv[0], &err);
}
