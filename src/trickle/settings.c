/*
 * Loading: libcyaml checks the file against the schema (settings_schema.c) and fills the struct, in the
 * order of its keys; then texts of the form ${env:NAME} and ${file:PATH} are replaced, defaults filled in,
 * and what the schema cannot say is checked (settings_check.c). libcyaml tells the line of a value that it dislikes, but not
 * of a key: that, and the lines of our own complaints, are looked up in the text.
 */
#include "trickle/settings_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX_BYTES   ((size_t)1024 * 1024)
#define SECRET_MAX_BYTES ((size_t)64 * 1024)

/* --- reading --- */

static int read_file(const char *path, struct buf *to, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERR_IO, "%s cannot be opened: %s", path, strerror(errno));
    char *room = buf_room(to, to->max - 1);
    if (room)
        buf_grow(to, fread(room, 1, to->max - 1, file));
    bool bad = !room || ferror(file), more = !bad && fgetc(file) != EOF;
    fclose(file);
    if (bad)
        return err_set(err, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
    return more ? err_set(err, ERR_USAGE, "%s is larger than %zu bytes", path, to->max - 1) : 0;
}

unsigned settings_line(struct text text, const char *section, struct text key)
{
    struct text rest = text, line;
    bool inside = section == NULL;
    for (unsigned number = 1; text_field(&rest, '\n', &line); number++) {
        struct text bare = text_trim(line), name = text_part(bare, 0, text_find(bare, ':', 0));
        bool at_top = line.len > 0 && line.at[0] != ' ' && line.at[0] != '#';
        if (section && at_top)
            inside = text_same(name, text_of(section));
        if (inside && text_same(name, key) && (section == NULL || !at_top))
            return number;
    }
    return section ? settings_line(text, NULL, text_of(section)) : 1;
}

/* What libcyaml says of an error: its first line, and the first line number behind it. */
struct complaint {
    char first[256];
    unsigned line;
};

static void listen_to(cyaml_log_t level, void *arg, const char *format, va_list args)
{
    struct complaint *complaint = arg;
    char said[256];
    (void)level;
    vsnprintf(said, sizeof(said), format, args);
    said[strcspn(said, "\n")] = 0;
    const char *at = strstr(said, "(line: ");
    if (at && complaint->line == 0)
        complaint->line = (unsigned)strtoul(at + 7, NULL, 10);
    if (complaint->first[0] == 0)
        snprintf(complaint->first, sizeof(complaint->first), "%s",
                 strncmp(said, "Load: ", 6) == 0 ? said + 6 : said);
}

static cyaml_config_t config_for(struct complaint *complaint)
{
    return (cyaml_config_t){.log_fn = listen_to,
                            .log_ctx = complaint,
                            .mem_fn = cyaml_mem,
                            .log_level = CYAML_LOG_ERROR};
}

static int parse(struct settings **out, const char *path, struct text text, struct err *err)
{
    static const char unexpected[] = "Unexpected key: ", empty[] = "STRING length < 1";
    struct complaint complaint = {"", 0};
    cyaml_config_t config = config_for(&complaint);
    cyaml_err_t result = cyaml_load_data((const uint8_t *)text.at, text.len, &config,
                                         &settings_schema, (cyaml_data_t **)out, NULL);
    if (result == CYAML_OK && *out)
        return 0;
    if (result == CYAML_OK)
        return err_set(err, ERR_USAGE, "%s:1: it is empty; docs/gateway.md has an example", path);
    if (strncmp(complaint.first, unexpected, sizeof(unexpected) - 1) == 0)
        complaint.line =
            settings_line(text, NULL, text_of(complaint.first + sizeof(unexpected) - 1));
    if (strncmp(complaint.first, empty, sizeof(empty) - 1) == 0)
        snprintf(complaint.first, sizeof(complaint.first),
                 "a value is empty; give one, or leave the line out");
    return err_set(err, ERR_USAGE, "%s:%u: %s", path, complaint.line ? complaint.line : 1,
                   complaint.first[0] ? complaint.first : cyaml_strerror(result));
}

/* --- ${env:NAME} and ${file:PATH} --- */

/* Reads what a reference names into a new string without the line's end. NULL with err. */
static char *fetch(struct text kind, const char *name, struct err *err)
{
    struct buf content;
    const char *value = NULL;
    char *copy = NULL;
    buf_init(&content, SECRET_MAX_BYTES);
    if (text_same(kind, TEXT("env"))) {
        value = getenv(name);
        if (!value)
            err_set(err, ERR_USAGE, "the environment has no %s", name);
    } else if (!text_same(kind, TEXT("file"))) {
        err_set(err, ERR_USAGE, "there are ${env:NAME} and ${file:PATH}, not ${%.*s:…}",
                TEXT_ARG(kind));
    } else if (read_file(name, &content, err) == 0) {
        value = buf_z(&content);
    }
    if (value) {
        copy = strdup(value);
        if (copy)
            copy[strcspn(copy, "\r\n")] = 0;
        else
            err_memory(err);
    }
    buf_release(&content);
    return copy;
}

static void replace(char **value, char *by)
{
    secret_wipe(*value, strlen(*value));
    free(*value);
    *value = by;
}

/* Replaces a reference by what it names. Returns 0 or -1; *was_reference tells. */
static int resolve(char **value, bool *was_reference, struct err *err)
{
    struct text whole = text_of(*value);
    *was_reference = text_starts(whole, TEXT("${")) && text_ends(whole, TEXT("}"));
    if (!*was_reference)
        return 0;
    struct text inner = text_part(whole, 2, whole.len - 3);
    size_t colon = text_find(inner, ':', 0);
    if (colon >= inner.len)
        return err_set(err, ERR_USAGE, "there are ${env:NAME} and ${file:PATH}");
    (*value)[whole.len - 1] = 0;
    char *found = fetch(text_part(inner, 0, colon), inner.at + colon + 1, err);
    (*value)[whole.len - 1] = '}';
    if (!found)
        return -1;
    replace(value, found);
    return (*value)[0] ? 0 : err_set(err, ERR_USAGE, "what it names is empty");
}

static int resolve_all(struct settings *settings, const char *path, struct text yaml,
                       struct err *err)
{
    size_t count;
    const struct settings_text *texts = settings_texts(&count);
    for (size_t i = 0; i < count; i++) {
        char **value = settings_value(settings, &texts[i]);
        bool was_reference = false;
        int result = *value ? resolve(value, &was_reference, err) : 0;
        if (result == 0 && *value && settings_is_secret(&texts[i]) && !was_reference)
            result = err_set(err, ERR_USAGE,
                             "a secret stands in a file or the environment: write ${file:PATH} or "
                             "${env:NAME}");
        if (result != 0)
            return err_wrap(err, "%s:%u: %s", path,
                            settings_line(yaml, texts[i].section, text_of(texts[i].key)),
                            texts[i].key);
    }
    return 0;
}

/* --- numbers and defaults --- */

static int set_default(char **value, const char *text, struct err *err)
{
    if (!*value)
        *value = strdup(text);
    return *value ? 0 : err_memory(err);
}

static int take_numbers(struct settings *settings, const char *path, struct text yaml,
                        struct err *err)
{
    size_t count;
    const struct settings_number *numbers = settings_numbers(&count);
    for (size_t i = 0; i < count; i++) {
        const struct settings_number *one = &numbers[i];
        const char *given = *(char *const *)((const char *)settings + one->given);
        uint64_t value = one->fallback;
        bool reads = !given || (text_u64(text_of(given), one->most, &value) && value >= one->least);
        *(uint32_t *)((char *)settings + one->value) = (uint32_t)value;
        if (!reads)
            return err_set(err, ERR_USAGE,
                           "%s:%u: %s: it is a whole number from %" PRIu32 " to %" PRIu32, path,
                           settings_line(yaml, one->section, text_of(one->key)), one->key,
                           one->least, one->most);
    }
    return 0;
}

static int fill_defaults(struct settings *settings, struct err *err)
{
    if (set_default(&settings->proxy.upstream, "https://frontend-api.clerk.dev", err) != 0)
        return -1;
    return set_default(&settings->clerk.api_url, "https://api.clerk.com", err);
}

static int keep_source(struct settings *settings, const char *path, const char *yaml,
                       struct err *err)
{
    settings->path = strdup(path);
    settings->yaml = strdup(yaml);
    return settings->path && settings->yaml ? 0 : err_memory(err);
}

int settings_load(struct settings **out, const char *path, struct err *err)
{
    struct settings *settings = NULL;
    struct buf yaml;
    buf_init(&yaml, FILE_MAX_BYTES);
    int result = read_file(path, &yaml, err);
    if (result == 0)
        result = parse(&settings, path, buf_text(&yaml), err);
    if (result == 0)
        result = resolve_all(settings, path, buf_text(&yaml), err);
    if (result == 0)
        result = take_numbers(settings, path, buf_text(&yaml), err);
    if (result == 0)
        result = fill_defaults(settings, err);
    if (result == 0)
        result = settings_check(settings, path, buf_text(&yaml), err);
    if (result == 0)
        result = keep_source(settings, path, buf_z(&yaml), err);
    buf_release(&yaml);
    if (result != 0)
        settings_free(settings);
    else
        *out = settings;
    return result;
}

void settings_free(struct settings *settings)
{
    struct complaint complaint;
    cyaml_config_t config = config_for(&complaint);
    size_t count;
    const struct settings_text *texts = settings_texts(&count);
    if (!settings)
        return;
    for (size_t i = 0; i < count; i++) {
        char *value = *settings_value(settings, &texts[i]);
        if (value && settings_is_secret(&texts[i]))
            secret_wipe(value, strlen(value));
    }
    free(settings->path);
    free(settings->yaml);
    cyaml_free(&config, &settings_schema, settings, 0);
}
