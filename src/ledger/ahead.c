/*
 * Reading ahead. A later export mostly has its users in the order in which they were moved, which is the order of
 * the rows: so when two users asked for one after the other stand side by side, the rows behind them are read
 * by one statement, and the next users asked for are found among them, at a fraction of what a look-up costs.
 *
 * What was read ahead may be out of date when it is asked for. Of our own writes it is told (spoil); what another
 * process has done since, a claim finds out.
 */
#include "ledger/store.h"

#include <string.h>

#define ARENA_MAX ((size_t)64 << 20)
#define SKIP      16 /* users that the export has no more, or not in this place */

void ledger_ahead_init(struct ledger *ledger)
{
    arena_init(&ledger->ahead.arena, ARENA_MAX);
}

void ledger_ahead_release(struct ledger *ledger)
{
    arena_release(&ledger->ahead.arena);
}

const struct ledger_user *ledger_ahead_find(struct ledger *ledger, struct text external_id)
{
    struct ledger_ahead *ahead = &ledger->ahead;
    for (size_t i = ahead->at; i < ahead->count && i < ahead->at + SKIP; i++) {
        if (!text_same(ahead->users[i].external_id, external_id))
            continue;
        ahead->at = i + 1;
        ahead->last = ahead->users[i].number;
        return &ahead->users[i];
    }
    return NULL;
}

int ledger_ahead_found(struct ledger *ledger, int64_t number, struct err *err)
{
    struct ledger_ahead *ahead = &ledger->ahead;
    bool side_by_side = number > ahead->last && number <= ahead->last + SKIP;
    ahead->last = number;
    if (!side_by_side)
        return 0;
    arena_reset(&ahead->arena);
    ahead->at = ahead->count = 0;
    return ledger_page(ledger, number, &ahead->arena, ahead->users, LEDGER_AHEAD, &ahead->count,
                       err);
}

void ledger_ahead_spoil(struct ledger *ledger, struct text external_id)
{
    struct ledger_ahead *ahead = &ledger->ahead;
    for (size_t i = ahead->at; i < ahead->count; i++)
        if (text_same(ahead->users[i].external_id, external_id))
            ahead->users[i].external_id = (struct text){NULL, 0};
}
