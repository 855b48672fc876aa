/*
 * Digests: the first byte picks the hasher, the rest is the digest. What parses has fields inside the text, a
 * class, and bounded costs; cheap ones are verified too, where no input may end in a crash or, without the
 * password, in a match.
 */
#include <stdlib.h>
#include <string.h>

#include "digest/digest.h"

/* What verify may cost at most here: rounds, iterations, KiB … */
#define COST_MAX 64
/* The same where a digest names its logarithm: bcrypt's cost, and the memory of Firebase's scrypt. */
#define LOG_COST_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_field(const struct digest *digest, struct text field)
{
    check(field.len == 0 || (field.at >= digest->text.at &&
                             field.at + field.len <= digest->text.at + digest->text.len));
}

static bool is_cheap(const struct digest *digest)
{
    bool bcrypt = strstr(digest->ops->hasher, "bcrypt") != NULL;
    bool firebase = strstr(digest->ops->hasher, "firebase") != NULL;
    return !digest->ops->remote && digest->cost <= (bcrypt ? LOG_COST_MAX : COST_MAX) &&
           digest->cost2 <= (firebase ? LOG_COST_MAX : COST_MAX) && digest->cost3 <= COST_MAX;
}

static void verify(const struct digest *digest)
{
    static const char password[] = "a password that nobody has hashed\xF0\x9F\x94\x91";
    struct err err = {.code = ERR_NONE};
    enum digest_answer answer =
        digest_verify(digest, (struct text){password, sizeof(password)}, &err);
    check(answer == DIGEST_NO_MATCH || (answer == DIGEST_CANNOT_TELL && err.code != ERR_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    size_t count;
    const struct digest_ops *const *all = digest_ops_all(&count);
    struct digest digest;
    char class[DIGEST_CLASS_MAX];
    if (len == 0)
        return 0;
    struct text text = {(const char *)at + 1, len - 1};
    const char *wrong = digest_parse(&digest, all[at[0] % count], text);
    if (wrong)
        return 0;
    check(text.len <= DIGEST_MAX && !text_has_nul(text));
    check_field(&digest, digest.salt);
    check_field(&digest, digest.hash);
    for (size_t i = 0; i < ARRAY_COUNT(digest.extra); i++)
        check_field(&digest, digest.extra[i]);
    digest_class(&digest, class);
    check(strlen(class) < sizeof(class) - 1);
    if (is_cheap(&digest))
        verify(&digest);
    return 0;
}
