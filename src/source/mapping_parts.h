/* mapping_parts: what a mapping is made of, for mapping.c (which reads it) and mapping_apply.c. */
#ifndef USHER_SOURCE_MAPPING_PARTS_H
#define USHER_SOURCE_MAPPING_PARTS_H

#include <regex.h>

#include "source/mapping.h"

#define MAPPING_FIELDS_MAX 128

/* A template, or an array or object of them. */
struct node {
    struct node *next, *children;
    struct text key;           /* in an object */
    struct template *template; /* of a string */
    struct text literal;       /* any other value, as JSON */
    char bracket;              /* '{' or '[' */
};

struct mapped {
    enum user_field field;
    bool password;    /* the digest in a platform's own form; field is password_digest */
    struct text part; /* "plan" of "public_metadata.plan", or absent */
    struct node *node;
    const char *name; /* as the mapping writes it */
};

struct rule {
    enum user_field field;
    bool required, has_pattern;
    regex_t pattern;
    const char *pattern_text;
};

struct mapping {
    const char *path;
    struct arena arena;
    struct text text;
    const struct platform *platform;
    struct mapped fields[MAPPING_FIELDS_MAX];
    size_t field_count, node_count;
    struct rule rules[MAPPING_FIELDS_MAX];
    size_t rule_count;
    struct json *json; /* for the file, then for mapped values */
    struct buf value;
};

#endif
