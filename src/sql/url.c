#include "sql/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands before the path, behind the scheme: USER:PASSWORD@HOST:PORT. The last @ ends the user. */
struct authority {
    struct text scheme, user, password, host, rest; /* rest: from the path or options on */
};

static bool take_authority(const char *whole, struct authority *a)
{
    const char *at = strstr(whole, "://");
    *a = (struct authority){0};
    if (!at)
        return false;
    a->scheme = (struct text){whole, (size_t)(at - whole)};
    size_t len = strcspn(at + 3, "/?#");
    a->host = (struct text){at + 3, len};
    a->rest = text_of(at + 3 + len);
    for (size_t i = len; i-- > 0;) {
        if (a->host.at[i] != '@')
            continue;
        size_t colon = text_find(a->host, ':', 0);
        a->user = text_part(a->host, 0, colon < i ? colon : i);
        if (colon < i)
            a->password = text_part(a->host, colon + 1, i - colon - 1);
        a->host = text_part(a->host, i + 1, len);
        break;
    }
    /* A slash or @ that a password holds unencoded would put the rest of it into host or path. */
    return text_find(a->rest, '@', 0) == a->rest.len;
}

bool url_is_clear(const char *url)
{
    struct authority ignored;
    return take_authority(url, &ignored);
}

char *url_name(const char *url)
{
    struct authority a;
    char *name = NULL;
    if (!take_authority(url, &a))
        return asprintf(&name, "%.*s://…", TEXT_ARG(a.scheme)) < 0 ? NULL : name;
    struct text path = text_part(a.rest, 0, strcspn(a.rest.at, "?#"));
    if (asprintf(&name, "%.*s://%.*s%s%.*s%.*s", TEXT_ARG(a.scheme), TEXT_ARG(a.user),
                 a.user.len ? "@" : "", TEXT_ARG(a.host), TEXT_ARG(path)) < 0)
        return NULL;
    return name;
}

/* Percent-decodes t into `to`. */
static int put(const char *what, struct text t, char *to, size_t room, struct err *err)
{
    size_t len = 0, got;
    for (size_t i = 0; i < t.len; i++) {
        uint8_t byte = (uint8_t)t.at[i];
        if (byte == '%' && (!hex_decode(text_part(t, i + 1, 2), &byte, 1, &got) || got != 1))
            return err_set(err, ERR_USAGE, "the %s in a database URL has a %% that is no code",
                           what);
        i += t.at[i] == '%' ? 2 : 0;
        if (byte == 0 || len + 1 >= room)
            return err_set(err, ERR_USAGE, "the %s in a database URL %s", what,
                           byte == 0 ? "holds a NUL byte" : "is too long");
        to[len++] = (char)byte;
    }
    to[len] = 0;
    return 0;
}

static int put_host(struct text host, struct url *url, struct err *err)
{
    uint64_t port;
    bool bracket = host.len > 0 && host.at[0] == '[';
    size_t end = bracket ? text_find(host, ']', 0) : text_find(host, ':', 0);
    struct text name = bracket ? text_part(host, 1, end - 1) : text_part(host, 0, end);
    struct text tail = text_part(host, bracket ? end + 1 : end, host.len);
    if (tail.len > 0) {
        if (tail.at[0] != ':' || !text_u64(text_part(tail, 1, tail.len), 65535, &port))
            return err_set(err, ERR_USAGE, "the port in a database URL is no number up to 65535");
        url->port = (uint16_t)port;
    }
    return put("host", name, url->host, sizeof(url->host), err);
}

static int put_option(struct text option, struct url *url, struct err *err)
{
    size_t equals = text_find(option, '=', 0);
    struct text name = text_part(option, 0, equals),
                value = text_part(option, equals + 1, option.len);
    if (text_same(name, TEXT("socket")))
        return put("socket", value, url->socket, sizeof(url->socket), err);
    if (text_same(name, TEXT("ca")))
        return put("ca", value, url->ca, sizeof(url->ca), err);
    if (text_same(name, TEXT("tls")) &&
        (text_same(value, TEXT("require")) || text_same(value, TEXT("verify"))))
        return put("tls", value, url->tls, sizeof(url->tls), err);
    return err_set(err, ERR_USAGE,
                   "a database URL has the options socket=PATH, tls=require|verify, ca=FILE");
}

int url_parse(const char *whole, struct url *url, struct err *err)
{
    struct authority a;
    memset(url, 0, sizeof(*url));
    if (!take_authority(whole, &a))
        return err_set(err, ERR_USAGE,
                       "a database URL is SCHEME://USER:PASSWORD@HOST:PORT/DATABASE; write @ and / "
                       "in a password as %%40 and %%2F");
    size_t path = strcspn(a.rest.at, "?#");
    struct text options = text_part(a.rest, path + 1, a.rest.len), option;
    if (put("user", a.user, url->user, sizeof(url->user), err) != 0 ||
        put("password", a.password, url->password, sizeof(url->password), err) != 0 ||
        put_host(a.host, url, err) != 0 ||
        put("database", text_part(a.rest, 1, path ? path - 1 : 0), url->database,
            sizeof(url->database), err) != 0)
        return -1;
    while (options.len > 0 && text_field(&options, '&', &option))
        if (put_option(option, url, err) != 0)
            return -1;
    return 0;
}
