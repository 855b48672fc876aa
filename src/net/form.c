#include "net/form.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct text form_decode(struct arena *arena, struct text t, bool plus)
{
    struct text out = arena_copy(arena, t);
    char *to = (char *)(uintptr_t)out.at;
    size_t len = 0;
    for (size_t i = 0; to && i < t.len; i++) {
        char c = t.at[i];
        if (c == '%') {
            int high = i + 2 < t.len ? hex_digit(t.at[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(t.at[i + 2]) : -1;
            if (low < 0)
                return (struct text){NULL, 0};
            c = (char)(high << 4 | low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        to[len++] = c;
    }
    out.len = len;
    if (!text_is_utf8(out) || text_has_nul(out))
        return (struct text){NULL, 0};
    return out;
}

static bool add(struct form_fields *form, struct text pair, struct arena *arena)
{
    size_t equals = text_find(pair, '=', 0);
    struct text name = form_decode(arena, text_part(pair, 0, equals), true);
    struct text value = form_decode(arena, text_part(pair, equals + 1, pair.len), true);
    if (!name.at || !value.at)
        return false;
    if (text_ends(name, TEXT("[]")))
        name.len -= 2;
    form->at[form->count++] = (struct form_param){name, value};
    return true;
}

enum form_answer form_parse(struct text t, struct arena *arena, struct form_fields *form)
{
    struct text rest = t, pair;
    size_t count = 1;
    *form = (struct form_fields){NULL, 0};
    if (!t.at || t.len == 0)
        return FORM_OK;
    for (size_t i = 0; i < t.len; i++)
        count += t.at[i] == '&';
    if (count > FORM_MAX)
        return FORM_TOO_MANY;
    form->at = arena_alloc(arena, count * sizeof(*form->at));
    if (!form->at)
        return FORM_MEMORY;
    while (text_field(&rest, '&', &pair))
        if (pair.len > 0 && !add(form, pair, arena))
            return FORM_MALFORMED;
    return FORM_OK;
}

struct text form_get(const struct form_fields *form, struct text name)
{
    for (size_t i = 0; i < form->count; i++)
        if (text_same(form->at[i].name, name))
            return form->at[i].value;
    return (struct text){NULL, 0};
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void form_encode(struct text t, struct buf *to)
{
    for (size_t i = 0; i < t.len; i++) {
        if (is_unreserved(t.at[i]))
            buf_byte(to, t.at[i]);
        else
            buf_printf(to, "%%%02X", (unsigned char)t.at[i]);
    }
}

bool form_is_type(struct text content_type, struct text type)
{
    struct text bare = text_trim(text_part(content_type, 0, text_find(content_type, ';', 0)));
    return text_same_nocase(bare, type);
}

struct text cookie_get(struct text header, struct text name)
{
    struct text rest = header, pair;
    while (text_field(&rest, ';', &pair)) {
        size_t equals = text_find(pair, '=', 0);
        if (equals == pair.len || !text_same(text_trim(text_part(pair, 0, equals)), name))
            continue;
        struct text value = text_trim(text_part(pair, equals + 1, pair.len));
        if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
            value = text_part(value, 1, value.len - 2);
        return value;
    }
    return (struct text){NULL, 0};
}
