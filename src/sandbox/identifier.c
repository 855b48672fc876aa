/* Email addresses and phone numbers: rows of the table `identifiers`, by (account, number). */
#include <string.h>

#include "sandbox/store_private.h"

/* How many identifiers of a user are read at most. */
#define COUNT_MAX 1024

#define COLUMNS "account, number, kind, id, value, status, second_factor, created_at, updated_at"

static const char *param_of(const struct account_identifier *identifier)
{
    return identifier->kind == ACCOUNT_EMAIL ? "email_address" : "phone_number";
}

/* 0 is held by one user at most; any other value by nobody else. */
static int64_t claim_of(const struct account_identifier *identifier)
{
    if (identifier->clerk.status != CLERK_UNVERIFIED)
        return 0;
    return (identifier->account << 12 | identifier->number) + 1;
}

enum store_answer identifier_insert(struct store *store,
                                    const struct account_identifier *identifier, struct err *err)
{
    static const char statement[] =
        "INSERT INTO identifiers (" COLUMNS ", claim) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, identifier->account);
    sql_bind_int(query, 2, identifier->number);
    sql_bind_int(query, 3, identifier->kind);
    sql_bind_text(query, 4, identifier->clerk.id);
    sql_bind_text(query, 5, identifier->clerk.value);
    sql_bind_int(query, 6, identifier->clerk.status);
    sql_bind_int(query, 7,
                 identifier->clerk.second_factor + 2 * identifier->clerk.default_second_factor);
    sql_bind_int(query, 8, identifier->clerk.created_at);
    sql_bind_int(query, 9, identifier->clerk.updated_at);
    sql_bind_int(query, 10, claim_of(identifier));
    return sql_run(query, err) == 0 ? STORE_OK : store_failure(store, param_of(identifier));
}

static int next_number(struct store *store, int64_t account, int64_t *number, struct err *err)
{
    static const char statement[] =
        "SELECT coalesce(max(number), -1) + 1 FROM identifiers WHERE account = ?1";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return -1;
    sql_bind_int(query, 1, account);
    int got = sql_step(query, err);
    *number = got > 0 ? sql_int(query, 0) : 0;
    sql_reset(query);
    return got < 0 ? -1 : 0;
}

enum store_answer account_identifier_add(struct store *store, struct account_identifier *identifier,
                                         struct err *err)
{
    if (next_number(store, identifier->account, &identifier->number, err) != 0)
        return STORE_FAILED;
    return identifier_insert(store, identifier, err);
}

static int read_row(struct sql_query *query, struct arena *arena, struct account_identifier *to,
                    struct err *err)
{
    int64_t factor = sql_int(query, 6);
    *to = (struct account_identifier){
        .account = sql_int(query, 0),
        .number = sql_int(query, 1),
        .kind = sql_int(query, 2) == ACCOUNT_EMAIL ? ACCOUNT_EMAIL : ACCOUNT_PHONE,
        .clerk = {.id = arena_copy(arena, sql_text(query, 3)),
                  .value = arena_copy(arena, sql_text(query, 4)),
                  .status = (enum clerk_status)sql_int(query, 5),
                  .second_factor = factor & 1,
                  .default_second_factor = factor >> 1 & 1,
                  .created_at = sql_int(query, 7),
                  .updated_at = sql_int(query, 8)},
    };
    return to->clerk.id.at && to->clerk.value.at ? 0 : err_memory(err);
}

int identifier_list(struct store *store, struct account *account, struct arena *arena,
                    struct err *err)
{
    static const char statement[] =
        "SELECT " COLUMNS " FROM identifiers WHERE account = ?1 ORDER BY number";
    struct account_identifier rows[16];
    struct sql_query *query = sql_query(store->sql, statement, err);
    size_t count = 0, room = ARRAY_COUNT(rows);
    struct account_identifier *at = rows;
    int got = -1;
    if (!query)
        return -1;
    sql_bind_int(query, 1, account->seq);
    while (count < COUNT_MAX && (got = sql_step(query, err)) > 0) {
        if (count == room) {
            struct account_identifier *more = arena_alloc(arena, 2 * room * sizeof(*more));
            if (!more)
                break;
            memcpy(more, at, count * sizeof(*more));
            at = more;
            room *= 2;
        }
        if (read_row(query, arena, &at[count], err) != 0)
            break;
        count++;
    }
    sql_reset(query);
    account->identifiers = arena_alloc(arena, (count + 1) * sizeof(*at));
    account->identifier_count = count;
    if (got != 0 || !account->identifiers)
        return got < 0 ? -1 : err_memory(err);
    memcpy(account->identifiers, at, count * sizeof(*at));
    return 0;
}

enum store_answer account_identifier_get(struct store *store, enum account_kind kind,
                                         struct text id, struct arena *arena,
                                         struct account_identifier *identifier, struct err *err)
{
    static const char statement[] =
        "SELECT " COLUMNS " FROM identifiers WHERE id = ?1 AND kind = ?2";
    struct sql_query *query = sql_query(store->sql, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_text(query, 1, id);
    sql_bind_int(query, 2, kind);
    int got = sql_step(query, err);
    if (got <= 0)
        return got < 0 ? STORE_FAILED : STORE_NONE;
    int status = read_row(query, arena, identifier, err);
    sql_reset(query);
    return status == 0 ? STORE_OK : STORE_FAILED;
}

enum store_answer account_identifier_put(struct store *store,
                                         const struct account_identifier *identifier,
                                         struct err *err)
{
    static const char statement[] =
        "UPDATE identifiers SET status = ?3, second_factor = ?4, updated_at = ?5, claim = ?6"
        " WHERE account = ?1 AND number = ?2";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, identifier->account);
    sql_bind_int(query, 2, identifier->number);
    sql_bind_int(query, 3, identifier->clerk.status);
    sql_bind_int(query, 4,
                 identifier->clerk.second_factor + 2 * identifier->clerk.default_second_factor);
    sql_bind_int(query, 5, identifier->clerk.updated_at);
    sql_bind_int(query, 6, claim_of(identifier));
    return sql_run(query, err) == 0 ? STORE_OK : store_failure(store, param_of(identifier));
}

enum store_answer account_identifier_delete(struct store *store,
                                            const struct account_identifier *identifier,
                                            struct err *err)
{
    static const char statement[] = "DELETE FROM identifiers WHERE account = ?1 AND number = ?2";
    struct sql_query *query = store_writes(store, statement, err);
    if (!query)
        return STORE_FAILED;
    sql_bind_int(query, 1, identifier->account);
    sql_bind_int(query, 2, identifier->number);
    return sql_run(query, err) == 0 ? STORE_OK : STORE_FAILED;
}
