/*
 * From settings to what they describe. What a connector, the bridge or the receiver refuses is told with the line of the
 * setting that its message names, else with that of the section.
 */
#include <ctype.h>

#include "trickle/settings_inside.h"

/* Whether the message has the key as a word. */
static bool names(const char *message, const char *key)
{
    size_t len = strlen(key);
    for (const char *at = strstr(message, key); at; at = strstr(at + 1, key)) {
        bool begins = at == message || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
        bool ends = !(isalnum((unsigned char)at[len]) || at[len] == '_');
        if (begins && ends)
            return true;
    }
    return false;
}

static int blame(const struct settings *settings, const char *section, struct err *err)
{
    size_t count;
    const struct settings_text *texts = settings_texts(&count);
    struct text yaml = text_of(settings->yaml);
    unsigned line = settings_line(yaml, NULL, text_of(section));
    for (size_t i = 0; i < count; i++) {
        if (!texts[i].section || strcmp(texts[i].section, section) != 0 ||
            !names(err->message, texts[i].key))
            continue;
        unsigned of_key = settings_line(yaml, section, text_of(texts[i].key));
        line = of_key > line ? of_key : line;
    }
    return err_wrap(err, "%s:%u", settings->path, line);
}

int settings_open_legacy(const struct settings *settings, struct legacy **legacy, struct err *err)
{
    const struct settings_legacy *from = &settings->legacy;
    struct legacy_opts opts = {.connector = from->connector,
                               .from = from->from,
                               .budget_ms = from->budget_ms,
                               .threads = from->threads,
                               .queue_max = from->queue_max};
#define SETTING(name, meaning) opts.name = from->name;
    LEGACY_SETTINGS(SETTING)
#undef SETTING
    return legacy_open(legacy, &opts, err) == 0 ? 0 : blame(settings, "legacy", err);
}

int settings_open_bridge(const struct settings *settings, struct bridge **bridge, struct err *err)
{
    struct bridge_opts opts;
#define SETTING(name, meaning) opts.name = settings->bridge.name;
    BRIDGE_SETTINGS(SETTING)
#undef SETTING
    *bridge = NULL;
    if (!opts.session || bridge_open(bridge, &opts, err) == 0)
        return 0;
    return blame(settings, "bridge", err);
}

int settings_open_webhook(const struct settings *settings, struct webhook **webhook,
                          struct err *err)
{
    struct webhook_opts opts;
#define SETTING(name, meaning) opts.name = settings->webhook.name;
    WEBHOOK_SETTINGS(SETTING)
#undef SETTING
    *webhook = NULL;
    if (!opts.secret || webhook_open(webhook, &opts, err) == 0)
        return 0;
    return blame(settings, "webhook", err);
}
