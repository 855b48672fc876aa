/* Domains of organizations as the Backend API makes, changes and lists them. */
#include "sandbox/front.h"
#include "sandbox/org_domains.h"
#include "sandbox/routes.h"

struct form {
    struct text name, enrollment_mode;
    enum user_flag verified;
};

#define ROW(member, kind) #member, BODY_##kind, .offset = offsetof(struct form, member)

static bool find_org(struct call *call, struct org *org)
{
    return org_domains_enabled(call) && orgs_get(call, call->ids[0], org);
}

static bool find(struct call *call, struct org *org, struct entry *domain)
{
    return find_org(call, org) &&
           resource_get(call, &org_domain_resource, org->clerk.id, call->ids[1], domain);
}

void org_domains_create(struct call *call)
{
    static const struct body_field fields[] = {
        {ROW(name, TEXT), .needed = true, .min = 1, .max = 253},
        {ROW(enrollment_mode, TEXT)},
        {ROW(verified, FLAG)},
    };
    struct form form = {.verified = USER_FLAG_UNSET};
    struct org org;
    struct entry domain;
    uint64_t given;
    if (!find_org(call, &org) || !body_read(call, fields, ARRAY_COUNT(fields), &form, &given))
        return;
    const struct org_domain_opts opts = {form.name, form.enrollment_mode,
                                         form.verified != USER_FLAG_FALSE};
    if (org_domains_make(call, &org, &opts, &domain))
        org_domains_write(call, &domain, &org, call_answer(call, 200));
}

void org_domains_update(struct call *call)
{
    static const struct body_field fields[] = {{ROW(enrollment_mode, TEXT)}, {ROW(verified, FLAG)}};
    struct form form = {.verified = USER_FLAG_UNSET};
    struct org org;
    struct entry domain;
    uint64_t given;
    if (find(call, &org, &domain) && body_read(call, fields, ARRAY_COUNT(fields), &form, &given) &&
        org_domains_change(call, &org, &domain,
                           &(struct org_domain_change){.enrollment_mode = form.enrollment_mode,
                                                       .verified = form.verified,
                                                       .strategy = TEXT(ORG_DOMAIN_BY_KEY)}))
        org_domains_write(call, &domain, &org, call_answer(call, 200));
}

void org_domains_verify_ownership(struct call *call)
{
    struct org org;
    struct entry domain;
    if (find(call, &org, &domain) && org_domains_own(call, &org, &domain))
        org_domains_write(call, &domain, &org, call_answer(call, 200));
}

void org_domains_delete(struct call *call)
{
    struct org org;
    struct entry domain;
    if (find(call, &org, &domain) && call_mark(call) && org_domains_remove(call, &org, &domain))
        clerk_write_deleted(org_domain_resource.object, domain.id, (struct text){NULL, 0},
                            call_answer(call, 200));
}

/* ---- lists ---- */

/* Gives every value of a parameter that is a list with commas a place of its own. */
static bool split_values(struct call *call, struct text name)
{
    const struct form_fields *query = &call->query;
    struct form_fields split = {NULL, 0};
    size_t room = query->count;
    for (size_t i = 0; i < query->count; i++)
        for (size_t j = 0; j < query->at[i].value.len; j++)
            room += query->at[i].value.at[j] == ',';
    split.at = call_alloc(call, (room + 1) * sizeof(*split.at));
    for (size_t i = 0; split.at && i < query->count; i++) {
        struct text rest = query->at[i].value, value;
        if (!text_same(query->at[i].name, name))
            split.at[split.count++] = query->at[i];
        else
            while (text_field(&rest, ',', &value))
                split.at[split.count++] = (struct form_param){name, value};
    }
    if (split.at)
        call->query = split;
    return split.at != NULL;
}

static bool add_modes(struct call *call, struct filter *filter)
{
    struct text name = TEXT("enrollment_mode");
    bool excluded;
    if (!split_values(call, name))
        return false;
    for (size_t i = 0; i < call->query.count; i++)
        if (text_same(call->query.at[i].name, name) &&
            !body_is_choice(ORG_DOMAIN_MODES,
                            filter_value(call->query.at[i].value, false, &excluded)))
            return call_fail(call, CLERK_form_param_value_invalid, name.at,
                             "`enrollment_mode` must be one of: %s.", ORG_DOMAIN_MODES);
#define MODE(mode) " WHEN r.doc LIKE '%%\"enrollment_mode\":\"" mode "\"%%' THEN '" mode "'"
    return filter_add_list(call, filter, name.at,
                           "CASE" MODE("manual_invitation") MODE("automatic_invitation")
                               MODE("automatic_suggestion") MODE("enterprise_sso") " END %s");
#undef MODE
}

static bool add_verified(struct call *call, struct filter *filter)
{
    bool verified;
    if (!call_param(call, TEXT("verified")).at)
        return true;
    return paging_flag(call, "verified", &verified) &&
           filter_add(call, filter, "r.status = %s",
                      (struct filter_bind){.t = verified ? TEXT("verified") : TEXT("unverified")});
}

static bool add_filters(struct call *call, struct filter *filter)
{
    return add_verified(call, filter) && add_modes(call, filter);
}

/* An organization's id, or a part of the name. */
static bool add_query(struct call *call, struct filter *filter)
{
    struct text given = call_param(call, TEXT("query")), query = text_trim(given);
    if (!given.at)
        return true;
    if (query.len == 0)
        return call_fail(call, CLERK_form_param_value_invalid, "query",
                         "`query` must not be empty.");
    if (text_starts(query, TEXT("org_")))
        return filter_add(call, filter, "r.owner = %s", (struct filter_bind){.t = query});
    struct text pattern = filter_pattern(query, call->arena);
    return filter_add(call, filter, "r.name LIKE lower(%s) ESCAPE '\\'",
                      (struct filter_bind){.t = pattern});
}

static bool add_all_filters(struct call *call, struct filter *filter)
{
    return add_filters(call, filter) && add_query(call, filter) &&
           filter_add_list(call, filter, "organization_id", "r.owner %s") &&
           filter_add_list(call, filter, "domains", "r.name %s");
}

static bool write(struct call *call, const struct resource *resource, const struct entry *entry,
                  struct buf *to)
{
    struct org org;
    struct err err;
    (void)resource;
    return call_check(call, org_get(call->desk->store, entry->owner, call->arena, &org, &err),
                      &err) &&
           org_domains_write(call, entry, &org, to);
}

bool org_domains_answer_list(struct call *call, const struct org *org)
{
    return resource_list(
        call, &org_domain_resource,
        &(struct resource_list){.owner = org->clerk.id, .filter = add_filters, .write = write});
}

void org_domains_list(struct call *call)
{
    struct org org;
    if (find_org(call, &org))
        org_domains_answer_list(call, &org);
}

void org_domains_list_all(struct call *call)
{
    static const struct paging_order orders[] = {{"created_at", "r.created_at"},
                                                 {"name", "r.name"}};
    if (org_domains_enabled(call))
        resource_list(call, &org_domain_resource,
                      &(struct resource_list){.any_owner = true,
                                              .orders = orders,
                                              .order_count = ARRAY_COUNT(orders),
                                              .filter = add_all_filters,
                                              .write = write});
}
