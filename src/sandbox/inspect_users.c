/*
 * Users as whoever rehearses a migration wants to see them: GET /v1/sandbox/users and /v1/sandbox/users/{id}, and
 * their sessions. The class of a digest is told, the digest never is.
 *
 * The list is the newest first, by cursor; with ?query= those whose id, external id, username, email address or
 * phone number begins so. Each of these is a range of an index, so that it takes no longer among ten million
 * users than among ten.
 */
#include "digest/digest.h"
#include "sandbox/call.h"
#include "sandbox/routes.h"
#include "sandbox/session.h"

#define SHOWN 50
/* U+FFFF sorts behind every character that an identifier may have. */
#define BEYOND "\xEF\xBF\xBF"

static void put(struct json_out *out, struct text key, struct text value)
{
    json_key(out, key);
    json_put_text_or_null(out, value);
}

static void put_flag(struct json_out *out, struct text key, bool value)
{
    json_key(out, key);
    json_put_bool(out, value);
}

static void put_time(struct json_out *out, struct text key, int64_t value)
{
    json_key(out, key);
    if (value == USER_UNSET)
        json_put_null(out);
    else
        json_put_int(out, value);
}

/* The digest: its kind and cost, and whether the first right password moves the user to bcrypt. */
static void put_digest(struct json_out *out, const struct user *user)
{
    char class[DIGEST_CLASS_MAX] = "";
    struct digest digest;
    const struct digest_ops *ops = digest_ops_find(user->password_hasher);
    bool parsed = ops && digest_parse(&digest, ops, user->password_digest) == NULL;
    if (parsed)
        digest_class(&digest, class);
    put(out, TEXT("password_hasher"), user->password_hasher);
    put(out, TEXT("digest_class"), parsed ? text_of(class) : (struct text){NULL, 0});
    put_flag(out, TEXT("insecure"), ops && ops->insecure);
    put_flag(out, TEXT("moves_to_bcrypt"), ops && (ops->insecure || ops->remote));
    json_key(out, TEXT("backup_codes"));
    json_put_int(out, (int64_t)user->backup_codes.count);
}

static void put_identifiers(struct json_out *out, const struct account *account)
{
    static const char *const statuses[] = {"unverified", "reserved", "verified"};
    json_key(out, TEXT("identifiers"));
    json_open(out, '[');
    for (size_t i = 0; i < account->identifier_count; i++) {
        const struct account_identifier *identifier = &account->identifiers[i];
        bool email = identifier->kind == ACCOUNT_EMAIL;
        json_open(out, '{');
        put(out, TEXT("kind"), email ? TEXT("email_address") : TEXT("phone_number"));
        put(out, TEXT("value"), identifier->clerk.value);
        put(out, TEXT("status"), text_of(statuses[identifier->clerk.status]));
        put_flag(out, TEXT("primary"),
                 identifier->number == (email ? account->primary_email : account->primary_phone));
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_account(struct json_out *out, const struct account *account)
{
    const struct clerk_user *clerk = &account->clerk;
    put(out, TEXT("object"), TEXT("sandbox_user"));
    put(out, TEXT("id"), clerk->id);
    put(out, TEXT("external_id"), clerk->user.external_id);
    put(out, TEXT("username"), clerk->user.username);
    put(out, TEXT("first_name"), clerk->user.first_name);
    put(out, TEXT("last_name"), clerk->user.last_name);
    put_identifiers(out, account);
    put_digest(out, &clerk->user);
    put_flag(out, TEXT("totp"), clerk->totp_enabled);
    put_flag(out, TEXT("banned"), clerk->user.banned == USER_FLAG_TRUE);
    put_flag(out, TEXT("locked"), clerk->user.locked == USER_FLAG_TRUE);
    put_time(out, TEXT("created_at"), clerk->user.created_at);
    put_time(out, TEXT("last_sign_in_at"), clerk->last_sign_in_at);
    put_time(out, TEXT("last_active_at"), clerk->last_active_at);
}

void inspect_user(struct call *call)
{
    struct account account;
    if (!call_account(call, call->ids[0], &account))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    put_account(&out, &account);
    json_key(&out, TEXT("user"));
    clerk_write_user(&account.clerk, out.to);
    json_close(&out, '}');
}

/* --- the list --- */

/* The rows of the users to show. */
struct found {
    int64_t at[SHOWN];
    size_t count;
};

static void note(struct found *found, int64_t seq)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->at[i] == seq)
            return;
    if (found->count < SHOWN)
        found->at[found->count++] = seq;
}

static int read_seqs(struct sql_query *query, struct found *found, struct err *err)
{
    int got;
    while ((got = sql_step(query, err)) > 0)
        note(found, sql_int(query, 0));
    return got;
}

static bool search(struct call *call, struct text query_text, struct found *found)
{
    static const char *const statements[] = {
        "SELECT seq FROM users WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 50",
        "SELECT seq FROM users WHERE external_id >= ?1 AND external_id < ?2"
        " ORDER BY external_id LIMIT 50",
        "SELECT seq FROM users WHERE username COLLATE NOCASE >= ?1"
        " AND username COLLATE NOCASE < ?2 ORDER BY username COLLATE NOCASE LIMIT 50",
        "SELECT account FROM identifiers WHERE value COLLATE NOCASE >= ?1"
        " AND value COLLATE NOCASE < ?2 ORDER BY value COLLATE NOCASE LIMIT 50",
    };
    struct text beyond = arena_printf(call->arena, "%.*s%s", TEXT_ARG(query_text), BEYOND);
    struct err err;
    int status = beyond.at ? 0 : err_memory(&err);
    for (size_t i = 0; status == 0 && i < ARRAY_COUNT(statements); i++) {
        struct sql_query *query = sql_query(store_sql(call->desk->store), statements[i], &err);
        if (!query)
            return call_broken(call, &err);
        sql_bind_text(query, 1, query_text);
        sql_bind_text(query, 2, beyond);
        status = read_seqs(query, found, &err);
    }
    return status == 0 || call_broken(call, &err);
}

/* Runs a statement with the creation time and the row of a user; stops when the page is full. */
static bool find_behind(struct call *call, const char *statement, const struct account *last,
                        struct found *found)
{
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    if (last) {
        sql_bind_int(query, 1, last->clerk.user.created_at);
        sql_bind_int(query, 2, last->seq);
    }
    return read_seqs(query, found, &err) == 0 || call_broken(call, &err);
}

/* The newest, or those behind the cursor: of the same time (users_list.c tells why), then of earlier ones. */
static bool newest(struct call *call, struct text cursor, struct found *found)
{
    static const char first[] = "SELECT seq FROM users ORDER BY created_at DESC, seq DESC LIMIT 50";
    static const char same_time[] = "SELECT seq FROM users WHERE created_at = ?1 AND seq < ?2"
                                    " ORDER BY created_at DESC, seq DESC LIMIT 50";
    static const char earlier[] = "SELECT seq FROM users WHERE created_at < ?1 AND seq <> ?2"
                                  " ORDER BY created_at DESC, seq DESC LIMIT 50";
    struct account last;
    if (!cursor.at)
        return find_behind(call, first, NULL, found);
    return call_account(call, cursor, &last) && find_behind(call, same_time, &last, found) &&
           find_behind(call, earlier, &last, found);
}

static bool put_found(struct call *call, const struct found *found, struct json_out *out)
{
    for (size_t i = 0; i < found->count; i++) {
        struct account account;
        struct err err;
        if (!call_check(call,
                        account_get_seq(call->desk->store, found->at[i], call->now_ms, call->arena,
                                        &account, &err),
                        &err))
            return false;
        json_open(out, '{');
        put_account(out, &account);
        json_close(out, '}');
    }
    return true;
}

void inspect_users(struct call *call)
{
    struct text query = text_trim(call_param(call, TEXT("query")));
    struct found found = {.count = 0};
    bool ok = query.len > 0 ? search(call, query, &found)
                            : newest(call, call_param(call, TEXT("starting_after")), &found);
    if (!ok)
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("data"));
    json_open(&out, '[');
    if (!put_found(call, &found, &out))
        return;
    json_close(&out, ']');
    json_key(&out, TEXT("more"));
    json_put_bool(&out, query.len == 0 && found.count == SHOWN);
    json_close(&out, '}');
}

/* The newest sessions, of one user or of all: ids sort by age. */
void inspect_sessions(struct call *call)
{
    static const char of_all[] =
        ROW_SELECT("sessions", SESSION_COLUMNS) " WHERE id > ?1 ORDER BY id DESC LIMIT 100";
    static const char of_user[] =
        ROW_SELECT("sessions", SESSION_COLUMNS) " WHERE user_id = ?1 ORDER BY id DESC LIMIT 100";
    struct text user = call_param(call, TEXT("user_id"));
    struct session *sessions;
    size_t count;
    if (!session_list(call, user.at ? of_user : of_all, user.at ? user : TEXT(""), &sessions,
                      &count))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("data"));
    json_open(&out, '[');
    for (size_t i = 0; i < count; i++)
        session_write_back(call, &sessions[i], &out);
    json_close(&out, ']');
    json_close(&out, '}');
}
