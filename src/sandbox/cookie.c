#include "sandbox/cookie.h"

#include <libpsl.h>
#include <openssl/sha.h>
#include <stdio.h>

#define HOST_MAX 253

void cookie_write(const struct cookie *cookie, struct buf *to)
{
    buf_add(to, cookie->name);
    if (cookie->suffix.len > 0)
        buf_printf(to, "_%.*s", TEXT_ARG(cookie->suffix));
    buf_byte(to, '=');
    buf_add(to, cookie->value);
    buf_add(to, TEXT("; Path=/"));
    if (cookie->domain.len > 0)
        buf_printf(to, "; Domain=%.*s", TEXT_ARG(cookie->domain));
    if (cookie->max_age_s == 0)
        buf_add(to, TEXT("; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
    else if (cookie->max_age_s > 0)
        buf_printf(to, "; Max-Age=%lld", (long long)cookie->max_age_s);
    if (cookie->http_only)
        buf_add(to, TEXT("; HttpOnly"));
    if (cookie->secure)
        buf_add(to, TEXT("; Secure"));
    buf_add(to, TEXT("; SameSite=Lax"));
}

static bool is_address(struct text host)
{
    bool digits = true;
    for (size_t i = 0; i < host.len; i++) {
        if (host.at[i] == ':' || host.at[i] == '[')
            return true;
        digits &= host.at[i] == '.' || (host.at[i] >= '0' && host.at[i] <= '9');
    }
    return digits;
}

struct text cookie_domain(struct text host)
{
    char z[HOST_MAX + 1];
    const psl_ctx_t *list = psl_builtin();
    if (host.len == 0 || host.len > HOST_MAX || is_address(host) || !list)
        return (struct text){NULL, 0};
    for (size_t i = 0; i < host.len; i++)
        z[i] = (char)(host.at[i] >= 'A' && host.at[i] <= 'Z' ? host.at[i] | 0x20 : host.at[i]);
    z[host.len] = 0;
    const char *domain = psl_registrable_domain(list, z);
    if (!domain)
        return (struct text){NULL, 0};
    return text_part(host, (size_t)(domain - z), host.len);
}

void cookie_suffix(struct text publishable_key, char to[COOKIE_SUFFIX_LEN + 1])
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    struct buf encoded;
    SHA1((const uint8_t *)publishable_key.at, publishable_key.len, digest);
    buf_init(&encoded, 64);
    base64_encode(BASE64_URL, &encoded, digest, sizeof(digest));
    snprintf(to, COOKIE_SUFFIX_LEN + 1, "%s", buf_z(&encoded));
    buf_release(&encoded);
}
