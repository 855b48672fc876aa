#include "cli/tally.h"

#include <string.h>

/* The place of the class of that name, made if it is new; TALLY_CLASSES when there is no room. */
static size_t class_of(struct tally *tally, const struct digest *digest)
{
    char name[DIGEST_CLASS_MAX];
    size_t i = 0;
    digest_class(digest, name);
    while (i < tally->class_count && strcmp(tally->classes[i].name, name) != 0)
        i++;
    if (i == tally->class_count && i < TALLY_CLASSES) {
        tally->class_count++;
        memcpy(tally->classes[i].name, name, sizeof(name));
        tally->classes[i].insecure = digest->ops->insecure;
    }
    return i;
}

static void count_digest(struct tally *tally, const struct user *user)
{
    struct digest digest;
    const struct digest_ops *ops = digest_ops_find(user->password_hasher);
    if (!ops || digest_parse(&digest, ops, user->password_digest))
        return;
    const uint64_t cost[3] = {digest.cost, digest.cost2, digest.cost3};
    if (ops != tally->last_ops || memcmp(cost, tally->last_cost, sizeof(cost)) != 0) {
        tally->last = class_of(tally, &digest);
        tally->last_ops = ops;
        memcpy(tally->last_cost, cost, sizeof(cost));
    }
    if (tally->last < TALLY_CLASSES)
        tally->classes[tally->last].count++;
    else
        tally->other_classes++;
}

void tally_row(struct tally *tally, const struct source_row *row)
{
    enum user_reason reason = row->reject.reason;
    if (reason != USER_ACCEPTED) {
        if (tally->reasons[reason] < TALLY_ROWS)
            tally->first_rows[reason][tally->reasons[reason]] = row->number;
        tally->reasons[reason]++;
    } else if (row->user.password_digest.len == 0) {
        tally->no_password++;
    } else {
        count_digest(tally, &row->user);
    }
}
