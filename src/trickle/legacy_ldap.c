/*
 * ldap: a directory. The user's entry is searched under `base` with `filter`, in which {identifier} stands for
 * what was typed, escaped (RFC 4515, 3); then the password is proven by a simple bind as that entry (RFC 4513,
 * 5.1.3). A bind with an empty password would succeed as an anonymous one (5.1.2), so it never comes to that.
 *
 * A connection is opened for each question, as a bind changes who it belongs to. ldaps:// and ldapi://
 * are taken as they are; ldap:// is turned into TLS by StartTLS first, which only a directory on this machine
 * may be spared (starttls: no). Referrals are not followed: they would send the password elsewhere.
 *
 * The record has the entry's attributes by name, a text or an array of texts, and "dn". objectGUID, which
 * is binary, comes in hex; other values that are no text are left out.
 */
#include "trickle/remote.h"

#include <stdlib.h>
#include <string.h>

#include <ldap.h>

#include "net/net.h"

#define FILTER_DEFAULT "(|(uid={identifier})(mail={identifier}))"
#define PLACE          "{identifier}"
#define FILTER_MAX     ((size_t)16 * 1024)
/* No entry is read by more than this; two are already too many. */
#define ENTRIES_MAX 2

struct directory {
    const struct legacy_opts *opts;
    bool starttls;
};

static const char *from(const struct legacy_opts *opts)
{
    (void)opts;
    return "{\"fields\":{\"external_id\":\"{{entryUUID || objectGUID || uid}}\","
           "\"email_address\":\"{{mail | verified}}\",\"username\":\"{{asked.username}}\","
           "\"first_name\":\"{{givenName}}\",\"last_name\":\"{{sn}}\"}}";
}

/* --- connecting --- */

static enum legacy_says failed(struct legacy_job *job, const char *what, int code)
{
    return legacy_unclear(job, "%s: %s", what, ldap_err2string(code));
}

static void set_time(LDAP *ldap, const struct legacy_job *job)
{
    long left = legacy_time_left(job);
    struct timeval time = {left / 1000, left % 1000 * 1000};
    ldap_set_option(ldap, LDAP_OPT_NETWORK_TIMEOUT, &time);
    ldap_set_option(ldap, LDAP_OPT_TIMEOUT, &time);
}

static int set_options(LDAP *ldap, const struct directory *directory)
{
    int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
    const char *ca_file = directory->opts->ca_file;
    int code = ldap_set_option(ldap, LDAP_OPT_PROTOCOL_VERSION, &version);
    if (code == LDAP_OPT_SUCCESS)
        code = ldap_set_option(ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    if (code == LDAP_OPT_SUCCESS)
        code = ldap_set_option(ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    if (code == LDAP_OPT_SUCCESS && ca_file)
        code = ldap_set_option(ldap, LDAP_OPT_X_TLS_CACERTFILE, ca_file);
    /* Makes the options above count for this connection. */
    return code == LDAP_OPT_SUCCESS ? ldap_set_option(ldap, LDAP_OPT_X_TLS_NEWCTX, &client) : code;
}

static int bind_as(LDAP *ldap, const char *dn, struct text password)
{
    struct berval secret = {password.len, (char *)password.at};
    return ldap_sasl_bind_s(ldap, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

/* Connects and binds as whoever may search. Returns YES, or CANNOT_TELL. */
static enum legacy_says connect_to(const struct directory *directory, struct legacy_job *job,
                                   LDAP **ldap)
{
    const struct legacy_opts *opts = directory->opts;
    int code = ldap_initialize(ldap, opts->url);
    if (code != LDAP_SUCCESS)
        return failed(job, "url", code);
    set_time(*ldap, job);
    code = set_options(*ldap, directory);
    if (code != LDAP_OPT_SUCCESS)
        return failed(job, "TLS", code);
    if (directory->starttls && (code = ldap_start_tls_s(*ldap, NULL, NULL)) != LDAP_SUCCESS)
        return failed(job, "StartTLS", code);
    if (opts->username &&
        (code = bind_as(*ldap, opts->username, text_of(opts->secret))) != LDAP_SUCCESS)
        return failed(job, "the bind as username", code);
    return LEGACY_YES;
}

/* --- searching --- */

/* All that means something in a filter, and all that is not ASCII, as \XX. */
static void add_escaped(struct buf *to, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (c < ' ' || c > '~' || strchr("()*\\", c))
            buf_printf(to, "\\%02x", c);
        else
            buf_byte(to, (char)c);
    }
}

static void write_filter(const char *filter, struct text identifier, struct buf *to)
{
    const char *place;
    for (; (place = strstr(filter, PLACE)); filter = place + strlen(PLACE)) {
        buf_add(to, (struct text){filter, (size_t)(place - filter)});
        add_escaped(to, identifier);
    }
    buf_add(to, text_of(filter));
}

static int search(LDAP *ldap, const struct directory *directory, struct legacy_job *job,
                  LDAPMessage **found)
{
    static char *attributes[] = {"*", "entryUUID", "objectGUID", NULL};
    const char *filter = directory->opts->filter ? directory->opts->filter : FILTER_DEFAULT;
    long left = legacy_time_left(job);
    struct timeval time = {left / 1000, left % 1000 * 1000};
    struct buf text;
    buf_init(&text, FILTER_MAX);
    write_filter(filter, job->identifier, &text);
    const char *z = buf_z(&text);
    int code = buf_ok(&text)
                   ? ldap_search_ext_s(ldap, directory->opts->base, LDAP_SCOPE_SUBTREE, z,
                                       attributes, 0, NULL, NULL, &time, ENTRIES_MAX, found)
                   : LDAP_FILTER_ERROR;
    buf_release(&text);
    return code;
}

/* YES with the one entry there is, UNKNOWN without one. */
static enum legacy_says find(LDAP *ldap, const struct directory *directory, struct legacy_job *job,
                             LDAPMessage **found)
{
    int code = search(ldap, directory, job, found);
    int count = *found ? ldap_count_entries(ldap, *found) : 0;
    if (count > 1 || code == LDAP_SIZELIMIT_EXCEEDED) {
        err_set(&job->err, ERR_INPUT, "more than one entry matches the filter");
        return LEGACY_CANNOT_TELL;
    }
    if (code != LDAP_SUCCESS)
        return failed(job, "the search", code);
    return count == 1 ? LEGACY_YES : LEGACY_UNKNOWN;
}

/* --- the record --- */

static bool is_binary_id(const char *name)
{
    return text_same_nocase(text_of(name), TEXT("objectGUID"));
}

static void put_value(struct json_out *out, const char *name, const struct berval *value)
{
    struct text t = {value->bv_val, value->bv_len};
    struct buf hex;
    if (!is_binary_id(name)) {
        json_put_text(out, t);
        return;
    }
    buf_init(&hex, 256);
    hex_encode(&hex, (const uint8_t *)t.at, t.len);
    json_put_text(out, buf_text(&hex));
    buf_release(&hex);
}

static void put_attribute(struct json_out *out, const char *name, struct berval **values)
{
    size_t count = 0;
    for (size_t i = 0; values[i]; i++) {
        struct text t = {values[i]->bv_val, values[i]->bv_len};
        if (is_binary_id(name) || (text_is_utf8(t) && !text_has_nul(t)))
            values[count++] = values[i];
    }
    if (count == 0)
        return;
    json_key(out, text_of(name));
    if (count > 1)
        json_open(out, '[');
    for (size_t i = 0; i < count; i++)
        put_value(out, name, values[i]);
    if (count > 1)
        json_close(out, ']');
}

static void put_attributes(LDAP *ldap, LDAPMessage *entry, struct json_out *out)
{
    BerElement *at = NULL;
    char *name = ldap_first_attribute(ldap, entry, &at);
    while (name) {
        struct berval **values = ldap_get_values_len(ldap, entry, name);
        size_t count = values ? (size_t)ldap_count_values_len(values) : 0;
        struct berval **kept = calloc(count + 1, sizeof(*kept));
        if (kept && count > 0) {
            memcpy(kept, values, count * sizeof(*kept));
            put_attribute(out, name, kept);
        }
        free(kept);
        ldap_value_free_len(values);
        ldap_memfree(name);
        name = ldap_next_attribute(ldap, entry, at);
    }
    ber_free(at, 0);
}

static void write_record(LDAP *ldap, LDAPMessage *entry, const char *dn, struct legacy_job *job)
{
    struct json_out out = json_out(&job->record);
    json_open(&out, '{');
    legacy_put_asked(&out, job);
    json_key(&out, TEXT("dn"));
    json_put_text(&out, text_of(dn));
    put_attributes(ldap, entry, &out);
    json_close(&out, '}');
}

/* --- the password --- */

static enum legacy_says prove(LDAP *ldap, const char *dn, struct legacy_job *job)
{
    if (job->password.len == 0 || !*dn)
        return LEGACY_NO;
    set_time(ldap, job);
    int code = bind_as(ldap, dn, job->password);
    switch (code) {
    case LDAP_SUCCESS:
        return LEGACY_YES;
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH: /* the entry has no password */
        return LEGACY_NO;
    default:
        return failed(job, "the bind as the user", code);
    }
}

static enum legacy_says take_entry(LDAP *ldap, LDAPMessage *found, struct legacy_job *job)
{
    LDAPMessage *entry = ldap_first_entry(ldap, found);
    char *dn = ldap_get_dn(ldap, entry);
    if (!dn)
        return legacy_unclear(job, "an entry without a DN");
    enum legacy_says says = job->password.at ? prove(ldap, dn, job) : LEGACY_YES;
    if (says == LEGACY_YES)
        write_record(ldap, entry, dn, job);
    ldap_memfree(dn);
    return says;
}

static enum legacy_says ask(void *system, struct legacy_job *job)
{
    LDAP *ldap = NULL;
    LDAPMessage *found = NULL;
    enum legacy_says says = connect_to(system, job, &ldap);
    if (says == LEGACY_YES)
        says = find(ldap, system, job, &found);
    if (says == LEGACY_YES)
        says = take_entry(ldap, found, job);
    ldap_msgfree(found);
    if (ldap)
        ldap_unbind_ext_s(ldap, NULL, NULL);
    return says;
}

/* --- opening --- */

static bool is_local(const LDAPURLDesc *url)
{
    return strcmp(url->lud_scheme, "ldapi") == 0 || server_is_loopback(text_of(url->lud_host));
}

static int check_url(struct directory *directory, const LDAPURLDesc *url, struct err *err)
{
    const char *word = directory->opts->starttls;
    bool plain = strcmp(url->lud_scheme, "ldap") == 0;
    bool off = word && strcmp(word, "no") == 0;
    if (word && !off && strcmp(word, "yes") != 0)
        return err_set(err, ERR_USAGE, "starttls is yes or no");
    if (!plain && strcmp(url->lud_scheme, "ldaps") != 0 && strcmp(url->lud_scheme, "ldapi") != 0)
        return err_set(err, ERR_USAGE, "url is neither ldap://, ldaps:// nor ldapi://");
    if (url->lud_dn && *url->lud_dn)
        return err_set(err, ERR_USAGE, "url holds more than a host; give the DN as base");
    if (plain && off && !is_local(url))
        return err_set(err, ERR_USAGE, "starttls: no is for a directory on this machine only");
    directory->starttls = plain && !off;
    return 0;
}

/* Brackets that are meant literally are written \28 and \29 (RFC 4515). */
static bool is_balanced(const char *filter)
{
    int open = 0;
    for (; *filter && open >= 0; filter++)
        open += *filter == '(' ? 1 : *filter == ')' ? -1 : 0;
    return open == 0;
}

static int check(struct directory *directory, struct err *err)
{
    const struct legacy_opts *opts = directory->opts;
    LDAPURLDesc *url = NULL;
    if ((opts->username != NULL) != (opts->secret != NULL) ||
        (opts->secret && (!*opts->secret || !*opts->username)))
        return err_set(err, ERR_USAGE, "username and secret belong together, neither is empty");
    if (opts->filter && !strstr(opts->filter, PLACE))
        return err_set(err, ERR_USAGE, "filter has no " PLACE " in it");
    if (opts->filter && !is_balanced(opts->filter))
        return err_set(err, ERR_USAGE, "filter has a bracket without its other half");
    if (ldap_url_parse(opts->url, &url) != LDAP_URL_SUCCESS)
        return err_set(err, ERR_USAGE, "url is neither ldap://, ldaps:// nor ldapi://");
    int result = check_url(directory, url, err);
    ldap_free_urldesc(url);
    return result;
}

static void close_directory(void *system)
{
    free(system);
}

static int open_directory(void **system, const struct legacy_opts *opts, struct err *err)
{
    struct directory *directory = calloc(1, sizeof(*directory));
    if (!directory)
        return err_memory(err);
    directory->opts = opts;
    if (check(directory, err) != 0) {
        free(directory);
        return -1;
    }
    *system = directory;
    return 0;
}

const struct legacy_ops legacy_ops_ldap = {
    .name = "ldap",
    .needs = LEGACY_BIT(url) | LEGACY_BIT(base),
    .takes = LEGACY_BIT(filter) | LEGACY_BIT(username) | LEGACY_BIT(secret) | LEGACY_BIT(starttls) |
             LEGACY_BIT(ca_file),
    .from = from,
    .open = open_directory,
    .close = close_directory,
    .ask = ask,
};
