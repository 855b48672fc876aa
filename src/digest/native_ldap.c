/*
 * LDAP userPassword (RFC 2307): {SCHEME}value, the scheme in any case, the value mostly base64; and
 * the line in which LDIF (RFC 2849) writes it: "userPassword:: base64 of the whole".
 */
#include "digest/native.h"

static enum native_take ldap_ssha(struct native *n, struct text value)
{
    return native_give(n, "ldap_ssha", arena_printf(n->arena, "{SSHA}%.*s", TEXT_ARG(value)), NULL);
}

static enum native_take ldap_plain_hash(struct native *n, struct text value)
{
    struct text hash = native_unbase64(n, value);
    if (hash.len != 16 && hash.len != 32)
        return native_bad(n, "the hash has not the length of its scheme");
    return native_salted(n, TEXT(""), hash, NULL);
}

static enum native_take ldap_crypt(struct native *n, struct text value)
{
    native_form *const forms[] = {form_bcrypt, form_argon2, form_crypt};
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        enum native_take take = forms[i](n, value);
        if (take != NATIVE_NOT_MINE)
            return take;
    }
    return native_refuse(n, "a form of crypt(3) other than bcrypt" WAY_OUT);
}

/* As passlib's string without "$name$". */
static enum native_take ldap_pbkdf2(struct native *n, const char *name, struct text value)
{
    return form_pbkdf2_phc(n, arena_printf(n->arena, "$%s$%.*s", name, TEXT_ARG(value)));
}

static enum native_take ldap_pbkdf2_sha1(struct native *n, struct text value)
{
    return ldap_pbkdf2(n, "pbkdf2", value);
}

static enum native_take ldap_pbkdf2_sha256(struct native *n, struct text value)
{
    return ldap_pbkdf2(n, "pbkdf2-sha256", value);
}

static enum native_take ldap_pbkdf2_sha512(struct native *n, struct text value)
{
    return ldap_pbkdf2(n, "pbkdf2-sha512", value);
}

#define LDAP_AFTER "with a binary salt after the password" WAY_OUT

static const struct native_prefix schemes[] = {
    {"SSHA", ldap_ssha, NULL},
    {"MD5", ldap_plain_hash, NULL},
    {"SHA256", ldap_plain_hash, NULL},
    {"CRYPT", ldap_crypt, NULL},
    {"BCRYPT", ldap_crypt, NULL},
    {"ARGON2", ldap_crypt, NULL},
    {"PBKDF2", ldap_pbkdf2_sha1, NULL},
    {"PBKDF2-SHA1", ldap_pbkdf2_sha1, NULL},
    {"PBKDF2-SHA256", ldap_pbkdf2_sha256, NULL},
    {"PBKDF2-SHA512", ldap_pbkdf2_sha512, NULL},
    {"SHA", NULL, "unsalted SHA-1" WAY_OUT},
    {"SMD5", NULL, "MD5 " LDAP_AFTER},
    {"SSHA256", NULL, "SHA-256 " LDAP_AFTER},
    {"SSHA384", NULL, "SHA-384 " LDAP_AFTER},
    {"SSHA512", NULL, "SHA-512 " LDAP_AFTER},
    {"SHA384", NULL, "unsalted SHA-384" WAY_OUT},
    {"SHA512", NULL, "unsalted SHA-512" WAY_OUT},
    {"CLEARTEXT", NULL,
     "a password in clear text, which is not repeated here; send it as `password`, or hash it with "
     "bcrypt first"},
    {NULL, NULL, NULL},
};

enum native_take form_ldap(struct native *n, struct text t)
{
    size_t close = text_find(t, '}', 0);
    if (!text_starts(t, TEXT("{")) || close == t.len)
        return NATIVE_NOT_MINE;
    struct text scheme = text_part(t, 1, close - 1), value = text_part(t, close + 1, t.len);
    for (const struct native_prefix *row = schemes; row->prefix; row++)
        if (text_same_nocase(scheme, text_of(row->prefix)))
            return row->form ? row->form(n, value) : native_refuse(n, row->refusal);
    return NATIVE_NOT_MINE;
}

enum native_take form_ldif(struct native *n, struct text t)
{
    const struct text name = TEXT("userPassword:");
    if (!text_same_nocase(text_part(t, 0, name.len), name))
        return NATIVE_NOT_MINE;
    struct text value = text_part(t, name.len, t.len);
    if (text_starts(value, TEXT(":"))) {
        value = native_unbase64(n, text_trim(text_part(value, 1, value.len)));
        if (!value.at || text_has_nul(value))
            return native_bad(n, "the value behind userPassword:: is not base64");
    }
    value = text_trim(value);
    return value.len ? form_ldap(n, value) : native_none(n, "no password stored");
}
