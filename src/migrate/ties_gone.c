/*
 * Organizations and memberships that are no longer in the file: in the ledger as done, and not among the ids that the
 * two passes have seen. They are listed first; then, if it was asked for and confirmed, deleted (ties_undo.c:
 * what was changed in Clerk since is spared). Members of an organization that is gone go with it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "migrate/ties.h"

#define PAGE               256
#define PAGE_MAX           ((size_t)8 << 20)
#define SUSPICIOUS_PERCENT 20

/* Organization and member as one id of a set, which knows ids of users only. */
static int claim(struct ties *ties, struct user_seen *set, struct text organization,
                 struct text member, bool *first, struct err *err)
{
    struct user_reject reject;
    struct user both;
    user_init(&both);
    both.external_id = arena_printf(&ties->arena, "%zu %.*s%.*s", organization.len,
                                    TEXT_ARG(organization), TEXT_ARG(member));
    if (!both.external_id.at)
        return err_memory(err);
    int reason = user_seen_claim(set, &both, &reject, err);
    *first = reason == USER_ACCEPTED;
    return reason < 0 ? -1 : 0;
}

int ties_see(struct ties *ties, const struct roster_entry *entry, struct err *err)
{
    bool first;
    if (entry->organization.len == 0 || !ties->seen)
        return 0;
    return claim(ties, ties->seen, entry->organization, entry->user, &first, err);
}

int ties_is_gone(struct ties *ties, const struct ledger_tie *row, bool *is, struct err *err)
{
    bool first;
    int status = claim(ties, ties->gone, row->organization, row->member, &first, err);
    *is = !first;
    return status;
}

struct listing {
    struct ledger_tie page[PAGE];
    struct arena arena;
    struct buf organization, member,
        going;           /* the last one read; the organization last found gone */
    uint64_t done, gone; /* rows; with the members of organizations that are gone */
};

static void tell(struct ties *ties, const struct ledger_tie *row)
{
    char detail[160];
    bool member = row->member.len > 0;
    ties->totals->gone++;
    snprintf(detail, sizeof(detail), "no longer in the file: %s %.*s",
             member ? "its membership in" : "with all its members,", TEXT_ARG(row->organization));
    if (ties->events->gone)
        ties->events->gone(ties->events->arg,
                           &(struct migrate_trouble){0, member ? row->member : row->organization,
                                                     "gone", "", detail});
}

static int list_row(struct ties *ties, struct listing *listing, const struct ledger_tie *row,
                    struct err *err)
{
    bool missing, first;
    arena_reset(&ties->arena);
    buf_reset(&listing->organization);
    buf_add(&listing->organization, row->organization);
    buf_reset(&listing->member);
    buf_add(&listing->member, row->member);
    if (row->state != LEDGER_DONE)
        return 0;
    listing->done++;
    if (claim(ties, ties->seen, row->organization, row->member, &missing, err) != 0)
        return -1;
    listing->gone += missing;
    if (!missing ||
        (row->member.len > 0 && text_same(row->organization, buf_text(&listing->going))))
        return 0;
    if (row->member.len == 0) {
        buf_reset(&listing->going);
        buf_add(&listing->going, row->organization);
    }
    tell(ties, row);
    return claim(ties, ties->gone, row->organization, row->member, &first, err);
}

static int list(struct ties *ties, struct listing *listing, struct err *err)
{
    size_t count;
    do {
        arena_reset(&listing->arena);
        if (ledger_tie_page(ties->ledger, buf_text(&listing->organization),
                            buf_text(&listing->member), &listing->arena, listing->page, PAGE,
                            &count, err) != 0)
            return -1;
        for (size_t i = 0; i < count; i++)
            if (list_row(ties, listing, &listing->page[i], err) != 0)
                return -1;
    } while (count == PAGE);
    return 0;
}

static int check_share(const struct ties *ties, const struct listing *listing, struct err *err)
{
    if (ties->opts->force || listing->gone * 100 <= listing->done * SUSPICIOUS_PERCENT)
        return 0;
    return err_set(err, ERR_REFUSED,
                   "--gone: %llu of %llu organizations and memberships are no longer in the file, "
                   "more than %d %%; none was touched. Is the file whole? If so, add --force",
                   (unsigned long long)listing->gone, (unsigned long long)listing->done,
                   SUSPICIOUS_PERCENT);
}

static int act(struct ties *ties, const struct listing *listing, struct err *err)
{
    if (ties->opts->gone != MIGRATE_GONE_DELETE || ties->totals->gone == 0)
        return 0;
    if (check_share(ties, listing, err) != 0)
        return -1;
    if (ties->planned || !ties->events->consent ||
        !ties->events->consent(ties->events->arg, ties->totals)) {
        ties->totals->requests += ties->planned ? 2 * ties->totals->gone : 0;
        return 0;
    }
    return ties_remove_gone(ties, err);
}

int ties_gone(struct ties *ties, struct err *err)
{
    struct listing *listing = calloc(1, sizeof(*listing));
    if (!listing)
        return err_memory(err);
    arena_init(&listing->arena, PAGE_MAX);
    buf_init(&listing->organization, 16 * 1024);
    buf_init(&listing->member, 16 * 1024);
    buf_init(&listing->going, 16 * 1024);
    int status = user_seen_new(&ties->gone, err);
    if (status == 0)
        status = list(ties, listing, err);
    if (status == 0)
        status = act(ties, listing, err);
    arena_release(&listing->arena);
    buf_release(&listing->organization);
    buf_release(&listing->member);
    buf_release(&listing->going);
    free(listing);
    return status;
}
