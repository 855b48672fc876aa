#include "cli/tally.h"

#include <stdio.h>
#include <string.h>

static void count_class(struct tally *tally, const char *name, bool insecure)
{
    size_t i = tally->last;
    if (i >= tally->class_count || strcmp(tally->classes[i].name, name) != 0)
        for (i = 0; i < tally->class_count; i++)
            if (strcmp(tally->classes[i].name, name) == 0)
                break;
    if (i == TALLY_CLASSES) {
        tally->other_classes++;
        return;
    }
    if (i == tally->class_count) {
        tally->class_count++;
        snprintf(tally->classes[i].name, sizeof(tally->classes[i].name), "%s", name);
        tally->classes[i].insecure = insecure;
    }
    tally->classes[i].count++;
    tally->last = i;
}

static void count_digest(struct tally *tally, const struct user *user)
{
    char name[DIGEST_CLASS_MAX];
    struct digest digest;
    const struct digest_ops *ops = digest_ops_find(user->password_hasher);
    if (!ops || digest_parse(&digest, ops, user->password_digest))
        return;
    digest_class(&digest, name);
    count_class(tally, name, ops->insecure);
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
