/* Addresses: what they mean, and listening at one. */
#include "net/server_inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNIX_PREFIX TEXT("unix:")
/* Files that a process has open besides its connections. */
#define FILES_SPARE 128

bool server_split_address(struct text address, struct text *host, uint16_t *port)
{
    uint64_t number;
    size_t colon = address.len;
    while (colon > 0 && address.at[colon - 1] != ':')
        colon--;
    if (colon == 0 || !text_u64(text_part(address, colon, address.len), 65535, &number))
        return false;
    *host = text_part(address, 0, colon - 1);
    if (host->len >= 2 && host->at[0] == '[' && host->at[host->len - 1] == ']')
        *host = text_part(*host, 1, host->len - 2);
    else if (text_find(*host, ':', 0) < host->len)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool socket_address(struct text host, uint16_t port, struct sockaddr_storage *to,
                           socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
    char z[INET6_ADDRSTRLEN];
    if (host.len == 0 || text_same_nocase(host, TEXT("localhost")))
        host = TEXT("127.0.0.1");
    if (host.len >= sizeof(z))
        return false;
    memcpy(z, host.at, host.len);
    z[host.len] = 0;
    memset(to, 0, sizeof(*to));
    if (inet_pton(AF_INET, z, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof(*v4);
        return true;
    }
    if (inet_pton(AF_INET6, z, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *len = sizeof(*v6);
    return true;
}

bool server_is_loopback(struct text host)
{
    struct sockaddr_storage address;
    socklen_t len;
    if (!socket_address(host, 0, &address, &len))
        return false;
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&address)->sin6_addr);
    return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == 127;
}

/* Notes where the socket listens, now that a free port is known. */
static void note_address(struct server *server)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    char host[INET6_ADDRSTRLEN] = "";
    getsockname(server->listener, (struct sockaddr *)&bound, &len);
    bool v6 = bound.ss_family == AF_INET6;
    const struct sockaddr_in *v4 = (struct sockaddr_in *)&bound;
    inet_ntop(bound.ss_family,
              v6 ? (const void *)&((struct sockaddr_in6 *)&bound)->sin6_addr : &v4->sin_addr, host,
              sizeof(host));
    snprintf(server->address, sizeof(server->address), "%s%s%s:%u", v6 ? "[" : "", host,
             v6 ? "]" : "", (unsigned)ntohs(v4->sin_port));
}

static int read_tcp(const char *text, struct sockaddr_storage *to, socklen_t *len, struct err *err)
{
    struct text host;
    uint16_t port;
    if (server_split_address(text_of(text), &host, &port) && socket_address(host, port, to, len))
        return 0;
    return err_set(err, ERR_USAGE, "'%s' is no address to listen on (127.0.0.1:PORT, unix:PATH)",
                   text);
}

static int listen_at_tcp(struct server *server, struct err *err)
{
    struct sockaddr_storage address;
    socklen_t len = 0;
    int on = 1;
    if (read_tcp(server->opts.address, &address, &len, err) != 0)
        return -1;
    server->listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0)
        return err_set(err, ERR_NETWORK, "no socket: %s", strerror(errno));
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server->listener, SOMAXCONN) != 0)
        return err_set(err, ERR_NETWORK, "cannot listen on %s: %s", server->opts.address,
                       strerror(errno));
    note_address(server);
    return 0;
}

/* Takes away a socket file at which nobody listens any more; anything else stays. */
static void clear_stale(const struct sockaddr_un *at)
{
    struct stat found;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && lstat(at->sun_path, &found) == 0 && S_ISSOCK(found.st_mode) &&
        connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 && errno == ECONNREFUSED)
        unlink(at->sun_path);
    if (fd >= 0)
        close(fd);
}

static int read_unix(const char *path, struct sockaddr_un *to, struct err *err)
{
    *to = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path[0] == 0 || strlen(path) >= sizeof(to->sun_path))
        return err_set(err, ERR_USAGE, "the path of a socket has 1 to %zu bytes, not '%s'",
                       sizeof(to->sun_path) - 1, path);
    strcpy(to->sun_path, path);
    return 0;
}

int server_check_address(const char *address, struct err *err)
{
    struct sockaddr_storage tcp;
    struct sockaddr_un local;
    socklen_t len;
    if (text_starts(text_of(address), UNIX_PREFIX))
        return read_unix(address + UNIX_PREFIX.len, &local, err);
    return read_tcp(address, &tcp, &len, err);
}

static int listen_at_unix(struct server *server, const char *path, struct err *err)
{
    struct sockaddr_un at;
    if (read_unix(path, &at, err) != 0)
        return -1;
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0)
        return err_set(err, ERR_NETWORK, "no socket: %s", strerror(errno));
    clear_stale(&at);
    if (bind(server->listener, (struct sockaddr *)&at, sizeof(at)) != 0 || chmod(path, 0660) != 0 ||
        listen(server->listener, SOMAXCONN) != 0)
        return err_set(err, ERR_NETWORK, "cannot listen on %s: %s", server->opts.address,
                       strerror(errno));
    snprintf(server->address, sizeof(server->address), "unix:%s", path);
    return 0;
}

int server_listen(struct server *server, struct err *err)
{
    struct text address = text_of(server->opts.address);
    if (text_starts(address, UNIX_PREFIX))
        return listen_at_unix(server, server->opts.address + UNIX_PREFIX.len, err);
    return listen_at_tcp(server, err);
}

void server_unlisten(struct server *server)
{
    if (server->listener < 0)
        return;
    close(server->listener);
    server->listener = -1;
    if (text_starts(text_of(server->address), UNIX_PREFIX))
        unlink(server->address + UNIX_PREFIX.len);
}

void server_peer(const struct server_request *request, char to[SERVER_ADDRESS_MAX])
{
    const struct connection *c = server_connection(request);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *peer = info ? info->client_addr : NULL;
    to[0] = 0;
    if (peer && peer->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr, to, SERVER_ADDRESS_MAX);
    else if (peer && peer->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)peer)->sin6_addr, to,
                  SERVER_ADDRESS_MAX);
}

size_t server_allow_files(size_t connections)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)connections + FILES_SPARE, had;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return connections;
    had = limit.rlim_cur;
    limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
    rlim_t files = setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : had;
    if (files >= need)
        return connections;
    return files > FILES_SPARE ? (size_t)files - FILES_SPARE : 1;
}

void server_address(const struct server *server, char to[SERVER_ADDRESS_MAX])
{
    memcpy(to, server->address, SERVER_ADDRESS_MAX);
}
