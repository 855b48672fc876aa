/* A single record as JSON text, for systems that are asked for one user at a time. */
#include "source/source.h"

#include <stdlib.h>

#include "source/mapper.h"

struct source_single {
    struct source_opts opts;
    struct mapping *mapping; /* or NULL */
    struct mapper *mapper;
    struct json *json;
    struct arena arena; /* of the record at hand */
};

static int single_start(struct source_single *single, size_t max, struct err *err)
{
    const struct platform *platform = NULL;
    struct text from = single->opts.from;
    if (mapping_is_own(from)) {
        if (mapping_open(&single->mapping, from, err) != 0)
            return -1;
        platform = mapping_platform(single->mapping);
    } else if (!(platform = platform_find(from))) {
        return platform_missing(from, err);
    }
    if (platform && platform->check &&
        platform->check(&single->opts, (struct json_value){0}, err) != 0)
        return -1;
    struct mapper_opts opts = {.platform = platform,
                               .mapping = single->mapping,
                               .source = &single->opts,
                               .record_max = max};
    arena_init(&single->arena, 4 * max);
    return json_new(&single->json, max, err) == 0 ? mapper_new(&single->mapper, &opts, err) : -1;
}

int source_single_open(struct source_single **single, const struct source_opts *opts,
                       struct err *err)
{
    struct source_single *made = calloc(1, sizeof(*made));
    if (!made)
        return err_memory(err);
    made->opts = *opts;
    if (single_start(made, opts->record_max ? opts->record_max : SOURCE_SINGLE_MAX, err) != 0) {
        source_single_close(made);
        return -1;
    }
    *single = made;
    return 0;
}

void source_single_close(struct source_single *single)
{
    if (!single)
        return;
    mapper_free(single->mapper);
    mapping_close(single->mapping);
    json_free(single->json);
    arena_release(&single->arena);
    free(single);
}

static int map(struct source_single *single, struct json_value record, struct arena *arena,
               struct user *user, struct user_reject *reject, struct err *err)
{
    struct text id = {NULL, 0};
    struct user mapped;
    int result = mapper_map(single->mapper, record, &single->arena, &mapped, &id, reject, err);
    return result == 0 ? user_copy(&mapped, arena, user, err) : result;
}

int source_single_map(struct source_single *single, struct text record, struct arena *arena,
                      struct user *user, struct user_reject *reject, struct err *err)
{
    struct json_value root;
    int result = -1;
    if (json_parse(single->json, record, &root, err) == 0)
        result = json_type(root) == JSON_OBJECT
                     ? map(single, root, arena, user, reject, err)
                     : err_set(err, ERR_INPUT, "the record is %s, not an object",
                               json_type_name(json_type(root)));
    arena_reset(&single->arena);
    return result;
}
