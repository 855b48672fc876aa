/* The inside of settings: the schema of usher.yaml. Nobody else includes this. */
#ifndef USHER_TRICKLE_SETTINGS_INSIDE_H
#define USHER_TRICKLE_SETTINGS_INSIDE_H

#include <cyaml/cyaml.h>

#include "trickle/settings.h"

extern const cyaml_schema_value_t settings_schema;

/* A text of the settings, where references are replaced. */
struct settings_text {
    const char *section; /* NULL: on the top */
    const char *key;
    size_t offset; /* of the char * in struct settings */
};

/* All of them; *count gets how many. */
const struct settings_text *settings_texts(size_t *count);

/* Where it stands. */
char **settings_value(struct settings *settings, const struct settings_text *text);

/* A number of the settings, and what it may be. */
struct settings_number {
    const char *section, *key; /* as settings_text */
    size_t given, value;       /* offsets in struct settings: of the text, and of the uint32_t */
    uint32_t fallback, least, most;
};
const struct settings_number *settings_numbers(size_t *count);

/* The line of a key inside a section (or on the top, section NULL); without such a line the section's, or 1. */
unsigned settings_line(struct text yaml, const char *section, struct text key);

/* Checks a configuration that is complete. 0, or -1 (ERR_USAGE) telling the line. */
int settings_check(struct settings *settings, const char *path, struct text yaml, struct err *err);

/* Whether it must not stand in the file itself. */
bool settings_is_secret(const struct settings_text *text);

#endif
