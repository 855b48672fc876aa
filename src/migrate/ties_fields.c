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
 * Where nothing was written yet, --existing says which side stays. Metadata counts as one field, unlike users'.
 */
#include <string.h>

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

struct text tie_hashes_text(const struct tie_hashes *hashes)
{
    return (struct text){(const char *)hashes->at, sizeof(hashes->at)};
}

void tie_hashes_read(struct tie_hashes *hashes, struct text blob)
{
    *hashes = (struct tie_hashes){{0}};
    if (blob.len == sizeof(hashes->at))
        memcpy(hashes->at, blob.at, sizeof(hashes->at));
}

uint64_t tie_writes(unsigned fields)
{
    return ((fields & ~METADATA) != 0) + ((fields & METADATA) != 0);
}

unsigned tie_merge(const struct tie *tie, const struct tie_hashes *there, unsigned *kept)
{
    unsigned differing = tie_differing(&tie->now, there);
    unsigned untouched = ~tie_differing(&tie->written, there);
    bool overrule = !tie->ours && tie->ties->opts->existing == MIGRATE_EXISTING_UPDATE;
    if (tie->ours)
        differing &= tie_differing(&tie->now, &tie->written);
    *kept = overrule ? 0 : differing & ~untouched;
    return differing & ~*kept;
}

static bool is_object(struct json_value value)
{
    return json_type(value) == JSON_OBJECT;
}

/* The members of the source's object, and null for those that only the target's has. */
static void put_replacing(struct json_out *out, struct json_value source, struct json_value there)
{
    json_open(out, '{');
    for (struct json_walk walk = json_walk(source); json_next(&walk);) {
        struct json_value old = json_get(there, walk.key);
        json_key(out, walk.key);
        if (is_object(walk.value) && is_object(old))
            put_replacing(out, walk.value, old);
        else
            json_put_value(out, walk.value);
    }
    for (struct json_walk walk = json_walk(there); json_next(&walk);)
        if (json_type(json_get(source, walk.key)) == JSON_ABSENT) {
            json_key(out, walk.key);
            json_put_null(out);
        }
    json_close(out, '}');
}

/*
 * Clerk merges metadata deeply, so what the source has no more is set to null. Only where all of the field is as we
 * wrote it last: then nothing of it is anybody else's.
 */
static void put_field(struct json_out *out, const struct tie *tie, enum tie_field field,
                      struct json_value source, struct json_value there)
{
    json_key(out, text_of(names[field]));
    if ((BIT(field) & METADATA) && tie->ours)
        put_replacing(out, source, there);
    else
        json_put_value(out, source);
}

static void put_fields(struct buf *to, const struct tie *tie, unsigned fields,
                       struct json_value body, struct json_value object)
{
    struct json_out out = json_out(to);
    if (!fields)
        return;
    json_open(&out, '{');
    for (int field = 0; field < TIE_FIELD_COUNT; field++)
        if (fields & BIT(field))
            put_field(&out, tie, field, json_get(body, text_of(names[field])),
                      json_get(object, text_of(names[field])));
    json_close(&out, '}');
}

int tie_write_patches(struct tie *tie, unsigned fields, struct json_value object, struct err *err)
{
    struct json_value body;
    if (json_parse(tie->ties->row_json, buf_text(&tie->body), &body, err) != 0)
        return -1;
    buf_reset(&tie->changes);
    buf_reset(&tie->metadata);
    put_fields(&tie->changes, tie, fields & ~METADATA, body, object);
    put_fields(&tie->metadata, tie, fields & METADATA, body, object);
    return buf_ok(&tie->changes) && buf_ok(&tie->metadata) ? 0 : err_memory(err);
}
