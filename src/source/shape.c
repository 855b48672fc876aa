#include "source/shape.h"

#include "source/scan.h"

/* Keys under which interfaces hand out lists: enough even beside an id of the page or tenant. */
static bool is_list_key(struct text key)
{
    static const char *const names[] = {"users", "data",      "items", "results",
                                        "rows",  "Resources", "value", "records"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (text_same_nocase(key, text_of(names[i])))
            return true;
    return false;
}

/* Keys that a user has and a wrapper has not. */
static bool is_user_key(struct text key)
{
    static const char *const names[] = {"id",      "_id",     "uid",        "sub",
                                        "user_id", "localId", "email",      "username",
                                        "phone",   "name",    "external_id"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (text_same_nocase(key, text_of(names[i])))
            return true;
    return false;
}

struct look {
    struct text t;
    size_t at;
    bool user;       /* a key of a user was seen */
    bool list;       /* shape.array_at is under a list key */
    size_t empty_at; /* an empty array, or 0 */
    unsigned empty_depth;
    struct shape shape;
};

static char peek(struct look *look)
{
    const struct text *t = &look->t;
    while (look->at < t->len && (t->at[look->at] == ' ' || t->at[look->at] == '\n' ||
                                 t->at[look->at] == '\r' || t->at[look->at] == '\t'))
        look->at++;
    return look->at < t->len ? t->at[look->at] : 0;
}

/* Passes over a string; false if it is cut off. */
static bool take_string(struct look *look, struct text *content)
{
    size_t from = ++look->at;
    while (look->at < look->t.len && look->t.at[look->at] != '"')
        look->at += look->t.at[look->at] == '\\' ? 2 : 1;
    if (look->at >= look->t.len)
        return false;
    *content = text_part(look->t, from, look->at - from);
    look->at++;
    return true;
}

static bool skip_value(struct look *look)
{
    struct scan scan = {0};
    struct text ignored;
    char c = peek(look);
    if (c == '"')
        return take_string(look, &ignored);
    if (c == '{' || c == '[') {
        size_t end = scan_value(&scan, look->t.at + look->at, look->t.len - look->at);
        look->at = end == SCAN_OPEN ? look->t.len : look->at + end;
        return end != SCAN_OPEN;
    }
    while (look->at < look->t.len && look->t.at[look->at] != ',' && look->t.at[look->at] != '}')
        look->at++;
    return look->at < look->t.len;
}

/* At an array: keeps it if the users may be in it; true if they surely are. */
static bool is_users(struct look *look, struct text key, unsigned depth)
{
    size_t at = look->at++;
    char first = peek(look);
    look->at = at;
    if (first == '{' && (!look->shape.wrapper || is_list_key(key))) {
        look->list = is_list_key(key);
        look->shape = (struct shape){true, at, depth};
    }
    if (first == ']' && look->empty_at == 0) {
        look->empty_at = at;
        look->empty_depth = depth;
    }
    return look->list;
}

/* Looks at the members of the object at look->at; true to go on behind it. */
static bool look_into(struct look *look, unsigned depth)
{
    struct text key;
    look->at++;
    while (peek(look) == '"') {
        if (!take_string(look, &key) || peek(look) != ':')
            return false;
        look->at++;
        look->user |= depth == 1 && is_user_key(key);
        char c = peek(look);
        if (c == '[' && is_users(look, key, depth))
            return false;
        if (c == '{' && depth == 1 ? !look_into(look, 2) : !skip_value(look))
            return false;
        if (peek(look) != ',')
            break;
        look->at++;
    }
    if (peek(look) != '}')
        return false;
    look->at++;
    return true;
}

struct shape shape_of(struct text t)
{
    struct look look = {.t = t};
    bool whole = look_into(&look, 1);
    if (!look.shape.wrapper && whole && look.empty_at > 0)
        look.shape = (struct shape){true, look.empty_at, look.empty_depth};
    if (look.user && !look.list)
        look.shape.wrapper = false;
    return look.shape;
}
