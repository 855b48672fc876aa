#include "sandbox/domain.h"

#include <ctype.h>
#include <string.h>

#include "sandbox/front.h"
#include "sandbox/routes.h"

/* How many satellites are listed: all that a real instance has. */
#define SATELLITES_MAX 100

/* ---- the primary domain ---- */

/* "example.com" of https://example.com/ or, without a home, of clerk.example.com. */
static struct text primary_name(const struct call *call)
{
    const struct instance *instance = call->desk->instance;
    struct text host = text_of(instance->frontend_host), clerk = TEXT("clerk.");
    struct text home = front_origin_of(instance->settings.home_url);
    if (home.at)
        return text_part(home, text_find(home, ':', 0) + 3, home.len);
    return text_starts(host, clerk) ? text_part(host, clerk.len, host.len) : host;
}

static bool make_primary(struct call *call, struct entry *entry)
{
    struct text instance = text_of(call->desk->instance->id);
    struct text proxy = call->desk->instance->settings.proxy_url;
    struct buf *scratch = &call->desk->scratch;
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    json_open(&out, '{');
    json_field_text(&out, "name", primary_name(call));
    json_field_text(&out, "proxy_url", proxy);
    json_close(&out, '}');
    *entry = (struct entry){
        .kind = ENTRY_DOMAIN,
        .id = arena_printf(call->arena, "dmn_%.*s",
                           TEXT_ARG(text_part(instance, strlen("ins_"), instance.len))),
        .name = arena_copy(call->arena, primary_name(call)),
        .expires_at = USER_UNSET,
        .doc = arena_copy(call->arena, buf_text(scratch))};
    return (entry->id.at && entry->name.at && entry->doc.at) ||
           call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

bool domain_is_primary(const struct call *call, const struct entry *entry)
{
    return text_same(text_part(entry->id, strlen("dmn_"), entry->id.len),
                     text_part(text_of(call->desk->instance->id), strlen("ins_"), SIZE_MAX));
}

/* ---- the object ---- */

static void put_targets(struct call *call, struct text name, bool primary, struct json_out *out)
{
    static const char *const hosts[] = {"clerk", "accounts"};
    json_key(out, TEXT("cname_targets"));
    if (call->desk->instance->kind != CLERK_PRODUCTION) {
        json_put_null(out);
        return;
    }
    json_open(out, '[');
    for (size_t i = 0; i < (primary ? ARRAY_COUNT(hosts) : 1); i++) {
        json_open(out, '{');
        json_field_text(out, "host",
                        arena_printf(call->arena, "%s.%.*s", hosts[i], TEXT_ARG(name)));
        json_field_text(out, "value", text_of(call->desk->instance->frontend_host));
        json_field_bool(out, "required", true);
        json_close(out, '}');
    }
    json_close(out, ']');
}

/* Browsers reach the Frontend API by the proxy, by the domain's own name, or where the sandbox listens. */
static struct text frontend_url(struct call *call, struct text name, struct text proxy,
                                bool primary)
{
    if (proxy.len > 0)
        return proxy;
    return primary ? arena_printf(call->arena, "https://%s", call->desk->instance->frontend_host)
                   : arena_printf(call->arena, "https://clerk.%.*s", TEXT_ARG(name));
}

static bool write(struct call *call, const struct entry *entry, struct json_value doc,
                  struct json_out *out)
{
    struct text name = json_text(json_get(doc, TEXT("name")));
    struct json_value proxy = json_get(doc, TEXT("proxy_url"));
    bool primary = domain_is_primary(call, entry);
    json_field_bool(out, "is_satellite", !primary);
    json_field_text(out, "frontend_api_url", frontend_url(call, name, json_text(proxy), primary));
    json_field_text(out, "accounts_portal_url",
                    primary ? arena_printf(call->arena, "https://accounts.%.*s", TEXT_ARG(name))
                            : (struct text){NULL, 0});
    json_key(out, TEXT("proxy_url"));
    json_put_value(out, proxy);
    json_field_text(out, "development_origin", TEXT(""));
    put_targets(call, name, primary, out);
    return true;
}

/* ---- what may be one ---- */

/* A host name with a dot in it; of a development instance any, also with a port. */
static bool is_name(struct text name, bool production)
{
    size_t host = text_find(name, ':', 0);
    uint64_t port;
    if (production && (host < name.len || text_find(name, '.', 0) == name.len))
        return false;
    if (host < name.len && !text_u64(text_part(name, host + 1, name.len), 65535, &port))
        return false;
    for (size_t i = 0; i < host; i++) {
        bool edge = i == 0 || i + 1 == host || name.at[i - 1] == '.' || name.at[i + 1] == '.';
        bool letter = isalnum((unsigned char)name.at[i]);
        if (!letter && (edge || (name.at[i] != '-' && name.at[i] != '.')))
            return false;
    }
    return host > 0;
}

static bool check_name(struct call *call, struct text name)
{
    bool production = call->desk->instance->kind == CLERK_PRODUCTION;
    return is_name(name, production) ||
           call_fail(call, CLERK_form_param_format_invalid, "name",
                     "`name` must be a host name without a scheme%s.",
                     production ? ", such as example.com" : "; a port may follow");
}

bool domain_check_proxy_url(struct call *call, struct text url)
{
    bool https = text_starts(url, TEXT("https://"));
    if (https ||
        (call->desk->instance->kind == CLERK_DEVELOPMENT && text_starts(url, TEXT("http://"))))
        return front_origin_of(url).at ||
               call_fail(call, CLERK_form_param_format_invalid, "proxy_url",
                         "`proxy_url` must be a whole URL.");
    return call_fail(call, CLERK_form_param_format_invalid, "proxy_url",
                     "`proxy_url` must begin with https://.");
}

/* Only a production instance is reached through a proxy. */
static bool check_proxy(struct call *call, struct json_value proxy)
{
    if (json_type(proxy) != JSON_STRING)
        return true;
    if (call->desk->instance->kind != CLERK_PRODUCTION)
        return call_fail(call, CLERK_request_invalid_for_environment, NULL,
                         "Only a production instance has a proxy.");
    return domain_check_proxy_url(call, json_text(proxy));
}

static bool check(struct call *call, const struct entry *old, struct entry *entry,
                  struct json_value doc)
{
    if (!old && !json_true(json_get(doc, TEXT("is_satellite"))))
        return call_fail(call, CLERK_primary_domain_already_exists, "is_satellite",
                         "The instance has its primary domain; others must be satellites.");
    if (text_same_nocase(entry->name, primary_name(call)))
        return call_fail(call, CLERK_home_url_taken, "name", "This is the primary domain.");
    return check_name(call, entry->name) && check_proxy(call, json_get(doc, TEXT("proxy_url")));
}

static const struct resource_field fields[] = {
    {"name", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_CHANGED | RESOURCE_SHOWN, .min = 1, .max = 255},
    {"is_satellite", BODY_BOOL, RESOURCE_NEEDED, .preset = "false"},
    {"proxy_url", BODY_TEXT, RESOURCE_GIVEN | RESOURCE_CHANGED, .min = 1, .max = 2048},
    {"is_secondary", BODY_BOOL, RESOURCE_CHANGED, .preset = "false"},
};

static const struct resource domain_resource = {
    .kind = ENTRY_DOMAIN,
    .object = "domain",
    .what = "domain",
    .prefix = "dmn_",
    .fields = fields,
    .count = ARRAY_COUNT(fields),
    .name = "name",
    .unique = true,
    .taken = CLERK_home_url_taken,
    .no_times = true,
    .check = check,
    .write = write,
};

bool domain_get(struct call *call, struct text id, struct entry *entry)
{
    return make_primary(call, entry) &&
           (text_same(entry->id, id) ||
            resource_get(call, &domain_resource, (struct text){NULL, 0}, id, entry));
}

bool domain_proxy_url(struct call *call, const struct entry *entry, struct text *url)
{
    struct json_value doc;
    if (!resource_doc(call, entry, &doc))
        return false;
    struct json_value proxy = json_get(doc, TEXT("proxy_url"));
    *url = json_type(proxy) == JSON_STRING ? arena_copy(call->arena, json_text(proxy))
                                           : (struct text){NULL, 0};
    return true;
}

/* ---- endpoints ---- */

static bool read_satellites(struct call *call, struct entry *rows, size_t *count)
{
    static const char statement[] =
        "SELECT r.kind, r.id, r.owner, r.name, r.claim, r.status, r.created_at, r.updated_at,"
        " r.expires_at, r.doc FROM entries r WHERE r.kind = ?1 ORDER BY r.created_at, r.id"
        " LIMIT ?2";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    int got = query ? 1 : -1;
    if (query) {
        sql_bind_int(query, 1, ENTRY_DOMAIN);
        sql_bind_int(query, 2, SATELLITES_MAX);
    }
    for (*count = 0; query && (got = sql_step(query, &err)) > 0; ++*count)
        if (entry_read(query, call->arena, &rows[*count], &err) != 0)
            break;
    if (query)
        sql_reset(query);
    return got == 0 || call_broken(call, &err);
}

void domains_list(struct call *call)
{
    struct entry rows[SATELLITES_MAX + 1];
    size_t count;
    if (!make_primary(call, &rows[0]) || !read_satellites(call, rows + 1, &count))
        return;
    struct json_out out = resource_begin_list(call);
    for (size_t i = 0; i <= count; i++) {
        json_put_raw(&out, TEXT("")); /* a comma, where one is due */
        if (!resource_write(call, &domain_resource, &rows[i], out.to))
            return;
    }
    resource_end_list(call, &out, (int64_t)count + 1);
}

void domains_create(struct call *call)
{
    resource_create(call, &domain_resource, (struct text){NULL, 0});
}

/* The primary one is where the application's home is; browsers' sessions there are not touched. */
static bool update_primary(struct call *call)
{
    struct form {
        struct text name, proxy_url;
        bool is_secondary;
    } form = {{NULL, 0}, {NULL, 0}, false};
    static const struct body_field body[] = {
        {"name", BODY_TEXT, .offset = offsetof(struct form, name), .min = 1, .max = 255},
        {"proxy_url", BODY_TEXT, .offset = offsetof(struct form, proxy_url), .min = 1, .max = 2048},
        {"is_secondary", BODY_BOOL, .offset = offsetof(struct form, is_secondary)},
    };
    struct instance *instance = call->desk->instance;
    struct settings draft = instance->settings;
    struct err err;
    uint64_t given;
    if (!body_read(call, body, ARRAY_COUNT(body), &form, &given) ||
        (form.name.at && !check_name(call, form.name)) ||
        !check_proxy(call, json_get(call->body, TEXT("proxy_url"))))
        return false;
    if (form.name.at)
        draft.home_url = arena_printf(call->arena, "https://%.*s", TEXT_ARG(form.name));
    if (given >> 1 & 1)
        draft.proxy_url = form.proxy_url;
    return settings_put(&instance->settings, call->desk->store, &draft, &err) == 0 ||
           call_broken(call, &err);
}

void domains_update(struct call *call)
{
    struct entry entry;
    if (!domain_get(call, call->ids[0], &entry))
        return;
    if (!domain_is_primary(call, &entry))
        resource_update(call, &domain_resource, &entry);
    else if (update_primary(call) && make_primary(call, &entry))
        resource_show(call, &domain_resource, &entry);
}

void domains_delete(struct call *call)
{
    struct entry entry;
    if (!domain_get(call, call->ids[0], &entry))
        return;
    if (domain_is_primary(call, &entry))
        call_fail(call, CLERK_operation_not_allowed_on_primary_domain, NULL,
                  "The primary domain cannot be deleted.");
    else
        resource_delete(call, &domain_resource, &entry);
}
