#include "source/table.h"

#include <stdlib.h>
#include <string.h>

struct table_row {
    const struct platform_row *row;
    int slot;         /* of the first step of the path */
    struct text rest; /* the other steps, or absent */
    bool second;      /* the field may have its value from an earlier row */
};

struct table {
    const struct platform *platform;
    struct paths *paths;
    struct table_row *rows;
    size_t count;
    struct json_value slots[PATHS_PLACED_MAX];
};

static int add_row(struct table *table, const struct platform_row *row, struct err *err)
{
    struct text path = text_of(row->path), first;
    text_field(&path, '.', &first);
    int slot = paths_place(table->paths, first, err);
    if (slot < 0)
        return -1;
    struct table_row *made = &table->rows[table->count];
    *made = (struct table_row){.row = row, .slot = slot, .rest = path};
    made->second = row->transform == AS_FULL_NAME;
    for (size_t i = 0; i < table->count; i++)
        made->second |= table->rows[i].row->field == row->field;
    table->count++;
    return 0;
}

/* Rows whose value goes nowhere but into their field. */
static bool only_sets(const struct platform_row *row)
{
    switch (row->transform) {
    case AS_TEXT:
    case AS_TIME:
    case AS_FLAG:
    case AS_FLAG_IF_TRUE:
    case AS_NUMBER:
    case AS_TEXTS:
    case AS_OBJECT:
    case AS_NATIVE_DIGEST:
    case AS_KEYED_DIGEST:
    case AS_BANNED_UNTIL:
        return true;
    default:
        return false;
    }
}

int table_new(struct table **table, const struct platform *platform, const struct mapping *mapping,
              struct paths *paths, struct err *err)
{
    struct table *made = calloc(1, sizeof(*made));
    *table = made;
    if (!made)
        return err_memory(err);
    made->platform = platform;
    made->paths = paths;
    if (!platform)
        return 0;
    made->rows = calloc(platform->row_count, sizeof(made->rows[0]));
    if (!made->rows)
        return err_memory(err);
    for (size_t i = 0; i < platform->row_count; i++) {
        const struct platform_row *row = &platform->rows[i];
        if (mapping && only_sets(row) && mapping_replaces(mapping, row->field))
            continue;
        if (add_row(made, row, err) != 0)
            return -1;
    }
    return 0;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    free(table->rows);
    free(table);
}

/* The value of a row: down its path, through a string that holds JSON if need be. */
static struct json_value value_of(const struct table_row *row, struct draft *draft,
                                  struct json_value first)
{
    struct json_value inner;
    struct err ignored;
    if (json_type(first) == JSON_STRING &&
        json_parse(draft->json, json_text(first), &inner, &ignored) == 0)
        first = inner;
    return json_path(first, row->rest);
}

/* Whether a row has nothing to add: the field has its value from an earlier one. */
static bool is_done(const struct platform_row *row, const struct user *user)
{
    if (row->transform == AS_FULL_NAME)
        return user->first_name.at || user->last_name.at;
    if (row->transform != AS_TEXT && row->transform != AS_OBJECT)
        return false;
    const struct text *at =
        (const void *)((const char *)user + user_field_infos[row->field].offset);
    return at->at != NULL;
}

void table_id(struct table *table, struct json_value record, struct arena *arena, struct text *id)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct platform_row *row = table->rows[i].row;
        if (row->field != USER_FIELD_external_id || row->transform != AS_TEXT)
            continue;
        struct text t = json_text(json_path(record, text_of(row->path)));
        if (t.len > 0 && !text_has_nul(t)) {
            *id = arena_copy(arena, t);
            return;
        }
    }
}

int table_apply(struct table *table, struct draft *draft, struct text *id)
{
    paths_walk(table->paths, draft->record, table->slots);
    for (size_t i = 0; i < table->count; i++) {
        const struct table_row *row = &table->rows[i];
        struct json_value first = table->slots[row->slot];
        if (!first.document || (row->second && is_done(row->row, draft->user)))
            continue;
        draft->lasting = !row->rest.at;
        if (row->rest.at)
            first = value_of(row, draft, first);
        if (draft_apply(draft, row->row, first) != 0)
            return -1;
        if (draft->user->external_id.at)
            *id = draft->user->external_id;
    }
    draft->lasting = false;
    if (table->platform && table->platform->finish)
        return table->platform->finish(draft);
    return 0;
}
