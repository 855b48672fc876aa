/*
 * Plain hashes and HMACs: every hash found in the digest × every arrangement of password, salt and
 * pepper × every form of the password × every reading of the salts.
 *
 * The digest is cut into fields (at $ and :, behind {SCHEME}, or the strings of a JSON object). A field
 * that is hex or base64 of a known length may be the hash, every other one a salt. A base64 value that
 * is longer may be the hash with the salt behind it, as LDAP stores it.
 *
 * Arrangements are spelled with P for the password, S for the salt, K for the pepper; other letters
 * stand for themselves.
 */
#include "digest/find_parts.h"

#include <string.h>

#define FIELDS_MAX  16
#define HASHES_MAX  24
#define EXTRAS_MAX  96
#define MESSAGE_MAX (NATIVE_MAX + 4 * DIGEST_PASSWORD_MAX)

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

/* Bytes and how they were written or made. */
struct reading {
    struct text bytes;
    const char *coding;
};

struct raw {
    struct find *find;
    struct text fields[FIELDS_MAX];
    struct reading hashes[HASHES_MAX], salts[EXTRAS_MAX], peppers[EXTRAS_MAX], passwords[4];
    size_t field_count, hash_count, salt_count, pepper_count, password_count;
    struct buf message, key;
};

/* One combination. */
struct
try {
    const struct reading *hash, *password, *salt, *pepper;
    const struct algorithm *algorithm;
    const struct arrangement *arrangement;
};

static void put(struct reading *to, size_t *count, size_t max, struct text bytes,
                const char *coding)
{
    if (bytes.at && *count < max)
        to[(*count)++] = (struct reading){bytes, coding};
}

static void put_field(struct raw *raw, struct text field)
{
    if (field.len && raw->field_count < FIELDS_MAX)
        raw->fields[raw->field_count++] = field;
}

static void json_fields(struct raw *raw, struct json_value value, int depth)
{
    struct json_walk walk = json_walk(value);
    struct text string = json_text(value);
    if (string.at && !text_has_nul(string))
        put_field(raw, arena_copy(raw->find->arena, string));
    while (depth < 4 && json_next(&walk))
        json_fields(raw, walk.value, depth + 1);
}

static void cut_fields(struct raw *raw)
{
    struct text rest = raw->find->opts->digest, field, part;
    struct json_value root;
    if (text_starts(rest, TEXT("{")) && text_ends(rest, TEXT("}")) &&
        native_parse(&raw->find->native, rest, &root)) {
        json_fields(raw, root, 0);
        return;
    }
    if (text_starts(rest, TEXT("{")))
        rest = text_part(rest, text_find(rest, '}', 0) + 1, rest.len);
    put_field(raw, rest);
    while (text_field(&rest, '$', &field)) {
        put_field(raw, field);
        while (text_find(field, ':', 0) < field.len && text_field(&field, ':', &part))
            put_field(raw, part);
        if (field.at)
            put_field(raw, field);
    }
}

/* A salt behind the hash is remembered as a salt like any other. */
static void read_hash(struct raw *raw, struct text bytes, const char *coding)
{
    for (size_t i = 0; bytes.at && i < ARRAY_COUNT(algorithms); i++) {
        size_t len = algorithms[i].len;
        bool again = i && len == algorithms[i - 1].len;
        if (bytes.len < len || bytes.len > len + 32 || again)
            continue;
        put(raw->hashes, &raw->hash_count, HASHES_MAX, text_part(bytes, 0, len), coding);
        if (bytes.len > len)
            put(raw->salts, &raw->salt_count, EXTRAS_MAX, text_part(bytes, len, bytes.len),
                "bytes behind the hash");
    }
}

static void read_hashes(struct raw *raw)
{
    for (size_t i = 0; i < raw->field_count; i++) {
        struct text field = raw->fields[i];
        if (field.len < 20 || field.len > 256)
            continue;
        struct text hex = native_unhex(&raw->find->native, field);
        read_hash(raw, hex, "hex");
        if (!hex.at)
            read_hash(raw, native_unbase64(&raw->find->native, field), "base64");
    }
}

static void read_extra(struct raw *raw, struct reading *to, size_t *count, struct text t)
{
    struct native *n = &raw->find->native;
    put(to, count, EXTRAS_MAX, t, "text");
    put(to, count, EXTRAS_MAX, native_unhex(n, t), "hex");
    put(to, count, EXTRAS_MAX, native_unbase64(n, t), "base64");
}

static void read_extras(struct raw *raw)
{
    const struct digest_find_opts *opts = raw->find->opts;
    for (size_t i = 0; i < opts->salt_count; i++)
        read_extra(raw, raw->salts, &raw->salt_count, opts->salts[i]);
    for (size_t i = 0; i < opts->pepper_count; i++)
        read_extra(raw, raw->peppers, &raw->pepper_count, opts->peppers[i]);
    for (size_t i = 0; i < raw->field_count; i++)
        if (raw->fields[i].len <= 128)
            read_extra(raw, raw->salts, &raw->salt_count, raw->fields[i]);
}

/* UTF-16LE of valid UTF-8; absent otherwise. */
static struct text utf16(struct arena *arena, struct text t)
{
    char *to = arena_alloc(arena, 2 * t.len + 2);
    size_t len = 0;
    if (!to || !text_is_utf8(t))
        return (struct text){0};
    for (size_t i = 0; i < t.len;) {
        unsigned char lead = (unsigned char)t.at[i];
        int more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
        uint32_t c = more ? lead & (0x3fu >> more) : lead;
        for (i++; more; more--)
            c = c << 6 | ((unsigned char)t.at[i++] & 0x3f);
        uint32_t units[2] = {c, 0};
        if (c > 0xffff) {
            units[0] = 0xd800 + ((c - 0x10000) >> 10);
            units[1] = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        for (int u = 0; u < (c > 0xffff ? 2 : 1); u++) {
            to[len++] = (char)(units[u] & 0xff);
            to[len++] = (char)(units[u] >> 8);
        }
    }
    return (struct text){to, len};
}

static struct text hex_of(struct raw *raw, enum find_md md, struct text t)
{
    return find_hash_text(raw->find, &(struct find_hashing){.md = md}, t);
}

static void read_passwords(struct raw *raw)
{
    struct text password = raw->find->opts->password;
    size_t max = ARRAY_COUNT(raw->passwords), *count = &raw->password_count;
    put(raw->passwords, count, max, password.at ? password : TEXT(""), "password");
    put(raw->passwords, count, max, utf16(raw->find->arena, password), "password in UTF-16LE");
    put(raw->passwords, count, max, hex_of(raw, FIND_MD5, password), "hex MD5 of password");
    put(raw->passwords, count, max, hex_of(raw, FIND_SHA1, password), "hex SHA-1 of password");
}

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

static bool hold_symfony(struct raw *raw, const struct try *t, struct text how)
{
    struct native *n = &raw->find->native;
    return find_held(raw->find, "sha512_symfony",
                     arena_printf(n->arena, "sha512_symfony$1$%.*s$%.*s", TEXT_ARG(t->salt->bytes),
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
        return hold_symfony(raw, t, how);
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

bool find_raw(struct find *find)
{
    bool found = false;
    struct raw *raw = arena_zalloc(find->arena, 1, sizeof(*raw));
    if (!raw)
        return false;
    raw->find = find;
    buf_init(&raw->message, MESSAGE_MAX);
    buf_init(&raw->key, MESSAGE_MAX);
    cut_fields(raw);
    read_hashes(raw);
    read_extras(raw);
    read_passwords(raw);
    for (size_t h = 0; h < raw->hash_count && !found; h++)
        found = try_hash(raw, &(struct try){.hash = &raw->hashes[h]});
    buf_release(&raw->message);
    buf_release(&raw->key);
    return found;
}
