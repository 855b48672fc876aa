#include "cli/digest.h"

#include "cli/cli.h"
#include "cli/digest_lines.h"

static const char about[] =
    "Says what digests are, without any password.\n"
    "\n"
    "Standard input is JSON Lines, one object a line, {\"hasher\":\"…\",\"digest\":\"…\"}: a "
    "password_hasher and\n"
    "a password_digest as Clerk's CreateUser takes them. Other keys are ignored.\n"
    "\n"
    "For each line one line is printed, in the same order: {\"error\":\"…\"} if the digest does "
    "not have the\n"
    "shape of its hasher, else an object of\n"
    "  class     hasher and cost: \"bcrypt cost=10\". Digests of one class are verified by the "
    "same code with\n"
    "            the same parameters, so that one known password can stand for all of them\n"
    "  insecure  true if Clerk moves it to bcrypt at the first successful sign-in\n"
    "  remote    true if only another service can verify it (awscognito)\n"
    "  problem   what CreateUser refuses although the shape is right (bcrypt cost above 15), or "
    "null\n"
    "\n"
    "example: how many digests of each class a file holds\n"
    "  usher digest parse < digests.jsonl | sort | uniq -c\n"
    "\n"
    "exit status: 0 every digest is well-formed, 1 some lines have an error, 2 usage or failed "
    "input or\n"
    "output.";

static int answer(const struct digest *digest, struct json_value line, struct json_out *out,
                  struct err *err)
{
    char class[DIGEST_CLASS_MAX];
    (void)line;
    (void)err;
    digest_class(digest, class);
    json_key(out, TEXT("class"));
    json_put_text(out, text_of(class));
    json_key(out, TEXT("insecure"));
    json_put_bool(out, digest->ops->insecure);
    json_key(out, TEXT("remote"));
    json_put_bool(out, digest->ops->remote);
    json_key(out, TEXT("problem"));
    json_put_text_or_null(out, text_of(digest_clerk_problem(digest)));
    return 0;
}

int cli_digest_parse(int argc, char **argv)
{
    static const struct cli_option options[] = {{.name = NULL}};
    size_t count;
    int status = cli_parse(&(struct cli_syntax){"digest parse", "< LINES", about, options}, argc,
                           argv, NULL, 0, &count);
    return status >= 0 ? status : digest_lines("digest parse", answer);
}
