/*
 * Password Hashing Competition strings and their relatives.
 *
 *   PHC          $pbkdf2-sha256$i=1000,l=32$salt$hash, $scrypt$ln=14,r=8,p=1$salt$hash (bare base64)
 *   passlib      $pbkdf2-sha256$1000$salt$hash, $pbkdf2$… for SHA-1 (. for +)
 *   Supabase     $fbscrypt$v=1,n=14,r=8,p=1,ss=separator,sk=signer key$salt$hash
 *   Ory Kratos   $firescrypt$ln=14,r=8,p=1$salt$hash$separator$signer key;
 *                $md5$hash, $md5$pf=format$salt$hash, format being base64 of {SALT}{PASSWORD} or so;
 *                ln of its $scrypt$ is N itself
 */
#include "digest/native.h"

/* "i=1000,l=32" or "1000". */
static bool phc_iterations(struct text params, size_t key, uint64_t *iterations)
{
    struct text i = native_param(params, "i"), l = native_param(params, "l");
    uint64_t length = key;
    if (l.at && !text_u64(l, UINT32_MAX, &length))
        return false;
    return text_u64(i.at ? i : params, UINT32_MAX, iterations) && length == key;
}

static enum native_take phc_pbkdf2(struct native *n, enum native_prf prf, struct text rest)
{
    struct text field[3];
    uint64_t iterations;
    if (!native_split(rest, '$', field, 3))
        return native_bad(n, "takes parameters, salt and hash");
    struct text key = native_unbase64(n, field[2]);
    if (!phc_iterations(field[0], key.len, &iterations))
        return native_bad(n, "iterations or length are damaged");
    return native_pbkdf2(n, prf, iterations, native_unbase64(n, field[1]), key, NULL);
}

static enum native_take phc_sha1(struct native *n, struct text rest)
{
    return phc_pbkdf2(n, NATIVE_SHA1, rest);
}

static enum native_take phc_sha256(struct native *n, struct text rest)
{
    return phc_pbkdf2(n, NATIVE_SHA256, rest);
}

static enum native_take phc_sha512(struct native *n, struct text rest)
{
    return phc_pbkdf2(n, NATIVE_SHA512, rest);
}

/* {PBKDF2-SHA256}… in LDAP is the same without its first dollar sign. */
enum native_take form_pbkdf2_phc(struct native *n, struct text t)
{
    static const struct native_prefix table[] = {
        {"$pbkdf2$", phc_sha1, NULL},
        {"$pbkdf2-sha1$", phc_sha1, NULL},
        {"$pbkdf2-sha256$", phc_sha256, NULL},
        {"$pbkdf2-sha512$", phc_sha512, NULL},
        {"$pbkdf2-", NULL, "PBKDF2 over a hash other than SHA-1, SHA-256 and SHA-512" WAY_OUT},
        {NULL, NULL, NULL},
    };
    return native_by_prefix(n, t, table);
}

/* log2 N; Kratos writes N itself, which no log2 reaches. */
static enum native_take phc_scrypt(struct native *n, struct text rest)
{
    struct native_scrypt scrypt;
    struct text field[3];
    if (!native_split(rest, '$', field, 3) ||
        !text_u64(native_param(field[0], "ln"), UINT32_MAX, &scrypt.n) ||
        !text_u64(native_param(field[0], "r"), UINT32_MAX, &scrypt.r) ||
        !text_u64(native_param(field[0], "p"), UINT32_MAX, &scrypt.p))
        return native_bad(n, "takes ln, r, p, salt and hash");
    if (scrypt.n < 32)
        scrypt.n = UINT64_C(1) << scrypt.n;
    scrypt.salt = native_unbase64(n, field[1]);
    scrypt.key = native_unbase64(n, field[2]);
    return native_scrypt(n, &scrypt, NULL);
}

enum native_take form_scrypt_phc(struct native *n, struct text t)
{
    static const struct native_prefix table[] = {{"$scrypt$", phc_scrypt, NULL},
                                                 {NULL, NULL, NULL}};
    return native_by_prefix(n, t, table);
}

/* scrypt_firebase has no place for p; Firebase knows 1 only. */
static enum native_take firebase_of(struct native *n, struct native_firebase *firebase,
                                    struct text params, const char *mem_cost)
{
    uint64_t p;
    if (!text_u64(native_param(params, mem_cost), 63, &firebase->mem_cost) ||
        !text_u64(native_param(params, "r"), UINT32_MAX, &firebase->rounds) ||
        !text_u64(native_param(params, "p"), UINT32_MAX, &p) || p != 1)
        return native_bad(n, "Firebase's scrypt takes memory cost, rounds and p=1");
    return native_firebase_scrypt(n, firebase);
}

static enum native_take fbscrypt(struct native *n, struct text rest)
{
    struct text field[3];
    if (!native_split(rest, '$', field, 3))
        return native_bad(n, "takes parameters, salt and hash");
    struct native_firebase firebase = {
        .hash = field[2],
        .salt = field[1],
        .signer_key = native_param(field[0], "sk"),
        .salt_separator = native_param(field[0], "ss"),
    };
    return firebase_of(n, &firebase, field[0], "n");
}

enum native_take form_fbscrypt(struct native *n, struct text t)
{
    static const struct native_prefix table[] = {{"$fbscrypt$", fbscrypt, NULL},
                                                 {NULL, NULL, NULL}};
    return native_by_prefix(n, t, table);
}

static enum native_take firescrypt(struct native *n, struct text rest)
{
    struct text field[5];
    if (!native_split(rest, '$', field, 5))
        return native_bad(n, "takes parameters, salt, hash, salt separator and signer key");
    struct native_firebase firebase = {
        .hash = field[2],
        .salt = field[1],
        .signer_key = field[4],
        .salt_separator = field[3],
    };
    return firebase_of(n, &firebase, field[0], "ln");
}

/* What the format puts in front of the password; absent when the password does not come last. */
static struct text before_password(struct native *n, struct text format, struct text salt)
{
    const struct text password = TEXT("{PASSWORD}"), placeholder = TEXT("{SALT}");
    struct text front = text_part(format, 0, format.len - password.len);
    if (!text_ends(format, password))
        return (struct text){0};
    for (size_t at = 0; (at = text_find(front, '{', at)) < front.len; at++)
        if (text_starts(text_part(front, at, front.len), placeholder))
            return arena_printf(n->arena, "%.*s%.*s%.*s", TEXT_ARG(text_part(front, 0, at)),
                                TEXT_ARG(salt),
                                TEXT_ARG(text_part(front, at + placeholder.len, front.len)));
    return front;
}

static enum native_take kratos_salted(struct native *n, struct text field[3])
{
    struct text format = native_unbase64(n, text_part(field[0], 3, field[0].len));
    struct text salt = native_unbase64(n, field[1]), hash = native_unbase64(n, field[2]);
    if (!text_starts(field[0], TEXT("pf=")) || !format.at || !salt.at)
        return native_bad(n, "takes pf=format, salt and hash");
    if (salt.len && !native_is_salt_text(salt))
        return native_refuse(n, "a binary salt, where Clerk takes text" WAY_OUT);
    struct text front = before_password(n, format, salt);
    if (!front.at)
        return native_refuse(n, "the password does not come last in the hash" WAY_OUT);
    return native_salted(n, front, hash, NULL);
}

static enum native_take kratos_hash(struct native *n, struct text rest)
{
    struct text field[3];
    if (native_split(rest, '$', field, 3))
        return kratos_salted(n, field);
    return native_salted(n, TEXT(""), native_unbase64(n, rest), NULL);
}

enum native_take form_kratos(struct native *n, struct text t)
{
    static const struct native_prefix table[] = {
        {"$firescrypt$", firescrypt, NULL},
        {"$md5$", kratos_hash, NULL},
        {"$sha256$", kratos_hash, NULL},
        {"$sha1$", NULL, "SHA-1" WAY_OUT},
        {"$sha512$", NULL, "SHA-512" WAY_OUT},
        {"$md5-crypt$", NULL, "MD5 crypt" WAY_OUT},
        {"$sha256-crypt$", NULL, "SHA-256 crypt" WAY_OUT},
        {"$sha512-crypt$", NULL, "SHA-512 crypt" WAY_OUT},
        {"$hmac-", NULL, "HMAC over UTF-8, where Clerk's is over UTF-16" WAY_OUT},
        {NULL, NULL, NULL},
    };
    return native_by_prefix(n, t, table);
}
