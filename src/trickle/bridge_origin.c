/*
 * An origin is SCHEME://HOST[:PORT] (RFC 6454) as a browser writes it: lower case, no default port, nothing
 * behind it.
 */
#include <string.h>

#include "net/net.h"
#include "trickle/bridge_inside.h"

static bool is_host(struct text host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!((host.at[i] >= 'a' && host.at[i] <= 'z') ||
              (host.at[i] >= '0' && host.at[i] <= '9') || strchr("-.:[]", host.at[i])))
            return false;
    return host.len > 0 && host.at[0] != '.' && host.at[0] != '-';
}

bool bridge_is_origin(struct text t)
{
    struct text host = {NULL, 0}, name;
    uint16_t port;
    bool secure = text_starts(t, TEXT("https://"));
    if (!secure && !text_starts(t, TEXT("http://")))
        return false;
    host = text_part(t, secure ? 8 : 7, t.len);
    if (!is_host(host))
        return false;
    name = host;
    if (text_find(host, ':', 0) < host.len && !server_split_address(host, &name, &port) &&
        host.at[0] != '[')
        return false;
    return secure || server_is_loopback(name);
}
