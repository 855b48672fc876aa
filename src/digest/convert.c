/*
 * digest_convert: which platform, which form. "auto" converts as every platform of natives.h and
 * accepts the outcome only if all that know the form agree on it.
 */
#include "digest/native.h"
#include "digest/natives.h"

#define FORMS(...) ((native_form *const[]){__VA_ARGS__, NULL})

static const struct native_platform platforms[] = {
#define ROW(name, aliases, object, forms, otherwise, none)                                         \
    {name, aliases, object, forms, otherwise, none},
    NATIVES(ROW)
#undef ROW
};

const char *const *digest_platforms(size_t *count)
{
    static const char *const names[] = {
#define ROW(name, aliases, object, forms, otherwise, none) name,
        NATIVES(ROW)
#undef ROW
    };
    *count = ARRAY_COUNT(names);
    return names;
}

const struct native_platform *native_platforms(size_t *count)
{
    *count = ARRAY_COUNT(platforms);
    return platforms;
}

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : 0;
}

/* Whether two names agree in their letters and digits. */
static bool name_same(struct text a, struct text b)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a.len && !fold(a.at[i]))
            i++;
        while (j < b.len && !fold(b.at[j]))
            j++;
        if (i == a.len || j == b.len)
            return i == a.len && j == b.len;
        if (fold(a.at[i++]) != fold(b.at[j++]))
            return false;
    }
}

const struct native_platform *native_platform_find(struct text name)
{
    for (size_t i = 0; i < ARRAY_COUNT(platforms); i++) {
        struct text rest = text_of(platforms[i].aliases), alias;
        if (name_same(name, text_of(platforms[i].name)))
            return &platforms[i];
        while (text_field(&rest, ' ', &alias))
            if (alias.len && name_same(name, alias))
                return &platforms[i];
    }
    return NULL;
}

enum native_take native_forms(struct native *n, struct text text)
{
    if (!text.len)
        return native_none(n, n->platform->none ? n->platform->none : "no password stored");
    for (native_form *const *form = n->platform->forms; *form; form++) {
        enum native_take take = (*form)(n, text);
        if (take != NATIVE_NOT_MINE)
            return take;
    }
    return NATIVE_NOT_MINE;
}

static enum native_take take(struct native *n, struct text text)
{
    struct json_value root;
    if (!n->platform->forms[0])
        return n->detecting ? NATIVE_NOT_MINE : native_refuse(n, n->platform->otherwise);
    if (n->platform->object && text_starts(text, TEXT("{")) && text_ends(text, TEXT("}"))) {
        if (!native_parse(n, text, &root))
            return NATIVE_BAD;
        return n->platform->object(n, root);
    }
    return native_forms(n, text);
}

int native_convert(struct native *n, struct text text)
{
    *n->out = (struct digest_conversion){0};
    switch (take(n, text)) {
    case NATIVE_TAKEN:
        return 0;
    case NATIVE_BAD:
        return err_wrap(n->err, "%s", n->platform->name);
    case NATIVE_NOT_MINE:
        break;
    }
    if (n->platform->otherwise && !n->detecting) {
        native_refuse(n, n->platform->otherwise);
        return 0;
    }
    return err_set(n->err, ERR_INPUT, "%s: not a form that it stores", n->platform->name);
}

static bool same_outcome(const struct digest_conversion *a, const struct digest_conversion *b)
{
    if (!a->hasher || !b->hasher)
        return !a->hasher && !b->hasher && a->no_password == b->no_password;
    return text_same(text_of(a->hasher), text_of(b->hasher)) && text_same(a->digest, b->digest);
}

static int ambiguous(struct err *err, const char *first, const struct digest_conversion *a,
                     const char *second, const struct digest_conversion *b)
{
    return err_set(err, ERR_INPUT,
                   "more than one platform stores this form: %s (%s) or %s (%s); name the one",
                   first, a->hasher ? a->hasher : "cannot be held", second,
                   b->hasher ? b->hasher : "cannot be held");
}

/* One platform's attempt under detection; what is wrong goes to *why. */
static enum native_take attempt(const struct native *n, const struct native_platform *platform,
                                struct text text, struct digest_conversion *out, struct err *why)
{
    struct native one = *n;
    one.platform = platform;
    one.detecting = true;
    one.out = out;
    one.err = why;
    *out = (struct digest_conversion){0};
    enum native_take answer = take(&one, text);
    json_free(one.json);
    return answer;
}

/* A damaged form is worth more to the reader than "no platform knows it". */
static int detect(const struct native *n, struct text text)
{
    struct digest_conversion next;
    const struct native_platform *finder = NULL;
    struct err damaged = {0}, why = {0};
    for (size_t i = 0; i < ARRAY_COUNT(platforms); i++) {
        enum native_take answer = attempt(n, &platforms[i], text, &next, &why);
        if (answer == NATIVE_BAD && !damaged.code)
            damaged = why;
        if (answer != NATIVE_TAKEN)
            continue;
        if (finder && !same_outcome(n->out, &next))
            return ambiguous(n->err, finder->name, n->out, platforms[i].name, &next);
        if (!finder)
            *n->out = next;
        finder = finder ? finder : &platforms[i];
    }
    if (finder)
        return 0;
    if (damaged.code) {
        *n->err = damaged;
        return -1;
    }
    return err_set(n->err, ERR_INPUT, "no platform is known to store this form");
}

int digest_convert(struct text platform, struct text text, struct arena *arena,
                   struct digest_conversion *out, struct err *err)
{
    bool automatic = name_same(platform, TEXT("auto"));
    struct native n = {
        .platform = native_platform_find(platform), .arena = arena, .out = out, .err = err};
    *out = (struct digest_conversion){0};
    if (!automatic && !n.platform)
        return err_set(err, ERR_USAGE, "no digests of a platform '%.*s' are known",
                       TEXT_ARG(text_part(platform, 0, 40)));
    if (text.len > NATIVE_MAX || text_has_nul(text))
        return err_set(err, ERR_INPUT, "a digest is at most %d bytes without NUL", NATIVE_MAX);
    int status = automatic ? detect(&n, text) : native_convert(&n, text);
    json_free(n.json);
    return status;
}
