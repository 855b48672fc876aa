/* Finding several users by one statement: over a network a look-up costs less than its way there and back. */
#include "ledger/store.h"

#include <string.h>

#define TEN   "?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
#define SLOTS 256 /* of a table of ids, open addressing */
_Static_assert(LEDGER_FIND_SOME == 100 && SLOTS > 2 * LEDGER_FIND_SOME,
               "ten times TEN, half empty");

/* Which id a hash means: an index + 1, or 0. */
struct places {
    uint8_t at[SLOTS];
};

/* The slot of an id, or the empty one where it would be. */
static uint8_t *place_of(const struct ledger *ledger, struct places *places, const struct text *ids,
                         struct text id)
{
    size_t slot = (size_t)(hash_text(&ledger->key, id) % SLOTS);
    while (places->at[slot] && !text_same(ids[places->at[slot] - 1], id))
        slot = (slot + 1) % SLOTS;
    return &places->at[slot];
}

static int take_rows(struct ledger *ledger, struct sql_query *query, struct places *places,
                     const struct text *ids, struct arena *arena, struct ledger_user *users,
                     struct err *err)
{
    struct ledger_user user;
    int got;
    while ((got = sql_step(query, err)) > 0) {
        ledger_read_row(query, &user);
        uint8_t place = *place_of(ledger, places, ids, user.external_id);
        if (!place)
            continue;
        users[place - 1] = user;
        if ((got = ledger_copy_user(arena, &users[place - 1], err)) != 0)
            break;
    }
    return got;
}

int ledger_find_some(struct ledger *ledger, const struct text *ids, size_t count,
                     struct arena *arena, struct ledger_user *users, struct err *err)
{
    static const char statement[] =
        "SELECT " LEDGER_READ " FROM users WHERE external_id IN (" TEN ", " TEN ", " TEN ", " TEN
        ", " TEN ", " TEN ", " TEN ", " TEN ", " TEN ", " TEN ")";
    struct places places = {{0}};
    struct sql_query *query = sql_query(ledger->sql, statement, err);
    memset(users, 0, count * sizeof(*users));
    if (!query)
        return err_wrap(err, "ledger");
    for (size_t i = 0; i < count; i++) {
        if (ids[i].len == 0 || text_has_nul(ids[i]))
            continue; /* nobody has it */
        sql_bind_text(query, (int)i + 1, ids[i]);
        *place_of(ledger, &places, ids, ids[i]) = (uint8_t)(i + 1);
    }
    int status = take_rows(ledger, query, &places, ids, arena, users, err);
    sql_reset(query);
    return status == 0 ? 0 : err_wrap(err, "ledger");
}
