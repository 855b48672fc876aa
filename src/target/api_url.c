/* The address of the API: RFC 3986 as curl's own parser reads it, so that both see the same host. */
#include "target/call.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *value = NULL;
    bool has = curl_url_get(url, part, &value, 0) == CURLUE_OK;
    curl_free(value);
    return has;
}

static int check_parts(CURLU *url, const char *api_url, char **host, struct err *err)
{
    char *scheme = NULL;
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, host, 0) != CURLUE_OK) {
        curl_free(scheme);
        return err_set(err, ERR_USAGE, "CLERK_API_URL: no host in %.200s", api_url);
    }
    bool plain = strcmp(scheme, "http") == 0, known = plain || strcmp(scheme, "https") == 0;
    curl_free(scheme);
    if (!known)
        return err_set(err, ERR_USAGE, "CLERK_API_URL: must begin with https://, not %.200s",
                       api_url);
    /* Not shown: a password might stand in it. */
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD) ||
        has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        return err_set(
            err, ERR_USAGE,
            "CLERK_API_URL: give scheme, host and port only, as in https://api.clerk.com");
    if (plain && !is_loopback(*host))
        return err_set(
            err, ERR_USAGE,
            "CLERK_API_URL: http would send the secret key in the clear to %.200s; use https",
            *host);
    return 0;
}

static char *cut_base(const char *api_url)
{
    struct text t = text_of(api_url);
    while (text_ends(t, TEXT("/")))
        t.len--;
    if (text_ends(t, TEXT("/v1")))
        t.len -= 3;
    while (text_ends(t, TEXT("/")))
        t.len--;
    return strndup(t.at, t.len);
}

int target_check_url(const char *api_url, char **base, char **host, struct err *err)
{
    char *found = NULL;
    *base = *host = NULL;
    if (!api_url || !*api_url)
        return err_set(err, ERR_USAGE,
                       "CLERK_API_URL is empty; unset it for https://api.clerk.com");
    CURLU *url = curl_url();
    if (!url)
        return err_memory(err);
    CURLUcode code = curl_url_set(url, CURLUPART_URL, api_url, CURLU_NON_SUPPORT_SCHEME);
    int status = code == CURLUE_OK
                     ? check_parts(url, api_url, &found, err)
                     : err_set(err, ERR_USAGE, "CLERK_API_URL: no URL (%s); write https://HOST",
                               curl_url_strerror(code));
    if (status == 0) {
        *base = cut_base(api_url);
        *host = strdup(found);
        if (!*base || !*host)
            status = err_memory(err);
    }
    curl_free(found);
    curl_url_cleanup(url);
    return status;
}
