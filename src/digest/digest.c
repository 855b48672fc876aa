/* What all digests share: the table, the checks in front of every family, the class. */
#include "digest/digest.h"

#include <stdio.h>
#include <string.h>

#include "digest/digests.h"

#define DECLARE(name)  extern const struct digest_ops digest_ops_##name;
#define POINT_TO(name) &digest_ops_##name,

DIGESTS(DECLARE)
static const struct digest_ops *const table[] = {DIGESTS(POINT_TO)};

const struct digest_ops *const *digest_ops_all(size_t *count)
{
    *count = ARRAY_COUNT(table);
    return table;
}

const struct digest_ops *digest_ops_find(struct text hasher)
{
    for (size_t i = 0; i < ARRAY_COUNT(table); i++)
        if (text_same(text_of(table[i]->hasher), hasher))
            return table[i];
    return NULL;
}

const char *digest_parse(struct digest *digest, const struct digest_ops *ops, struct text text)
{
    *digest = (struct digest){.ops = ops, .text = text};
    if (text.len == 0)
        return "empty";
    if (text.len > DIGEST_MAX)
        return "longer than 4096 bytes";
    if (text_has_nul(text))
        return "a NUL byte";
    return ops->parse(digest);
}

const char *digest_clerk_problem(const struct digest *digest)
{
    uint64_t max = digest->ops->clerk_cost_max;
    return max > 0 && digest->cost > max ? "cost above what Clerk takes (15)" : NULL;
}

enum digest_answer digest_verify(const struct digest *digest, struct text password, struct err *err)
{
    if (password.len > DIGEST_PASSWORD_MAX) {
        err_set(err, ERR_INPUT, "the password is longer than %d bytes", DIGEST_PASSWORD_MAX);
        return DIGEST_CANNOT_TELL;
    }
    return digest->ops->verify(digest, password, err);
}

void digest_class(const struct digest *digest, char to[DIGEST_CLASS_MAX])
{
    const uint64_t costs[] = {digest->cost, digest->cost2, digest->cost3};
    const struct digest_ops *ops = digest->ops;
    size_t at = (size_t)snprintf(to, DIGEST_CLASS_MAX, "%s", ops->hasher);
    for (size_t i = 0; i < ARRAY_COUNT(costs) && ops->cost_names[i] && at < DIGEST_CLASS_MAX; i++)
        at += (size_t)snprintf(to + at, DIGEST_CLASS_MAX - at, " %s=%llu", ops->cost_names[i],
                               (unsigned long long)costs[i]);
}
