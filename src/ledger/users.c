/*
 * Users. To keep the counts, a put must know in which state the user was before. Nearly always that user
 * was found or put a moment ago, so a direct-mapped table of hashes remembers states, and only a miss
 * asks the database. The table is right because this process is the only writer, and a failed write
 * ends writing.
 */
#include "ledger/store.h"

#include <string.h>

#define COLUMNS "external_id, state, clerk_id, error_code, hashes, attempts, run, made"
#define READ    COLUMNS ", number"

/* What the three low bits of an entry say. 0: nothing known. */
#define KNOWN_MASK   UINT64_C(7)
#define KNOWN_ABSENT UINT64_C(7)
_Static_assert(LEDGER_STATE_COUNT < KNOWN_ABSENT, "state + 1 fits beside KNOWN_ABSENT");

static uint64_t *known_entry(struct ledger *ledger, uint64_t hash)
{
    return &ledger->known[hash >> (64 - LEDGER_KNOWN_BITS)];
}

static void know(struct ledger *ledger, uint64_t hash, uint64_t what)
{
    *known_entry(ledger, hash) = (hash & ~KNOWN_MASK) | what;
}

static uint64_t hash_of(const struct ledger *ledger, struct text external_id)
{
    return hash_text(&ledger->key, external_id);
}

/* A number that is no state, as only damage leaves it, reads as the state that is looked up. */
static enum ledger_state state_of(struct sql_query *query, int column)
{
    int64_t state = sql_int(query, column);
    return state >= 0 && state < LEDGER_STATE_COUNT ? (enum ledger_state)state : LEDGER_SENDING;
}

static void read_row(struct sql_query *query, struct ledger_user *user)
{
    *user = (struct ledger_user){
        .external_id = sql_text(query, 0),
        .state = state_of(query, 1),
        .clerk_id = sql_text(query, 2),
        .error_code = sql_text(query, 3),
        .hashes = sql_text(query, 4),
        .attempts = (uint32_t)sql_int(query, 5),
        .run = sql_int(query, 6),
        .made = sql_int(query, 7),
        .number = sql_int(query, 8),
    };
}

static bool copy_text(struct arena *arena, struct text *t)
{
    if (!t->at)
        return true;
    *t = arena_copy(arena, *t);
    return t->at != NULL;
}

static int copy_user(struct arena *arena, struct ledger_user *user, struct err *err)
{
    bool ok = copy_text(arena, &user->external_id) && copy_text(arena, &user->clerk_id) &&
              copy_text(arena, &user->error_code) && copy_text(arena, &user->hashes);
    return ok ? 0 : err_memory(err);
}

int ledger_find(struct ledger *ledger, struct text external_id, struct arena *arena,
                struct ledger_user *user, bool *found, struct err *err)
{
    struct sql_query *query =
        sql_query(ledger->sql, "SELECT " READ " FROM users WHERE external_id = ?1", err);
    *found = false;
    if (!query)
        return -1;
    sql_bind_text(query, 1, external_id);
    int got = sql_step(query, err);
    if (got < 0)
        return err_wrap(err, "ledger");
    uint64_t hash = hash_of(ledger, external_id);
    if (got == 0) {
        know(ledger, hash, KNOWN_ABSENT);
        return 0;
    }
    *found = true;
    read_row(query, user);
    know(ledger, hash, (uint64_t)user->state + 1);
    int status = copy_user(arena, user, err);
    sql_reset(query);
    return status;
}

/* What the table or else the database knows of a user: state + 1, or KNOWN_ABSENT; 0 with err set. */
static uint64_t state_before(struct ledger *ledger, struct text external_id, uint64_t hash,
                             struct err *err)
{
    uint64_t entry = *known_entry(ledger, hash);
    if ((entry & KNOWN_MASK) != 0 && (entry & ~KNOWN_MASK) == (hash & ~KNOWN_MASK))
        return entry & KNOWN_MASK;
    struct sql_query *query =
        sql_query(ledger->sql, "SELECT state FROM users WHERE external_id = ?1", err);
    if (!query)
        return 0;
    sql_bind_text(query, 1, external_id);
    int got = sql_step(query, err);
    uint64_t what = got > 0 ? (uint64_t)state_of(query, 0) + 1 : KNOWN_ABSENT;
    sql_reset(query);
    return got < 0 ? 0 : what;
}

static int put_row(struct ledger *ledger, const struct ledger_user *user, struct err *err)
{
    struct sql_query *query = sql_query(
        ledger->sql,
        "INSERT INTO users (" COLUMNS
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (external_id) DO UPDATE SET "
        "state = excluded.state, clerk_id = excluded.clerk_id, error_code = excluded.error_code, "
        "hashes = excluded.hashes, attempts = excluded.attempts, run = excluded.run, "
        "made = excluded.made",
        err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, user->external_id);
    sql_bind_int(query, 2, user->state);
    sql_bind_text(query, 3, user->clerk_id);
    sql_bind_text(query, 4, user->error_code);
    sql_bind_blob(query, 5, user->hashes);
    sql_bind_int(query, 6, user->attempts);
    sql_bind_int(query, 7, user->run);
    sql_bind_int(query, 8, user->made);
    return sql_run(query, err);
}

int ledger_put(struct ledger *ledger, const struct ledger_user *user, struct err *err)
{
    if (ledger_begin(ledger, err) != 0)
        return -1;
    uint64_t hash = hash_of(ledger, user->external_id);
    uint64_t before = state_before(ledger, user->external_id, hash, err);
    if (before == 0 || put_row(ledger, user, err) != 0) {
        err_wrap(err, "ledger");
        return ledger_break(ledger);
    }
    if (before != KNOWN_ABSENT)
        ledger->counts[before - 1]--;
    ledger->counts[user->state]++;
    know(ledger, hash, (uint64_t)user->state + 1);
    return 0;
}

static int remove_row(struct ledger *ledger, struct text external_id, struct err *err)
{
    struct sql_query *query =
        sql_query(ledger->sql, "DELETE FROM users WHERE external_id = ?1", err);
    if (!query)
        return -1;
    sql_bind_text(query, 1, external_id);
    return sql_run(query, err);
}

int ledger_remove(struct ledger *ledger, struct text external_id, struct err *err)
{
    if (ledger_begin(ledger, err) != 0)
        return -1;
    uint64_t hash = hash_of(ledger, external_id);
    uint64_t before = state_before(ledger, external_id, hash, err);
    if (before == 0 || remove_row(ledger, external_id, err) != 0) {
        err_wrap(err, "ledger");
        return ledger_break(ledger);
    }
    if (before != KNOWN_ABSENT)
        ledger->counts[before - 1]--;
    know(ledger, hash, KNOWN_ABSENT);
    return 0;
}

int ledger_page(struct ledger *ledger, int64_t after, struct arena *arena,
                struct ledger_user *users, size_t room, size_t *count, struct err *err)
{
    struct sql_query *query = sql_query(
        ledger->sql, "SELECT " READ " FROM users WHERE number > ?1 ORDER BY number LIMIT ?2", err);
    int got = query ? 0 : -1;
    *count = 0;
    if (query) {
        sql_bind_int(query, 1, after);
        sql_bind_int(query, 2, (int64_t)room);
    }
    while (query && *count < room && (got = sql_step(query, err)) > 0) {
        read_row(query, &users[*count]);
        if ((got = copy_user(arena, &users[*count], err)) != 0)
            break;
        ++*count;
    }
    if (query)
        sql_reset(query);
    return got < 0 ? err_wrap(err, "ledger") : 0;
}

/*
 * Those done are many and read in the index's order. Those planned or sending are few: one pass through
 * the rows as they lie, and then sorted (+ keeps SQLite from walking the index for the order's sake).
 * "state >= 3" in so many words lets it use the index that has this condition.
 */
static const char *each_statement(enum ledger_state state)
{
    if (state >= LEDGER_FAILED)
        return "SELECT " READ " FROM users WHERE state >= 3 AND state = ?1 ORDER BY external_id";
    if (state == LEDGER_DONE)
        return "SELECT " READ " FROM users WHERE state = ?1 ORDER BY external_id";
    return "SELECT " READ " FROM users WHERE state = ?1 ORDER BY +external_id";
}

int ledger_each(struct ledger *ledger, enum ledger_state state,
                int (*each)(const struct ledger_user *user, void *arg), void *arg, struct err *err)
{
    if (ledger->counts[state] == 0 && !ledger->read_only)
        return 0;
    struct sql_query *query = sql_prepare(ledger->sql, each_statement(state), err);
    struct ledger_user user;
    int got = -1, stop = 0;
    if (query)
        sql_bind_int(query, 1, state);
    while (query && !stop && (got = sql_step(query, err)) > 0) {
        read_row(query, &user);
        stop = each(&user, arg);
    }
    sql_finish(query);
    return got < 0 ? err_wrap(err, "ledger") : 0;
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
