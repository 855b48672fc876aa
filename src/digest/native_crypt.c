/*
 * Modular crypt forms, $id$…, and bare hex.
 *
 *   bcrypt  $2b$10$ + 53          argon2  $argon2id$v=19$m=…,t=…,p=…$salt$hash
 *   phpass  $P$ or $H$ + 31       hex     32 digits MD5, 64 SHA-256
 *
 * and the table of those that Clerk cannot hold.
 */
#include "digest/native.h"

enum native_take form_bcrypt(struct native *n, struct text t)
{
    if (text_starts(t, TEXT("$2a$")) || text_starts(t, TEXT("$2b$")) ||
        text_starts(t, TEXT("$2y$")))
        return native_give(n, "bcrypt", t, NULL);
    return NATIVE_NOT_MINE;
}

enum native_take form_argon2(struct native *n, struct text t)
{
    bool i = text_starts(t, TEXT("$argon2i$")), id = text_starts(t, TEXT("$argon2id$"));
    if (text_starts(t, TEXT("$argon2d$")))
        return native_refuse(n, "argon2d, where Clerk takes argon2i and argon2id" WAY_OUT);
    if (!i && !id)
        return NATIVE_NOT_MINE;
    if (!text_starts(text_part(t, i ? 9 : 10, t.len), TEXT("v=19$")))
        return native_refuse(n, "argon2 before version 1.3 (v=19)" WAY_OUT);
    return native_give(n, i ? "argon2i" : "argon2id", t, NULL);
}

enum native_take form_phpass(struct native *n, struct text t)
{
    if (text_starts(t, TEXT("$P$")))
        return native_give(n, "phpass", t, NULL);
    if (!text_starts(t, TEXT("$H$")))
        return NATIVE_NOT_MINE;
    return native_give(n, "phpass",
                       arena_printf(n->arena, "$P$%.*s", TEXT_ARG(text_part(t, 3, t.len))),
                       "$H$ is phpBB's name for $P$");
}

enum native_take form_hex(struct native *n, struct text t)
{
    if (t.len != 32 && t.len != 40 && t.len != 64 && t.len != 128)
        return NATIVE_NOT_MINE;
    struct text bytes = native_unhex(n, t);
    if (!bytes.at)
        return NATIVE_NOT_MINE;
    if (t.len == 40)
        return native_refuse(n, "unsalted SHA-1" WAY_OUT);
    if (t.len == 128)
        return native_refuse(n, "unsalted SHA-512" WAY_OUT);
    return native_salted(n, TEXT(""), bytes, NULL);
}

enum native_take form_crypt(struct native *n, struct text t)
{
    static const struct native_prefix refused[] = {
        {"$1$", NULL, "MD5 crypt" WAY_OUT},
        {"$apr1$", NULL, "Apache's MD5 crypt" WAY_OUT},
        {"$md5,", NULL, "Sun's MD5 crypt" WAY_OUT},
        {"$sha1$", NULL, "SHA-1 crypt or another salted SHA-1" WAY_OUT},
        {"$5$", NULL, "SHA-256 crypt" WAY_OUT},
        {"$6$", NULL, "SHA-512 crypt" WAY_OUT},
        {"$y$", NULL, "yescrypt" WAY_OUT},
        {"$gy$", NULL, "gost-yescrypt" WAY_OUT},
        {"$7$", NULL, "scrypt of crypt(3)" WAY_OUT},
        {"$2$", NULL, "the first bcrypt, $2$" WAY_OUT},
        {"$2x$", NULL, "bcrypt with the sign extension bug, $2x$" WAY_OUT},
        {"$bcrypt-sha256$", NULL,
         "bcrypt over HMAC-SHA256, not the SHA-256 that bcrypt_sha256_django takes" WAY_OUT},
        {"$S$", NULL, "phpass with SHA-512" WAY_OUT},
        {"$wp$", NULL,
         "WordPress 6.8 runs bcrypt over a keyed SHA-384 of the password; without its $wp the hash "
         "would never match" WAY_OUT},
        {NULL, NULL, NULL},
    };
    return native_by_prefix(n, t, refused);
}
