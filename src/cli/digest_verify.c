#include "cli/digest.h"

#include "cli/cli.h"
#include "cli/digest_lines.h"

static const char about[] =
    "Says whether passwords match their digests.\n"
    "\n"
    "Standard input is JSON Lines, one object a line:\n"
    "  "
    "{\"hasher\":\"md5\",\"digest\":\"5f4dcc3b5aa765d61d8327deb882cf99\",\"password\":\"password\"}"
    "\n"
    "hasher is one of the 22 names that Clerk's CreateUser takes as password_hasher, digest what "
    "it takes\n"
    "as password_digest, password the plain text. Other keys are ignored, so a file of test "
    "vectors can be\n"
    "piped through as it is.\n"
    "\n"
    "For each line one line is printed, in the same order:\n"
    "  {\"match\":true}    the password is right\n"
    "  {\"match\":false}   it is wrong\n"
    "  {\"error\":\"…\"}     it cannot be told: the line is no such object, the digest is "
    "malformed, its cost\n"
    "                    is beyond reason, or (awscognito) Cognito gave no clear answer\n"
    "\n"
    "Nothing is written anywhere else. awscognito is the one hasher that asks over the network: "
    "each line\n"
    "signs in to the user pool once (InitiateAuth, USER_PASSWORD_AUTH).\n"
    "\n"
    "example:\n"
    "  usher digest verify < known-accounts.jsonl\n"
    "\n"
    "exit status: 0 every line has its answer (match or not), 1 some lines have an error, 2 usage "
    "or failed\n"
    "input or output.";

static int answer(const struct digest *digest, struct json_value line, struct json_out *out,
                  struct err *err)
{
    struct text password;
    if (digest_line_text(line, "password", &password, err) != 0)
        return -1;
    enum digest_answer match = digest_verify(digest, password, err);
    if (match == DIGEST_CANNOT_TELL)
        return -1;
    json_key(out, TEXT("match"));
    json_put_bool(out, match == DIGEST_MATCH);
    return 0;
}

int cli_digest_verify(int argc, char **argv)
{
    static const struct cli_option options[] = {{.name = NULL}};
    size_t count;
    int status = cli_parse(&(struct cli_syntax){"digest verify", "< LINES", about, options}, argc,
                           argv, NULL, 0, &count);
    return status >= 0 ? status : digest_lines("digest verify", answer);
}
