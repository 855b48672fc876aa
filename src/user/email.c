/*
 * An email address as CreateUser takes it: RFC 5321's Mailbox without quoted local parts and address
 * literals, in a domain whose last label is a public suffix. Whether it is one is libpsl's to say; since
 * an export has millions of addresses in few domains, the last verdicts are kept, a table a thread.
 */
#include "user/user.h"

#include <libpsl.h>
#include <pthread.h>
#include <string.h>

#define LOCAL_MAX  64
#define WHOLE_MAX  254
#define LABEL_MAX  63
#define CACHE_SIZE 256

static pthread_once_t list_once = PTHREAD_ONCE_INIT;
static const psl_ctx_t *list;

static void list_load(void)
{
    list = psl_latest(NULL);
    if (!list)
        list = psl_builtin();
}

/* Names that the list may not know as special, but that never are domains of the internet (RFC 6761). */
static bool is_special(const char *tld)
{
    static const char *const special[] = {"local",     "invalid", "test",     "example",
                                          "localhost", "lan",     "internal", "corp",
                                          "arpa",      "home",    "onion",    "intranet"};
    for (size_t i = 0; i < ARRAY_COUNT(special); i++)
        if (strcmp(tld, special[i]) == 0)
            return true;
    return false;
}

/* Whether the last label of a lower-case domain is a public suffix; asks the list. */
static bool ask_list(const char *domain)
{
    const char *dot = strrchr(domain, '.');
    if (!dot || is_special(dot + 1))
        return false;
    pthread_once(&list_once, list_load);
    if (!list)
        return true;
    return psl_is_public_suffix2(list, dot + 1, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

struct verdict {
    char domain[WHOLE_MAX + 1];
    bool known, public;
};

/* The domain in lower case (labels beyond ASCII by libpsl), looked up in the thread's table first. */
static bool is_public(const char *domain)
{
    static _Thread_local struct verdict cache[CACHE_SIZE];
    uint32_t hash = 2166136261u;
    for (const char *c = domain; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    struct verdict *slot = &cache[hash % CACHE_SIZE];
    if (slot->known && strcmp(slot->domain, domain) == 0)
        return slot->public;
    char *lower = NULL;
    bool public = psl_str_to_utf8lower(domain, "utf-8", NULL, &lower) == PSL_SUCCESS
                      ? ask_list(lower)
                      : ask_list(domain);
    psl_free_string(lower);
    strcpy(slot->domain, domain);
    slot->known = true;
    slot->public = public;
    return public;
}

/* RFC 5321 atext, and everything beyond ASCII (RFC 6531). */
static bool is_atext(unsigned char c)
{
    static const char marks[] = "!#$%&'*+-/=?^_`{|}~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c >= 0x80 || (c != 0 && memchr(marks, c, sizeof(marks) - 1));
}

static const char *local_problem(struct text local)
{
    if (local.len == 0)
        return "nothing before the @";
    if (local.len > LOCAL_MAX)
        return "more than 64 bytes before the @";
    if (local.at[0] == '.' || local.at[local.len - 1] == '.')
        return "a dot at the edge of the part before the @";
    for (size_t i = 0; i < local.len; i++) {
        if (local.at[i] == '.' && local.at[i - 1] == '.')
            return "two dots in a row";
        if (local.at[i] != '.' && !is_atext((unsigned char)local.at[i]))
            return "a character that an email address cannot have";
    }
    return NULL;
}

static bool is_label(struct text label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.at[0] == '-' ||
        label.at[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        unsigned char c = (unsigned char)label.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '-' || c >= 0x80))
            return false;
    }
    return true;
}

static const char *domain_problem(struct text domain)
{
    char lower[WHOLE_MAX + 1];
    struct text rest = domain, label;
    size_t labels = 0;
    while (text_field(&rest, '.', &label)) {
        if (!is_label(label))
            return "no domain behind the @";
        labels++;
    }
    if (labels < 2)
        return "no domain behind the @";
    for (size_t i = 0; i < domain.len; i++)
        lower[i] =
            domain.at[i] >= 'A' && domain.at[i] <= 'Z' ? (char)(domain.at[i] | 0x20) : domain.at[i];
    lower[domain.len] = 0;
    struct text folded = {lower, domain.len};
    if (text_ends(folded, TEXT(".clerk.test")))
        return NULL;
    return is_public(lower) ? NULL : "its domain is not one of the public internet";
}

const char *user_email_problem(struct text email)
{
    if (email.len > WHOLE_MAX)
        return "more than 254 bytes";
    size_t at = text_find(email, '@', 0);
    if (at == email.len)
        return "no @";
    if (text_find(email, '@', at + 1) != email.len)
        return "more than one @";
    const char *problem = local_problem(text_part(email, 0, at));
    return problem ? problem : domain_problem(text_part(email, at + 1, email.len));
}
