/*
 * A User-Agent names many browsers for the sake of old pages; the first row that it has is what it is. The version stands
 * behind the row's mark: "Chrome/156.0.0.0", "Version/18.1 Safari/605.1".
 */
#include "sandbox/device.h"

#include <string.h>

struct row {
    const char *mark, *name;
};

static const struct row browsers[] = {
    {"Edg/", "Microsoft Edge"},    {"OPR/", "Opera"},       {"SamsungBrowser/", "Samsung Internet"},
    {"HeadlessChrome/", "Chrome"}, {"CriOS/", "Chrome"},    {"Chrome/", "Chrome"},
    {"FxiOS/", "Firefox"},         {"Firefox/", "Firefox"}, {"Version/", "Safari"},
};

static const struct row types[] = {
    {"iPhone", "iPhone"},       {"iPad", "iPad"},       {"Android", "Android"},
    {"Macintosh", "Macintosh"}, {"Windows", "Windows"}, {"CrOS", "Chrome OS"},
    {"Linux", "Linux"},
};

/* The first row whose mark is in the text, and what stands behind the mark; NULL if there is none. */
static const char *find(const struct row *rows, size_t count, struct text in, struct text *behind)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(rows[i].mark);
        const char *at = in.len > 0 ? memmem(in.at, in.len, rows[i].mark, len) : NULL;
        if (at) {
            size_t from = (size_t)(at - in.at) + len;
            *behind = text_part(in, from, in.len - from);
            return rows[i].name;
        }
    }
    return NULL;
}

static struct text number_of(struct text t)
{
    size_t len = 0;
    while (len < t.len && (t.at[len] == '.' || (t.at[len] >= '0' && t.at[len] <= '9')))
        len++;
    return text_part(t, 0, len);
}

struct device device_of(struct text agent)
{
    struct text behind = {NULL, 0}, ignored;
    static const struct row phones[] = {{"Mobi", ""}};
    struct device device = {
        .type = find(types, ARRAY_COUNT(types), agent, &ignored),
        .browser = find(browsers, ARRAY_COUNT(browsers), agent, &behind),
        .mobile = find(phones, ARRAY_COUNT(phones), agent, &ignored) != NULL,
    };
    device.version = number_of(behind);
    return device;
}
