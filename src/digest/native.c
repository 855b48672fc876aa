/* The tools of the forms: answers, fields, encodings, and the digests that several forms end in. */
#include "digest/native.h"

#include <stdio.h>

enum native_take native_bad(struct native *n, const char *what)
{
    err_set(n->err, ERR_INPUT, "%s", what);
    return NATIVE_BAD;
}

enum native_take native_refuse(struct native *n, const char *note)
{
    *n->out = (struct digest_conversion){.note = note};
    return NATIVE_TAKEN;
}

enum native_take native_none(struct native *n, const char *note)
{
    *n->out = (struct digest_conversion){.note = note, .no_password = true};
    return NATIVE_TAKEN;
}

enum native_take native_give(struct native *n, const char *hasher, struct text digest,
                             const char *note)
{
    struct digest parsed;
    struct text copy = digest.at ? arena_copy(n->arena, digest) : digest;
    if (!copy.at) {
        err_memory(n->err);
        return NATIVE_BAD;
    }
    const struct digest_ops *ops = digest_ops_find(text_of(hasher));
    const char *problem = ops ? digest_parse(&parsed, ops, copy) : "no such hasher";
    if (problem) {
        err_set(n->err, ERR_INPUT, "not a sound %s digest: %s", hasher, problem);
        return NATIVE_BAD;
    }
    problem = digest_clerk_problem(&parsed);
    if (problem)
        return native_refuse(n, problem);
    *n->out = (struct digest_conversion){.hasher = ops->hasher, .digest = copy, .note = note};
    return NATIVE_TAKEN;
}

enum native_take native_by_prefix(struct native *n, struct text text,
                                  const struct native_prefix *table)
{
    for (; table->prefix; table++) {
        struct text prefix = text_of(table->prefix);
        if (!text_starts(text, prefix))
            continue;
        if (!table->form)
            return native_refuse(n, table->refusal);
        return table->form(n, text_part(text, prefix.len, text.len));
    }
    return NATIVE_NOT_MINE;
}

bool native_split(struct text text, char separator, struct text *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!text_field(&text, separator, &fields[i]))
            return false;
    return !text.at;
}

struct text native_param(struct text params, const char *key)
{
    struct text param, name = text_of(key);
    while (text_field(&params, ',', &param))
        if (text_starts(param, name) && param.len > name.len && param.at[name.len] == '=')
            return text_part(param, name.len + 1, param.len);
    return (struct text){0};
}

struct text native_unhex(struct native *n, struct text hex)
{
    size_t len, room = HEX_ROOM(hex.len);
    uint8_t *bytes = arena_alloc(n->arena, room + 1);
    if (!bytes || !hex.at || !hex_decode(hex, bytes, room, &len))
        return (struct text){0};
    return (struct text){(char *)bytes, len};
}

static char standard(char c)
{
    return (char)(c == '-' || c == '.' ? '+' : c == '_' ? '/' : c);
}

struct text native_unbase64(struct native *n, struct text base64)
{
    size_t len, room = BASE64_ROOM(base64.len), padding = 0;
    uint8_t *bytes = arena_alloc(n->arena, room + 1);
    char *plain = arena_alloc(n->arena, base64.len + 1);
    if (!bytes || !plain || !base64.at)
        return (struct text){0};
    while (padding < 2 && padding < base64.len && base64.at[base64.len - 1 - padding] == '=')
        padding++;
    if (padding && base64.len % 4)
        return (struct text){0};
    for (size_t i = 0; i < base64.len - padding; i++)
        plain[i] = standard(base64.at[i]);
    if (!base64_decode(BASE64_BARE, (struct text){plain, base64.len - padding}, bytes, room, &len))
        return (struct text){0};
    return (struct text){(char *)bytes, len};
}

/* buf has no arena: encode there, copy, wipe. */
static struct text encoded(struct native *n, struct text bytes, int form)
{
    struct buf buf;
    struct text copy = {0};
    if (!bytes.at)
        return copy;
    buf_init(&buf, 2 * NATIVE_MAX);
    if (form < 0)
        hex_encode(&buf, (const uint8_t *)bytes.at, bytes.len);
    else
        base64_encode((enum base64_form)form, &buf, (const uint8_t *)bytes.at, bytes.len);
    if (buf_ok(&buf))
        copy = arena_copy(n->arena, buf.len ? buf_text(&buf) : TEXT(""));
    buf_release(&buf);
    return copy;
}

struct text native_hex(struct native *n, struct text bytes)
{
    return encoded(n, bytes, -1);
}

struct text native_base64(struct native *n, struct text bytes)
{
    return encoded(n, bytes, BASE64);
}

struct text native_base64_bare(struct native *n, struct text bytes)
{
    return encoded(n, bytes, BASE64_BARE);
}

bool native_is_salt_text(struct text bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if ((unsigned char)bytes.at[i] < ' ' || bytes.at[i] == '$' || bytes.at[i] == 0x7f)
            return false;
    return bytes.len && text_is_utf8(bytes);
}

struct text native_string(struct native *n, struct json_value object, const char *key)
{
    struct text string = json_text(json_get(object, text_of(key)));
    if (!string.at || text_has_nul(string))
        return (struct text){0};
    return arena_copy(n->arena, string);
}

bool native_parse(struct native *n, struct text text, struct json_value *root)
{
    if (!n->json && json_new(&n->json, NATIVE_MAX, n->err))
        return false;
    return json_parse(n->json, text, root, n->err) == 0;
}

/* Key length 32 is pbkdf2_sha1's default, and then left out. */
static struct text pbkdf2_sha1(struct native *n, uint64_t iterations, struct text salt,
                               struct text key)
{
    char length[24] = "";
    if (key.len != 32)
        snprintf(length, sizeof(length), "$%zu", key.len);
    return arena_printf(n->arena, "pbkdf2_sha1$%llu$%.*s$%.*s%s", (unsigned long long)iterations,
                        TEXT_ARG(native_hex(n, salt)), TEXT_ARG(native_hex(n, key)), length);
}

/* A PBKDF2 key of any length begins with the shorter one: Clerk takes 32 bytes of SHA-256. */
static enum native_take pbkdf2_sha256(struct native *n, uint64_t iterations, struct text salt,
                                      struct text key, const char *note)
{
    if (key.len < 32)
        return native_refuse(n, "PBKDF2-SHA256 with a key shorter than 32 bytes" WAY_OUT);
    if (key.len > 32)
        note = "key cut to the first 32 bytes, which do not depend on its length";
    return native_give(n, "pbkdf2_sha256",
                       arena_printf(n->arena, "pbkdf2_sha256$%llu$%.*s$%.*s",
                                    (unsigned long long)iterations,
                                    TEXT_ARG(native_base64(n, salt)),
                                    TEXT_ARG(native_base64(n, text_part(key, 0, 32)))),
                       note);
}

enum native_take native_pbkdf2(struct native *n, enum native_prf prf, uint64_t iterations,
                               struct text salt, struct text key, const char *note)
{
    if (!salt.at || !key.at)
        return native_bad(n, "salt or hash is damaged");
    switch (prf) {
    case NATIVE_SHA1:
        return native_give(n, "pbkdf2_sha1", pbkdf2_sha1(n, iterations, salt, key), note);
    case NATIVE_SHA256:
        return pbkdf2_sha256(n, iterations, salt, key, note);
    case NATIVE_SHA512:
        return native_give(n, "pbkdf2_sha512_hex",
                           arena_printf(n->arena, "pbkdf2_sha512_hex$%llu$%.*s$%.*s",
                                        (unsigned long long)iterations,
                                        TEXT_ARG(native_hex(n, salt)),
                                        TEXT_ARG(native_hex(n, key))),
                           note);
    case NATIVE_OTHER:
        break;
    }
    return native_refuse(n, "PBKDF2 over a hash other than SHA-1, SHA-256 and SHA-512" WAY_OUT);
}

enum native_take native_scrypt(struct native *n, const struct native_scrypt *scrypt,
                               const char *note)
{
    if (!scrypt->salt.at || !scrypt->key.at)
        return native_bad(n, "salt or hash is damaged");
    n->scrypt = *scrypt;
    if (!native_is_salt_text(scrypt->salt))
        return native_refuse(n, "scrypt with a binary salt, where Clerk takes text" WAY_OUT);
    if (scrypt->key.len != 64)
        return native_refuse(n, "scrypt with a key that is not of 64 bytes" WAY_OUT);
    return native_give(n, "scrypt_werkzeug",
                       arena_printf(n->arena, "scrypt:%llu:%llu:%llu$%.*s$%.*s",
                                    (unsigned long long)scrypt->n, (unsigned long long)scrypt->r,
                                    (unsigned long long)scrypt->p, TEXT_ARG(scrypt->salt),
                                    TEXT_ARG(native_hex(n, scrypt->key))),
                       note);
}

enum native_take native_salted(struct native *n, struct text salt, struct text hash,
                               const char *note)
{
    bool md5 = hash.len == 16;
    if (!hash.at || (!md5 && hash.len != 32))
        return native_bad(n, "the hash has not the length of its kind");
    if (!salt.len)
        return native_give(n, md5 ? "md5" : "sha256", native_hex(n, hash), note);
    if (!native_is_salt_text(salt))
        return native_refuse(n, "a binary salt, where Clerk takes text" WAY_OUT);
    return native_give(
        n, md5 ? "md5_salted" : "sha256_salted",
        arena_printf(n->arena, "%.*s$%.*s", TEXT_ARG(salt), TEXT_ARG(native_hex(n, hash))),
        note ? note
             : "salt before password; Clerk does not document its order: try one "
               "account first");
}

enum native_take native_firebase_scrypt(struct native *n, const struct native_firebase *f)
{
    const struct text given[] = {f->hash, f->salt, f->signer_key, f->salt_separator};
    struct text plain[ARRAY_COUNT(given)];
    for (size_t i = 0; i < ARRAY_COUNT(given); i++) {
        plain[i] = native_base64(n, native_unbase64(n, given[i]));
        if (!plain[i].at)
            return native_bad(n, "hash, salt, signer key and salt separator must be base64");
    }
    return native_give(n, "scrypt_firebase",
                       arena_printf(n->arena, "%.*s$%.*s$%.*s$%.*s$%llu$%llu", TEXT_ARG(plain[0]),
                                    TEXT_ARG(plain[1]), TEXT_ARG(plain[2]), TEXT_ARG(plain[3]),
                                    (unsigned long long)f->rounds, (unsigned long long)f->mem_cost),
                       NULL);
}
