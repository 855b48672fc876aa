/*
 * What is stored is one JSON object, {"email_address.enabled":true, …, "org_force_selection":false}. A name
 * that is not in it has its default, one that is in no table any more is passed over: so data of an older or
 * a newer version can be read.
 */
#include "sandbox/settings.h"

#define STORED_AS    "settings"
#define SETTINGS_MAX ((size_t)4 << 20)

#define MEMBER(name, member) offsetof(struct settings, attributes[SETTINGS_##name].member)
#define FLAG_ROW(name, member)                                                                     \
    {                                                                                              \
#name "." #member, SETTING_FLAG, MEMBER(name, member)                                      \
    }

const struct setting_info setting_infos[SETTING_COUNT] = {
#define ATTRIBUTE(name, ...)                                                                       \
    FLAG_ROW(name, enabled), FLAG_ROW(name, required), FLAG_ROW(name, used_for_first_factor),      \
        FLAG_ROW(name, used_for_second_factor), FLAG_ROW(name, verify_at_sign_up),
    SETTINGS_ATTRIBUTES(ATTRIBUTE)
#undef ATTRIBUTE
#define SETTING(name, kind, preset) {#name, SETTING_##kind, offsetof(struct settings, name)},
        SETTINGS(SETTING)
#undef SETTING
};

/* The defaults as the stored form, without the attributes. */
static const char presets[] = "{"
#define SETTING(name, kind, preset) "\"" #name "\":" #preset ","
    SETTINGS(SETTING)
#undef SETTING
        "\"\":null}";

const char *settings_attribute_text(enum settings_attribute_name name)
{
    static const char *const names[] = {
#define ATTRIBUTE(name, ...) #name,
        SETTINGS_ATTRIBUTES(ATTRIBUTE)
#undef ATTRIBUTE
    };
    return names[name];
}

static int read_text(struct json_value value, struct arena *arena, struct text *to, struct err *err)
{
    *to = (struct text){NULL, 0};
    if (json_type(value) != JSON_STRING)
        return 0;
    *to = arena_copy(arena, json_text(value));
    return to->at ? 0 : err_memory(err);
}

static int read_texts(struct json_value value, struct arena *arena, struct user_texts *to,
                      struct err *err)
{
    *to = (struct user_texts){NULL, 0};
    if (json_type(value) != JSON_ARRAY)
        return 0;
    to->at = arena_zalloc(arena, json_count(value) + 1, sizeof(*to->at));
    if (!to->at)
        return err_memory(err);
    for (struct json_walk walk = json_walk(value); json_next(&walk);)
        if (read_text(walk.value, arena, &to->at[to->count++], err) != 0)
            return -1;
    return 0;
}

static int read_row(struct settings *settings, const struct setting_info *info,
                    struct json_value value, struct err *err)
{
    void *member = (char *)settings + info->offset;
    switch (info->kind) {
    case SETTING_FLAG:
        *(bool *)member = json_true(value);
        return 0;
    case SETTING_NUMBER:
        *(int64_t *)member = json_int(value);
        return 0;
    case SETTING_TEXT:
        return read_text(value, &settings->arena, member, err);
    case SETTING_TEXTS:
        return read_texts(value, &settings->arena, member, err);
    }
    return 0;
}

static int read_all(struct settings *settings, struct json *json, struct text stored,
                    struct err *err)
{
    struct json_value root;
    if (json_parse(json, stored, &root, err) != 0) {
        err->code = ERR_UNUSABLE;
        return err_wrap(err, "the stored settings");
    }
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct json_value value = json_get(root, text_of(setting_infos[i].name));
        if (json_type(value) != JSON_ABSENT &&
            read_row(settings, &setting_infos[i], value, err) != 0)
            return -1;
    }
    return 0;
}

/* Fills a fresh struct with the defaults and what is stored over them; absent: nothing is. */
static int load(struct settings *settings, bool production, struct text stored, struct err *err)
{
    struct json *json;
    *settings = (struct settings){.production = production,
                                  .attributes = {
#define ATTRIBUTE(name, ...) [SETTINGS_##name] = {__VA_ARGS__},
                                      SETTINGS_ATTRIBUTES(ATTRIBUTE)
#undef ATTRIBUTE
                                  }};
    arena_init(&settings->arena, SETTINGS_MAX);
    if (json_new(&json, SETTINGS_MAX, err) != 0)
        return -1;
    int status = read_all(settings, json, TEXT(presets), err);
    settings->test_mode = settings->test_mode && !production;
    if (status == 0 && stored.at)
        status = read_all(settings, json, stored, err);
    json_free(json);
    if (status != 0)
        arena_release(&settings->arena);
    return status;
}

int settings_open(struct settings *settings, struct store *store, struct err *err)
{
    struct settings fresh;
    struct arena arena;
    struct text stored;
    arena_init(&arena, SETTINGS_MAX);
    int status = store_value_get(store, STORED_AS, &arena, &stored, err);
    if (status == 0)
        status = load(&fresh, settings->production, stored, err);
    arena_release(&arena);
    if (status != 0)
        return -1;
    settings_close(settings);
    *settings = fresh;
    store_set_attempts(store, settings->lockout_enabled ? settings->lockout_max_attempts : 0);
    return 0;
}

int64_t settings_lock_end(const struct settings *settings, int64_t now_ms)
{
    return settings->lockout_minutes == 0 ? ACCOUNT_LOCKED_FOREVER
                                          : now_ms + settings->lockout_minutes * 60000;
}

void settings_close(struct settings *settings)
{
    arena_release(&settings->arena);
}

void settings_write(const struct settings *settings, enum setting setting, struct json_out *out)
{
    const void *member = (const char *)settings + setting_infos[setting].offset;
    const struct user_texts *texts = member;
    switch (setting_infos[setting].kind) {
    case SETTING_FLAG:
        json_put_bool(out, *(const bool *)member);
        return;
    case SETTING_NUMBER:
        json_put_int(out, *(const int64_t *)member);
        return;
    case SETTING_TEXT:
        json_put_text_or_null(out, *(const struct text *)member);
        return;
    case SETTING_TEXTS:
        if (!texts->at) {
            json_put_null(out);
            return;
        }
        json_open(out, '[');
        for (size_t i = 0; i < texts->count; i++)
            json_put_text(out, texts->at[i]);
        json_close(out, ']');
        return;
    }
}

int settings_put(struct settings *settings, struct store *store, const struct settings *draft,
                 struct err *err)
{
    struct buf stored;
    buf_init(&stored, SETTINGS_MAX);
    struct json_out out = json_out(&stored);
    json_open(&out, '{');
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        json_key(&out, text_of(setting_infos[i].name));
        settings_write(draft, (enum setting)i, &out);
    }
    json_close(&out, '}');
    int status = buf_ok(&stored) ? 0 : err_memory(err);
    if (status == 0)
        status = store_value_put(store, STORED_AS, buf_text(&stored), err);
    if (status == 0)
        status = settings_open(settings, store, err);
    buf_release(&stored);
    return status;
}
