/*
 * A source is a line of parts: input (bytes, decompressed) → window → reader (one record) → mapper
 * (table, mapping, rules, digest shape) → duplicates. The first records are looked at before the run
 * by a second line of the same parts over a copy of the window's first bytes, which is thrown away.
 */
#include "source/source.h"

#include <stdlib.h>
#include <string.h>

#include "source/mapper.h"
#include "source/reader.h"
#include "source/upstream.h"

#define RECORD_MAX   ((size_t)16 * 1024 * 1024)
#define LOOK_AT      ((size_t)128 * 1024)
#define LOOK_RECORDS 32

struct source {
    struct source_opts opts;
    const struct platform *platform;
    struct input *file;        /* the export */
    struct upstream *upstream; /* what reads it for --through, or NULL */
    struct input *through;     /* the program's output, or NULL */
    struct window window;
    struct json *json;
    struct reader *reader;
    struct mapping *mapping; /* or NULL */
    struct mapper *mapper;
    struct user_seen *seen;
    struct arena arena;
    struct buf raw, format;
    struct record record;
    uint64_t mapping_hash;
};

/* The parts of a look ahead. */
struct look {
    struct input *input;
    struct window window;
    struct json *json;
    struct reader *reader;
    const struct source_opts *opts;
    const struct platform *platform, *detected;
    bool any_record, any_object;
    bool any_match; /* a record has the marks of the platform that was named */
};

static void look_release(struct look *look)
{
    if (look->reader)
        look->reader->ops->close(look->reader);
    json_free(look->json);
    window_release(&look->window);
    input_close(look->input);
}

static int look_open(struct look *look, struct text bytes, const struct platform *platform,
                     struct err *err)
{
    if (input_memory(&look->input, bytes, err) != 0 ||
        window_init(&look->window, look->input, 2 * LOOK_AT, err) != 0 ||
        json_new(&look->json, 2 * LOOK_AT, err) != 0)
        return -1;
    return reader_open(
        &look->reader,
        &(struct reader_opts){.window = &look->window,
                              .json = look->json,
                              .columns = platform ? platform->columns : NULL,
                              .columns_least = platform ? platform->columns_least : 0},
        err);
}

/* One of the first records: whose is it, and do the options go with it? */
static int look_at(struct look *look, const struct record *record, struct err *err)
{
    look->any_record = true;
    if (json_type(record->value) != JSON_OBJECT)
        return 0;
    look->any_object = true;
    if (!look->detected)
        look->detected = platform_detect(record->value);
    look->any_match |= look->platform && platform_matches(look->platform, record->value);
    if (look->platform && look->detected && !look->any_match)
        return 0; /* not what the options are for: check_platform will say so */
    const struct platform *platform = look->platform ? look->platform : look->detected;
    return platform && platform->check ? platform->check(look->opts, record->value, err) : 0;
}

/* Reads the records that are whole within the look; `whole` says that the file ends with it. */
static int look_through(struct look *look, bool whole, struct err *err)
{
    struct record record;
    struct err ignored;
    for (int i = 0; i < LOOK_RECORDS; i++) {
        if (look->reader->ops->next(look->reader, &record, &ignored) <= 0)
            return 0;
        bool last = look->window.ended && look->window.to == look->window.from + record.bytes.len;
        if (last && !whole)
            return 0;
        if (look_at(look, &record, err) != 0)
            return -1;
    }
    return 0;
}

/*
 * Looks at the first records. Returns 0, or -1 (ERR_INPUT) when they are none; *detected gets the
 * platform that they are of, or NULL.
 */
static int look_ahead(struct source *source, const struct platform **detected, struct err *err)
{
    struct look look = {.opts = &source->opts, .platform = source->platform};
    const struct platform *columns = source->platform  ? source->platform
                                     : source->mapping ? NULL
                                                       : &platform_firebase;
    if (window_need(&source->window, LOOK_AT, err) != 0)
        return -1;
    int result = look_open(&look, window_text(&source->window), columns, err);
    if (result == 0)
        result = look_through(&look, source->window.ended, err);
    if (result == 0) {
        *detected = source->platform && look.any_match ? source->platform : look.detected;
        if (look.any_record && !look.any_object)
            result = err_set(err, ERR_INPUT,
                             "this is no export: none of its first records is an object");
    }
    look_release(&look);
    return result;
}

static int not_detected(struct source *source, struct err *err)
{
    platform_put_names(&source->format);
    return err_set(err, ERR_INPUT,
                   "the first records look like no known platform's; name it with "
                   "--from (%s), or map the fields with --from FILE.json",
                   buf_z(&source->format));
}

static int check_platform(const struct source *source, const struct platform *detected,
                          struct err *err)
{
    if (!detected || detected == source->platform)
        return 0;
    return err_set(err, ERR_INPUT,
                   "the first records look like an export of %s, not of %s; "
                   "give --from %s if they are",
                   detected->name, source->platform->name, detected->name);
}

static int choose_platform(struct source *source, struct err *err)
{
    const struct platform *detected = NULL;
    if (source->mapping) {
        source->platform = mapping_platform(source->mapping);
        return look_ahead(source, &detected, err);
    }
    bool automatic = text_same(source->opts.from, TEXT("auto")) || source->opts.from.len == 0;
    if (!automatic) {
        source->platform = platform_find(source->opts.from);
        if (!source->platform)
            return platform_missing(source->opts.from, err);
    }
    if (look_ahead(source, &detected, err) != 0)
        return -1;
    if (!automatic)
        return check_platform(source, detected, err);
    source->platform = detected;
    return detected ? 0 : not_detected(source, err);
}

static void put_text(struct buf *to, struct text t)
{
    buf_printf(to, "%zu:", t.len);
    buf_add(to, t);
}

/* A fixed key: the hash is compared across runs. Lengths are in it, so that no two inputs are one. */
static int hash_mapping(struct source *source, struct err *err)
{
    static const struct hash_key key = {"usher mapping 1"};
    const struct source_firebase *firebase = &source->opts.firebase;
    struct buf *to = &source->raw;
    buf_reset(to);
    put_text(to, text_of(source->platform ? source->platform->name : ""));
    put_text(to, source->mapping ? mapping_text(source->mapping) : (struct text){NULL, 0});
    put_text(to, firebase->signer_key);
    put_text(to, firebase->salt_separator);
    buf_printf(to, "%u:%u:", firebase->rounds, firebase->mem_cost);
    put_text(to, text_of(source->opts.through ? source->opts.through : ""));
    if (!buf_ok(to))
        return err_memory(err);
    source->mapping_hash = hash_text(&key, buf_text(to));
    return 0;
}

/* Puts the program between the file and the rest. */
static int open_through(struct source *source, size_t max, struct err *err)
{
    const struct platform *platform =
        source->mapping ? mapping_platform(source->mapping) : platform_find(source->opts.from);
    struct upstream_opts opts = {.file = source->file, .record_max = max, .platform = platform};
    if (upstream_open(&source->upstream, &opts, err) != 0)
        return -1;
    struct through_feed feed = upstream_feed(source->upstream);
    return through_open(&source->through, source->opts.through, &feed, err);
}

static int open_parts(struct source *source, struct err *err)
{
    const struct source_opts *opts = &source->opts;
    size_t max = opts->record_max ? opts->record_max : RECORD_MAX;
    arena_init(&source->arena, 4 * max);
    buf_init(&source->raw, 2 * max);
    buf_init(&source->format, 512);
    if (input_open(&source->file, opts->path, err) != 0 ||
        (opts->through && open_through(source, max, err) != 0))
        return -1;
    struct input *input = opts->through ? source->through : source->file;
    if (window_init(&source->window, input, max, err) != 0 ||
        json_new(&source->json, max + JSON_PADDING, err) != 0 ||
        user_seen_new(&source->seen, err) != 0)
        return -1;
    return 0;
}

static int open_reader(struct source *source, struct err *err)
{
    const struct platform *platform = source->platform;
    return reader_open(
        &source->reader,
        &(struct reader_opts){.window = &source->window,
                              .json = source->json,
                              .columns = platform ? platform->columns : NULL,
                              .columns_least = platform ? platform->columns_least : 0},
        err);
}

static int open_mapper(struct source *source, struct err *err)
{
    size_t max = source->opts.record_max ? source->opts.record_max : RECORD_MAX;
    struct mapper_opts opts = {.platform = source->platform,
                               .mapping = source->mapping,
                               .source = &source->opts,
                               .record_max = max};
    return mapper_new(&source->mapper, &opts, err);
}

static void name_format(struct source *source)
{
    const char *packed = input_name(source->file);
    buf_reset(&source->format);
    buf_printf(&source->format, "%s%s%s%s",
               source->upstream ? upstream_format(source->upstream)
                                : source->reader->ops->format(source->reader),
               packed[0] ? ", " : "", packed, source->upstream ? ", through a program" : "");
}

static int source_start(struct source *source, struct err *err)
{
    if (mapping_is_own(source->opts.from) &&
        mapping_open(&source->mapping, source->opts.from, err) != 0)
        return -1;
    if (open_parts(source, err) != 0 || choose_platform(source, err) != 0)
        return -1;
    const struct platform *platform = source->platform;
    if (platform && platform->check &&
        platform->check(&source->opts, (struct json_value){0}, err) != 0)
        return -1;
    if (open_mapper(source, err) != 0 || open_reader(source, err) != 0 ||
        hash_mapping(source, err) != 0)
        return -1;
    name_format(source);
    return 0;
}

int source_open(struct source **source, const struct source_opts *opts, struct err *err)
{
    struct source *made = calloc(1, sizeof(*made));
    if (!made)
        return err_memory(err);
    made->opts = *opts;
    if (source_start(made, err) != 0) {
        bool named = strncmp(err->message, opts->path, strlen(opts->path)) == 0;
        if (err->code == ERR_INPUT && !named)
            err_wrap(err, "%s", strcmp(opts->path, "-") == 0 ? "standard input" : opts->path);
        source_close(made);
        return -1;
    }
    *source = made;
    return 0;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    user_seen_free(source->seen);
    mapper_free(source->mapper);
    mapping_close(source->mapping);
    if (source->reader)
        source->reader->ops->close(source->reader);
    json_free(source->json);
    window_release(&source->window);
    input_close(source->through);
    upstream_close(source->upstream);
    input_close(source->file);
    arena_release(&source->arena);
    buf_release(&source->raw);
    buf_release(&source->format);
    free(source);
}

/* The record on one line: a raw JSON record may have been written over several. */
static struct text one_line(struct source *source, const struct record *record)
{
    struct buf *to = &source->raw;
    struct text t = record->bytes;
    if (source->reader->ops->header || text_find(t, '\n', 0) == t.len)
        return t;
    buf_reset(to);
    if (record->value.document) {
        json_write(record->value, to);
        return buf_text(to);
    }
    buf_add(to, t);
    for (size_t i = 0; i < to->len; i++)
        if (to->at[i] == '\n' || to->at[i] == '\r')
            to->at[i] = ' ';
    return buf_text(to);
}

/* Maps the record and claims its identifiers: 0, 1 rejected, or -1 with err. */
static int judge(struct source *source, struct source_row *row, struct err *err)
{
    int result = mapper_map(source->mapper, source->record.value, &source->arena, &row->user,
                            &row->id, &row->reject, err);
    if (result != 0)
        return result;
    row->id = row->user.external_id;
    int claimed = (int)user_seen_claim(source->seen, &row->user, &row->reject, err);
    return claimed == USER_ACCEPTED ? 0 : claimed < 0 ? -1 : 1;
}

static void refuse(struct source *source, struct source_row *row)
{
    user_reject(&row->reject, source->record.reason, "%s", source->record.detail);
    if (source->record.value.document)
        row->id = mapper_id(source->mapper, source->record.value, &source->arena);
}

/* Records that the program could not be given come as soon as they are known, the last at the end. */
static int next_record(struct source *source, struct err *err)
{
    struct record *record = &source->record;
    if (source->upstream && upstream_take_bad(source->upstream, record))
        return 1;
    int got = source->reader->ops->next(source->reader, record, err);
    return got == 0 && source->upstream ? upstream_take_bad(source->upstream, record) : got;
}

int source_next(struct source *source, struct source_row *row, struct err *err)
{
    struct record *record = &source->record;
    arena_reset(&source->arena);
    int got = next_record(source, err);
    if (got <= 0)
        return got;
    row->number = record->number;
    row->offset = record->offset;
    row->id = row->raw = (struct text){NULL, 0};
    row->reject.reason = USER_ACCEPTED;
    row->reject.detail[0] = 0;
    if (source->opts.keep_raw)
        row->raw = one_line(source, record);
    if (record->reason != USER_ACCEPTED) {
        refuse(source, row);
        return 1;
    }
    return judge(source, row, err) < 0 ? -1 : 1;
}

struct text source_platform(const struct source *source)
{
    return text_of(source->platform ? source->platform->name : "");
}

struct text source_format(const struct source *source)
{
    return buf_text(&source->format);
}

struct text source_header(const struct source *source)
{
    const struct reader_ops *ops = source->reader->ops;
    return ops->header ? ops->header(source->reader) : (struct text){NULL, 0};
}

uint64_t source_bytes_read(const struct source *source)
{
    return input_bytes_read(source->file);
}

uint64_t source_bytes_total(const struct source *source)
{
    return input_bytes_total(source->file);
}

uint64_t source_mapping_hash(const struct source *source)
{
    return source->mapping_hash;
}

const struct source_loss *source_losses(struct source *source, size_t *count)
{
    return paths_losses(mapper_paths(source->mapper), count);
}
