/*
 * The claims of an active organization, as Clerk's server SDKs read them:
 *
 *     "fea":"o:invoices,o:articles"        the features that permissions are about
 *     "o":{"fpm":"3,2",                    per feature: its actions among `per`, bit by bit
 *          "id":"org_…","per":"read,write","rol":"admin","slg":"acme"}
 *
 * tells of org:invoices:read, org:invoices:write and org:articles:write. Clerk's own permissions (org:sys_…) are in no
 * token.
 */
#include "sandbox/active.h"

#include <inttypes.h>

#include "sandbox/orgs.h"
#include "sandbox/store_private.h"

/* As many bits as a number of fpm has here; a permission with an action beyond is left out. */
#define ACTIONS_MAX  64
#define FEATURES_MAX 100
#define LIST_MAX     ((size_t)64 * 1024)

bool active_get(struct call *call, const struct session *session, struct active *active)
{
    struct store *store = call->desk->store;
    struct err err;
    *active = (struct active){.is = false};
    if (!session->organization.at || !call->desk->instance->settings.org_enabled)
        return true;
    enum store_answer got = org_get(store, session->organization, call->arena, &active->org, &err);
    if (got == STORE_OK)
        got = membership_get(store, active->org.seq, session->account, call->arena,
                             &active->membership, &err);
    if (got == STORE_NONE)
        return true;
    if (!call_check(call, got, &err))
        return false;
    active->is = role_again(call, active->membership.clerk.role, &active->role);
    return active->is;
}

bool active_try(struct call *call, struct session *session, struct text organization, bool *may)
{
    const struct settings *settings = &call->desk->instance->settings;
    struct store *store = call->desk->store;
    struct org org;
    struct membership membership;
    struct err err;
    *may = organization.len == 0;
    if (*may && !settings->org_force_selection)
        session->organization = (struct text){NULL, 0};
    if (*may || !settings->org_enabled)
        return true;
    enum store_answer got = org_get(store, organization, call->arena, &org, &err);
    if (got == STORE_NONE)
        got = org_get_by_slug(store, organization, call->arena, &org, &err);
    if (got == STORE_OK)
        got = membership_get(store, org.seq, session->account, call->arena, &membership, &err);
    if (got == STORE_NONE)
        return true;
    *may = got == STORE_OK;
    if (*may)
        session->organization = org.clerk.id;
    return call_check(call, got, &err);
}

bool active_set(struct call *call, struct session *session, struct text organization)
{
    bool may;
    if ((organization.len > 0 && !orgs_enabled(call)) ||
        !active_try(call, session, organization, &may))
        return false;
    return may || call_fail(call, CLERK_organization_not_found_or_unauthorized, NULL,
                            "There is no such organization, or the user is no member of it.");
}

bool active_forget(struct call *call, struct text organization, struct text user_id)
{
    static const char of_all[] = "UPDATE sessions SET organization = NULL WHERE organization = ?1";
    static const char of_one[] =
        "UPDATE sessions SET organization = NULL WHERE organization = ?1 AND user_id = ?2";
    struct err err;
    struct sql_query *query = store_writes(call->desk->store, user_id.at ? of_one : of_all, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_text(query, 1, organization);
    if (user_id.at)
        sql_bind_text(query, 2, user_id);
    return sql_run(query, &err) == 0 || call_broken(call, &err);
}

/* ---- claims ---- */

/* The place of a text in a list, where it is put if there is room; max if there is none. */
static size_t place(struct text t, struct text *list, size_t *count, size_t max)
{
    for (size_t i = 0; i < *count; i++)
        if (text_same(list[i], t))
            return i;
    if (*count == max)
        return max;
    list[*count] = t;
    return (*count)++;
}

struct permissions {
    struct text features[FEATURES_MAX], actions[ACTIONS_MAX];
    uint64_t map[FEATURES_MAX]; /* of each feature, bit by action */
    size_t feature_count, action_count;
};

/* Sorts the role's permissions, "org:feature:action", by feature and action. */
static void sort_permissions(const struct role *role, struct permissions *to)
{
    *to = (struct permissions){.feature_count = 0};
    for (size_t i = 0; i < role->permissions.count; i++) {
        struct text rest = role->permissions.at[i], scope, feature, action;
        if (text_starts(rest, TEXT("org:sys_")) || !text_field(&rest, ':', &scope) ||
            !text_field(&rest, ':', &feature) || !text_field(&rest, ':', &action))
            continue;
        size_t bit = place(action, to->actions, &to->action_count, ACTIONS_MAX);
        if (bit == ACTIONS_MAX)
            continue;
        size_t at = place(feature, to->features, &to->feature_count, FEATURES_MAX);
        if (at < FEATURES_MAX)
            to->map[at] |= UINT64_C(1) << bit;
    }
}

/* A claim that is left out when there is nothing in it. Frees the list. */
static void put_list(struct json_out *out, const char *name, struct buf *list)
{
    if (list->len > 0)
        json_field_text(out, name, buf_text(list));
    buf_release(list);
}

static void put_features(const struct permissions *permissions, struct json_out *out)
{
    struct buf list;
    buf_init(&list, LIST_MAX);
    for (size_t i = 0; i < permissions->feature_count; i++)
        buf_printf(&list, "%so:%.*s", i ? "," : "", TEXT_ARG(permissions->features[i]));
    put_list(out, "fea", &list);
}

static void put_map(const struct permissions *permissions, struct json_out *out)
{
    struct buf list;
    buf_init(&list, LIST_MAX);
    for (size_t i = 0; i < permissions->feature_count; i++)
        buf_printf(&list, "%s%" PRIu64, i ? "," : "", permissions->map[i]);
    put_list(out, "fpm", &list);
}

static void put_actions(const struct permissions *permissions, struct json_out *out)
{
    struct buf list;
    buf_init(&list, LIST_MAX);
    for (size_t i = 0; i < permissions->action_count; i++)
        buf_printf(&list, "%s%.*s", i ? "," : "", TEXT_ARG(permissions->actions[i]));
    put_list(out, "per", &list);
}

static struct text bare_role(struct text key)
{
    return text_starts(key, TEXT("org:")) ? text_part(key, 4, key.len) : key;
}

void active_write_claims(const struct active *active, struct json_out *out)
{
    struct permissions permissions;
    if (!active->is)
        return;
    sort_permissions(&active->role, &permissions);
    put_features(&permissions, out);
    json_key(out, TEXT("o"));
    json_open(out, '{');
    put_map(&permissions, out);
    json_field_text(out, "id", active->org.clerk.id);
    put_actions(&permissions, out);
    json_field_text(out, "rol", bare_role(active->role.key));
    json_field_text(out, "slg", active->org.clerk.slug);
    json_close(out, '}');
}

/* ---- shortcodes ---- */

static void put_object(struct json_out *out, const char *name, struct text json)
{
    json_field_raw(out, name, json.at ? json : TEXT("{}"));
}

static void put_permissions(const struct role *role, struct json_out *out)
{
    json_key(out, TEXT("permissions"));
    json_open(out, '[');
    for (size_t i = 0; i < role->permissions.count; i++)
        if (!text_starts(role->permissions.at[i], TEXT("org:sys_")))
            json_put_text(out, role->permissions.at[i]);
    json_close(out, ']');
}

static void put_role(const struct role *role, struct json_out *out)
{
    json_field_text(out, "role", role->key);
    put_permissions(role, out);
}

void active_write_data(const struct active *active, struct json_out *out)
{
    const struct clerk_organization *org = &active->org.clerk;
    if (!active->is)
        return;
    json_key(out, TEXT("org"));
    json_open(out, '{');
    json_field_text(out, "id", org->id);
    json_field_text(out, "name", org->name);
    json_field_text(out, "slug", org->slug);
    json_field_text(out, "image_url", org->image_url);
    json_field_bool(out, "has_image", org->image_url.len > 0);
    put_role(&active->role, out);
    put_object(out, "public_metadata", org->public_metadata);
    json_field_int(out, "created_at", org->created_at);
    json_field_int(out, "updated_at", org->updated_at);
    json_close(out, '}');
    json_key(out, TEXT("org_membership"));
    json_open(out, '{');
    json_field_text(out, "id", active->membership.clerk.id);
    put_role(&active->role, out);
    put_object(out, "public_metadata", active->membership.clerk.public_metadata);
    json_field_int(out, "created_at", active->membership.clerk.created_at);
    json_close(out, '}');
}
