/* Who belongs to organizations: memberships of one, of a user, and of all. */
#include <stdio.h>
#include <string.h>

#include "sandbox/active.h"
#include "sandbox/event.h"
#include "sandbox/metadata.h"
#include "sandbox/orgs.h"
#include "sandbox/routes.h"

static const struct paging_order orders[] = {
    {"created_at", "m.created_at"},
    {"email_address", "u.primary_email_value COLLATE NOCASE"},
    {"phone_number", "u.primary_phone_value"},
    {"first_name", "u.first_name COLLATE NOCASE"},
    {"last_name", "u.last_name COLLATE NOCASE"},
    {"username", "u.username COLLATE NOCASE"},
};

bool orgs_get_membership(struct call *call, const struct org *org, struct text user_id,
                         struct membership *membership, struct account *account)
{
    struct err err;
    struct store *store = call->desk->store;
    enum store_answer answer =
        account_get(store, user_id, call->now_ms, call->arena, account, &err);
    if (answer == STORE_OK)
        answer = membership_get(store, org->seq, account->seq, call->arena, membership, &err);
    if (answer == STORE_NONE)
        return call_not_found(call, "member of this organization", user_id);
    return call_check(call, answer, &err);
}

bool orgs_need_permission(struct call *call, const struct org *org, const struct account *account,
                          const char *permission)
{
    struct membership membership;
    struct role role = {0};
    struct err err;
    enum store_answer answer =
        membership_get(call->desk->store, org->seq, account->seq, call->arena, &membership, &err);
    if (answer == STORE_NONE)
        return call_fail(call, CLERK_not_a_member_in_organization, NULL,
                         "The user is not a member of this organization.");
    if (!call_check(call, answer, &err) || !role_again(call, membership.clerk.role, &role))
        return false;
    return !permission || role_has(&role, text_of(permission)) ||
           call_fail_permission(call, permission);
}

bool orgs_join(struct call *call, const struct org *org, const struct account *account,
               struct text role, const struct text *metadata, struct membership *membership)
{
    struct role wanted;
    struct err err;
    if (!role_need(call, role, "role", &wanted))
        return false;
    *membership = (struct membership){.org = org->seq,
                                      .account = account->seq,
                                      .clerk = {.id = call_new_id(call, "orgmem_"),
                                                .role = wanted.key,
                                                .created_at = call->now_ms,
                                                .updated_at = call->now_ms}};
    if (metadata) {
        membership->clerk.public_metadata = metadata[0];
        membership->clerk.private_metadata = metadata[1];
    }
    enum store_answer answer = membership_add(call->desk->store, membership, &err);
    if (answer == STORE_TAKEN)
        return call_fail(call, CLERK_already_a_member_in_organization, "user_id",
                         "The user is a member of this organization already.");
    if (answer == STORE_NONE)
        return call_fail(call, CLERK_organization_membership_quota_exceeded, NULL,
                         "This organization may have %lld members at most.",
                         (long long)org->clerk.max_allowed_memberships);
    return call_check(call, answer, &err);
}

/* The keys of the roles that may manage members, quoted: "'org:admin', 'org:boss'"; "NULL" if there is none. */
static bool list_elevated(struct call *call, struct buf *to)
{
    static const char statement[] =
        "SELECT claim FROM entries WHERE kind = ?1 AND owner = '' ORDER BY created_at, id";
    struct err err;
    struct user_texts keys = {call_alloc(call, 1024 * sizeof(struct text)), 0};
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    int got = 0;
    if (!keys.at || !query)
        return keys.at ? call_broken(call, &err) : false;
    sql_bind_int(query, 1, ENTRY_ROLE);
    while (keys.count < 1024 && (got = sql_step(query, &err)) > 0)
        keys.at[keys.count++] = arena_copy(call->arena, sql_text(query, 0));
    sql_reset(query);
    for (size_t i = 0; i < keys.count; i++) {
        struct role role = {0};
        if (!role_again(call, keys.at[i], &role))
            return false;
        if (role_has(&role, TEXT(ROLE_ELEVATED)))
            buf_printf(to, "%s'%.*s'", to->len ? ", " : "", TEXT_ARG(role.key));
    }
    if (to->len == 0)
        buf_add(to, TEXT("NULL"));
    return got >= 0 || call_broken(call, &err);
}

bool orgs_has_other_admin(struct call *call, const struct org *org, int64_t account, bool *has)
{
    struct buf keys, statement;
    struct err err;
    struct sql_query *query = NULL;
    buf_init(&keys, 256 * 1024);
    buf_init(&statement, 512 * 1024);
    bool fine = list_elevated(call, &keys);
    if (fine) {
        buf_printf(&statement,
                   "SELECT 1 FROM memberships WHERE org = ?1 AND account <> ?2 AND role IN (%s)"
                   " LIMIT 1",
                   buf_z(&keys));
        query = sql_prepare(store_sql(call->desk->store), buf_z(&statement), &err);
    }
    buf_release(&keys);
    buf_release(&statement);
    if (!query)
        return fine ? call_broken(call, &err) : false;
    sql_bind_int(query, 1, org->seq);
    sql_bind_int(query, 2, account);
    int got = sql_step(query, &err);
    *has = got > 0;
    sql_finish(query);
    return got >= 0 || call_broken(call, &err);
}

/* An organization whose last admin goes would have nobody to run it. */
static bool check_last_admin(struct call *call, const struct org *org,
                             const struct membership *membership)
{
    struct role role = {0};
    bool has;
    if (!role_again(call, membership->clerk.role, &role))
        return false;
    if (!role_has(&role, TEXT(ROLE_ELEVATED)))
        return true;
    return orgs_has_other_admin(call, org, membership->account, &has) &&
           (has || call_fail(call, CLERK_organization_minimum_permissions_needed, NULL,
                             "Somebody must be left who may manage the organization."));
}

bool orgs_write_membership(struct call *call, const struct membership *membership,
                           const struct org *org, const struct account *account, struct role *role,
                           enum clerk_audience audience, struct buf *to)
{
    struct clerk_membership clerk = membership->clerk;
    if (!role_again(call, clerk.role, role))
        return false;
    clerk.role_name = role->name;
    clerk.permissions = role->permissions;
    clerk_write_membership(&clerk, &org->clerk, account ? &account->clerk : NULL, audience, to);
    return true;
}

static bool answer(struct call *call, const struct membership *membership, const struct org *org,
                   const struct account *account)
{
    struct role role = {0};
    return orgs_write_membership(call, membership, org, account, &role, CLERK_BACKEND,
                                 call_answer(call, 200));
}

void members_create(struct call *call)
{
    struct form {
        struct text user_id, role, metadata[2];
    } form = {0};
    static const struct body_field fields[] = {
        {"user_id", BODY_TEXT, offsetof(struct form, user_id), .needed = true},
        {"role", BODY_TEXT, offsetof(struct form, role), .needed = true},
        {"public_metadata", BODY_OBJECT, .offset = offsetof(struct form, metadata[0])},
        {"private_metadata", BODY_OBJECT, .offset = offsetof(struct form, metadata[1])},
    };
    struct org org;
    struct account account;
    struct membership membership;
    uint64_t given;
    if (!orgs_get(call, call->ids[0], &org) ||
        !body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        !call_account(call, form.user_id, &account) ||
        !orgs_join(call, &org, &account, form.role, form.metadata, &membership))
        return;
    if (answer(call, &membership, &org, &account))
        event_put_answer(call, EVENT_organization_membership_created);
}

/* The organization and the member of the path. */
static bool find(struct call *call, struct org *org, struct membership *membership,
                 struct account *account)
{
    return orgs_get(call, call->ids[0], org) &&
           orgs_get_membership(call, org, call->ids[1], membership, account);
}

bool orgs_set_role(struct call *call, const struct org *org, struct membership *membership,
                   struct text key)
{
    struct role role;
    struct err err;
    if (!role_need(call, key, "role", &role) ||
        (!role_has(&role, TEXT(ROLE_ELEVATED)) && !check_last_admin(call, org, membership)))
        return false;
    membership->clerk.role = role.key;
    membership->clerk.updated_at = call->now_ms;
    return call_check(call, membership_put(call->desk->store, membership, &err), &err);
}

bool orgs_leave(struct call *call, const struct org *org, const struct membership *membership,
                const struct account *account)
{
    struct err err;
    return check_last_admin(call, org, membership) &&
           call_check(call, membership_delete(call->desk->store, membership, &err), &err) &&
           active_forget(call, org->clerk.id, account->clerk.id);
}

static void put(struct call *call, struct membership *membership, const struct org *org,
                const struct account *account)
{
    struct err err;
    membership->clerk.updated_at = call->now_ms;
    if (call_check(call, membership_put(call->desk->store, membership, &err), &err) &&
        answer(call, membership, org, account))
        event_put_answer(call, EVENT_organization_membership_updated);
}

void members_update(struct call *call)
{
    static const struct body_field fields[] = {{"role", BODY_TEXT, .needed = true}};
    struct text key = {NULL, 0};
    struct org org;
    struct account account;
    struct membership membership;
    uint64_t given;
    if (find(call, &org, &membership, &account) &&
        body_read(call, fields, ARRAY_COUNT(fields), &key, &given) &&
        orgs_set_role(call, &org, &membership, key) && answer(call, &membership, &org, &account))
        event_put_answer(call, EVENT_organization_membership_updated);
}

void members_metadata(struct call *call)
{
    struct org org;
    struct account account;
    struct membership membership;
    struct text *const stored[] = {&membership.clerk.public_metadata,
                                   &membership.clerk.private_metadata};
    if (find(call, &org, &membership, &account) &&
        metadata_read(call, stored, ARRAY_COUNT(stored), true))
        put(call, &membership, &org, &account);
}

void members_delete(struct call *call)
{
    struct org org;
    struct account account;
    struct membership membership;
    if (find(call, &org, &membership, &account) && orgs_leave(call, &org, &membership, &account) &&
        answer(call, &membership, &org, &account))
        event_put_answer(call, EVENT_organization_membership_deleted);
}

struct row {
    struct membership membership;
    struct org org;
    struct account account;
};

/* Rows are read whole before anything else is asked of the store. */
static bool read_rows(struct call *call, struct sql_query *query, struct row *rows, size_t max,
                      size_t *count)
{
    struct store *store = call->desk->store;
    struct err err;
    int got = 0;
    for (*count = 0; *count < max && (got = sql_step(query, &err)) > 0; (*count)++) {
        struct row *row = &rows[*count];
        if (account_read(store, query, call->now_ms, call->arena, &row->account, &err) != 0 ||
            membership_read(query, account_column_count, call->arena, &row->membership, &err) !=
                0 ||
            org_read(store, query, account_column_count + MEMBERSHIP_COLUMNS, call->arena,
                     &row->org, &err) != 0)
            return call_broken(call, &err);
    }
    if (got < 0)
        return call_broken(call, &err);
    for (size_t i = 0; i < *count; i++)
        if (account_fill(store, call->arena, &rows[i].account, &err) != 0)
            return call_broken(call, &err);
    return true;
}

#define JOINS                                                                                      \
    " FROM memberships m JOIN users u ON u.seq = m.account JOIN organizations o ON o.seq = m.org"

/* total: as known already, or -1. */
static bool list(struct call *call, const struct filter *filter, const struct paging *page,
                 int64_t total)
{
    char head[3072], tail[PAGING_TAIL_MAX];
    struct role role = {0};
    struct err err;
    size_t count = 0;
    struct row *rows = call_alloc(call, (size_t)page->limit * sizeof(*rows));
    if (!rows || (total < 0 && !filter_count(call, filter, "SELECT count(*)" JOINS, &total)))
        return false;
    snprintf(head, sizeof(head), "SELECT %s, %s, %s" JOINS, account_columns, membership_columns,
             org_columns);
    paging_tail(page, "m.account", tail);
    struct sql_query *query = filter_query(filter, store_sql(call->desk->store), head, tail, &err);
    bool fine =
        query ? read_rows(call, query, rows, (size_t)page->limit, &count) : call_broken(call, &err);
    sql_finish(query);
    if (!fine)
        return false;
    struct json_out out = resource_begin_list(call);
    for (size_t i = 0; i < count; i++) {
        json_put_raw(&out, TEXT("")); /* a comma, where one is due */
        if (!orgs_write_membership(call, &rows[i].membership, &rows[i].org, &rows[i].account, &role,
                                   call->front ? CLERK_FRONTEND : CLERK_BACKEND, out.to))
            return false;
    }
    resource_end_list(call, &out, total);
    return true;
}

void orgs_answer_members(struct call *call, const struct org *org)
{
    struct paging page;
    struct filter filter;
    if (!paging_read(call, orders, ARRAY_COUNT(orders), &page))
        return;
    if (filter_read(call, &filter) && filter_add_list(call, &filter, "role", "m.role %s")) {
        bool all = filter.bind_count == 0;
        if (filter_add(call, &filter, "m.org = %s", (struct filter_bind){.number = org->seq}))
            list(call, &filter, &page, all ? org->members : -1);
    }
    filter_release(&filter);
}

void members_list(struct call *call)
{
    struct org org;
    if (orgs_get(call, call->ids[0], &org))
        orgs_answer_members(call, &org);
}

void members_list_all(struct call *call)
{
    struct paging page;
    struct filter filter;
    if (!orgs_enabled(call) || !paging_read(call, orders, ARRAY_COUNT(orders), &page))
        return;
    if (filter_begin(call, &filter))
        list(call, &filter, &page, -1);
    filter_release(&filter);
}

void orgs_answer_memberships(struct call *call, const struct account *account)
{
    struct paging page;
    struct filter filter;
    if (!orgs_enabled(call) || !paging_read(call, orders, 1, &page))
        return;
    if (filter_begin(call, &filter) &&
        filter_add(call, &filter, "m.account = %s", (struct filter_bind){.number = account->seq}))
        list(call, &filter, &page, -1);
    filter_release(&filter);
}

void users_memberships(struct call *call)
{
    struct account account;
    if (call_account(call, call->ids[0], &account))
        orgs_answer_memberships(call, &account);
}

bool orgs_of_user(struct call *call, int64_t account, int64_t max, int64_t offset,
                  struct orgs_of_user *to)
{
    char statement[1024];
    struct err err;
    int got = 0;
    *to = (struct orgs_of_user){.memberships =
                                    call_alloc(call, (size_t)max * sizeof(*to->memberships)),
                                .orgs = call_alloc(call, (size_t)max * sizeof(*to->orgs))};
    if (!to->memberships || !to->orgs)
        return false;
    snprintf(statement, sizeof(statement),
             "SELECT %s, %s FROM memberships m JOIN organizations o ON o.seq = m.org"
             " WHERE m.account = ?1 ORDER BY m.created_at DESC, m.org DESC LIMIT ?2 OFFSET ?3",
             membership_columns, org_columns);
    struct sql_query *query = sql_prepare(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_int(query, 1, account);
    sql_bind_int(query, 2, max);
    sql_bind_int(query, 3, offset);
    while (to->count < (size_t)max && (got = sql_step(query, &err)) > 0 &&
           (got = membership_read(query, 0, call->arena, &to->memberships[to->count], &err)) == 0 &&
           (got = org_read(call->desk->store, query, MEMBERSHIP_COLUMNS, call->arena,
                           &to->orgs[to->count], &err)) == 0)
        to->count++;
    sql_finish(query);
    return got >= 0 || call_broken(call, &err);
}
