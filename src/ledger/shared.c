/*
 * What several gateways must know of each other: rows of the table `shared`. A key is kept as two SipHashes of
 * 64 bits under two keys made from the ledger's own, so that two keys meet by chance once in 2^64 entries.
 */
#include "ledger/store.h"

#include <string.h>

#define VALUE_MAX ((size_t)64 << 10)
#define SWEEP_US  INT64_C(60000000) /* between two clearings of what has expired */

struct digest_of_key {
    uint64_t halves[2];
};

static struct digest_of_key digest_of(const struct ledger *ledger, struct text key)
{
    struct hash_key second = ledger->key;
    for (size_t i = 0; i < sizeof(second.bytes); i++)
        second.bytes[i] ^= 0x5c;
    return (struct digest_of_key){{hash_text(&ledger->key, key), hash_text(&second, key)}};
}

static struct text text_of_digest(const struct digest_of_key *digest)
{
    return (struct text){(const char *)digest->halves, sizeof(digest->halves)};
}

static int sweep(struct ledger *ledger, struct err *err)
{
    int64_t now = clock_now_us();
    if (ledger->swept_us > 0 && now - ledger->swept_us < SWEEP_US)
        return 0;
    ledger->swept_us = now;
    struct sql_query *query =
        sql_query(ledger->sql, "DELETE FROM shared WHERE expires_ms <= ?1", err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, ledger_now_ms(ledger));
    return sql_run(query, err);
}

/* Begins a write: its statement, with the parameters ?1 kind and ?2 key bound. */
static struct sql_query *start_write(struct ledger *ledger, const char *statement, const char *kind,
                                     const struct digest_of_key *key, struct err *err)
{
    if (ledger_begin(ledger, err) != 0)
        return NULL;
    struct sql_query *query =
        sweep(ledger, err) == 0 ? sql_query(ledger->sql, statement, err) : NULL;
    if (!query) {
        ledger_wrote(ledger, -1, err);
        return NULL;
    }
    sql_bind_text(query, 1, text_of(kind));
    sql_bind_blob(query, 2, text_of_digest(key));
    return query;
}

int ledger_once(struct ledger *ledger, const char *kind, struct text key, int64_t expires_ms,
                bool *first, struct err *err)
{
    static const char statement[] =
        "INSERT INTO shared (kind, key, number, expires_ms) VALUES (?1, ?2, 0, ?4)"
        " ON CONFLICT (kind, key) DO UPDATE SET expires_ms = excluded.expires_ms"
        " WHERE shared.expires_ms <= ?3";
    struct digest_of_key digest = digest_of(ledger, key);
    struct sql_query *query = start_write(ledger, statement, kind, &digest, err);
    *first = false;
    if (!query)
        return -1;
    sql_bind_int(query, 3, ledger_now_ms(ledger));
    sql_bind_int(query, 4, expires_ms);
    int status = sql_run(query, err);
    *first = status == 0 && sql_changes(ledger->sql) == 1;
    return ledger_wrote(ledger, status, err);
}

int ledger_tally(struct ledger *ledger, const char *kind, struct text key, int64_t add,
                 int64_t expires_ms, int64_t *sum, int64_t *until_ms, struct err *err)
{
    static const char statement[] =
        "INSERT INTO shared (kind, key, number, expires_ms) VALUES (?1, ?2, ?4, ?5)"
        " ON CONFLICT (kind, key) DO UPDATE SET"
        " number = CASE WHEN shared.expires_ms <= ?3 THEN 0 ELSE shared.number END"
        " + excluded.number, expires_ms = CASE WHEN shared.expires_ms <= ?3"
        " THEN excluded.expires_ms ELSE shared.expires_ms END RETURNING number, expires_ms";
    struct digest_of_key digest = digest_of(ledger, key);
    struct sql_query *query = start_write(ledger, statement, kind, &digest, err);
    if (!query)
        return -1;
    sql_bind_int(query, 3, ledger_now_ms(ledger));
    sql_bind_int(query, 4, add);
    sql_bind_int(query, 5, expires_ms);
    int got = sql_step(query, err);
    if (got > 0) {
        *sum = sql_int(query, 0);
        *until_ms = sql_int(query, 1);
    }
    sql_reset(query);
    return ledger_wrote(ledger, got < 0 ? -1 : 0, err);
}

/* Looks for a column of a living row: 1 with the query at it, 0 if there is none; -1. The caller resets. */
static int look(struct ledger *ledger, const char *statement, const char *kind, struct text key,
                struct sql_query **query, struct err *err)
{
    struct digest_of_key digest = digest_of(ledger, key);
    *query = sql_query(ledger->sql, statement, err);
    if (!*query)
        return err_wrap(err, "ledger");
    sql_bind_text(*query, 1, text_of(kind));
    sql_bind_blob(*query, 2, text_of_digest(&digest));
    sql_bind_int(*query, 3, ledger_now_ms(ledger));
    return sql_step(*query, err);
}

int ledger_tally_get(struct ledger *ledger, const char *kind, struct text key, int64_t *sum,
                     struct err *err)
{
    static const char statement[] =
        "SELECT number FROM shared WHERE kind = ?1 AND key = ?2 AND expires_ms > ?3";
    struct sql_query *query;
    int got = look(ledger, statement, kind, key, &query, err);
    *sum = got > 0 ? sql_int(query, 0) : 0;
    if (query)
        sql_reset(query);
    return got < 0 ? -1 : 0;
}

int ledger_value_put(struct ledger *ledger, const char *kind, struct text key, struct text value,
                     int64_t expires_ms, struct err *err)
{
    static const char statement[] =
        "INSERT INTO shared (kind, key, value, number, expires_ms) VALUES (?1, ?2, ?3, 0, ?4)"
        " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value,"
        " expires_ms = excluded.expires_ms";
    struct digest_of_key digest = digest_of(ledger, key);
    if (value.len > VALUE_MAX)
        return err_set(err, ERR_INPUT, "ledger: a value of %zu bytes is too long", value.len);
    struct sql_query *query = start_write(ledger, statement, kind, &digest, err);
    if (!query)
        return -1;
    sql_bind_blob(query, 3, value);
    sql_bind_int(query, 4, expires_ms);
    return ledger_wrote(ledger, sql_run(query, err), err);
}

int ledger_value_get(struct ledger *ledger, const char *kind, struct text key, struct arena *arena,
                     struct text *value, struct err *err)
{
    static const char statement[] =
        "SELECT value FROM shared WHERE kind = ?1 AND key = ?2 AND expires_ms > ?3";
    struct sql_query *query;
    int got = look(ledger, statement, kind, key, &query, err);
    *value = (struct text){NULL, 0};
    if (got > 0 && !sql_is_null(query, 0)) {
        *value = arena_copy(arena, sql_text(query, 0));
        got = value->at ? 1 : err_memory(err);
    }
    if (query)
        sql_reset(query);
    return got < 0 ? err_wrap(err, "ledger") : 0;
}

int ledger_forget(struct ledger *ledger, const char *kind, struct text key, struct err *err)
{
    static const char statement[] = "DELETE FROM shared WHERE kind = ?1 AND key = ?2";
    struct digest_of_key digest = digest_of(ledger, key);
    struct sql_query *query = start_write(ledger, statement, kind, &digest, err);
    return query ? ledger_wrote(ledger, sql_run(query, err), err) : -1;
}
