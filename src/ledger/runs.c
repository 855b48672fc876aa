/* Runs: one row a run of a command, written again as it goes on. */
#include "ledger/store.h"

#include <unistd.h>

#define COLUMNS                                                                                    \
    "id, command, started_ms, ended_ms, rows, created, adopted, updated, unchanged, failed,"       \
    " rejected, removed, requests, pid, ending"
#define FIGURES(run)                                                                               \
    {                                                                                              \
        &(run)->rows, &(run)->created, &(run)->adopted, &(run)->updated, &(run)->unchanged,        \
            &(run)->failed, &(run)->rejected, &(run)->removed, &(run)->requests                    \
    }

static int put_row(struct ledger *ledger, const struct ledger_run *run, struct err *err)
{
    struct sql_query *query = sql_query(
        ledger->sql,
        "UPDATE runs SET ended_ms = ?2, ending = ?3, rows = ?4, created = ?5, adopted = ?6,"
        " updated = ?7, unchanged = ?8, failed = ?9, rejected = ?10, removed = ?11,"
        " requests = ?12 WHERE id = ?1",
        err);
    if (!query)
        return -1;
    const uint64_t *const figures[] = FIGURES(run);
    sql_bind_int(query, 1, run->id);
    sql_bind_int(query, 2, run->ended_ms);
    sql_bind_int(query, 3, run->ending);
    for (size_t i = 0; i < ARRAY_COUNT(figures); i++)
        sql_bind_int(query, (int)i + 4, (int64_t)*figures[i]);
    return sql_run(query, err);
}

static int add_row(struct ledger *ledger, struct ledger_run *run, struct err *err)
{
    struct sql_query *query = sql_query(ledger->sql,
                                        "INSERT INTO runs (command, started_ms, ended_ms, rows, "
                                        "created, adopted, updated, unchanged, failed,"
                                        " rejected, removed, requests, pid, ending) VALUES (?1, "
                                        "?2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?3, 0) RETURNING id",
                                        err);
    if (!query)
        return -1;
    run->pid = getpid();
    sql_bind_text(query, 1, run->command);
    sql_bind_int(query, 2, run->started_ms);
    sql_bind_int(query, 3, run->pid);
    int got = sql_step(query, err);
    if (got > 0)
        run->id = sql_int(query, 0);
    sql_reset(query);
    return got < 0 ? -1 : 0;
}

int ledger_run_begin(struct ledger *ledger, struct ledger_run *run, struct err *err)
{
    if (ledger_begin(ledger, err) != 0)
        return -1;
    if (ledger_wrote(ledger, add_row(ledger, run, err), err) != 0)
        return -1;
    return ledger_commit(ledger, err);
}

int ledger_run_put(struct ledger *ledger, const struct ledger_run *run, struct err *err)
{
    if (ledger_begin(ledger, err) != 0)
        return -1;
    return ledger_wrote(ledger, put_row(ledger, run, err), err);
}

static int read_row(struct sql_query *query, struct arena *arena, struct ledger_run *run,
                    struct err *err)
{
    uint64_t *const figures[] = FIGURES(run);
    run->id = sql_int(query, 0);
    run->command = arena_copy(arena, sql_text(query, 1));
    run->started_ms = sql_int(query, 2);
    run->ended_ms = sql_int(query, 3);
    for (size_t i = 0; i < ARRAY_COUNT(figures); i++)
        *figures[i] = (uint64_t)sql_int(query, (int)i + 4);
    run->pid = sql_int(query, 13);
    run->ending = (enum ledger_ending)sql_int(query, 14);
    return run->command.at ? 0 : err_memory(err);
}

int ledger_run_find(struct ledger *ledger, int64_t id, struct arena *arena, struct ledger_run *run,
                    bool *found, struct err *err)
{
    struct sql_query *query =
        sql_query(ledger->sql, "SELECT " COLUMNS " FROM runs WHERE id = ?1", err);
    *found = false;
    if (!query)
        return -1;
    sql_bind_int(query, 1, id);
    int got = sql_step(query, err);
    *found = got > 0;
    if (got > 0)
        got = read_row(query, arena, run, err);
    sql_reset(query);
    return got < 0 ? err_wrap(err, "ledger") : 0;
}

int ledger_runs(struct ledger *ledger, struct arena *arena, struct ledger_run *runs, size_t room,
                size_t *count, struct err *err)
{
    struct sql_query *query =
        sql_prepare(ledger->sql, "SELECT " COLUMNS " FROM runs ORDER BY id DESC LIMIT ?1", err);
    int got = query ? 0 : -1;
    *count = 0;
    if (query)
        sql_bind_int(query, 1, (int64_t)room);
    while (query && *count < room && (got = sql_step(query, err)) > 0) {
        got = read_row(query, arena, &runs[*count], err);
        if (got < 0)
            break;
        ++*count;
    }
    sql_finish(query);
    return got < 0 ? err_wrap(err, "ledger") : 0;
}
