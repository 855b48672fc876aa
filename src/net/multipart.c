/*
 * multipart/form-data (RFC 7578, RFC 2046 5.1): parts between lines of "--" and the boundary,
 *
 *     --b CRLF  headers CRLF CRLF  content CRLF  --b CRLF  …  --b-- CRLF
 *
 * What stands before the first boundary and behind the last is ignored.
 */
#include "net/form.h"

#define BOUNDARY_MAX 70

/* The value of a parameter of a header: `; name="x"` or `; name=x`. Absent if there is none. */
static struct text parameter(struct text header, struct text name)
{
    size_t at = text_find(header, ';', 0);
    while (at < header.len) {
        struct text rest = text_trim(text_part(header, at + 1, header.len));
        size_t equals = text_find(rest, '=', 0);
        struct text value = text_part(rest, equals + 1, rest.len);
        bool quoted = value.len > 0 && value.at[0] == '"';
        size_t end = quoted ? text_find(value, '"', 1) : text_find(value, ';', 0);
        struct text found = text_part(value, quoted, end - quoted);
        if (equals < rest.len && text_same_nocase(text_trim(text_part(rest, 0, equals)), name))
            return quoted ? found : text_trim(found);
        at = text_find(header, ';', (size_t)(value.at - header.at) + end);
    }
    return (struct text){NULL, 0};
}

/* Where `what` begins in t at or after from; t.len if nowhere. */
static size_t find(struct text t, struct text what, size_t from)
{
    if (from > t.len)
        return t.len;
    const char *found = memmem(t.at + from, t.len - from, what.at, what.len);
    return found ? (size_t)(found - t.at) : t.len;
}

static void read_header(struct text line, struct form_part *part)
{
    size_t colon = text_find(line, ':', 0);
    struct text name = text_trim(text_part(line, 0, colon));
    struct text value = text_trim(text_part(line, colon + 1, line.len));
    if (text_same_nocase(name, TEXT("Content-Disposition"))) {
        part->name = parameter(value, TEXT("name"));
        part->filename = parameter(value, TEXT("filename"));
    } else if (text_same_nocase(name, TEXT("Content-Type"))) {
        part->type = value;
    }
}

/* Splits what is between two boundaries. Returns false without the empty line. */
static bool read_part(struct text t, struct form_part *part)
{
    size_t at = 0;
    *part = (struct form_part){.content = {NULL, 0}};
    for (;;) {
        size_t end = find(t, TEXT("\r\n"), at);
        if (end == t.len)
            return false;
        if (end == at)
            break;
        read_header(text_part(t, at, end - at), part);
        at = end + 2;
    }
    part->content = text_part(t, at + 2, t.len);
    return true;
}

bool form_part(struct text content_type, struct text body, struct text name, struct form_part *part)
{
    char line[BOUNDARY_MAX + 4] = "\r\n--";
    struct text boundary = parameter(content_type, TEXT("boundary"));
    if (!form_is_type(content_type, TEXT("multipart/form-data")) || boundary.len == 0 ||
        boundary.len > BOUNDARY_MAX || !body.at)
        return false;
    memcpy(line + 4, boundary.at, boundary.len);
    struct text separator = {line, boundary.len + 4};
    struct text first = text_part(separator, 2, separator.len);
    size_t at = text_starts(body, first) ? first.len : find(body, separator, 0) + separator.len;
    while (at < body.len && text_starts(text_part(body, at, 2), TEXT("\r\n"))) {
        size_t end = find(body, separator, at);
        if (end == body.len || !read_part(text_part(body, at + 2, end - at - 2), part))
            return false;
        if (text_same(part->name, name))
            return true;
        at = end + separator.len;
    }
    return false;
}
