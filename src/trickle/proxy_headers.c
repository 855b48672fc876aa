/*
 * Which headers pass.
 *
 * To the upstream: all that is end to end, but those that only the proxy may say. A browser could forge
 * them, and Clerk believes them as it believes the secret key beside them. Bodies come back unpacked, so
 * that the gateway can read them: Accept-Encoding is identity.
 *
 * From it: all that is end to end, in order, each Set-Cookie by itself.
 */
#include "trickle/proxy_inside.h"

#include <stdio.h>
#include <string.h>

#define NAME(z)                                                                                    \
    {                                                                                              \
        z, sizeof(z) - 1                                                                           \
    }

/* RFC 9110, 7.6.1, and what Clerk's own proxy drops. */
static const struct text hop_by_hop[] = {NAME("Connection"),
                                         NAME("Keep-Alive"),
                                         NAME("Proxy-Authenticate"),
                                         NAME("Proxy-Authorization"),
                                         NAME("Proxy-Connection"),
                                         NAME("TE"),
                                         NAME("Trailer"),
                                         NAME("Transfer-Encoding"),
                                         NAME("Upgrade")};

/* Said anew to the upstream, or by nobody. */
static const struct text ours_to_say[] = {NAME("Host"),
                                          NAME("Content-Length"),
                                          NAME("Expect"),
                                          NAME("Accept-Encoding"),
                                          NAME("Clerk-Proxy-Url"),
                                          NAME("Clerk-Secret-Key"),
                                          NAME("X-Forwarded-For"),
                                          NAME("X-Forwarded-Host"),
                                          NAME("X-Forwarded-Proto"),
                                          NAME("Forwarded"),
                                          NAME("X-Real-IP"),
                                          NAME("CF-Connecting-IP"),
                                          NAME("True-Client-IP")};

static bool is_one_of(struct text name, const struct text *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_same_nocase(name, names[i]))
            return true;
    return false;
}

bool proxy_list_names(struct text list, struct text name)
{
    struct text item;
    while (text_field(&list, ',', &item))
        if (text_same_nocase(text_trim(item), name))
            return true;
    return false;
}

/* --- to the upstream --- */

struct lines {
    struct buf *to;
    struct text connection; /* of the request */
    bool skip_cookie, skip_type;
};

static void put_line(struct buf *to, struct text name, struct text value)
{
    buf_add(to, name);
    buf_add(to, TEXT(": "));
    buf_add(to, value);
    buf_add(to, TEXT("\r\n"));
}

static bool on_header(void *arg, struct text name, struct text value)
{
    struct lines *lines = arg;
    bool passes = !is_one_of(name, hop_by_hop, ARRAY_COUNT(hop_by_hop)) &&
                  !is_one_of(name, ours_to_say, ARRAY_COUNT(ours_to_say)) &&
                  !proxy_list_names(lines->connection, name) &&
                  !(lines->skip_cookie && text_same_nocase(name, TEXT("Cookie"))) &&
                  !(lines->skip_type && text_same_nocase(name, TEXT("Content-Type")));
    if (passes)
        put_line(lines->to, name, value);
    return true;
}

void proxy_client_address(const struct proxy *proxy, const struct server_request *request,
                          char to[SERVER_ADDRESS_MAX])
{
    to[0] = 0;
    if (!proxy->client_address) {
        server_peer(request, to);
        return;
    }
    /* In a list, the last entry is what the proxy in front wrote; those before it anybody may have. */
    struct text list = server_header(request, proxy->client_address), item = list;
    while (text_field(&list, ',', &item))
        continue;
    item = text_trim(item);
    if (item.len < SERVER_ADDRESS_MAX)
        snprintf(to, SERVER_ADDRESS_MAX, "%.*s", TEXT_ARG(item));
}

/* What a proxy in front says of the browser's request is believed only if one is configured. */
static struct text forwarded(const struct proxy *proxy, const struct server_request *request,
                             const char *name, struct text ours)
{
    struct text theirs = server_header(request, name);
    return proxy->client_address && theirs.len > 0 ? theirs : ours;
}

void proxy_put_headers(const struct proxy *proxy, const struct server_request *request,
                       const struct proxy_ask *ask, struct buf *to)
{
    char address[SERVER_ADDRESS_MAX];
    struct lines lines = {.to = to,
                          .connection = server_header(request, "Connection"),
                          .skip_cookie = ask->cookie.at != NULL,
                          .skip_type = ask->content_type != NULL};
    server_each_header(request, on_header, &lines);
    proxy_client_address(proxy, request, address);
    put_line(to, TEXT("Clerk-Proxy-Url"), proxy->url);
    put_line(to, TEXT("Clerk-Secret-Key"), text_of(proxy->secret_key));
    put_line(to, TEXT("X-Forwarded-Host"),
             forwarded(proxy, request, "X-Forwarded-Host", proxy->host));
    put_line(to, TEXT("X-Forwarded-Proto"),
             forwarded(proxy, request, "X-Forwarded-Proto", proxy->scheme));
    put_line(to, TEXT("Accept-Encoding"), TEXT("identity"));
    if (address[0])
        put_line(to, TEXT("X-Forwarded-For"), text_of(address));
    if (ask->cookie.len > 0)
        put_line(to, TEXT("Cookie"), ask->cookie);
    if (ask->content_type)
        put_line(to, TEXT("Content-Type"), text_of(ask->content_type));
}

/* --- from the upstream --- */

/* A redirect to the upstream leads to the proxy instead; absent: another one, which stays. */
static struct text location(const struct proxy *proxy, struct text value, struct arena *arena)
{
    static const char *const schemes[] = {"https://", "http://", "//"};
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
        struct text scheme = text_of(schemes[i]);
        if (!text_same_nocase(text_part(value, 0, scheme.len), scheme))
            continue;
        struct text rest = text_part(value, scheme.len, value.len);
        struct text host = text_part(rest, 0, proxy->upstream_host.len);
        struct text path = text_part(rest, host.len, rest.len);
        bool ends = path.len == 0 || path.at[0] == '/' || path.at[0] == '?' || path.at[0] == '#';
        if (text_same_nocase(host, proxy->upstream_host) && ends)
            return arena_printf(arena, "%.*s%.*s", TEXT_ARG(proxy->url), TEXT_ARG(path));
        return (struct text){NULL, 0};
    }
    return (struct text){NULL, 0};
}

static bool add_header(struct proxy_headers *headers, struct text name, struct text value,
                       struct arena *arena)
{
    if (headers->count == headers->room) {
        size_t room = headers->room ? headers->room * 2 : 16;
        struct server_header *at = arena_alloc(arena, room * sizeof(*at));
        if (!at)
            return false;
        if (headers->count > 0)
            memcpy(at, headers->at, headers->count * sizeof(*at));
        headers->at = at;
        headers->room = room;
    }
    struct text name_z = arena_copy(arena, name), value_z = arena_copy(arena, value);
    if (!name_z.at || !value_z.at)
        return false;
    headers->at[headers->count++] = (struct server_header){name_z.at, value_z.at};
    return true;
}

bool proxy_take_down(const struct proxy *proxy, struct text name, struct text value,
                     struct arena *arena, struct proxy_headers *headers)
{
    if (text_same_nocase(name, TEXT("Content-Length"))) {
        if (!text_u64(value, INT64_MAX, &headers->length))
            headers->length = SERVER_LENGTH_UNKNOWN;
        return true;
    }
    if (text_same_nocase(name, TEXT("Connection")))
        headers->connection = arena_copy(arena, value);
    if (is_one_of(name, hop_by_hop, ARRAY_COUNT(hop_by_hop)))
        return true;
    if (text_same_nocase(name, TEXT("Location"))) {
        struct text turned = location(proxy, value, arena);
        return add_header(headers, name, turned.at ? turned : value, arena);
    }
    return add_header(headers, name, value, arena);
}

void proxy_drop_named(struct proxy_headers *headers)
{
    size_t kept = 0;
    for (size_t i = 0; i < headers->count; i++)
        if (!proxy_list_names(headers->connection, text_of(headers->at[i].name)))
            headers->at[kept++] = headers->at[i];
    headers->count = kept;
}
