/* Organizations as resources of the Backend API. */
#include "sandbox/orgs.h"

#include <stdio.h>

#include "sandbox/active.h"
#include "sandbox/image.h"
#include "sandbox/metadata.h"
#include "sandbox/role_set.h"
#include "sandbox/routes.h"

#define NAME_MAX 256
#define SLUG_MAX 128

struct form {
    struct text name, slug, created_by, role_set_key;
    struct text public_metadata, private_metadata;
    int64_t max_allowed_memberships, created_at;
    bool admin_delete_enabled;
};

#define ROW(member, kind) #member, BODY_##kind, .offset = offsetof(struct form, member)

bool orgs_enabled(struct call *call)
{
    return call->desk->instance->settings.org_enabled ||
           call_fail(call, CLERK_organization_not_enabled_in_instance, NULL,
                     "Organizations are not enabled on this instance.");
}

static bool check_found(struct call *call, enum store_answer answer, struct text id,
                        const struct err *err)
{
    if (answer == STORE_NONE)
        return call_not_found(call, "organization", id);
    return call_check(call, answer, err);
}

bool orgs_get(struct call *call, struct text id, struct org *org)
{
    struct err err;
    return orgs_enabled(call) &&
           check_found(call, org_get(call->desk->store, id, call->arena, org, &err), id, &err);
}

bool orgs_get_by_id_or_slug(struct call *call, struct text id, struct org *org)
{
    struct err err;
    if (!orgs_enabled(call))
        return false;
    enum store_answer answer = org_get(call->desk->store, id, call->arena, org, &err);
    if (answer == STORE_NONE)
        answer = org_get_by_slug(call->desk->store, id, call->arena, org, &err);
    return check_found(call, answer, id, &err);
}

static bool is_slug_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool orgs_check_slug(struct call *call, struct text slug)
{
    if (call->desk->instance->settings.org_slug_disabled)
        return call_fail(call, CLERK_organization_slugs_disabled, "slug",
                         "Slugs are disabled on this instance.");
    for (size_t i = 0; i < slug.len; i++)
        if (!is_slug_byte(slug.at[i]))
            return call_fail(call, CLERK_form_param_format_invalid, "slug",
                             "A slug has lower-case letters, digits and dashes.");
    return true;
}

/* A slug out of the name, and out of the time of creation, which makes it unique: "acme-1732444800123". */
static struct text make_slug(struct call *call, struct text name)
{
    char words[48];
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < sizeof(words); i++) {
        char c = name.at[i];
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        if (is_slug_byte(c) && c != '-')
            words[len++] = c;
        else if (len > 0 && words[len - 1] != '-')
            words[len++] = '-';
    }
    while (len > 0 && words[len - 1] == '-')
        len--;
    struct text id = call_new_id(call, "");
    struct text slug = arena_printf(call->arena, "%.*s%s%.*s", (int)len, words, len ? "-" : "",
                                    TEXT_ARG(text_part(id, 6, 12)));
    return resource_fold(call->arena, slug);
}

/* The counts that are told only when they are asked for. */
static bool fill(struct call *call, struct org *org)
{
    bool count, missing, has;
    if (!paging_flag(call, "include_members_count", &count) ||
        !paging_flag(call, "include_missing_member_with_elevated_permissions", &missing))
        return false;
    if (count)
        org->clerk.members_count = org->members;
    if (!missing)
        return true;
    if (!orgs_has_other_admin(call, org, -1, &has))
        return false;
    org->clerk.missing_elevated_member = has ? USER_FLAG_FALSE : USER_FLAG_TRUE;
    return true;
}

static void answer(struct call *call, const struct org *org)
{
    clerk_write_organization(&org->clerk, CLERK_BACKEND, call_answer(call, 200));
}

static bool put(struct call *call, struct org *org)
{
    struct err err;
    org->clerk.updated_at = call->now_ms;
    if (!call_check(call, org_put(call->desk->store, org, &err), &err) ||
        !orgs_get(call, org->clerk.id, org)) /* as it is now, with the address of its picture */
        return false;
    answer(call, org);
    return event_put_answer(call, EVENT_organization_updated);
}

/* How many organizations a user has made. */
static bool check_creator(struct call *call, const struct account *creator)
{
    static const char statement[] = "SELECT count(*) FROM memberships m JOIN organizations o"
                                    " ON o.seq = m.org WHERE m.account = ?1 AND o.created_by = ?2";
    int64_t limit = creator->clerk.user.create_organizations_limit, made = 0;
    struct err err;
    if (limit == USER_UNSET || limit == 0)
        return true;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_int(query, 1, creator->seq);
    sql_bind_text(query, 2, creator->clerk.id);
    int got = sql_step(query, &err);
    made = got > 0 ? sql_int(query, 0) : 0;
    sql_reset(query);
    if (got < 0)
        return call_broken(call, &err);
    return made < limit ||
           call_fail(call, CLERK_organization_quota_exceeded, NULL,
                     "The user may create %lld organizations at most.", (long long)limit);
}

static bool find_creator(struct call *call, struct text id, struct account *account)
{
    struct err err;
    enum store_answer found =
        account_get(call->desk->store, id, call->now_ms, call->arena, account, &err);
    if (found == STORE_NONE)
        return call_fail(call, CLERK_organization_creator_not_found, "created_by",
                         "There is no user with the id in `created_by`.");
    return call_check(call, found, &err) && check_creator(call, account);
}

static bool check_role_set(struct call *call, struct text key)
{
    struct role_set set;
    return role_set_get(call, key, "role_set_key", &set);
}

static bool add(struct call *call, const struct form *form, struct org *org)
{
    struct text role_set = form->role_set_key;
    struct err err;
    if (role_set.at ? !check_role_set(call, role_set) : !role_set_initial(call, &role_set))
        return false;
    *org = (struct org){
        .image = USER_UNSET,
        .clerk = {.id = call_new_id(call, "org_"),
                  .name = form->name,
                  .slug = form->slug.len > 0 ? form->slug : make_slug(call, form->name),
                  .created_by = form->created_by,
                  .role_set_key = role_set,
                  .public_metadata = form->public_metadata,
                  .private_metadata = form->private_metadata,
                  .admin_delete_enabled = call->desk->instance->settings.org_admin_delete_enabled,
                  .max_allowed_memberships = form->max_allowed_memberships,
                  .created_at = form->created_at == USER_UNSET ? call->now_ms : form->created_at,
                  .updated_at = call->now_ms,
                  .members_count = USER_UNSET,
                  .pending_invitations_count = USER_UNSET},
    };
    return call_check(call, org_add(call->desk->store, org, &err), &err);
}

bool orgs_tell_membership(struct call *call, enum event_kind kind, const struct org *org,
                          const struct account *account, const struct membership *membership)
{
    struct role role = {0};
    struct buf data;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&data, EVENT_DATA_MAX);
    bool fine =
        orgs_write_membership(call, membership, org, account, &role, CLERK_BACKEND, &data) &&
        event_put(call, kind, buf_text(&data));
    buf_release(&data);
    return fine;
}

/* Whoever creates one is its first member, by the settings or by a set that is not everybody's. */
static bool add_creator(struct call *call, const struct org *org, const struct account *creator)
{
    struct text role = call->desk->instance->settings.org_creator_role;
    struct membership membership;
    struct role_set set;
    if (org->clerk.role_set_key.at) {
        if (!role_set_get(call, org->clerk.role_set_key, "role_set_key", &set))
            return false;
        if (text_same(set.entry.status, TEXT("custom")))
            role = set.creator_role;
    }
    return orgs_join(call, org, creator, role, NULL, &membership) &&
           orgs_tell_membership(call, EVENT_organization_membership_created, org, creator,
                                &membership);
}

bool orgs_make(struct call *call, struct text name, struct text slug, const struct account *creator,
               struct org *org)
{
    struct form form = {.name = name,
                        .slug = slug,
                        .created_by = creator->clerk.id,
                        .max_allowed_memberships =
                            call->desk->instance->settings.org_max_allowed_memberships,
                        .created_at = USER_UNSET};
    return (slug.len == 0 || orgs_check_slug(call, slug)) && check_creator(call, creator) &&
           call_mark(call) && add(call, &form, org) && add_creator(call, org, creator);
}

void orgs_create(struct call *call)
{
    static const struct body_field fields[] = {
        {ROW(name, TEXT), .needed = true, .min = 1, .max = NAME_MAX},
        {ROW(created_by, TEXT)},
        {ROW(private_metadata, OBJECT)},
        {ROW(public_metadata, OBJECT)},
        {ROW(slug, TEXT), .max = SLUG_MAX},
        {ROW(max_allowed_memberships, NUMBER)},
        {ROW(created_at, TIME)},
        {ROW(role_set_key, TEXT)},
    };
    struct form form = {.max_allowed_memberships = USER_UNSET, .created_at = USER_UNSET};
    struct account creator;
    struct org org;
    uint64_t given;
    if (!orgs_enabled(call) || !body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        (form.slug.len > 0 && !orgs_check_slug(call, form.slug)) ||
        (form.created_by.at && !find_creator(call, form.created_by, &creator)))
        return;
    if (form.max_allowed_memberships == USER_UNSET)
        form.max_allowed_memberships = call->desk->instance->settings.org_max_allowed_memberships;
    if (!call_mark(call) || !add(call, &form, &org) ||
        (form.created_by.at && !add_creator(call, &org, &creator)))
        return;
    answer(call, &org);
    event_put_answer(call, EVENT_organization_created);
}

void orgs_show(struct call *call)
{
    struct org org;
    if (orgs_get_by_id_or_slug(call, call->ids[0], &org) && fill(call, &org))
        answer(call, &org);
}

void orgs_update(struct call *call)
{
    static const struct body_field fields[] = {
        {ROW(name, TEXT), .min = 1, .max = NAME_MAX},
        {ROW(slug, TEXT), .min = 1, .max = SLUG_MAX},
        {ROW(max_allowed_memberships, NUMBER)},
        {ROW(admin_delete_enabled, BOOL)},
        {ROW(created_at, TIME)},
        {ROW(role_set_key, TEXT)},
    };
    struct form form = {.max_allowed_memberships = USER_UNSET, .created_at = USER_UNSET};
    struct org org;
    uint64_t given;
    if (!orgs_get(call, call->ids[0], &org))
        return;
    form.admin_delete_enabled = org.clerk.admin_delete_enabled;
    if (!body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        (form.slug.at && !orgs_check_slug(call, form.slug)) ||
        (form.role_set_key.at && !check_role_set(call, form.role_set_key)))
        return;
    if (form.name.at)
        org.clerk.name = form.name;
    if (form.slug.at)
        org.clerk.slug = form.slug;
    if (form.max_allowed_memberships != USER_UNSET)
        org.clerk.max_allowed_memberships = form.max_allowed_memberships;
    if (form.created_at != USER_UNSET)
        org.clerk.created_at = form.created_at;
    if (form.role_set_key.at)
        org.clerk.role_set_key = form.role_set_key;
    org.clerk.admin_delete_enabled = form.admin_delete_enabled;
    put(call, &org);
}

bool orgs_remove(struct call *call, const struct org *org)
{
    struct err err;
    return call_check(call, org_delete(call->desk->store, org, &err), &err) &&
           active_forget(call, org->clerk.id, (struct text){NULL, 0});
}

void orgs_delete(struct call *call)
{
    struct org org;
    if (!orgs_get(call, call->ids[0], &org) || !call_mark(call) || !orgs_remove(call, &org))
        return;
    clerk_write_deleted("organization", org.clerk.id, (struct text){NULL, 0},
                        call_answer(call, 200));
    event_put_answer(call, EVENT_organization_deleted);
}

/* Whom an upload is credited to is checked, and told nobody. */
static bool check_uploader(struct call *call)
{
    struct form_part part;
    struct account account;
    return !form_part(server_header(call->request, "Content-Type"), call->request->body,
                      TEXT("uploader_user_id"), &part) ||
           call_account(call, part.content, &account);
}

void orgs_set_logo(struct call *call)
{
    struct org org;
    if (orgs_get(call, call->ids[0], &org) && check_uploader(call) &&
        image_take(call, org.clerk.id, &org.image))
        put(call, &org);
}

void orgs_delete_logo(struct call *call)
{
    struct org org;
    if (orgs_get(call, call->ids[0], &org) && image_drop(call, org.clerk.id, &org.image))
        put(call, &org);
}

static void change_metadata(struct call *call, bool merges)
{
    struct org org;
    struct text *const stored[] = {&org.clerk.public_metadata, &org.clerk.private_metadata};
    if (orgs_get(call, call->ids[0], &org) &&
        metadata_read(call, stored, ARRAY_COUNT(stored), merges))
        put(call, &org);
}

void orgs_metadata_merge(struct call *call)
{
    change_metadata(call, true);
}

void orgs_metadata_replace(struct call *call)
{
    change_metadata(call, false);
}

static bool add_query(struct call *call, struct filter *filter)
{
    struct text query = call_param(call, TEXT("query"));
    if (query.len == 0)
        return true;
    struct text pattern = filter_pattern(query, call->arena);
    return filter_add(call, filter,
                      "(o.name LIKE %1$s ESCAPE '\\' OR o.slug LIKE %1$s ESCAPE '\\'"
                      " OR '%%' || replace(o.id, '_', '\\_') || '%%' = %1$s)",
                      (struct filter_bind){.t = pattern});
}

static bool list_rows(struct call *call, const struct filter *filter, const struct paging *page)
{
    struct sql *sql = store_sql(call->desk->store);
    char head[512], tail[PAGING_TAIL_MAX];
    struct err err;
    struct org *rows = call_alloc(call, (size_t)page->limit * sizeof(*rows));
    size_t count = 0;
    int got = 0;
    snprintf(head, sizeof(head), "SELECT %s FROM organizations o", org_columns);
    paging_tail(page, "o.seq", tail);
    struct sql_query *query = rows ? filter_query(filter, sql, head, tail, &err) : NULL;
    while (query && count < (size_t)page->limit && (got = sql_step(query, &err)) > 0 &&
           (got = org_read(call->desk->store, query, 0, call->arena, &rows[count], &err)) == 0)
        count++;
    sql_finish(query);
    if (!rows || !query || got < 0)
        return rows ? call_broken(call, &err) : false;
    int64_t total;
    if (!filter_count(call, filter, "SELECT count(*) FROM organizations o", &total))
        return false;
    struct json_out out = resource_begin_list(call);
    for (size_t i = 0; i < count; i++) {
        json_put_raw(&out, TEXT("")); /* a comma, where one is due */
        if (!fill(call, &rows[i]))
            return false;
        clerk_write_organization(&rows[i].clerk, CLERK_BACKEND, out.to);
    }
    resource_end_list(call, &out, total);
    return true;
}

void orgs_list(struct call *call)
{
    static const struct paging_order orders[] = {
        {"created_at", "o.created_at"}, {"name", "o.name"}, {"members_count", "o.members"}};
    struct paging page;
    struct filter filter;
    if (orgs_enabled(call) && paging_read(call, orders, ARRAY_COUNT(orders), &page) &&
        filter_begin(call, &filter)) {
        if (add_query(call, &filter) &&
            filter_add_list(call, &filter, "organization_id", "o.id %s") &&
            filter_add_list(call, &filter, "user_id",
                            "o.seq IN (SELECT m.org FROM memberships m JOIN users u"
                            " ON u.seq = m.account WHERE u.id %s)"))
            list_rows(call, &filter, &page);
        filter_release(&filter);
    }
}
