#include "source/mapper.h"

#include <stdlib.h>

#include "source/table.h"

struct mapper {
    struct mapping *mapping; /* or NULL */
    struct paths *paths;
    struct table *table;
    struct json *inner_json; /* for JSON inside strings */
    struct buf scratch;
    struct draft draft;
};

int mapper_new(struct mapper **mapper, const struct mapper_opts *opts, struct err *err)
{
    struct mapper *made = calloc(1, sizeof(*made));
    *mapper = made;
    if (!made)
        return err_memory(err);
    made->mapping = opts->mapping;
    buf_init(&made->scratch, 2 * opts->record_max);
    if (json_new(&made->inner_json, opts->record_max, err) != 0 ||
        paths_new(&made->paths, err) != 0 ||
        table_new(&made->table, opts->platform, opts->mapping, made->paths, err) != 0 ||
        (opts->mapping && mapping_place(opts->mapping, made->paths, err) != 0))
        return -1;
    made->draft = (struct draft){.scratch = &made->scratch,
                                 .json = made->inner_json,
                                 .paths = made->paths,
                                 .platform = opts->platform,
                                 .opts = opts->source,
                                 .now_ms = clock_wall_ms()};
    return 0;
}

void mapper_free(struct mapper *mapper)
{
    if (!mapper)
        return;
    table_free(mapper->table);
    paths_free(mapper->paths);
    json_free(mapper->inner_json);
    buf_release(&mapper->scratch);
    free(mapper);
}

/* Table, mapping, rules, in this order: 0, or -1 with the draft's reject or err filled. */
static int fill(struct mapper *mapper, struct text *id)
{
    struct draft *draft = &mapper->draft;
    struct mapping *mapping = mapper->mapping;
    if (mapping)
        *id = mapping_id(mapping, draft->record, draft->arena);
    if (table_apply(mapper->table, draft, id) != 0 ||
        (mapping && mapping_apply(mapping, draft) != 0) || draft_end(draft) != 0 ||
        user_apply_rules(draft->user, draft->arena, &draft->reject) != 0)
        return -1;
    return mapping ? mapping_check(mapping, draft->user, &draft->reject) : 0;
}

int mapper_map(struct mapper *mapper, struct json_value record, struct arena *arena,
               struct user *user, struct text *id, struct user_reject *reject, struct err *err)
{
    struct draft *draft = &mapper->draft;
    draft->user = user;
    draft->arena = arena;
    draft_start(draft, record);
    if (fill(mapper, id) == 0)
        return 0;
    if (draft->err.code != ERR_NONE) {
        *err = draft->err;
        return -1;
    }
    *reject = draft->reject;
    return 1;
}

struct text mapper_id(struct mapper *mapper, struct json_value record, struct arena *arena)
{
    struct text id = {NULL, 0};
    if (mapper->mapping)
        id = mapping_id(mapper->mapping, record, arena);
    if (!id.at)
        table_id(mapper->table, record, arena, &id);
    return id;
}

struct paths *mapper_paths(struct mapper *mapper)
{
    return mapper->paths;
}
