/*
 * Organizations and memberships. No claims: their slugs, and a user's one membership in an organization, are unique
 * at the target, so that two writers cannot make two.
 */
#include "ledger/store.h"

#define TIE_COLUMNS "organization, member, state, clerk_id, error_code, hashes, run, made"

static void read_tie(struct sql_query *query, struct ledger_tie *tie)
{
    *tie = (struct ledger_tie){
        .organization = sql_text(query, 0),
        .member = sql_text(query, 1),
        .state = ledger_state_read(query, 2),
        .clerk_id = sql_text(query, 3),
        .error_code = sql_text(query, 4),
        .hashes = sql_text(query, 5),
        .run = sql_int(query, 6),
        .made = sql_int(query, 7),
    };
}

static int copy_tie(struct arena *arena, struct ledger_tie *tie, struct err *err)
{
    bool ok = ledger_copy_text(arena, &tie->organization) &&
              ledger_copy_text(arena, &tie->member) && ledger_copy_text(arena, &tie->clerk_id) &&
              ledger_copy_text(arena, &tie->error_code) && ledger_copy_text(arena, &tie->hashes);
    return ok ? 0 : err_memory(err);
}

/* The empty text is a member's name here, never NULL. */
static void bind_key(struct sql_query *query, struct text organization, struct text member)
{
    sql_bind_text(query, 1, organization.at ? organization : TEXT(""));
    sql_bind_text(query, 2, member.at ? member : TEXT(""));
}

int ledger_tie_find(struct ledger *ledger, struct text organization, struct text member,
                    struct arena *arena, struct ledger_tie *tie, bool *found, struct err *err)
{
    struct sql_query *query =
        sql_query(ledger->sql,
                  "SELECT " TIE_COLUMNS " FROM ties WHERE organization = ?1 AND member = ?2", err);
    *found = false;
    if (!query)
        return err_wrap(err, "ledger");
    bind_key(query, organization, member);
    int got = sql_step(query, err);
    if (got < 0)
        return err_wrap(err, "ledger");
    if (got == 0)
        return 0;
    *found = true;
    read_tie(query, tie);
    int status = copy_tie(arena, tie, err);
    sql_reset(query);
    return status;
}

static int put(struct ledger *ledger, const struct ledger_tie *tie, struct err *err)
{
    struct sql_query *query =
        sql_query(ledger->sql,
                  "INSERT INTO ties (" TIE_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                  " ON CONFLICT (organization, member) DO UPDATE SET state = excluded.state,"
                  " clerk_id = excluded.clerk_id, error_code = excluded.error_code,"
                  " hashes = excluded.hashes, run = excluded.run, made = excluded.made",
                  err);
    if (!query)
        return -1;
    bind_key(query, tie->organization, tie->member);
    sql_bind_int(query, 3, tie->state);
    sql_bind_text(query, 4, tie->clerk_id);
    sql_bind_text(query, 5, tie->error_code);
    sql_bind_blob(query, 6, tie->hashes);
    sql_bind_int(query, 7, tie->run);
    sql_bind_int(query, 8, tie->made);
    return sql_run(query, err);
}

int ledger_tie_put(struct ledger *ledger, const struct ledger_tie *tie, struct err *err)
{
    if (ledger_begin(ledger, err) != 0)
        return -1;
    return ledger_wrote(ledger, put(ledger, tie, err), err);
}

int ledger_tie_remove(struct ledger *ledger, struct text organization, struct text member,
                      struct err *err)
{
    static const char one[] = "DELETE FROM ties WHERE organization = ?1 AND member = ?2";
    static const char all[] = "DELETE FROM ties WHERE organization = ?1";
    if (ledger_begin(ledger, err) != 0)
        return -1;
    struct sql_query *query = sql_query(ledger->sql, member.len > 0 ? one : all, err);
    if (!query)
        return ledger_wrote(ledger, -1, err);
    sql_bind_text(query, 1, organization);
    if (member.len > 0)
        sql_bind_text(query, 2, member);
    return ledger_wrote(ledger, sql_run(query, err), err);
}

int ledger_tie_page(struct ledger *ledger, struct text organization, struct text member,
                    struct arena *arena, struct ledger_tie *ties, size_t room, size_t *count,
                    struct err *err)
{
    struct sql_query *query =
        sql_query(ledger->sql,
                  "SELECT " TIE_COLUMNS " FROM ties WHERE (organization, member) > (?1, ?2)"
                  " ORDER BY organization, member LIMIT ?3",
                  err);
    int got = 0;
    *count = 0;
    if (!query)
        return err_wrap(err, "ledger");
    bind_key(query, organization, member);
    sql_bind_int(query, 3, (int64_t)room);
    while (*count < room && (got = sql_step(query, err)) > 0) {
        read_tie(query, &ties[*count]);
        if ((got = copy_tie(arena, &ties[*count], err)) != 0)
            break;
        ++*count;
    }
    sql_reset(query);
    return got < 0 ? err_wrap(err, "ledger") : 0;
}
