/* Opening, closing, commits and counts. The tables are described in schema.c. */
#include "ledger/store.h"

#include <stdlib.h>
#include <string.h>

#define LEASE_MS 60000

const char *ledger_state_name(enum ledger_state state)
{
    static const char *const names[LEDGER_STATE_COUNT] = {
        [LEDGER_PLANNED] = "planned", [LEDGER_SENDING] = "sending",   [LEDGER_DONE] = "done",
        [LEDGER_FAILED] = "failed",   [LEDGER_REJECTED] = "rejected",
    };
    return (unsigned)state < LEDGER_STATE_COUNT ? names[state] : "unknown";
}

const char *ledger_name(const struct ledger *ledger)
{
    return ledger->path;
}

const struct hash_key *ledger_key(const struct ledger *ledger)
{
    return &ledger->key;
}

static int start(struct ledger *ledger, const struct ledger_opts *opts, struct err *err)
{
    ledger_ahead_init(ledger);
    ledger_unchanged_init(ledger, opts);
    ledger->known = calloc((size_t)1 << LEDGER_KNOWN_BITS, sizeof(*ledger->known));
    if (!ledger->known)
        return err_memory(err);
    if (!opts->read_only && ledger_check_file(opts->path, err) != 0)
        return -1;
    if (sql_open(&ledger->sql, opts->path, opts->read_only ? SQL_READ_ONLY : SQL_CREATE, err) != 0)
        return -1;
    ledger->path = strdup(sql_name(ledger->sql));
    if (!ledger->path)
        return err_memory(err);
    if (sql_pragma(ledger->sql, "PRAGMA cache_size = -16000", err) != 0 ||
        ledger_load(ledger, &opts->identity, err) != 0)
        return -1;
    return opts->read_only ? 0 : ledger_enlist(ledger, err);
}

int ledger_open(struct ledger **to, const struct ledger_opts *opts, struct err *err)
{
    *to = NULL;
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    if (!ledger)
        return err_memory(err);
    ledger->read_only = opts->read_only;
    ledger->alone = opts->alone;
    ledger->lease_ms = opts->lease_ms ? opts->lease_ms : LEASE_MS;
    if (start(ledger, opts, err) != 0) {
        ledger_close(ledger);
        return err_wrap(err, "ledger");
    }
    *to = ledger;
    return 0;
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    ledger_retire(ledger);
    sql_close(ledger->sql);
    ledger_ahead_release(ledger);
    ledger_unchanged_release(ledger);
    free(ledger->known);
    free(ledger->path);
    secret_wipe(ledger, sizeof(*ledger));
    free(ledger);
}

int ledger_begin(struct ledger *ledger, struct err *err)
{
    if (ledger->broken || ledger->read_only)
        return err_set(err, ERR_UNUSABLE, "ledger: %s: %s", ledger->path,
                       ledger->broken ? "an earlier write failed; nothing was written since"
                                      : "opened for reading only");
    if (sql_in_transaction(ledger->sql))
        return 0;
    if (sql_begin(ledger->sql, err) != 0)
        return err_wrap(err, "ledger");
    int status = ledger_keep_lease(ledger, err);
    if (status == 0)
        status = ledger_look_around(ledger, err);
    return ledger_wrote(ledger, status, err);
}

int ledger_break(struct ledger *ledger)
{
    struct err ignored;
    ledger->broken = true;
    /* SQLite rolls back by itself on some errors (a full disk), not on others. */
    if (sql_in_transaction(ledger->sql))
        sql_rollback(ledger->sql, &ignored);
    memset(ledger->changes, 0, sizeof(ledger->changes));
    return -1;
}

int ledger_wrote(struct ledger *ledger, int status, struct err *err)
{
    if (status == 0)
        return 0;
    err_wrap(err, "ledger");
    return ledger_break(ledger);
}

/* In the order of states, so that the number of statements is small and their order the same everywhere. */
static int put_counts(struct ledger *ledger, struct err *err)
{
    for (int state = 0; state < LEDGER_STATE_COUNT; state++) {
        if (ledger->changes[state] == 0)
            continue;
        struct sql_query *query =
            sql_query(ledger->sql, "UPDATE counts SET users = users + ?2 WHERE state = ?1", err);
        if (!query)
            return -1;
        sql_bind_int(query, 1, state);
        sql_bind_int(query, 2, ledger->changes[state]);
        if (sql_run(query, err) != 0)
            return -1;
    }
    return 0;
}

int ledger_commit(struct ledger *ledger, struct err *err)
{
    if (ledger->broken)
        return ledger_begin(ledger, err);
    if (!sql_in_transaction(ledger->sql))
        return 0;
    if (put_counts(ledger, err) != 0 || sql_commit(ledger->sql, err) != 0)
        return ledger_wrote(ledger, -1, err);
    memset(ledger->changes, 0, sizeof(ledger->changes));
    return 0;
}

int ledger_count(struct ledger *ledger, uint64_t counts[LEDGER_STATE_COUNT], struct err *err)
{
    struct sql_query *query = sql_query(ledger->sql, "SELECT state, users FROM counts", err);
    int got = -1;
    for (int state = 0; state < LEDGER_STATE_COUNT; state++)
        counts[state] = (uint64_t)ledger->changes[state];
    while (query && (got = sql_step(query, err)) > 0) {
        int64_t state = sql_int(query, 0);
        if (state >= 0 && state < LEDGER_STATE_COUNT)
            counts[state] += (uint64_t)sql_int(query, 1);
    }
    return got < 0 ? err_wrap(err, "ledger") : 0;
}
