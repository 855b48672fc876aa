/* What the schema cannot say of usher.yaml: each value by itself, then what contradicts itself. */
#include <stdio.h>
#include <string.h>

#include "clerk/clerk.h"
#include "net/net.h"
#include "trickle/certificate.h"
#include "trickle/remote.h"
#include "trickle/settings_inside.h"

/* NULL if the URL will do, else what is wrong with it. */
static const char *url_problem(const char *url, bool may_have_path)
{
    struct text t = text_of(url), host;
    uint16_t port;
    bool tls = text_starts(t, TEXT("https://"));
    if (!tls && !text_starts(t, TEXT("http://")))
        return "it begins with https:// or http://";
    struct text rest = text_part(t, tls ? 8 : 7, t.len);
    size_t slash = text_find(rest, '/', 0);
    host = text_part(rest, 0, slash);
    if (host.len == 0 || text_find(rest, '?', 0) < rest.len || text_find(rest, '#', 0) < rest.len ||
        text_find(rest, '@', 0) < rest.len)
        return "it is scheme, host and path alone";
    if (slash < rest.len && !may_have_path)
        return "it has no path and no slash at its end";
    if (text_ends(t, TEXT("/")))
        return "it has no slash at its end";
    bool has_port = !text_ends(host, TEXT("]")) && text_find(host, ':', 0) < host.len;
    if (has_port && (!server_split_address(host, &host, &port) || port == 0))
        return "its port is no number from 1 to 65535";
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] <= ' ' || t.at[i] >= 0x7f)
            return "it holds a space or another character that no URL has";
    return NULL;
}

static int check_url(const char *url, bool may_have_path, struct err *err)
{
    const char *problem = url_problem(url, may_have_path);
    return problem ? err_set(err, ERR_USAGE, "%s", problem) : 0;
}

static int check_url_with_path(const char *url, struct err *err)
{
    return check_url(url, true, err);
}

static int check_server(const char *url, struct err *err)
{
    return check_url(url, false, err);
}

static int check_secret_key(const char *key, struct err *err)
{
    return clerk_key_instance(text_of(key)) != CLERK_UNKNOWN
               ? 0
               : err_set(err, ERR_USAGE,
                         "it is no secret key of Clerk's, which begin with sk_live_ or sk_test_");
}

static int check_header(const char *name, struct err *err)
{
    return remote_is_header_name(name)
               ? 0
               : err_set(err, ERR_USAGE, "it is the name of a header, such as X-Real-IP");
}

/* What each value must be, by itself. */
static const struct check {
    const char *section;
    const char *key;
    size_t offset;
    int (*check)(const char *value, struct err *err);
} checks[] = {
    {NULL, "listen", offsetof(struct settings, listen), server_check_address},
    {NULL, "admin", offsetof(struct settings, admin), server_check_address},
    {"proxy", "url", offsetof(struct settings, proxy.url), check_url_with_path},
    {"proxy", "upstream", offsetof(struct settings, proxy.upstream), check_server},
    {"proxy", "ca_file", offsetof(struct settings, proxy.ca_file), client_check_ca},
    {"proxy", "client_address", offsetof(struct settings, proxy.client_address), check_header},
    {"clerk", "secret_key", offsetof(struct settings, clerk.secret_key), check_secret_key},
    {"clerk", "api_url", offsetof(struct settings, clerk.api_url), check_server},
    {"legacy", "ca_file", offsetof(struct settings, legacy.ca_file), client_check_ca},
    {"bridge", "ca_file", offsetof(struct settings, bridge.ca_file), client_check_ca},
    {"webhook", "ca_file", offsetof(struct settings, webhook.ca_file), client_check_ca},
};

static int check_values(const struct settings *settings, const char *path, struct text yaml,
                        struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        const struct check *one = &checks[i];
        const char *value = *(char *const *)((const char *)settings + one->offset);
        if (value && one->check(value, err) != 0)
            return err_wrap(err, "%s:%u: %s", path,
                            settings_line(yaml, one->section, text_of(one->key)), one->key);
    }
    return 0;
}

/* A section counts by one of its keys; without that the others would mean nothing. */
static int check_section(struct settings *settings, const char *section, const char *key,
                         const char *path, struct text yaml, struct err *err)
{
    size_t count;
    const struct settings_text *texts = settings_texts(&count);
    bool any = false, counts = false;
    for (size_t i = 0; i < count; i++) {
        if (!texts[i].section || strcmp(texts[i].section, section) != 0 ||
            !*settings_value(settings, &texts[i]))
            continue;
        any = true;
        counts |= strcmp(texts[i].key, key) == 0;
    }
    return !any || counts ? 0
                          : err_set(err, ERR_USAGE, "%s:%u: %s: it needs %s: as well", path,
                                    settings_line(yaml, NULL, text_of(section)), section, key);
}

/* One address cannot be listened on twice, unless the kernel picks the port. */
static bool listens_twice(const struct settings *settings)
{
    return settings->admin && strcmp(settings->admin, settings->listen) == 0 &&
           !text_ends(text_of(settings->listen), TEXT(":0"));
}

int settings_check(struct settings *settings, const char *path, struct text yaml, struct err *err)
{
    if (check_values(settings, path, yaml, err) != 0 ||
        check_section(settings, "bridge", "session", path, yaml, err) != 0 ||
        check_section(settings, "webhook", "secret", path, yaml, err) != 0)
        return -1;
    if (listens_twice(settings))
        return err_set(err, ERR_USAGE, "%s:%u: admin: it is the address of listen, too", path,
                       settings_line(yaml, NULL, TEXT("admin")));
    if (settings->tls.cert && certificate_check(settings->tls.cert, settings->tls.key, err) != 0)
        return err_wrap(err, "%s:%u", path, settings_line(yaml, NULL, TEXT("tls")));
    if (settings->legacy.connector && !settings->ledger)
        return err_set(err, ERR_USAGE,
                       "%s:%u: a legacy system needs a ledger as well (ledger: FILE)", path,
                       settings_line(yaml, NULL, TEXT("legacy")));
    if ((settings->bridge.session || settings->webhook.secret) && !settings->legacy.connector)
        return err_set(
            err, ERR_USAGE, "%s:%u: bridge and webhook need a legacy system", path,
            settings_line(yaml, NULL, settings->bridge.session ? TEXT("bridge") : TEXT("webhook")));
    if (settings->sign_in_key && !settings->legacy.connector)
        return err_set(err, ERR_USAGE, "%s:%u: sign_in_key is of no use without a legacy system",
                       path, settings_line(yaml, NULL, TEXT("sign_in_key")));
    return 0;
}
