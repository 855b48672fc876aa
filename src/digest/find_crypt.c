/*
 * Proofs for what Clerk cannot hold, or only under another name.
 *
 *   crypt(3)            $1$ $5$ $6$ $y$ …: crypt_r itself
 *   Drupal 7            $S$ + rounds + salt (8) + 43 of 64 bytes: phpass with SHA-512; U$S$ over hex MD5
 *   passlib             $bcrypt-sha256$v=2,t=2b,r=12$salt$hash: bcrypt over base64(HMAC-SHA256(salt, P))
 *   disguises           a slow hash over a password that was hashed, keyed or peppered first: WordPress
 *                       6.8 ($wp + bcrypt over base64(HMAC-SHA384("wp-sha384", trimmed P)))
 */
#include "digest/crypto.h"
#include "digest/find_parts.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rounds beyond which a proof would take minutes. */
#define ROUNDS_MAX 5000000

static bool is_affordable(struct text setting)
{
    const struct text rounds = TEXT("rounds=");
    struct text rest = setting, field;
    uint64_t count;
    while (text_field(&rest, '$', &field))
        if (text_starts(field, rounds) &&
            !text_u64(text_part(field, rounds.len, field.len), ROUNDS_MAX, &count))
            return false;
    return true;
}

/* Whether crypt(3) of a password gives the stored string. */
static bool crypt_verifies(const char *stored, struct text password)
{
    struct crypt_data *data = calloc(1, sizeof(*data));
    char z[CRYPT_MAX_PASSPHRASE_SIZE];
    bool same = false;
    if (data && password.len < sizeof(z) && !text_has_nul(password)) {
        snprintf(z, sizeof(z), "%.*s", TEXT_ARG(password));
        const char *made = crypt_r(z, stored, data);
        same = made && made[0] != '*' && strlen(made) == strlen(stored) &&
               secret_same(made, stored, strlen(stored));
    }
    secret_wipe(z, sizeof(z));
    secret_wipe(data, data ? sizeof(*data) : 0);
    free(data);
    return same;
}

/* The forms of crypt(3), behind the names that others put in front of them. */
static struct text crypt_setting(struct find *f)
{
    static const char *const names[][2] = {
        {"{CRYPT}", ""},        {"crypt$$", ""},           {"crypt$", ""},
        {"$md5-crypt$", "$1$"}, {"$sha256-crypt$", "$5$"}, {"$sha512-crypt$", "$6$"},
    };
    static const char *const known[] = {"$1$", "$5$", "$6$", "$sha1$", "$y$j9T$", "$y$jAT$"};
    struct text t = f->opts->digest;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct text name = text_of(names[i][0]);
        if (text_same_nocase(text_part(t, 0, name.len), name)) {
            t = arena_printf(f->arena, "%s%.*s", names[i][1],
                             TEXT_ARG(text_part(t, name.len, t.len)));
            break;
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (text_starts(t, text_of(known[i])))
            return t;
    return t.len == 13 && !text_starts(t, TEXT("$")) ? t : (struct text){0};
}

static bool find_crypt3(struct find *f)
{
    struct text setting = crypt_setting(f);
    struct text z = setting.at ? arena_copy(f->arena, setting) : setting;
    if (!z.at || !is_affordable(z) || !crypt_verifies(z.at, f->opts->password))
        return false;
    struct text id = z.at[0] == '$' ? text_part(z, 0, text_find(z, '$', 1) + 1) : TEXT("DES");
    return find_not_held(f, arena_printf(f->arena, "crypt(3), %.*s", TEXT_ARG(id)),
                         "Clerk has no hasher for this form of crypt(3)" WAY_OUT);
}

static const char itoa64[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* phpass's base64: little-endian groups of 6 bits. */
static void encode64(const uint8_t *bytes, size_t len, char *to)
{
    for (size_t i = 0; i < len;) {
        uint32_t value = 0;
        int group = 0;
        for (; group < 3 && i < len; group++)
            value |= (uint32_t)bytes[i++] << (8 * group);
        for (int digit = 0; digit <= group; digit++, value >>= 6)
            *to++ = itoa64[value & 63];
    }
    *to = 0;
}

/* stored: $S$ + rounds + salt + the first 43 characters of the hash. */
static bool drupal_verifies(struct text stored, struct text password)
{
    uint8_t hash[64];
    char text[90];
    const char *rounds = stored.len == 55 ? strchr(itoa64, stored.at[3]) : NULL;
    if (!rounds || rounds - itoa64 < 7 || rounds - itoa64 > 22)
        return false;
    if (!crypto_hash(CRYPTO_SHA512, text_part(stored, 4, 8), password, hash))
        return false;
    for (uint64_t left = UINT64_C(1) << (rounds - itoa64); left; left--)
        if (!crypto_hash(CRYPTO_SHA512, (struct text){(char *)hash, sizeof(hash)}, password, hash))
            return false;
    encode64(hash, sizeof(hash), text);
    return secret_same(text, stored.at + 12, 43);
}

static bool find_drupal(struct find *f)
{
    struct text t = f->opts->digest, password = f->opts->password;
    bool md5 = text_starts(t, TEXT("U$S$"));
    if (!md5 && !text_starts(t, TEXT("$S$")))
        return false;
    if (md5)
        password = find_hash_text(f, &(struct find_hashing){.md = FIND_MD5}, password);
    if (!drupal_verifies(text_part(t, md5, t.len), password))
        return false;
    return find_not_held(f,
                         md5 ? TEXT("phpass with SHA-512 over the hex MD5 of the password (Drupal)")
                             : TEXT("phpass with SHA-512 (Drupal)"),
                         "Clerk's phpass is the one with MD5" WAY_OUT);
}

static bool find_bcrypt_sha256(struct find *f)
{
    struct text field[6];
    struct digest digest;
    const struct digest_ops *bcrypt = digest_ops_find(TEXT("bcrypt"));
    if (!text_starts(f->opts->digest, TEXT("$bcrypt-sha256$v=2,")) ||
        !native_split(f->opts->digest, '$', field, 5))
        return false;
    uint64_t cost;
    if (!text_u64(native_param(field[2], "r"), 16, &cost))
        return false;
    struct text stored = arena_printf(f->arena, "$2b$%02u$%.*s%.*s", (unsigned)cost,
                                      TEXT_ARG(field[3]), TEXT_ARG(field[4]));
    struct text key =
        find_hash_text(f, &(struct find_hashing){FIND_SHA256, true, field[3]}, f->opts->password);
    if (digest_parse(&digest, bcrypt, stored) || !find_verifies(&digest, key))
        return false;
    return find_not_held(f, TEXT("bcrypt over HMAC-SHA256 keyed with the salt (passlib)"),
                         "Clerk has no hasher for this kind of bcrypt" WAY_OUT);
}

bool find_crypt(struct find *f)
{
    return find_crypt3(f) || find_drupal(f) || find_bcrypt_sha256(f);
}

/* What may have happened to the password before the slow hash. */
struct disguise {
    const char *name;
    const char *clerk; /* Clerk's hasher for bcrypt over this, or NULL */
    enum { BARE, KEYED, BEFORE, BEHIND, WORDPRESS } kind;
    enum find_md md;
    bool base64;
};

static const struct disguise disguises[] = {
    {"password + pepper", "bcrypt_peppered", BEHIND, FIND_MD5, false},
    {"pepper + password", NULL, BEFORE, FIND_MD5, false},
    {"hex HMAC-SHA256 keyed with the pepper", NULL, KEYED, FIND_SHA256, false},
    {"base64 HMAC-SHA256 keyed with the pepper", NULL, KEYED, FIND_SHA256, true},
    {"hex HMAC-SHA512 keyed with the pepper", NULL, KEYED, FIND_SHA512, false},
    {"base64 HMAC-SHA512 keyed with the pepper", NULL, KEYED, FIND_SHA512, true},
    {"hex SHA-256 of the password", "bcrypt_sha256_django", BARE, FIND_SHA256, false},
    {"base64 SHA-256 of the password", NULL, BARE, FIND_SHA256, true},
    {"hex MD5 of the password", NULL, BARE, FIND_MD5, false},
    {"hex SHA-1 of the password", NULL, BARE, FIND_SHA1, false},
    {"hex SHA-512 of the password", NULL, BARE, FIND_SHA512, false},
    {"base64 SHA-384 of the password", NULL, BARE, FIND_SHA384, true},
    {"base64 SHA-512 of the password", NULL, BARE, FIND_SHA512, true},
};

static const struct disguise wordpress = {
    "base64 HMAC-SHA384 of the trimmed password keyed with wp-sha384 (WordPress 6.8)", NULL,
    WORDPRESS, FIND_SHA384, true};

static struct text disguise(struct find *f, const struct disguise *d, struct text pepper)
{
    struct text password = f->opts->password;
    switch (d->kind) {
    case BARE:
        return find_hash_text(f, &(struct find_hashing){d->md, d->base64, {0}}, password);
    case KEYED:
        return find_hash_text(f, &(struct find_hashing){d->md, d->base64, pepper}, password);
    case BEFORE:
        return arena_printf(f->arena, "%.*s%.*s", TEXT_ARG(pepper), TEXT_ARG(password));
    case BEHIND:
        return arena_printf(f->arena, "%.*s%.*s", TEXT_ARG(password), TEXT_ARG(pepper));
    case WORDPRESS:
        return find_hash_text(f, &(struct find_hashing){d->md, d->base64, TEXT("wp-sha384")},
                              text_trim(password));
    }
    return (struct text){0};
}

static bool unmask(struct find *f, const struct digest *digest, const struct disguise *d,
                   struct text pepper)
{
    struct text password = disguise(f, d, pepper), t = digest->text;
    if (!password.at || password.len > DIGEST_PASSWORD_MAX || !find_verifies(digest, password))
        return false;
    struct text how = arena_printf(f->arena, "%s over %s", digest->ops->hasher, d->name);
    bool bcrypt = text_same(text_of(digest->ops->hasher), TEXT("bcrypt"));
    if (!d->clerk || !bcrypt)
        return find_not_held(
            f, how,
            "Clerk gives the password as it is to its hashers, but for bcrypt with a "
            "pepper behind it or over its hex SHA-256" WAY_OUT);
    return find_held(f, d->clerk,
                     d->kind == BEHIND
                         ? arena_printf(f->arena, "%.*s$%.*s", TEXT_ARG(t), TEXT_ARG(pepper))
                         : arena_printf(f->arena, "bcrypt_sha256$%.*s", TEXT_ARG(t)),
                     how, NULL);
}

static bool unmask_all(struct find *f, const struct digest *digest)
{
    for (size_t d = 0; d < ARRAY_COUNT(disguises); d++) {
        bool bare = disguises[d].kind == BARE;
        for (size_t k = 0; k < (bare ? 1 : f->opts->pepper_count); k++)
            if (unmask(f, digest, &disguises[d], bare ? (struct text){0} : f->opts->peppers[k]))
                return true;
    }
    return false;
}

static bool find_wordpress(struct find *f)
{
    struct digest digest;
    if (!text_starts(f->opts->digest, TEXT("$wp$2")))
        return false;
    return !digest_parse(&digest, digest_ops_find(TEXT("bcrypt")),
                         text_part(f->opts->digest, 3, f->opts->digest.len)) &&
           unmask(f, &digest, &wordpress, (struct text){0});
}

bool find_disguised(struct find *f)
{
    if (find_wordpress(f))
        return true;
    for (size_t i = 0; i < f->count; i++)
        if (!f->candidates[i].digest.ops->insecure && unmask_all(f, &f->candidates[i].digest))
            return true;
    return false;
}
