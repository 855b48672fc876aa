/*
 * Plain hashes and HMACs: every hash found in the digest × every arrangement of password, salt and
 * pepper × every form of the password × every reading of the salts; and Symfony's chain of hashes,
 * whose number of iterations is found as well.
 *
 * Arrangements are spelled with P for the password, S for the salt, K for the pepper; other letters
 * stand for themselves.
 */
#include "digest/find_raw.h"

#include <string.h>

#define MESSAGE_MAX (NATIVE_MAX + 4 * DIGEST_PASSWORD_MAX)
#define CHAIN_MAX   10000

struct algorithm {
    const char *name;
    enum find_md md;
    size_t len;
    const char *hasher, *salted; /* Clerk's names for the hash in hex, alone and behind a salt */
};

static const struct algorithm algorithms[] = {
    {"MD5", FIND_MD5, 16, "md5", "md5_salted"},
    {"SHA-1", FIND_SHA1, 20, NULL, NULL},
    {"SHA-224", FIND_SHA224, 28, NULL, NULL},
    {"SHA-256", FIND_SHA256, 32, "sha256", "sha256_salted"},
    {"SHA-384", FIND_SHA384, 48, NULL, NULL},
    {"SHA-512", FIND_SHA512, 64, NULL, NULL},
    {"SHA3-256", FIND_SHA3_256, 32, NULL, NULL},
    {"SHA3-512", FIND_SHA3_512, 64, NULL, NULL},
};

/* With a key: HMAC. */
struct arrangement {
    const char *key, *message;
};

static const struct arrangement arrangements[] = {
    {NULL, "P"},    {NULL, "SP"},  {NULL, "PS"},  {NULL, "SPS"}, {NULL, "S:P"}, {NULL, "P:S"},
    {NULL, "P{S}"}, {NULL, "KP"},  {NULL, "PK"},  {NULL, "KSP"}, {NULL, "KPS"}, {NULL, "SKP"},
    {NULL, "SPK"},  {NULL, "PKS"}, {NULL, "PSK"}, {"S", "P"},    {"P", "S"},    {"S", "PS"},
    {"K", "P"},     {"P", "K"},    {"K", "SP"},   {"K", "PS"},   {"S", "KP"},   {"S", "PK"},
};

/* One combination. */
struct
try {
    const struct reading *hash, *password, *salt, *pepper;
    const struct algorithm *algorithm;
    const struct arrangement *arrangement;
};

static struct text part_of(const struct try *t, char letter)
{
    return letter == 'P' ? t->password->bytes : letter == 'S' ? t->salt->bytes : t->pepper->bytes;
}

/* Writes what an arrangement spells, in the range from … to of its letters. */
static struct text spell(struct buf *to, const struct try *t, const char *letters, size_t len)
{
    buf_reset(to);
    for (size_t i = 0; i < len; i++) {
        if (strchr("PSK", letters[i]))
            buf_add(to, part_of(t, letters[i]));
        else
            buf_byte(to, letters[i]);
    }
    return buf_text(to);
}

static bool computes(struct raw *raw, const struct try *t)
{
    uint8_t hash[FIND_HASH_MAX];
    const char *key = t->arrangement->key, *message = t->arrangement->message;
    struct text m = spell(&raw->message, t, message, strlen(message));
    size_t len = key ? find_hmac(t->algorithm->md, spell(&raw->key, t, key, 1), m, hash)
                     : find_hash(t->algorithm->md, m, hash);
    return len == t->hash->bytes.len && secret_same(hash, t->hash->bytes.at, len);
}

static void describe_letters(struct buf *to, const struct try *t, const char *letters)
{
    for (; *letters; letters++) {
        if (*letters == 'P')
            buf_printf(to, "%s", t->password->coding);
        else if (*letters == 'S')
            buf_printf(to, "salt (%s)", t->salt->coding);
        else if (*letters == 'K')
            buf_printf(to, "pepper (%s)", t->pepper->coding);
        else
            buf_printf(to, "'%c'", *letters);
        if (letters[1])
            buf_printf(to, " + ");
    }
}

static struct text describe(struct raw *raw, const struct try *t)
{
    struct buf to;
    buf_init(&to, 1024);
    buf_printf(&to, "%s%s of ", t->arrangement->key ? "HMAC-" : "", t->algorithm->name);
    describe_letters(&to, t, t->arrangement->message);
    if (t->arrangement->key) {
        buf_printf(&to, " keyed with ");
        describe_letters(&to, t, t->arrangement->key);
    }
    buf_printf(&to, "; hash in %s", t->hash->coding);
    struct text how = arena_copy(raw->find->arena, buf_text(&to));
    buf_release(&to);
    return how;
}

/* hmac_sha256_utf16_b64 holds one HMAC: SHA-256 over UTF-16, any key. */
static bool hold_hmac(struct raw *raw, const struct try *t, struct text how)
{
    struct native *n = &raw->find->native;
    struct text key = spell(&raw->key, t, t->arrangement->key, 1);
    bool utf16 = t->password == &raw->passwords[1] && !strcmp(t->arrangement->message, "P");
    if (!utf16 || t->algorithm->md != FIND_SHA256 || t->arrangement->key[0] == 'P')
        return find_not_held(raw->find, how,
                             "Clerk's only HMAC is SHA-256 over the UTF-16 password" WAY_OUT);
    return find_held(raw->find, "hmac_sha256_utf16_b64",
                     arena_printf(n->arena, "hmac_sha256_utf16_b64$%.*s$%.*s",
                                  TEXT_ARG(native_base64(n, t->hash->bytes)),
                                  TEXT_ARG(native_base64(n, key))),
                     how, "Clerk hardly documents this hasher: try one account first");
}

/* {SSHA}: all that stands behind the password is the salt. */
static bool hold_sha1(struct raw *raw, const struct try *t, struct text how)
{
    struct native *n = &raw->find->native;
    const char *message = t->arrangement->message;
    if (message[0] != 'P' || !message[1])
        return find_not_held(raw->find, how,
                             message[1] ? "Clerk's SHA-1, ldap_ssha, takes the salt behind the "
                                          "password" WAY_OUT
                                        : "Clerk has no hasher for SHA-1 without a salt" WAY_OUT);
    struct text tail = spell(&raw->message, t, message + 1, strlen(message + 1));
    char *bytes = arena_alloc(n->arena, t->hash->bytes.len + tail.len);
    if (!bytes)
        return false;
    memcpy(bytes, t->hash->bytes.at, t->hash->bytes.len);
    memcpy(bytes + t->hash->bytes.len, tail.at ? tail.at : "", tail.len);
    struct text both = {bytes, t->hash->bytes.len + tail.len};
    return find_held(raw->find, "ldap_ssha",
                     arena_printf(n->arena, "{SSHA}%.*s", TEXT_ARG(native_base64(n, both))), how,
                     NULL);
}

/* md5 and sha256: all that stands before the password is the salt. */
static bool hold_hash(struct raw *raw, const struct try *t, struct text how)
{
    struct native *n = &raw->find->native;
    const char *message = t->arrangement->message;
    size_t front = strlen(message) - 1;
    if (!t->algorithm->hasher)
        return find_not_held(raw->find, how, "Clerk has no hasher for this hash" WAY_OUT);
    if (message[front] != 'P' || memchr(message, 'P', front))
        return find_not_held(raw->find, how,
                             "Clerk's salted hashers take the salt before the password" WAY_OUT);
    struct text salt = spell(&raw->message, t, message, front);
    struct text hex = native_hex(n, t->hash->bytes);
    if (!salt.len)
        return find_held(raw->find, t->algorithm->hasher, hex, how, NULL);
    if (!native_is_salt_text(salt))
        return find_not_held(raw->find, how,
                             "Clerk's salted hashers take the salt as text" WAY_OUT);
    return find_held(raw->find, t->algorithm->salted,
                     arena_printf(n->arena, "%.*s$%.*s", TEXT_ARG(salt), TEXT_ARG(hex)), how,
                     "Clerk does not document the order of salt and password: try one account "
                     "first");
}

static bool hold_symfony(struct raw *raw, const struct try *t, unsigned iterations)
{
    struct native *n = &raw->find->native;
    struct text how =
        arena_printf(n->arena, "%.*s; %u iterations", TEXT_ARG(describe(raw, t)), iterations);
    if (t->algorithm->md != FIND_SHA512)
        return find_not_held(raw->find, how, "of Symfony's encoders Clerk takes SHA-512's" WAY_OUT);
    return find_held(raw->find, "sha512_symfony",
                     arena_printf(n->arena, "sha512_symfony$%u$%.*s$%.*s", iterations,
                                  TEXT_ARG(t->salt->bytes),
                                  TEXT_ARG(native_base64(n, t->hash->bytes))),
                     how, NULL);
}

static bool hold(struct raw *raw, const struct try *t)
{
    struct text how = describe(raw, t);
    bool utf8 = t->password == &raw->passwords[0];
    if (t->arrangement->key)
        return hold_hmac(raw, t, how);
    if (!utf8)
        return find_not_held(raw->find, how,
                             "the password went through another step first" WAY_OUT);
    if (t->algorithm->md == FIND_SHA512 && !strcmp(t->arrangement->message, "P{S}"))
        return hold_symfony(raw, t, 1);
    return t->algorithm->md == FIND_SHA1 ? hold_sha1(raw, t, how) : hold_hash(raw, t, how);
}

static bool mentions(const struct arrangement *a, char letter)
{
    return strchr(a->message, letter) || (a->key && strchr(a->key, letter));
}

/* All salts and peppers of one arrangement; one round where it has none. */
static bool try_extras(struct raw *raw, struct try *t)
{
    static const struct reading none = {{"", 0}, ""};
    size_t salts = mentions(t->arrangement, 'S') ? raw->salt_count : 1;
    size_t peppers = mentions(t->arrangement, 'K') ? raw->pepper_count : 1;
    for (size_t s = 0; s < salts; s++) {
        for (size_t k = 0; k < peppers; k++) {
            t->salt = raw->salt_count ? &raw->salts[s] : &none;
            t->pepper = raw->pepper_count ? &raw->peppers[k] : &none;
            if (computes(raw, t))
                return hold(raw, t);
        }
    }
    return false;
}

/* Symfony: each hash is that of the one before and, again, the password and {salt}. */
static bool try_chain(struct raw *raw, struct try *t)
{
    static const struct arrangement merged = {NULL, "P{S}"};
    uint8_t hash[FIND_HASH_MAX];
    t->arrangement = &merged;
    t->password = &raw->passwords[0];
    struct text m = spell(&raw->message, t, merged.message, strlen(merged.message));
    size_t len = find_hash(t->algorithm->md, m, hash);
    for (unsigned iterations = 2; len && iterations <= CHAIN_MAX; iterations++) {
        buf_reset(&raw->key);
        buf_add(&raw->key, (struct text){(char *)hash, len});
        buf_add(&raw->key, m);
        len = find_hash(t->algorithm->md, buf_text(&raw->key), hash);
        if (secret_same(hash, t->hash->bytes.at, len))
            return hold_symfony(raw, t, iterations);
    }
    return false;
}

/* Salts as they were given: Symfony's are text. */
static bool try_chains(struct raw *raw, struct try *t)
{
    for (size_t a = 0; a < ARRAY_COUNT(algorithms); a++) {
        t->algorithm = &algorithms[a];
        if (t->algorithm->len != t->hash->bytes.len)
            continue;
        for (size_t s = 0; s < raw->salt_count; s++) {
            t->salt = &raw->salts[s];
            if (strcmp(t->salt->coding, "text") == 0 && t->salt->bytes.len && try_chain(raw, t))
                return true;
        }
    }
    return false;
}

static bool try_hash(struct raw *raw, struct try *t)
{
    for (size_t a = 0; a < ARRAY_COUNT(algorithms); a++) {
        t->algorithm = &algorithms[a];
        if (t->algorithm->len != t->hash->bytes.len)
            continue;
        for (size_t p = 0; p < raw->password_count; p++) {
            for (size_t r = 0; r < ARRAY_COUNT(arrangements); r++) {
                t->password = &raw->passwords[p];
                t->arrangement = &arrangements[r];
                if (try_extras(raw, t))
                    return true;
            }
        }
    }
    return false;
}

static bool search(struct find *find, bool (*try)(struct raw *raw, struct try *t))
{
    bool found = false;
    struct raw *raw = arena_zalloc(find->arena, 1, sizeof(*raw));
    if (!raw)
        return false;
    raw->find = find;
    buf_init(&raw->message, MESSAGE_MAX);
    buf_init(&raw->key, MESSAGE_MAX);
    raw_read(raw);
    for (size_t h = 0; h < raw->hash_count && !found; h++)
        found = try(raw, &(struct try){.hash = &raw->hashes[h]});
    buf_release(&raw->message);
    buf_release(&raw->key);
    return found;
}

bool find_raw(struct find *find)
{
    return search(find, try_hash);
}

bool find_chained(struct find *find)
{
    return search(find, try_chains);
}
