/*
 * Web frameworks.
 *
 *   Django       algorithm$fields…: pbkdf2_sha256$iterations$salt$base64, bcrypt$…, md5$salt$hex …
 *                (django/contrib/auth/hashers.py); ! in front: unusable, the user has none
 *   Werkzeug     method$salt$hex, method: scrypt:N:r:p, pbkdf2:prf:iterations; before 3.0 also a bare
 *                hash name: HMAC keyed with the salt, or the plain hash when the salt is empty
 *   Better Auth  salt:key, 32 and 128 hex digits: scrypt N=16384 r=16 p=1, the salt being its digits
 *   Devise, Supabase  {"encrypted_password": …, "pepper": …}
 */
#include "digest/native.h"

static bool is_alphanumeric(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return t.len;
}

/* Django's own salts are alphanumeric; Clerk's pbkdf2_sha256 has the same prefix and a base64 salt. */
static enum native_take django_pbkdf2_sha256(struct native *n, struct text rest)
{
    struct text field[3];
    if (n->detecting && native_split(rest, '$', field, 3) && !is_alphanumeric(field[1]))
        return native_bad(n,
                          "either Django's salt or Clerk's own pbkdf2_sha256; name the platform");
    return native_give(n, "pbkdf2_sha256_django",
                       arena_printf(n->arena, "pbkdf2_sha256$%.*s", TEXT_ARG(rest)), NULL);
}

static enum native_take django_pbkdf2_sha1(struct native *n, struct text rest)
{
    struct text field[3];
    uint64_t iterations;
    if (!native_split(rest, '$', field, 3) || !text_u64(field[0], UINT32_MAX, &iterations))
        return native_bad(n, "pbkdf2_sha1 takes iterations, salt and hash");
    return native_pbkdf2(n, NATIVE_SHA1, iterations, field[1], native_unbase64(n, field[2]), NULL);
}

static enum native_take django_bcrypt_sha256(struct native *n, struct text rest)
{
    return native_give(n, "bcrypt_sha256_django",
                       arena_printf(n->arena, "bcrypt_sha256$%.*s", TEXT_ARG(rest)), NULL);
}

static enum native_take django_bcrypt(struct native *n, struct text rest)
{
    enum native_take take = form_bcrypt(n, rest);
    return take == NATIVE_NOT_MINE ? native_bad(n, "bcrypt$ without a bcrypt hash") : take;
}

static enum native_take django_argon2(struct native *n, struct text rest)
{
    enum native_take take = form_argon2(n, arena_printf(n->arena, "$%.*s", TEXT_ARG(rest)));
    return take == NATIVE_NOT_MINE ? native_bad(n, "argon2$ without an argon2 hash") : take;
}

static enum native_take django_md5(struct native *n, struct text rest)
{
    struct text field[2];
    if (!native_split(rest, '$', field, 2) || field[1].len != 32)
        return native_bad(n, "md5$ takes a salt and 32 hex digits");
    return native_salted(n, field[0], native_unhex(n, field[1]), NULL);
}

static enum native_take django_scrypt(struct native *n, struct text rest)
{
    struct native_scrypt scrypt;
    struct text field[5];
    if (!native_split(rest, '$', field, 5) || !text_u64(field[0], UINT32_MAX, &scrypt.n) ||
        !text_u64(field[2], UINT32_MAX, &scrypt.r) || !text_u64(field[3], UINT32_MAX, &scrypt.p))
        return native_bad(n, "scrypt$ takes N, salt, r, p and hash");
    scrypt.salt = field[1];
    scrypt.key = native_unbase64(n, field[4]);
    return native_scrypt(n, &scrypt, NULL);
}

static enum native_take django_unusable(struct native *n, struct text rest)
{
    (void)rest;
    return native_none(n, "marked unusable: the user has no password");
}

enum native_take form_django(struct native *n, struct text t)
{
    static const struct native_prefix table[] = {
        {"pbkdf2_sha256$", django_pbkdf2_sha256, NULL},
        {"pbkdf2_sha1$", django_pbkdf2_sha1, NULL},
        {"bcrypt_sha256$", django_bcrypt_sha256, NULL},
        {"bcrypt$", django_bcrypt, NULL},
        {"argon2$", django_argon2, NULL},
        {"md5$", django_md5, NULL},
        {"scrypt$", django_scrypt, NULL},
        {"sha1$", NULL, "SHA-1 of salt and password" WAY_OUT},
        {"crypt$", NULL, "crypt(3)" WAY_OUT},
        {"!", django_unusable, NULL},
        {NULL, NULL, NULL},
    };
    return native_by_prefix(n, t, table);
}

static enum native_take werkzeug_scrypt(struct native *n, struct text rest)
{
    return native_give(n, "scrypt_werkzeug", arena_printf(n->arena, "scrypt:%.*s", TEXT_ARG(rest)),
                       NULL);
}

/* The salt is text. Clerk's pbkdf2_sha512 takes it so, but fewer than 420000 iterations. */
static enum native_take werkzeug_key(struct native *n, struct text prf, uint64_t iterations,
                                     struct text salt, struct text key)
{
    unsigned long long count = iterations;
    if (text_same(prf, TEXT("sha256")) && key.len == 32)
        return native_give(n, "pbkdf2_sha256_django",
                           arena_printf(n->arena, "pbkdf2_sha256$%llu$%.*s$%.*s", count,
                                        TEXT_ARG(salt), TEXT_ARG(native_base64(n, key))),
                           NULL);
    if (text_same(prf, TEXT("sha512")) && iterations < 420000)
        return native_give(n, "pbkdf2_sha512",
                           arena_printf(n->arena, "pbkdf2_sha512$%llu$%.*s$%.*s", count,
                                        TEXT_ARG(salt), TEXT_ARG(native_hex(n, key))),
                           NULL);
    return native_pbkdf2(n,
                         text_same(prf, TEXT("sha1"))     ? NATIVE_SHA1
                         : text_same(prf, TEXT("sha256")) ? NATIVE_SHA256
                         : text_same(prf, TEXT("sha512")) ? NATIVE_SHA512
                                                          : NATIVE_OTHER,
                         iterations, salt, key, NULL);
}

static enum native_take werkzeug_pbkdf2(struct native *n, struct text rest)
{
    struct text field[3], method[2];
    uint64_t iterations;
    if (!native_split(rest, '$', field, 3) || !native_split(field[0], ':', method, 2) ||
        !text_u64(method[1], UINT32_MAX, &iterations))
        return native_bad(n, "takes pbkdf2:prf:iterations, salt and hash");
    struct text key = native_unhex(n, field[2]);
    if (!key.len || !field[1].len)
        return native_bad(n, "salt or hash is damaged");
    return werkzeug_key(n, method[0], iterations, field[1], key);
}

static enum native_take werkzeug_hash(struct native *n, struct text rest)
{
    struct text hash = native_unhex(n, text_part(rest, 1, rest.len));
    if (!text_starts(rest, TEXT("$")))
        return native_refuse(n, "HMAC keyed with the salt, not the hash of salt and password that "
                                "Clerk's salted hashers take" WAY_OUT);
    if (hash.len != 16 && hash.len != 32)
        return native_bad(n, "the hash has not the length of its kind");
    return native_salted(n, TEXT(""), hash, NULL);
}

enum native_take form_werkzeug(struct native *n, struct text t)
{
    static const struct native_prefix table[] = {
        {"scrypt:", werkzeug_scrypt, NULL},
        {"pbkdf2:", werkzeug_pbkdf2, NULL},
        {"sha256$", werkzeug_hash, NULL},
        {"md5$", werkzeug_hash, NULL},
        {"sha1$", NULL, "SHA-1, or HMAC-SHA1 keyed with the salt" WAY_OUT},
        {"sha224$", NULL, "SHA-224, or HMAC-SHA224 keyed with the salt" WAY_OUT},
        {"sha384$", NULL, "SHA-384, or HMAC-SHA384 keyed with the salt" WAY_OUT},
        {"sha512$", NULL, "SHA-512, or HMAC-SHA512 keyed with the salt" WAY_OUT},
        {"plain$", NULL,
         "a password in clear text, which is not repeated here; send it as `password`, or hash it "
         "with bcrypt first"},
        {NULL, NULL, NULL},
    };
    return native_by_prefix(n, t, table);
}

enum native_take form_better_auth(struct native *n, struct text t)
{
    struct text field[2];
    if (!native_split(t, ':', field, 2) || field[0].len != 32 || field[1].len != 128)
        return NATIVE_NOT_MINE;
    struct text key = native_unhex(n, field[1]);
    if (!native_unhex(n, field[0]).at || !key.at)
        return NATIVE_NOT_MINE;
    struct native_scrypt scrypt = {16384, 16, 1, field[0], key};
    return native_scrypt(n, &scrypt,
                         "Better Auth hashes the NFKC form of a password: who typed another form "
                         "must reset");
}

enum native_take object_encrypted_password(struct native *n, struct json_value object)
{
    struct json_value given = json_get(object, TEXT("encrypted_password"));
    enum json_type type = json_type(given);
    if (type == JSON_NULL)
        return native_none(n, "no password stored");
    struct text hash = native_string(n, object, "encrypted_password");
    struct text pepper = native_string(n, object, "pepper");
    if (!hash.at)
        return NATIVE_NOT_MINE;
    enum native_take take = native_forms(n, hash);
    bool bcrypt = take == NATIVE_TAKEN && n->out->hasher &&
                  text_same(text_of(n->out->hasher), TEXT("bcrypt"));
    if (!pepper.len || !bcrypt)
        return take;
    return native_give(n, "bcrypt_peppered",
                       arena_printf(n->arena, "%.*s$%.*s", TEXT_ARG(hash), TEXT_ARG(pepper)), NULL);
}
