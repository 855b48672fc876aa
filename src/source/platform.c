#include "source/platform.h"

#include <string.h>

static const struct platform *const platforms[] = {
#define PLATFORM(name) &platform_##name,
    SOURCE_PLATFORMS(PLATFORM)
#undef PLATFORM
        NULL};

static const char *const names[] = {
#define PLATFORM(name) #name,
    SOURCE_PLATFORMS(PLATFORM)
#undef PLATFORM
        NULL};

const char *const *source_platform_names(void)
{
    return names;
}

const struct platform *platform_find(struct text name)
{
    for (size_t i = 0; platforms[i]; i++)
        if (text_same(text_of(platforms[i]->name), name))
            return platforms[i];
    return NULL;
}

void platform_put_names(struct buf *to)
{
    for (size_t i = 0; names[i]; i++)
        buf_printf(to, "%s%s", i > 0 ? ", " : "", names[i]);
}

int platform_missing(struct text name, struct err *err)
{
    struct buf list;
    buf_init(&list, 512);
    platform_put_names(&list);
    err_set(
        err, ERR_USAGE,
        "there is no platform \"%.*s\"; there are auto, %s, and a mapping of your own (a path that "
        "ends in .json)",
        TEXT_ARG(text_part(name, 0, 64)), buf_z(&list));
    buf_release(&list);
    return -1;
}

static bool has_one_of(struct json_value record, struct text keys)
{
    struct text key;
    while (text_field(&keys, '|', &key))
        if (json_type(json_get(record, key)) != JSON_ABSENT)
            return true;
    return false;
}

bool platform_matches(const struct platform *platform, struct json_value record)
{
    for (size_t i = 0; platform->marks[i]; i++)
        if (!has_one_of(record, text_of(platform->marks[i])))
            return false;
    return true;
}

const struct platform *platform_detect(struct json_value record)
{
    for (size_t i = 0; platforms[i]; i++)
        if (platform_matches(platforms[i], record))
            return platforms[i];
    return NULL;
}
