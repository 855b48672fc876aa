/*
 * The digest is cut into fields: at $ and :, behind {SCHEME}, or the strings of a JSON object. A field that
 * is hex or base64 of a known length may be the hash, every other one a salt. A value that is longer may
 * be the hash with the salt behind it, as LDAP stores it.
 */
#include "digest/find_raw.h"

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
    static const size_t sizes[] = {16, 20, 28, 32, 48, 64};
    for (size_t i = 0; bytes.at && i < ARRAY_COUNT(sizes); i++) {
        size_t len = sizes[i];
        if (bytes.len < len || bytes.len > len + 32)
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

void raw_read(struct raw *raw)
{
    cut_fields(raw);
    read_hashes(raw);
    read_extras(raw);
    read_passwords(raw);
}
