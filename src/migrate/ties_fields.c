/*
 * The fields of an organization or membership. Of each there is a hash of what was last written, of what the source
 * says now and of what the target shows: so what the source changed is told from what somebody changed in Clerk, and
 * only fields that are to be written are sent.
 *
 *     source as written               nothing to do, whatever Clerk has
 *     Clerk as the source             nothing to do
 *     Clerk as written                the source's is sent
 *     neither                         Clerk's stays, and that is told
 *
 * Where nothing was written yet, --existing says which side stays. Of metadata, which everybody may write to, this holds
 * for each leaf: they are merged as users' are, so that a key that was added in Clerk stays, and one that the source
 * removed becomes null. The ledger has six hashes, and behind them the marks of the leaves.
 */
#include <stdio.h>
#include <string.h>

#include "migrate/merge.h"
#include "migrate/ties.h"

#define BIT(field) (1u << (field))
#define METADATA   (BIT(TIE_PUBLIC) | BIT(TIE_PRIVATE))

static const char *const names[TIE_FIELD_COUNT] = {
    [TIE_NAME] = "name",
    [TIE_SLUG] = "slug",
    [TIE_MEMBERS_MAX] = "max_allowed_memberships",
    [TIE_ROLE] = "role",
    [TIE_PUBLIC] = "public_metadata",
    [TIE_PRIVATE] = "private_metadata",
};

static const unsigned fields_of[] = {
    [ROSTER_ORGANIZATION] = BIT(TIE_NAME) | BIT(TIE_SLUG) | BIT(TIE_MEMBERS_MAX) | METADATA,
    [ROSTER_MEMBERSHIP] = BIT(TIE_ROLE) | METADATA,
};

/* Leaves are marked as those of a user's metadata are. */
static const struct {
    enum tie_field field;
    enum user_field as;
} metadata[] = {{TIE_PUBLIC, USER_FIELD_public_metadata},
                {TIE_PRIVATE, USER_FIELD_private_metadata}};

const char *tie_field_name(enum tie_field field)
{
    return names[field];
}

/* Clerk shows metadata of which there is none as {}, sources as null or not at all. */
static bool is_nothing(struct json_value value)
{
    struct json_walk walk = json_walk(value);
    return json_type(value) == JSON_NULL || (json_type(value) == JSON_OBJECT && !json_next(&walk));
}

void tie_hash(struct ties *ties, enum roster_kind kind, struct json_value object,
              struct tie_hashes *hashes)
{
    static const struct json_value nothing = {NULL, 0};
    *hashes = (struct tie_hashes){{0}};
    for (int field = 0; field < TIE_FIELD_COUNT; field++) {
        struct json_value value = json_get(object, text_of(names[field]));
        if (fields_of[kind] & BIT(field))
            hashes->at[field] = field_value_hash(&ties->hasher, ledger_key(ties->ledger),
                                                 is_nothing(value) ? nothing : value);
    }
}

unsigned tie_differing(const struct tie_hashes *a, const struct tie_hashes *b)
{
    unsigned differing = 0;
    for (int field = 0; field < TIE_FIELD_COUNT; field++)
        differing |= a->at[field] != b->at[field] ? BIT(field) : 0;
    return differing;
}

static void add_leaves(struct ties *ties, size_t i, struct json_value object, struct buf *marks)
{
    record_add_leaves(&ties->hasher, ledger_key(ties->ledger), metadata[i].as,
                      json_get(object, text_of(names[metadata[i].field])), marks);
}

void tie_mark(struct ties *ties, struct json_value object, struct buf *marks)
{
    buf_reset(marks);
    for (size_t i = 0; i < ARRAY_COUNT(metadata); i++)
        add_leaves(ties, i, object, marks);
    record_sort(marks);
}

static struct record record_of(struct text marks)
{
    return (struct record){.marks = marks.at, .mark_count = marks.len / sizeof(struct record_mark)};
}

unsigned tie_lacking(struct ties *ties, enum roster_kind kind, const struct tie_hashes *hashes,
                     struct text marks, struct json_value object)
{
    struct tie_hashes there;
    struct record wanted = record_of(marks);
    tie_hash(ties, kind, object, &there);
    unsigned lacking = tie_differing(hashes, &there) & ~METADATA;
    tie_mark(ties, object, &ties->blob);
    struct record found = record_of(buf_text(&ties->blob));
    for (size_t i = 0; i < wanted.mark_count; i++) {
        struct record_mark mark = record_mark_at(&wanted, i);
        bool is_public = record_field_of(mark.key) == USER_FIELD_public_metadata;
        uint64_t value;
        if (!record_get(&found, mark.key, &value) || value != mark.value)
            lacking |= BIT(is_public ? TIE_PUBLIC : TIE_PRIVATE);
    }
    return lacking;
}

void tie_encode(const struct tie_hashes *hashes, const struct buf *marks, struct buf *to)
{
    buf_reset(to);
    buf_add(to, (struct text){(const char *)hashes->at, sizeof(hashes->at)});
    buf_add(to, buf_text(marks));
}

void tie_decode(struct text blob, struct tie_hashes *hashes, struct buf *marks)
{
    *hashes = (struct tie_hashes){{0}};
    buf_reset(marks);
    if (blob.len < sizeof(hashes->at))
        return;
    memcpy(hashes->at, blob.at, sizeof(hashes->at));
    buf_add(marks, text_part(blob, sizeof(hashes->at), blob.len));
}

uint64_t tie_writes(unsigned fields)
{
    return ((fields & ~METADATA) != 0) + ((fields & METADATA) != 0);
}

static bool overrules(const struct tie *tie)
{
    return !tie->ours && tie->ties->opts->existing == MIGRATE_EXISTING_UPDATE;
}

unsigned tie_merge(const struct tie *tie, const struct tie_hashes *there, unsigned *kept)
{
    unsigned differing = tie_differing(&tie->now, there);
    unsigned untouched = ~tie_differing(&tie->written, there);
    if (tie->ours)
        differing &= tie_differing(&tie->now, &tie->written);
    *kept = overrules(tie) ? 0 : differing & ~untouched & ~(tie->ours ? METADATA : 0);
    return differing & ~*kept;
}

static void on_told(void *arg, enum user_field field, struct text path, enum merge_result merge)
{
    char name[192];
    if (merge != MERGE_KEPT)
        return; /* --existing update asked for it */
    snprintf(name, sizeof(name), "%s.%.*s", user_field_infos[field].name, TEXT_ARG(path));
    tie_kept(arg, name);
}

/*
 * A ledger of before has one hash for all of a field. Its leaves are known where one side still has what was written;
 * where none has, Clerk's stay and what it lacks is written.
 */
static void recall_leaves(struct tie *tie, struct json_value body, struct json_value object)
{
    struct tie_hashes there;
    if (tie->written_marks.len > 0 || !tie->ours)
        return;
    tie_hash(tie->ties, tie->kind, object, &there);
    for (size_t i = 0; i < ARRAY_COUNT(metadata); i++) {
        uint64_t written = tie->written.at[metadata[i].field];
        if (written == there.at[metadata[i].field])
            add_leaves(tie->ties, i, object, &tie->written_marks);
        else if (written == tie->now.at[metadata[i].field])
            add_leaves(tie->ties, i, body, &tie->written_marks);
    }
    record_sort(&tie->written_marks);
}

static void merge_leaves(struct tie *tie, struct json_value body, struct json_value object)
{
    recall_leaves(tie, body, object);
    struct merge merge = {.hasher = &tie->ties->hasher,
                          .key = ledger_key(tie->ties->ledger),
                          .written = record_of(buf_text(&tie->written_marks)),
                          .row = body,
                          .target = object,
                          .told = on_told,
                          .arg = tie,
                          .marks = &tie->marks};
    for (size_t i = 0; i < ARRAY_COUNT(metadata) && overrules(tie); i++)
        merge.prefer |= USER_FIELD_BIT(metadata[i].as);
    merge_metadata(&merge, &tie->metadata);
    record_sort(&tie->marks);
}

static void put_fields(struct buf *to, unsigned fields, struct json_value body)
{
    struct json_out out = json_out(to);
    if (!fields)
        return;
    json_open(&out, '{');
    for (int field = 0; field < TIE_FIELD_COUNT; field++) {
        if (!(fields & BIT(field)))
            continue;
        json_key(&out, text_of(names[field]));
        json_put_value(&out, json_get(body, text_of(names[field])));
    }
    json_close(&out, '}');
}

int tie_write_patches(struct tie *tie, unsigned fields, struct json_value object, struct err *err)
{
    struct json_value body;
    if (json_parse(tie->ties->row_json, buf_text(&tie->body), &body, err) != 0)
        return -1;
    buf_reset(&tie->changes);
    buf_reset(&tie->metadata);
    put_fields(&tie->changes, fields & ~METADATA, body);
    if (fields & METADATA)
        merge_leaves(tie, body, object);
    bool ok = buf_ok(&tie->changes) && buf_ok(&tie->metadata) && buf_ok(&tie->marks) &&
              buf_ok(&tie->written_marks);
    return ok ? 0 : err_memory(err);
}
