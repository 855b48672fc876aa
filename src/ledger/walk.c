/* Walks over many users: page by page, so that a server's result stays small and the ledger free in between. */
#include "ledger/store.h"

#include <string.h>

#define PAGE     1024
#define PAGE_MAX ((size_t)64 << 20)

/* Up to `room` rows of a query that has its parameters. */
static int read_page(struct sql_query *query, struct arena *arena, struct ledger_user *users,
                     size_t room, size_t *count, struct err *err)
{
    int got = 0;
    *count = 0;
    while (*count < room && (got = sql_step(query, err)) > 0) {
        ledger_read_row(query, &users[*count]);
        if ((got = ledger_copy_user(arena, &users[*count], err)) != 0)
            break;
        ++*count;
    }
    sql_reset(query);
    return got < 0 ? err_wrap(err, "ledger") : 0;
}

int ledger_page(struct ledger *ledger, int64_t after, struct arena *arena,
                struct ledger_user *users, size_t room, size_t *count, struct err *err)
{
    struct sql_query *query = sql_query(
        ledger->sql, "SELECT " LEDGER_READ " FROM users WHERE number > ?1 ORDER BY number LIMIT ?2",
        err);
    *count = 0;
    if (!query)
        return err_wrap(err, "ledger");
    sql_bind_int(query, 1, after);
    sql_bind_int(query, 2, (int64_t)room);
    return read_page(query, arena, users, room, count, err);
}

void ledger_walk_begin(struct ledger_walk *walk, struct ledger *ledger)
{
    walk->ledger = ledger;
    walk->after = 0;
    walk->at = walk->count = walk->room = 0;
    arena_init(&walk->arena, PAGE_MAX);
}

void ledger_walk_end(struct ledger_walk *walk)
{
    arena_release(&walk->arena);
}

int ledger_walk_some(struct ledger_walk *walk, size_t room, struct ledger_user **users,
                     size_t *count, struct err *err)
{
    bool over = walk->count < walk->room; /* the page before was the last one */
    *users = walk->users;
    *count = walk->at = walk->count = 0;
    walk->room = room < LEDGER_WALK_PAGE ? room : LEDGER_WALK_PAGE;
    arena_reset(&walk->arena);
    if (over)
        return 0;
    if (ledger_page(walk->ledger, walk->after, &walk->arena, walk->users, walk->room, &walk->count,
                    err) != 0)
        return -1;
    if (walk->count > 0)
        walk->after = walk->users[walk->count - 1].number;
    *count = walk->count;
    return walk->count > 0;
}

int ledger_walk_next(struct ledger_walk *walk, const struct ledger_user **user, struct err *err)
{
    struct ledger_user *users;
    size_t count;
    int got = 1;
    if (walk->at == walk->count)
        got = ledger_walk_some(walk, LEDGER_WALK_PAGE, &users, &count, err);
    if (got > 0)
        *user = &walk->users[walk->at++];
    return got;
}

/*
 * Those done are many and read in the index's order. Those planned or sending are few: one pass through
 * the rows as they lie, and then sorted (by an expression, or else SQLite walks the index for the order's sake).
 * "state >= 3" in so many words lets it use the index that has this condition.
 */
static const char *each_statement(enum ledger_state state)
{
    static const char failed[] = "SELECT " LEDGER_READ " FROM users WHERE state >= 3 AND state = ?1"
                                 " AND external_id > ?2 ORDER BY external_id LIMIT ?3";
    static const char done[] = "SELECT " LEDGER_READ " FROM users WHERE state = ?1"
                               " AND external_id > ?2 ORDER BY external_id LIMIT ?3";
    static const char few[] = "SELECT " LEDGER_READ " FROM users WHERE state = ?1"
                              " AND external_id || '' > ?2 ORDER BY external_id || '' LIMIT ?3";
    return state >= LEDGER_FAILED ? failed : state == LEDGER_DONE ? done : few;
}

int ledger_each(struct ledger *ledger, enum ledger_state state,
                int (*each)(const struct ledger_user *user, void *arg), void *arg, struct err *err)
{
    uint64_t counts[LEDGER_STATE_COUNT];
    struct ledger_user *users;
    struct arena arena, last;
    struct text after = TEXT("");
    size_t count = PAGE;
    int status = ledger_count(ledger, counts, err), stop = 0;
    if (status != 0 || counts[state] == 0)
        return status;
    arena_init(&arena, PAGE_MAX);
    arena_init(&last, PAGE_MAX);
    while (status == 0 && !stop && count == PAGE) {
        struct sql_query *query = sql_query(ledger->sql, each_statement(state), err);
        arena_reset(&arena);
        users = arena_alloc(&arena, PAGE * sizeof(*users));
        if (!query || !users) {
            status = query ? err_memory(err) : -1;
            break;
        }
        sql_bind_int(query, 1, state);
        sql_bind_text(query, 2, after);
        sql_bind_int(query, 3, PAGE);
        status = read_page(query, &arena, users, PAGE, &count, err);
        for (size_t i = 0; status == 0 && !stop && i < count; i++)
            stop = each(&users[i], arg);
        arena_reset(&last);
        after = count > 0 ? arena_copy(&last, users[count - 1].external_id) : after;
    }
    arena_release(&arena);
    arena_release(&last);
    return status;
}

int ledger_failures(struct ledger *ledger,
                    void (*each)(struct text code, uint64_t count, struct text example, void *arg),
                    void *arg, struct err *err)
{
    struct sql_query *query = sql_prepare(
        ledger->sql,
        "SELECT coalesce(error_code, ''), count(*), min(external_id) FROM users WHERE state >= 3 "
        "GROUP BY 1 ORDER BY 2 DESC, 1",
        err);
    int got = -1;
    while (query && (got = sql_step(query, err)) > 0)
        each(sql_text(query, 0), (uint64_t)sql_int(query, 1), sql_text(query, 2), arg);
    sql_finish(query);
    return got < 0 ? err_wrap(err, "ledger") : 0;
}
