/*
 * Writers: a row each in `writers`, with a random id, a lease, and which process it is. What belongs to a writer
 * without a row, or whose lease is over, belongs to nobody.
 *
 * A process is known by its machine (the boot's id and the namespace of process ids), its id and the time of its
 * start. So a writer of this machine that has been killed is struck out at once, and the lease is for those
 * on other machines, or that hang.
 */
#include "ledger/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US INT64_C(1000000) /* between two looks who else writes, and who has died */

struct process {
    char machine[128];
    int64_t pid, started;
};

/* When a process of this machine was started, in ticks since the boot (proc(5)); 0: there is none. */
static int64_t start_of(int64_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    /* The second field, the name in parentheses, may hold anything. The twenty-second is the time. */
    char *at = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
    fclose(file);
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : 0;
}

static struct process this_process(void)
{
    struct process own = {.pid = getpid()};
    char boot[64] = "", names[48] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file && fgets(boot, sizeof(boot), file))
        boot[strcspn(boot, "\n")] = 0;
    if (file)
        fclose(file);
    ssize_t len = readlink("/proc/self/ns/pid", names, sizeof(names) - 1);
    names[len > 0 ? len : 0] = 0;
    snprintf(own.machine, sizeof(own.machine), "%s %s", boot, names);
    own.started = start_of(own.pid);
    return own;
}

int64_t ledger_now_ms(const struct ledger *ledger)
{
    return clock_now_us() / 1000 + ledger->clock_offset_ms;
}

static int set_clock(struct ledger *ledger, struct err *err)
{
    int64_t now;
    if (sql_now_ms(ledger->sql, &now, err) != 0)
        return -1;
    ledger->clock_offset_ms = now - clock_now_us() / 1000;
    return 0;
}

static int strike_out(struct ledger *ledger, int64_t writer, struct err *err)
{
    struct sql_query *query = sql_query(ledger->sql, "DELETE FROM writers WHERE id = ?1", err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, writer);
    return sql_run(query, err);
}

#define DEAD_MAX 64 /* writers struck out at one time */

static int list_dead(struct ledger *ledger, const struct process *own, int64_t dead[DEAD_MAX],
                     size_t *count, struct err *err)
{
    struct sql_query *query = sql_query(
        ledger->sql, "SELECT id, pid, started FROM writers WHERE machine = ?1 AND id <> ?2", err);
    int got = -1;
    *count = 0;
    if (!query)
        return -1;
    sql_bind_text(query, 1, text_of(own->machine));
    sql_bind_int(query, 2, ledger->writer);
    while (*count < DEAD_MAX && (got = sql_step(query, err)) > 0)
        if (start_of(sql_int(query, 1)) != sql_int(query, 2))
            dead[(*count)++] = sql_int(query, 0);
    sql_reset(query);
    return got < 0 ? -1 : 0;
}

int ledger_bury(struct ledger *ledger, struct err *err)
{
    int64_t now = clock_now_us(), dead[DEAD_MAX];
    struct process own = this_process();
    size_t count;
    if (ledger->buried_us > 0 && now - ledger->buried_us < LOOK_US)
        return 0;
    ledger->buried_us = now;
    if (list_dead(ledger, &own, dead, &count, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (strike_out(ledger, dead[i], err) != 0)
            return -1;
    return 0;
}

/* Writes our row, also if somebody has struck it out. */
static int put_row(struct ledger *ledger, struct err *err)
{
    struct process own = this_process();
    struct sql_query *query =
        sql_query(ledger->sql,
                  "INSERT INTO writers (id, until_ms, alone, machine, pid, started)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                  err);
    if (!query || strike_out(ledger, ledger->writer, err) != 0)
        return -1;
    sql_bind_int(query, 1, ledger->writer);
    sql_bind_int(query, 2, ledger_now_ms(ledger) + ledger->lease_ms);
    sql_bind_int(query, 3, ledger->alone);
    sql_bind_text(query, 4, text_of(own.machine));
    sql_bind_int(query, 5, own.pid);
    sql_bind_int(query, 6, own.started);
    ledger->renewed_us = clock_now_us();
    return sql_run(query, err);
}

bool ledger_in_company(const struct ledger *ledger)
{
    return ledger->in_company;
}

int ledger_look_around(struct ledger *ledger, struct err *err)
{
    int64_t now = clock_now_us();
    if (ledger->counted_us > 0 && now - ledger->counted_us < LOOK_US)
        return 0;
    ledger->counted_us = now;
    struct sql_query *query = sql_query(
        ledger->sql, "SELECT 1 FROM writers WHERE id <> ?1 AND until_ms > ?2 LIMIT 1", err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, ledger->writer);
    sql_bind_int(query, 2, ledger_now_ms(ledger));
    int got = sql_step(query, err);
    ledger->in_company = got > 0;
    sql_reset(query);
    return got < 0 ? -1 : 0;
}

int ledger_keep_lease(struct ledger *ledger, struct err *err)
{
    if (clock_now_us() - ledger->renewed_us < ledger->lease_ms * 1000 / 3)
        return 0;
    return set_clock(ledger, err) == 0 && put_row(ledger, err) == 0 ? 0 : -1;
}

int ledger_renew(struct ledger *ledger, struct err *err)
{
    if (clock_now_us() - ledger->renewed_us < ledger->lease_ms * 1000 / 3)
        return 0;
    return ledger_begin(ledger, err) == 0 ? ledger_commit(ledger, err) : -1;
}

/* Whom we must not join: another one if either wants to be alone. */
static int check_company(struct ledger *ledger, struct err *err)
{
    struct sql_query *query = sql_query(
        ledger->sql,
        "SELECT pid, alone, machine FROM writers WHERE until_ms > ?1 AND (alone = 1 OR ?2 = 1)"
        " ORDER BY alone DESC LIMIT 1",
        err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, ledger_now_ms(ledger));
    sql_bind_int(query, 2, ledger->alone);
    int got = sql_step(query, err);
    struct process own = this_process();
    if (got > 0)
        err_set(err, ERR_UNUSABLE,
                "%s: in use by another process (pid %ld%s); wait for it or stop it, then run this "
                "again",
                ledger->path, (long)sql_int(query, 0),
                text_same(sql_text(query, 2), text_of(own.machine)) ? "" : " on another machine");
    sql_reset(query);
    return got == 0 ? 0 : -1;
}

int ledger_enlist(struct ledger *ledger, struct err *err)
{
    struct err ignored;
    uint64_t id;
    random_bytes(&id, sizeof(id));
    ledger->writer = (int64_t)(id >> 1) + 1;
    if (set_clock(ledger, err) != 0 || sql_begin(ledger->sql, err) != 0)
        return -1;
    if (ledger_bury(ledger, err) == 0 && check_company(ledger, err) == 0 &&
        put_row(ledger, err) == 0 && sql_commit(ledger->sql, err) == 0)
        return 0;
    if (sql_in_transaction(ledger->sql))
        sql_rollback(ledger->sql, &ignored);
    ledger->writer = 0;
    return -1;
}

void ledger_retire(struct ledger *ledger)
{
    struct err ignored;
    if (ledger->writer == 0)
        return;
    if (sql_in_transaction(ledger->sql))
        sql_rollback(ledger->sql, &ignored);
    strike_out(ledger, ledger->writer, &ignored); /* or else the lease runs out */
}
