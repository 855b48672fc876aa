/*
 * digest_find: collects candidates (cheap), then runs the steps, cheapest first, until one verifies.
 */
#include "digest/find.h"

#include "digest/crypto.h"
#include "digest/find_parts.h"

bool find_verifies(const struct digest *digest, struct text password)
{
    struct err ignored;
    return digest_verify(digest, password, &ignored) == DIGEST_MATCH;
}

bool find_not_held(struct find *f, struct text how, const char *note)
{
    *f->out = (struct digest_finding){.verified = true, .how = how, .note = note};
    return true;
}

bool find_held(struct find *f, const char *hasher, struct text digest, struct text how,
               const char *note)
{
    struct digest parsed;
    const struct digest_ops *ops = digest_ops_find(text_of(hasher));
    struct text copy = arena_copy(f->arena, digest);
    if (!ops || !copy.at || digest_parse(&parsed, ops, copy))
        return find_not_held(f, how, "Clerk's form has no room for its salt or hash" WAY_OUT);
    const char *problem = digest_clerk_problem(&parsed);
    if (problem)
        return find_not_held(f, how, problem);
    *f->out = (struct digest_finding){
        .verified = true, .hasher = ops->hasher, .digest = copy, .how = how, .note = note};
    return true;
}

void find_add(struct find *f, const char *hasher, struct text digest, const char *from,
              const char *note)
{
    struct find_candidate next = {.from = from, .note = note};
    const struct digest_ops *ops = digest_ops_find(text_of(hasher));
    if (f->count == FIND_CANDIDATES_MAX || !digest.at || ops->remote ||
        digest_parse(&next.digest, ops, digest))
        return;
    for (size_t i = 0; i < f->count; i++)
        if (f->candidates[i].digest.ops == ops && text_same(f->candidates[i].digest.text, digest))
            return;
    f->candidates[f->count++] = next;
}

static void collect_hashers(struct find *f)
{
    size_t count;
    const struct digest_ops *const *all = digest_ops_all(&count);
    for (size_t i = 0; i < count; i++)
        find_add(f, all[i]->hasher, f->opts->digest, NULL, NULL);
}

/* What a platform is known to store although Clerk cannot hold it explains a search without success. */
static void collect_natives(struct find *f)
{
    size_t count;
    const struct native_platform *platforms = native_platforms(&count);
    for (size_t i = 0; i < count; i++) {
        f->native.platform = &platforms[i];
        if (!platforms[i].forms[0] || native_convert(&f->native, f->opts->digest))
            continue;
        if (f->conversion.hasher)
            find_add(f, f->conversion.hasher, f->conversion.digest, platforms[i].name,
                     f->conversion.note);
        else if (!f->out->note && !f->conversion.no_password && !platforms[i].otherwise)
            f->out->note = f->conversion.note;
    }
}

bool find_plain(struct find *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct find_candidate *c = &f->candidates[i];
        if (!find_verifies(&c->digest, f->opts->password))
            continue;
        struct text how =
            c->from ? arena_printf(f->arena, "%s, as %s stores it", c->digest.ops->hasher, c->from)
                    : arena_printf(f->arena, "%s, as it stands", c->digest.ops->hasher);
        return find_held(f, c->digest.ops->hasher, c->digest.text, how, c->note);
    }
    return false;
}

bool find_scrypt(struct find *f)
{
    const struct native_scrypt *s = &f->native.scrypt;
    uint8_t key[128];
    struct crypto_scrypt in = {f->opts->password, s->salt, s->n, s->r, s->p};
    bool sound = s->n > 1 && s->n <= 1 << 20 && !(s->n & (s->n - 1)) && s->r && s->r <= 32 &&
                 s->p && s->p <= 16 && s->key.len >= 16 && s->key.len <= sizeof(key);
    bool same =
        sound && crypto_scrypt(&in, key, s->key.len) && secret_same(key, s->key.at, s->key.len);
    secret_wipe(key, sizeof(key));
    if (!same)
        return false;
    return find_not_held(
        f,
        arena_printf(f->arena, "scrypt N=%llu r=%llu p=%llu, %s salt, key of %zu bytes",
                     (unsigned long long)s->n, (unsigned long long)s->r, (unsigned long long)s->p,
                     native_is_salt_text(s->salt) ? "text" : "binary", s->key.len),
        "Clerk's scrypt_werkzeug takes a text salt and a key of 64 bytes" WAY_OUT);
}

/* Nothing verified: what it looks like, if anything. */
static void explain(struct find *f)
{
    struct digest_finding *out = f->out;
    if (text_starts(f->opts->digest, TEXT("awscognito#"))) {
        out->how = TEXT("has the form of awscognito");
        out->note = "there is no hash in it: only a sign-in to Cognito proves the password";
        return;
    }
    if (!f->count) {
        if (out->note)
            out->how = TEXT("known by its form, but not proven with this password");
        else
            out->note = "no known form, and no hash of this password with these salts and peppers";
        return;
    }
    const struct find_candidate *c = &f->candidates[0];
    out->how = arena_printf(f->arena, "has the form of %s", c->digest.ops->hasher);
    out->note =
        "but it is not of this password, nor of it with these salts and peppers: is it this "
        "user's, is the password the one of that day?";
    if (c->from && text_same(text_of(c->from), TEXT("better-auth")))
        out->note = "but it is not of this password; Better Auth hashes the NFKC form: if the "
                    "password is not plain ASCII, try it normalised";
}

static int check(const struct digest_find_opts *opts, struct err *err)
{
    if (opts->salt_count > DIGEST_FIND_EXTRAS_MAX || opts->pepper_count > DIGEST_FIND_EXTRAS_MAX)
        return err_set(err, ERR_USAGE, "at most %d salts and %d peppers", DIGEST_FIND_EXTRAS_MAX,
                       DIGEST_FIND_EXTRAS_MAX);
    if (opts->password.len > DIGEST_PASSWORD_MAX)
        return err_set(err, ERR_USAGE, "the password is longer than %d bytes", DIGEST_PASSWORD_MAX);
    if (opts->digest.len > NATIVE_MAX || text_has_nul(opts->digest))
        return err_set(err, ERR_USAGE, "a digest is at most %d bytes without NUL", NATIVE_MAX);
    return 0;
}

int digest_find(const struct digest_find_opts *opts, struct arena *arena,
                struct digest_finding *out, struct err *err)
{
    static bool (*const steps[])(struct find *) = {
        find_plain, find_raw, find_crypt, find_scrypt, find_disguised, find_chained,
    };
    *out = (struct digest_finding){0};
    if (check(opts, err))
        return -1;
    struct find *f = arena_zalloc(arena, 1, sizeof(*f));
    if (!f)
        return err_memory(err);
    f->opts = opts;
    f->arena = arena;
    f->out = out;
    f->native = (struct native){.arena = arena, .out = &f->conversion, .err = &f->ignored};
    collect_hashers(f);
    collect_natives(f);
    bool found = false;
    for (size_t i = 0; i < ARRAY_COUNT(steps) && !found; i++)
        found = steps[i](f);
    if (!found)
        explain(f);
    json_free(f->native.json);
    return 0;
}
