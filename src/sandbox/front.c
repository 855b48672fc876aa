#include "sandbox/front.h"

#include <stdio.h>

#include "sandbox/call.h"
#include "sandbox/cookie.h"

#define CLIENT_COOKIE_S ((int64_t)34560000)  /* 400 days, which is what browsers allow */
#define UAT_COOKIE_S    ((int64_t)315360000) /* ten years; browsers cut it */

struct text front_origin_of(struct text url)
{
    size_t scheme = text_starts(url, TEXT("https://"))  ? 8
                    : text_starts(url, TEXT("http://")) ? 7
                                                        : 0;
    size_t end = scheme;
    while (end < url.len && !memchr("/?#\\", url.at[end], 4))
        end++;
    struct text authority = text_part(url, scheme, end - scheme);
    if (scheme == 0 || authority.len == 0 || text_find(authority, '@', 0) < authority.len)
        return (struct text){NULL, 0};
    return text_part(url, 0, end);
}

struct text front_host_of(struct text origin)
{
    size_t slashes = text_starts(origin, TEXT("https://"))  ? 8
                     : text_starts(origin, TEXT("http://")) ? 7
                                                            : 0;
    struct text host = text_part(origin, slashes, origin.len);
    if (host.len > 0 && host.at[0] == '[')
        return text_part(host, 0, text_find(host, ']', 0) + 1);
    return text_part(host, 0, text_find(host, ':', 0));
}

static bool check_proxy(struct call *call, struct front *front)
{
    struct text url = server_header(call->request, "Clerk-Proxy-Url");
    struct text key = server_header(call->request, "Clerk-Secret-Key");
    struct text ours = text_of(call->desk->instance->secret_key);
    if (!url.at)
        return true;
    if (!key.at)
        return call_fail(call, CLERK_proxy_request_missing_secret_key, NULL,
                         "A request with Clerk-Proxy-Url needs the header Clerk-Secret-Key.");
    if (key.len != ours.len || !secret_same(key.at, ours.at, ours.len))
        return call_fail(call, CLERK_proxy_request_invalid_secret_key, NULL,
                         "Clerk-Secret-Key is not this instance's secret key.");
    if (!front_origin_of(url).at)
        return call_fail(call, CLERK_host_invalid, NULL, "Clerk-Proxy-Url is no URL.");
    front->proxy_url = url;
    return true;
}

/* Leftmost of X-Forwarded-For, if a proxy that may say so sent it; else the connection's. */
static struct text address_of(struct call *call, const struct front *front)
{
    struct text forwarded = server_header(call->request, "X-Forwarded-For");
    if (front->proxy_url.at && forwarded.len > 0)
        return text_trim(text_part(forwarded, 0, text_find(forwarded, ',', 0)));
    char peer[SERVER_ADDRESS_MAX];
    server_peer(call->request, peer);
    return arena_copy(call->arena, text_of(peer));
}

/* A same-origin GET has no Origin: the proxy's URL or the Referer then tell where the page is from. */
static struct text origin_of(struct call *call, const struct front *front)
{
    struct text origin = server_header(call->request, "Origin");
    if (origin.at && !text_same(origin, TEXT("null")))
        return origin;
    if (front->proxy_url.at)
        return front_origin_of(front->proxy_url);
    return front_origin_of(server_header(call->request, "Referer"));
}

static bool find_dev_browser(struct call *call, struct front *front)
{
    struct dev_browser browser;
    struct err err;
    front->dev_browser = call_param(call, TEXT("__clerk_db_jwt"));
    if (!front->dev_browser.at)
        return true;
    enum store_answer got = row_get(call->desk->store, &dev_browser_table, front->dev_browser,
                                    call->arena, &browser, &err);
    if (got == STORE_NONE)
        front->dev_browser = (struct text){NULL, 0};
    else if (got != STORE_OK)
        return call_broken(call, &err);
    if (got != STORE_OK || !browser.client.at)
        return true;
    got = row_get(call->desk->store, &client_table, browser.client, call->arena, &front->client,
                  &err);
    return got == STORE_OK || got == STORE_NONE || call_broken(call, &err);
}

static bool find_client(struct call *call, struct front *front)
{
    struct text header = server_header(call->request, "Cookie");
    struct text value = cookie_get(header, TEXT("__client"));
    struct client client;
    bool found;
    if (call->desk->instance->dev_browsers)
        return find_dev_browser(call, front);
    struct text uat = cookie_get(header, TEXT("__client_uat"));
    front->stale = !value.at && uat.at && !text_same(uat, TEXT("0"));
    if (!value.at)
        return true;
    if (!client_of_cookie(call, value, &client, &found))
        return false;
    if (found)
        front->client = client;
    front->stale = !found;
    return true;
}

static bool find_session(struct call *call, struct front *front)
{
    struct text id = call_param(call, TEXT("_clerk_session_id"));
    if (!front->client.id.at)
        return call_fail(call, CLERK_signed_out, NULL, "You are signed out.");
    return session_get_live(call, id.at ? id : front->client.session, &front->session,
                            &front->account);
}

bool front_admit(struct call *call)
{
    struct front *front = arena_zalloc(call->arena, 1, sizeof(*front));
    enum route_auth auth = call->route->auth;
    if (!front)
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    call->front = front;
    if (!check_proxy(call, front))
        return false;
    front->origin = origin_of(call, front);
    front->address = address_of(call, front);
    front->secure = text_starts(front->proxy_url, TEXT("https://"));
    front->host = front_host_of(front->proxy_url.at ? front_origin_of(front->proxy_url)
                                                    : server_header(call->request, "Host"));
    if (!find_client(call, front))
        return false;
    if (auth != ROUTE_OPEN && call->desk->instance->dev_browsers && !front->dev_browser.at)
        return call_fail(call, CLERK_dev_browser_unauthenticated, NULL,
                         "The development browser is not known. Make one with POST "
                         "/v1/dev_browser and send its id as __clerk_db_jwt.");
    return auth != ROUTE_SESSION || find_session(call, front);
}

bool front_limit(struct call *call, struct user_limits *limits, struct text who)
{
    struct text key =
        arena_printf(call->arena, "%.*s %.*s", TEXT_ARG(call->front->address), TEXT_ARG(who));
    if (!limits || !key.at)
        return true;
    int64_t wait = user_limits_ask(limits, key, clock_now_us());
    return wait == 0 || call_limited(call, wait);
}

/* Ties a new client to the dev browser that asked. */
static bool claim_dev_browser(struct call *call, const struct client *client)
{
    struct dev_browser browser = {
        .id = call->front->dev_browser, .client = client->id, .created_at = call->now_ms};
    struct err err;
    return call_check(call, row_put(call->desk->store, &dev_browser_table, &browser, &err), &err);
}

bool front_client(struct call *call)
{
    struct front *front = call->front;
    if (front->client.id.at)
        return true;
    if (!client_new(call, &front->client))
        return false;
    front->stale = false;
    if (call->desk->instance->dev_browsers && !claim_dev_browser(call, &front->client))
        return false;
    return front_put_client(call);
}

bool front_reload_client(struct call *call)
{
    struct front *front = call->front;
    struct err err;
    enum store_answer got = row_get(call->desk->store, &client_table, front->client.id, call->arena,
                                    &front->client, &err);
    if (got == STORE_NONE)
        return call_fail(call, CLERK_signed_out, NULL, "You are signed out.");
    return call_check(call, got, &err);
}

bool front_put_client(struct call *call)
{
    call->front->client.updated_at = call->now_ms;
    call->front->cookies_due = true;
    return client_put(call, &call->front->client);
}

struct json_out front_open(struct call *call)
{
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("response"));
    return out;
}

void front_close(struct call *call, struct json_out *out)
{
    json_key(out, TEXT("client"));
    if (!call->front->client.id.at)
        json_put_null(out);
    else if (!client_write(call, &call->front->client, out))
        return;
    json_close(out, '}');
}

void front_answer_client(struct call *call)
{
    struct json_out out = front_open(call);
    json_put_null(&out);
    front_close(call, &out);
}

struct text front_param(const struct call *call, const char *name)
{
    struct text value = form_get(&call->form, text_of(name));
    return value.len > 0 ? value : (struct text){NULL, 0};
}

bool front_param_needed(struct call *call, const char *name, struct text *value)
{
    *value = front_param(call, name);
    return value->at || call_fail(call, CLERK_form_param_missing, name, "`%s` is missing.", name);
}

bool front_client_uat(struct call *call, int64_t *seconds)
{
    const struct client *client = &call->front->client;
    struct session *sessions;
    size_t count = 0;
    if (client->id.at && !session_list_live(call, client->id, &sessions, &count))
        return false;
    *seconds = count > 0 ? client->updated_at / 1000 : 0;
    return true;
}

static void add_cookie(struct call *call, const struct cookie *cookie)
{
    struct buf value;
    buf_init(&value, 4096);
    cookie_write(cookie, &value);
    if (buf_ok(&value))
        call_header(call, "Set-Cookie", buf_text(&value));
    buf_release(&value);
}

/* Proxies exist that let only the last Set-Cookie through: that is the one nothing works without. */
void front_write_cookies(struct call *call)
{
    const struct front *front = call->front;
    struct cookie uat = {.name = TEXT("__client_uat"),
                         .domain = cookie_domain(front->host),
                         .max_age_s = UAT_COOKIE_S,
                         .secure = front->secure};
    struct text secret = arena_printf(call->arena, "%.*s.%.*s", TEXT_ARG(front->client.id),
                                      TEXT_ARG(front->client.secret));
    int64_t seconds;
    char digits[24];
    if (!front_client_uat(call, &seconds))
        return;
    snprintf(digits, sizeof(digits), "%lld", (long long)seconds);
    uat.value = text_of(digits);
    add_cookie(call, &uat);
    uat.suffix = text_of(call->desk->instance->suffix);
    add_cookie(call, &uat);
    if (front->client.id.at)
        add_cookie(call, &(struct cookie){.name = TEXT("__client"),
                                          .value = secret,
                                          .max_age_s = CLIENT_COOKIE_S,
                                          .http_only = true,
                                          .secure = front->secure});
}

static void allow_origin(struct call *call)
{
    struct text origin = server_header(call->request, "Origin");
    if (!origin.at)
        return;
    call_header(call, "Access-Control-Allow-Origin", origin);
    call_header(call, "Access-Control-Allow-Credentials", TEXT("true"));
    call_header(call, "Access-Control-Expose-Headers",
                TEXT("Clerk-Db-Jwt, X-Country, Retry-After, Authorization"));
    call_header(call, "Vary", TEXT("Origin"));
}

void front_finish(struct call *call)
{
    const struct front *front = call->front;
    if (!front)
        return;
    allow_origin(call);
    call_header(call, "Cache-Control", TEXT("no-store"));
    if (call->desk->instance->dev_browsers)
        return;
    bool undone = call->marked && call->status >= 400;
    if ((front->cookies_due && !undone) || front->stale)
        front_write_cookies(call);
}

/* localhost in any spelling that browsers take for this machine. */
static bool is_local(struct text host)
{
    return text_same_nocase(host, TEXT("localhost")) || text_ends(host, TEXT(".localhost")) ||
           server_is_loopback(host);
}

bool front_may_redirect(const struct call *call, struct text url)
{
    const struct instance *instance = call->desk->instance;
    struct text host = front_host_of(front_origin_of(url));
    struct text own = front_host_of(text_of(instance->frontend_host));
    if (host.len == 0)
        return false;
    if (call->front->proxy_url.at &&
        text_same_nocase(front_origin_of(url), front_origin_of(call->front->proxy_url)))
        return true;
    if (instance->kind == CLERK_DEVELOPMENT && is_local(host))
        return true;
    struct text domain = cookie_domain(own), other = cookie_domain(host);
    return text_same_nocase(host, own) || (domain.at && text_same_nocase(domain, other));
}
