/* Reads a JSON Lines file of $USHER_SHARED/digests row by row. */
#ifndef USHER_TEST_LINES_H
#define USHER_TEST_LINES_H

#include "../unit/test.h"

#include "json/json.h"

/* Calls use(row, with) for every line of a file; fails the test if the file cannot be read whole. */
static inline size_t each_line(const char *name, void (*use)(struct json_value row, void *with),
                               void *with)
{
    char path[4096], *line = NULL;
    size_t room = 0, count = 0;
    struct json *json;
    struct json_value row;
    struct err err;
    snprintf(path, sizeof(path), "%s/digests/%s", getenv("USHER_SHARED"), name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(json_new(&json, 1 << 20, &err), 0);
    for (ssize_t len; (len = getline(&line, &room, file)) > 0; count++) {
        assert_int_equal(json_parse(json, (struct text){line, (size_t)len}, &row, &err), 0);
        use(row, with);
    }
    json_free(json);
    free(line);
    fclose(file);
    return count;
}

#endif
