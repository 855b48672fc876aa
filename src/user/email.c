/*
 * An email address as CreateUser takes it: RFC 5321's Mailbox without quoted local parts and address
 * literals, in a domain of at least two labels whose last one, the TLD, is a public suffix.
 *
 * Whether it is one is libpsl's to say. An export has millions of addresses in a handful of TLDs, so each
 * thread keeps the last verdict for every hash of a TLD (4 KiB). That table and the list, which is loaded
 * once and never changed, are all the state there is; both only save time.
 */
#include "user/user.h"

#include <libpsl.h>
#include <pthread.h>
#include <string.h>

#define LOCAL_MAX  64
#define WHOLE_MAX  254
#define LABEL_MAX  63
#define CACHE_SIZE 64

/* What a byte may stand in: RFC 5321 atext and a label's letters, with all beyond ASCII (RFC 6531). */
enum { IN_LOCAL = 1, IN_LABEL = 2 };
static const uint8_t places[256] = {
    ['0' ... '9'] = IN_LOCAL | IN_LABEL,
    ['A' ... 'Z'] = IN_LOCAL | IN_LABEL,
    ['a' ... 'z'] = IN_LOCAL | IN_LABEL,
    [0x80 ... 0xFF] = IN_LOCAL | IN_LABEL,
    ['-'] = IN_LOCAL | IN_LABEL,
    ['!'] = IN_LOCAL,
    ['#' ... '\''] = IN_LOCAL,
    ['*' ... '+'] = IN_LOCAL,
    ['/'] = IN_LOCAL,
    ['='] = IN_LOCAL,
    ['?'] = IN_LOCAL,
    ['^' ... '`'] = IN_LOCAL,
    ['{' ... '~'] = IN_LOCAL,
};

static pthread_once_t list_once = PTHREAD_ONCE_INIT;
static const psl_ctx_t *list;

static void list_load(void)
{
    list = psl_latest(NULL);
    if (!list)
        list = psl_builtin();
}

/* Names that the list may know, but that never are domains of the internet (RFC 6761 and others). */
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

/* Whether a TLD is a public suffix; asks the list, in lower case and UTF-8 as it wants it. */
static bool ask_list(const char *tld)
{
    char *lower = NULL;
    if (is_special(tld))
        return false;
    pthread_once(&list_once, list_load);
    if (!list)
        return true;
    bool public = psl_str_to_utf8lower(tld, "utf-8", NULL, &lower) == PSL_SUCCESS &&
                  psl_is_public_suffix2(list, lower, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
    psl_free_string(lower);
    return public;
}

struct verdict {
    char tld[LABEL_MAX + 1]; /* "": none yet */
    bool public;
};

static bool is_public(struct text tld)
{
    static _Thread_local struct verdict cache[CACHE_SIZE];
    char lower[LABEL_MAX + 1];
    uint32_t hash = 0;
    for (size_t i = 0; i < tld.len; i++) {
        char c = tld.at[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        hash = hash * 31 + (unsigned char)lower[i];
    }
    lower[tld.len] = 0;
    struct verdict *slot = &cache[(hash ^ hash >> 8) % CACHE_SIZE];
    if (strcmp(slot->tld, lower) != 0) {
        slot->public = ask_list(lower);
        memcpy(slot->tld, lower, tld.len + 1);
    }
    return slot->public;
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
        if (places[(unsigned char)local.at[i]] & IN_LOCAL)
            continue;
        if (local.at[i] != '.')
            return "a character that an email address cannot have";
        if (local.at[i - 1] == '.')
            return "two dots in a row";
    }
    return NULL;
}

/* The length of the label in front of rest (up to a dot), or 0 if it is none. */
static size_t label_len(struct text rest)
{
    size_t len = 0;
    while (len < rest.len && places[(unsigned char)rest.at[len]] & IN_LABEL)
        len++;
    bool ends = len == rest.len || rest.at[len] == '.';
    return ends && len > 0 && len <= LABEL_MAX && rest.at[0] != '-' && rest.at[len - 1] != '-' ? len
                                                                                               : 0;
}

/* Only instances made for tests take addresses there; Clerk documents them as such. */
static bool is_clerk_test(struct text domain)
{
    struct text tail = TEXT(".clerk.test");
    return domain.len > tail.len &&
           text_same_nocase(text_part(domain, domain.len - tail.len, tail.len), tail);
}

static const char *domain_problem(struct text domain)
{
    struct text rest = domain;
    size_t len, labels = 1;
    while ((len = label_len(rest)) > 0 && len < rest.len) {
        rest = text_part(rest, len + 1, rest.len);
        labels++;
    }
    if (len == 0 || labels < 2)
        return "no domain behind the @";
    if (is_public(rest) || is_clerk_test(domain))
        return NULL;
    return "a domain that is not one of the public internet";
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
