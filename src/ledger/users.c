/*
 * Users: finding, claiming, putting. What is to be written depends on the state before: for the counts, and
 * because another writer may have the user. Nearly always that user was found or put a moment ago, so a
 * direct-mapped table of hashes remembers states, and a write says which one it expects. Only when that is
 * not what stands there, or nothing is remembered, the row is read: inside the transaction nobody else
 * changes it.
 */
#include "ledger/store.h"

#include <string.h>

/* What the three low bits of an entry say: a state + 1, or that there is no such user; 0: nothing known. */
#define KNOWN_MASK   UINT64_C(7)
#define KNOWN_ABSENT UINT64_C(7)
_Static_assert(LEDGER_STATE_COUNT < KNOWN_ABSENT, "state + 1 fits beside KNOWN_ABSENT");

/* Whose row it is: ours or nobody's. ?10 is our id, ?12 the time. */
#define IS_FREE                                                                                    \
    "(owner IS NULL OR owner = ?10 OR NOT EXISTS (SELECT 1 FROM writers"                           \
    " WHERE writers.id = users.owner AND until_ms > ?12))"

/* A row as it stands. */
struct standing {
    uint64_t what; /* as in the table */
    bool taken;    /* by another writer, whose lease runs */
    bool own;      /* claimed by us, and by nobody since */
};

static uint64_t *known_entry(struct ledger *ledger, uint64_t hash)
{
    return &ledger->known[hash >> (64 - LEDGER_KNOWN_BITS)];
}

static void know(struct ledger *ledger, uint64_t hash, uint64_t what)
{
    *known_entry(ledger, hash) = (hash & ~KNOWN_MASK) | what;
}

static uint64_t known_of(struct ledger *ledger, uint64_t hash)
{
    uint64_t entry = *known_entry(ledger, hash);
    return (entry & ~KNOWN_MASK) == (hash & ~KNOWN_MASK) ? entry & KNOWN_MASK : 0;
}

static uint64_t hash_of(const struct ledger *ledger, struct text external_id)
{
    return hash_text(&ledger->key, external_id);
}

enum ledger_state ledger_state_read(struct sql_query *query, int column)
{
    int64_t state = sql_int(query, column);
    return state >= 0 && state < LEDGER_STATE_COUNT ? (enum ledger_state)state : LEDGER_SENDING;
}

void ledger_read_row(struct sql_query *query, struct ledger_user *user)
{
    *user = (struct ledger_user){
        .external_id = sql_text(query, 0),
        .state = ledger_state_read(query, 1),
        .clerk_id = sql_text(query, 2),
        .error_code = sql_text(query, 3),
        .hashes = sql_text(query, 4),
        .attempts = (uint32_t)sql_int(query, 5),
        .run = sql_int(query, 6),
        .made = sql_int(query, 7),
        .number = sql_int(query, 8),
    };
}

bool ledger_copy_text(struct arena *arena, struct text *t)
{
    if (!t->at)
        return true;
    *t = arena_copy(arena, *t);
    return t->at != NULL;
}

int ledger_copy_user(struct arena *arena, struct ledger_user *user, struct err *err)
{
    bool ok = ledger_copy_text(arena, &user->external_id) &&
              ledger_copy_text(arena, &user->clerk_id) &&
              ledger_copy_text(arena, &user->error_code) && ledger_copy_text(arena, &user->hashes);
    return ok ? 0 : err_memory(err);
}

int ledger_find(struct ledger *ledger, struct text external_id, struct arena *arena,
                struct ledger_user *user, bool *found, struct err *err)
{
    const struct ledger_user *ahead = ledger_ahead_find(ledger, external_id);
    *found = ahead != NULL;
    if (ahead) {
        *user = *ahead;
        return ledger_copy_user(arena, user, err);
    }
    struct sql_query *query =
        sql_query(ledger->sql, "SELECT " LEDGER_READ " FROM users WHERE external_id = ?1", err);
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
    ledger->unchanged.misses++;
    ledger_read_row(query, user);
    know(ledger, hash, (uint64_t)user->state + 1);
    int status = ledger_copy_user(arena, user, err);
    sql_reset(query);
    return status == 0 ? ledger_ahead_found(ledger, user->number, err) : -1;
}

static int look(struct ledger *ledger, struct text external_id, struct standing *standing,
                struct err *err)
{
    struct sql_query *query = sql_query(
        ledger->sql,
        "SELECT state, owner IS NOT NULL AND owner <> ?2 AND EXISTS (SELECT 1 FROM writers"
        " WHERE writers.id = users.owner AND until_ms > ?3), owner = ?2"
        " FROM users WHERE external_id = ?1",
        err);
    *standing = (struct standing){.what = KNOWN_ABSENT};
    if (!query)
        return -1;
    sql_bind_text(query, 1, external_id);
    sql_bind_int(query, 2, ledger->writer);
    sql_bind_int(query, 3, ledger_now_ms(ledger));
    int got = sql_step(query, err);
    if (got > 0)
        *standing = (struct standing){(uint64_t)ledger_state_read(query, 0) + 1,
                                      sql_int(query, 1) != 0, sql_int(query, 2) != 0};
    sql_reset(query);
    return got < 0 ? -1 : 0;
}

#define DONE ((uint64_t)LEDGER_DONE + 1)

/*
 * Whether an outcome takes back that the user is at the target. Only who has claimed the user since may say so: whoever
 * lost it with its lease has nothing to say, as the next owner may have moved the user meanwhile and let go of it.
 */
static bool takes_back(const struct ledger_user *user, bool claims, uint64_t before)
{
    return before == DONE && user->state != LEDGER_DONE && !claims;
}

/*
 * Writes the row if it stands as expected and is not another writer's: *wrote. The user stays ours, or becomes so,
 * if it is a claim or SENDING.
 */
static int write_row(struct ledger *ledger, const struct ledger_user *user, bool claims,
                     uint64_t expected, bool *wrote, struct err *err)
{
    static const char insert[] = "INSERT INTO users (" LEDGER_COLUMNS ", owner)"
                                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                                 " ON CONFLICT (external_id) DO NOTHING";
    static const char update[] =
        "UPDATE users SET state = ?2, clerk_id = ?3, error_code = ?4, hashes = ?5, attempts = ?6,"
        " run = ?7, made = ?8, owner = ?9 WHERE external_id = ?1 AND state = ?11 AND " IS_FREE;
    static const char take_back[] =
        "UPDATE users SET state = ?2, clerk_id = ?3, error_code = ?4, hashes = ?5, attempts = ?6,"
        " run = ?7, made = ?8, owner = ?9"
        " WHERE external_id = ?1 AND owner = ?10 AND state = ?11";
    struct sql_query *query = sql_query(ledger->sql,
                                        expected == KNOWN_ABSENT             ? insert
                                        : takes_back(user, claims, expected) ? take_back
                                                                             : update,
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
    if (claims || user->state == LEDGER_SENDING)
        sql_bind_int(query, 9, ledger->writer);
    if (expected != KNOWN_ABSENT) {
        sql_bind_int(query, 10, ledger->writer);
        sql_bind_int(query, 11, (int64_t)expected - 1);
    }
    if (expected != KNOWN_ABSENT && !takes_back(user, claims, expected))
        sql_bind_int(query, 12, ledger_now_ms(ledger));
    int status = sql_run(query, err);
    *wrote = status == 0 && sql_changes(ledger->sql) == 1;
    return status;
}

static void count(struct ledger *ledger, uint64_t before, uint64_t after)
{
    if (before != KNOWN_ABSENT)
        ledger->changes[before - 1]--;
    if (after != KNOWN_ABSENT)
        ledger->changes[after - 1]++;
}

/*
 * Writes the user unless another writer has it, or it has been moved and is now claimed for sending or rejected.
 * *before gets how it stood, *wrote tells.
 */
static int settle(struct ledger *ledger, const struct ledger_user *user, bool claims,
                  struct standing *before, bool *wrote, struct err *err)
{
    uint64_t hash = hash_of(ledger, user->external_id), after = (uint64_t)user->state + 1;
    ledger_ahead_spoil(ledger, user->external_id);
    bool must_not_be_moved =
        user->state == LEDGER_REJECTED || (claims && user->state == LEDGER_SENDING);
    uint64_t moved = must_not_be_moved ? DONE : 0;
    *before = (struct standing){.what = known_of(ledger, hash)};
    *wrote = false;
    if (before->what != 0 && before->what != moved &&
        write_row(ledger, user, claims, before->what, wrote, err) != 0)
        return -1;
    if (!*wrote) {
        if (look(ledger, user->external_id, before, err) != 0)
            return -1;
        know(ledger, hash, before->what);
        if (before->what == moved || before->taken ||
            (takes_back(user, claims, before->what) && !before->own))
            return 0;
        if (write_row(ledger, user, claims, before->what, wrote, err) != 0)
            return -1;
    }
    if (!*wrote)
        return err_set(err, ERR_UNUSABLE, "%s: is damaged; restore it from a copy", ledger->path);
    count(ledger, before->what, after);
    know(ledger, hash, after);
    return 0;
}

int ledger_put(struct ledger *ledger, const struct ledger_user *user, struct err *err)
{
    struct standing before;
    bool wrote;
    if (ledger_begin(ledger, err) != 0)
        return -1;
    return ledger_wrote(ledger, settle(ledger, user, false, &before, &wrote, err), err);
}

static int read_clerk_id(struct ledger *ledger, struct text external_id, struct arena *arena,
                         struct text *clerk_id, struct err *err)
{
    struct ledger_user user;
    bool found;
    if (ledger_find(ledger, external_id, arena, &user, &found, err) != 0)
        return -1;
    *clerk_id = found ? user.clerk_id : (struct text){NULL, 0};
    return 0;
}

int ledger_claim(struct ledger *ledger, const struct ledger_user *user, struct arena *arena,
                 struct ledger_claim *claim, struct err *err)
{
    struct standing before;
    bool wrote;
    *claim = (struct ledger_claim){.result = LEDGER_TAKEN};
    if (ledger_begin(ledger, err) != 0)
        return -1;
    int status = settle(ledger, user, true, &before, &wrote, err);
    bool moved = user->state == LEDGER_SENDING && before.what == DONE;
    if (status == 0 && before.taken && !moved) { /* perhaps by somebody who has died */
        status = ledger_bury(ledger, err);
        if (status == 0)
            status = settle(ledger, user, true, &before, &wrote, err);
    }
    if (ledger_wrote(ledger, status, err) != 0)
        return -1;
    if (wrote) {
        claim->result = LEDGER_CLAIMED;
        claim->look_first = before.what == (uint64_t)LEDGER_SENDING + 1;
    } else if (moved) {
        claim->result = LEDGER_MOVED;
        return read_clerk_id(ledger, user->external_id, arena, &claim->clerk_id, err);
    }
    return 0;
}

int ledger_remove(struct ledger *ledger, struct text external_id, struct err *err)
{
    struct standing before;
    if (ledger_begin(ledger, err) != 0)
        return -1;
    ledger_ahead_spoil(ledger, external_id);
    struct sql_query *query =
        sql_query(ledger->sql, "DELETE FROM users WHERE external_id = ?1", err);
    int status = query ? look(ledger, external_id, &before, err) : -1;
    if (status == 0 && !before.taken) {
        sql_bind_text(query, 1, external_id);
        status = sql_run(query, err);
        count(ledger, before.what, KNOWN_ABSENT);
        know(ledger, hash_of(ledger, external_id), KNOWN_ABSENT);
    }
    return ledger_wrote(ledger, status, err);
}
